import ConfigurationFile
import Glibc
package import Logging
import NIOCore
import Synchronization
import Transport

/// The web configuration in force. Looked at anew for every connection and request (a few `stat`s), so that a changed file
/// holds from then on, for new connections as for its certificates; connections that are open stay.
///
/// A file that has become bad changes nothing and is logged once, until it or one that it names is another; switching TLS on
/// or off needs a restart, so that a mistake never leaves passwords in clear.
package final class WebSecurity: Sendable {
    private struct Parts: Sendable {
        var tls: TLSSetup?
        var headers: [WebConfiguration.Header]
        var authentication: BasicAuthentication?
        var rate: RequestRate?
        var demandsClientCertificates: Bool
    }

    /// What files came to.
    private struct Load: Sendable {
        var files: [String]
        /// From before each was read: what changes meanwhile is read once more.
        var signatures: [FileSignature?]
        var parts: Result<Parts, ConfigurationErrors>
        var warnings: [ConfigurationIssue]
    }

    private struct State {
        var parts: Parts
        /// Of the last load, whether it was good or not.
        var files: [String]
        var signatures: [FileSignature?]
    }

    typealias Verify = @Sendable (_ password: [UInt8], _ hash: Secret) async -> Bool

    private let path: String
    private let logger: Logger
    private let loader: WebConfigurationLoader
    private let verify: Verify
    private let state: Mutex<State>

    /// - Throws: `ConfigurationErrors`.
    package convenience init(path: String, logger: Logger) throws {
        let bcrypt = Bcrypt()
        try self.init(path: path, logger: logger) { await bcrypt.verify($0, $1) }
    }

    init(
        path: String, logger: Logger, loader: WebConfigurationLoader = WebConfigurationLoader(),
        verify: @escaping Verify
    ) throws {
        self.path = path
        self.logger = logger
        self.loader = loader
        self.verify = verify
        let load = Self.load(path, loader, verify)
        let parts = try load.parts.get()
        for warning in load.warnings {
            logger.warning("web configuration", metadata: ["detail": "\(warning)"])
        }
        state = Mutex(State(parts: parts, files: load.files, signatures: load.signatures))
    }

    /// Whether connections are encrypted.
    package var hasTLS: Bool { state.withLock { $0.parts.tls != nil } }
    package var demandsClientCertificates: Bool { state.withLock { $0.parts.demandsClientCertificates } }
    package var hasUsers: Bool { state.withLock { $0.parts.authentication != nil } }

    /// What is wrong with a file, without putting it into force.
    package static func check(path: String) throws {
        _ = try load(path, WebConfigurationLoader()) { _, _ in false }.parts.get()
    }

    /// - Parameter previous: of the parts in force.
    private static func load(
        _ path: String, previous: BasicAuthentication? = nil, _ loader: WebConfigurationLoader,
        _ verify: @escaping Verify
    ) -> Load {
        let signature = FileSignature(path: path)
        let loaded = loader.load(path: path)
        let signatures = [signature] + loaded.files.dropFirst().map(FileSignature.init(path:))
        return Load(
            files: loaded.files, signatures: signatures,
            parts: loaded.result.flatMap { configuration in
                Result { () throws(ConfigurationErrors) in try parts(configuration, path, previous, verify) }
            }, warnings: loaded.warnings)
    }

    private static func parts(
        _ configuration: WebConfiguration, _ path: String, _ previous: BasicAuthentication?, _ verify: @escaping Verify
    ) throws(ConfigurationErrors) -> Parts {
        let tls: TLSSetup?
        do {
            tls = try configuration.tls.map { section throws(TLSSetup.Failure) in try TLSSetup(section) }
        } catch {
            throw ConfigurationErrors([ConfigurationIssue(file: path, message: error.message)])
        }
        return Parts(
            tls: tls, headers: configuration.headers,
            authentication: configuration.users.isEmpty
                ? nil : BasicAuthentication(users: configuration.users, previous: previous, verify: verify),
            rate: configuration.rateLimit.map(RequestRate.init),
            demandsClientCertificates: configuration.tls?.clientAuthentication == .requireAndVerify)
    }

    private func current() -> Parts {
        state.withLock { state in
            let signatures = state.files.map(FileSignature.init(path:))
            guard signatures != state.signatures else { return state.parts }
            let load = Self.load(path, previous: state.parts.authentication, loader, verify)
            (state.files, state.signatures) = (load.files, load.signatures)
            switch load.parts {
            case .success(let parts) where (parts.tls == nil) != (state.parts.tls == nil):
                logger.error(
                    "web configuration not reloaded",
                    metadata: ["detail": "TLS cannot be switched on or off without a restart"])
            case .success(let parts):
                state.parts = parts
                logger.info("web configuration reloaded")
            case .failure(let errors):
                for issue in errors.issues {
                    logger.error("web configuration not reloaded", metadata: ["detail": "\(issue)"])
                }
            }
            return state.parts
        }
    }

    /// On the channel's event loop.
    func secure(_ channel: any Channel) throws {
        try current().tls?.add(to: channel)
    }

    /// Answers a request that may be answered, with the headers that the configuration wants on every answer.
    func guarded(
        _ request: WebRequest, from network: ClientNetwork?, _ handler: (WebRequest) async -> WebResponse
    ) async -> WebResponse {
        let parts = current()
        var response: WebResponse
        if let rate = parts.rate, !rate.take() {
            response = .text(429, "Too many requests.")
        } else {
            switch await parts.authentication?.verdict(on: request.header("Authorization"), from: network) {
            case .accepted?, nil: response = await handler(request)
            case .refused?: response = .text(401, "Unauthorized", headers: [("WWW-Authenticate", "Basic")])
            // No 503: that the exporter answers, and has too much to do, is what its health check wants to know.
            case .crowded?:
                response = .text(
                    429, "Too many passwords wait to be checked, try again later.", headers: [("Retry-After", "1")])
            }
        }
        // What an answer says itself holds: the pages' own policy is stricter than any that one would configure.
        for header in parts.headers
        where !response.headers.contains(where: { $0.name.lowercased() == header.name.lowercased() }) {
            response.headers.append((header.name, header.value))
        }
        return response
    }
}

/// Enough of a file's metadata to tell that it changed; nil where there is none.
private struct FileSignature: Sendable, Equatable {
    private let numbers: [Int]

    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        numbers = [
            Int(status.st_dev), Int(bitPattern: UInt(status.st_ino)), Int(status.st_size), status.st_mtim.tv_sec,
            status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
        ]
    }
}

/// `rate_limit`: a bucket of requests that fills by one each interval.
final class RequestRate: Sendable {
    private let interval: Duration
    private let burst: Double
    private let state: Mutex<(tokens: Double, at: ContinuousClock.Instant)>

    init(_ limit: WebConfiguration.RateLimit) {
        interval = limit.interval
        burst = Double(limit.burst)
        state = Mutex((Double(limit.burst), .now))
    }

    func take(at now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            state.tokens = min(burst, state.tokens + (now - state.at) / interval)
            state.at = now
            guard state.tokens >= 1 else { return false }
            state.tokens -= 1
            return true
        }
    }
}
