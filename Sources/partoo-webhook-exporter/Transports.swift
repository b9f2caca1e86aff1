import ConfigurationFile
import Curl
import Probing

/// The real libcurl, or one clear line.
enum Transports {
    static func make(_ connections: CurlTransport.Connections) throws -> CurlTransport {
        do {
            return try CurlTransport(connections: connections)
        } catch {
            throw Failure("error: cannot set up libcurl: \(error)")
        }
    }
}

/// Reads the configuration, or fails with a line for each error.
enum ConfigurationSource {
    static let loader = ConfigurationLoader(validatePattern: Pattern.fault(in:))

    static func load(_ path: String) throws -> LoadedConfiguration {
        let loaded: LoadedConfiguration
        switch loader.load(path: path) {
        case .success(let good): loaded = good
        case .failure(let errors): throw Failure(status: 1, lines: errors.issues.map { "error: \($0)" })
        }
        // At the start there is no last good list to keep.
        let faults = loaded.watchFileErrors
        guard faults.isEmpty else { throw Failure(status: 1, lines: faults.map { "error: \($0)" }) }
        return loaded
    }
}
