import ConfigurationFile
import Glibc
package import Logging
import NIOCore
import Synchronization
import Transport

/// The web configuration in force. Looked at anew for every connection and request (a few `stat`s), so that a changed file
/// holds from then on, for new connections as for its certificates; connections that are open stay.
///
/// A file that has become bad changes nothing and is logged once; switching TLS on or off needs a restart, so that a mistake
/// never leaves passwords in clear.
package final class WebSecurity: Sendable {
    private struct Parts: Sendable {
        var tls: TLSSetup?
        var headers: [WebConfiguration.Header]
        var authentication: BasicAuthentication?
        var rate: RequestRate?
        var demandsClientCertificates: Bool
    }

    private struct State {
        var parts: Parts
        var files: [String]
        var signatures: [FileSignature?]
    }

    private let path: String
    private let logger: Logger
    private let bcrypt: Bcrypt
    private let state: Mutex<State>

    /// - Throws: `ConfigurationErrors`.
    package init(path: String, logger: Logger) throws {
        self.path = path
        self.logger = logger
        bcrypt = Bcrypt()
        let (parts, loaded) = try Self.load(path, bcrypt)
        for warning in loaded.warnings {
            logger.warning("web configuration", metadata: ["detail": "\(warning)"])
        }
        state = Mutex(
            State(parts: parts, files: loaded.files, signatures: loaded.files.map(FileSignature.init(path:))))
    }

    /// Whether connections are encrypted.
    package var hasTLS: Bool { state.withLock { $0.parts.tls != nil } }
    package var demandsClientCertificates: Bool { state.withLock { $0.parts.demandsClientCertificates } }
    package var hasUsers: Bool { state.withLock { $0.parts.authentication != nil } }

    /// What is wrong with a file, without putting it into force.
    package static func check(path: String) throws {
        _ = try load(path, Bcrypt())
    }

    private static func load(_ path: String, _ bcrypt: Bcrypt) throws -> (Parts, LoadedWebConfiguration) {
        let loaded = try WebConfigurationLoader().load(path: path).get()
        let configuration = loaded.configuration
        let tls: TLSSetup?
        do {
            tls = try configuration.tls.map { section throws(TLSSetup.Failure) in try TLSSetup(section) }
        } catch {
            throw ConfigurationErrors([ConfigurationIssue(file: path, message: error.message)])
        }
        let parts = Parts(
            tls: tls, headers: configuration.headers,
            authentication: configuration.users.isEmpty
                ? nil : BasicAuthentication(users: configuration.users) { await bcrypt.verify($0, $1) },
            rate: configuration.rateLimit.map(RequestRate.init),
            demandsClientCertificates: configuration.tls?.clientAuthentication == .requireAndVerify)
        return (parts, loaded)
    }

    private func current() -> Parts {
        state.withLock { state in
            let signatures = state.files.map(FileSignature.init(path:))
            guard signatures != state.signatures else { return state.parts }
            // Noted before it is read: what changes meanwhile is read once more.
            state.signatures = signatures
            do {
                let (parts, loaded) = try Self.load(path, bcrypt)
                guard (parts.tls == nil) == (state.parts.tls == nil) else {
                    logger.error(
                        "web configuration not reloaded",
                        metadata: ["detail": "TLS cannot be switched on or off without a restart"])
                    return state.parts
                }
                state.parts = parts
                if loaded.files != state.files {
                    state.files = loaded.files
                    state.signatures = loaded.files.map(FileSignature.init(path:))
                }
                logger.info("web configuration reloaded")
            } catch {
                let lines = (error as? ConfigurationErrors)?.issues.map(\.description) ?? ["\(error)"]
                for line in lines {
                    logger.error("web configuration not reloaded", metadata: ["detail": "\(line)"])
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
    func guarded(_ request: WebRequest, _ handler: (WebRequest) async -> WebResponse) async -> WebResponse {
        let parts = current()
        var response: WebResponse
        if let rate = parts.rate, !rate.take() {
            response = .text(429, "Too many requests.")
        } else if let authentication = parts.authentication,
            await !authentication.accepts(request.header("Authorization"))
        {
            response = .text(401, "Unauthorized", headers: [("WWW-Authenticate", "Basic")])
        } else {
            response = await handler(request)
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
