import Foundation
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import Web

/// A server that runs on loopback for as long as a test's body does.
struct ServerRig {
    var limits = WebServer.Limits()
    var hosts = ["127.0.0.1"]
    /// After which what has not ended by itself is cancelled; nil: never.
    var timeToEnd: Duration?
    var security: WebSecurity?
    var handler: WebServer.Handler

    init(
        limits: WebServer.Limits = WebServer.Limits(), security: WebSecurity? = nil,
        handler: @escaping WebServer.Handler
    ) {
        self.limits = limits
        self.security = security
        self.handler = handler
    }

    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// What a body may do with the server.
    struct Running: Sendable {
        /// In the order of the hosts.
        let ports: [Int]
        fileprivate let group: ServiceGroup
        fileprivate let ended: AsyncStream<Void>

        var port: Int { ports[0] }

        /// What SIGTERM does; the body goes on meanwhile.
        func shutDown() async { await group.triggerGracefulShutdown() }

        /// Returns once every service's `run()` has.
        func end() async {
            for await _ in ended {}
        }
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable (Running) async throws -> Value) async throws -> Value {
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        let server = WebServer(limits: limits, security: security, handler: handler)
        let listeners = try await HTTPListener.listen(on: hosts.map { try #require(ListenAddress("\($0):0")) })
        let services = listeners.map { $0.service(server) }
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .ignore) }, logger: Self.quiet)
        configuration.maximumGracefulShutdownDuration = timeToEnd
        let group = ServiceGroup(configuration: configuration)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { end.finish() }
                do {
                    try await group.run()
                } catch is CancellationError {}
            }
            let result: Result<Value, any Error>
            do {
                result = .success(
                    try await body(Running(ports: listeners.map(\.address.port), group: group, ended: ended)))
            } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }
}

extension ServerRig.Running {
    /// One request on a connection of its own.
    func request(
        _ method: String = "GET", _ path: String = "/", headers: [String] = []
    ) async throws -> LoopbackHTTP.Answer {
        try await LoopbackHTTP.request(method, path, port: port, headers: headers)
    }

    /// Sends bytes as they are, and returns all that comes until the server closes.
    func exchange(_ text: String, orReset: Bool = false) async throws -> String {
        try await onThread { [port] in
            let client = try RawClient(port)
            client.send(text)
            return try client.receiveAll(orReset: orReset)
        }
    }
}

/// A folder with these files, by their names, for as long as the body runs.
func withFiles(_ files: [String: String], _ body: (_ folder: String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("partoo-web-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
    try await body(folder.path)
}
