import Curl
import Foundation
import Simulator
import Synchronization
import TestSupport
import Testing
import Transport

/// A transport, a certificate authority and a folder of a test's own, all gone when the test is.
final class Fixture: Sendable {
    let folder: URL
    let authority: SimulatedCertificateAuthority
    let caFile: String
    let transport: CurlTransport

    init(_ connections: CurlTransport.Connections = .fresh) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("curl-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        authority = try SimulatedCertificateAuthority()
        caFile = folder.appendingPathComponent("ca.pem").path
        try authority.pem.write(toFile: caFile, atomically: true, encoding: .utf8)
        transport = try CurlTransport(connections: connections)
    }

    deinit {
        transport.shutdown()
        try? FileManager.default.removeItem(at: folder)
    }

    /// - Returns: its path.
    func write(_ text: String, to name: String) throws -> String {
        let path = folder.appendingPathComponent(name).path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    func request(_ url: String, _ method: HTTPMethod = .get, timeout: Duration = .seconds(30)) -> Request {
        Request(method: method, url: Secret(url), timeout: timeout, tls: TLSOptions(caFile: caFile))
    }

    func perform(
        _ url: String, _ method: HTTPMethod = .get, timeout: Duration = .seconds(30),
        change: (inout Request) -> Void = { _ in }
    ) async -> Transfer {
        var request = request(url, method, timeout: timeout)
        change(&request)
        return await transport.perform(request)
    }

    /// A TLS server with a certificate of a kind.
    func server(
        _ kind: SimulatedCertificateAuthority.Kind = .good, onConnect: @escaping @Sendable () -> Reaction? = { nil },
        respond: @escaping @Sendable (SimulatedRequest) -> Reaction = { _ in .response(200) }
    ) async throws -> LoopbackServer {
        try await .start(identity: try authority.issue(kind), onConnect: onConnect, respond: respond)
    }
}

extension Transfer {
    var response: Response? { try? result.get() }
    var reason: TransferError.Reason? { if case .failure(let error) = result { error.reason } else { nil } }
    /// The body as text.
    var text: String { String(decoding: response?.body ?? [], as: UTF8.self) }

    var phases: [Duration] {
        [timings.resolve, timings.connect, timings.tls, timings.processing, timings.transfer].compactMap { $0 }
    }

    /// Whether it went on until the timeout; libcurl takes up to a millisecond too much for gone by.
    func lasted(_ timeout: Duration) -> Bool { timings.total > timeout - .milliseconds(1) }

    /// Whether the phases are there, none is negative, and together they are the whole.
    func expectWholePhases(_ name: String = "", sourceLocation: SourceLocation = #_sourceLocation) {
        let sum = phases.reduce(.zero, +)
        #expect(timings.total > .zero, "\(name)", sourceLocation: sourceLocation)
        #expect(!phases.isEmpty && phases.allSatisfy { $0 >= .zero }, "\(name)", sourceLocation: sourceLocation)
        #expect(
            sum - timings.total < .milliseconds(1) && timings.total - sum < .milliseconds(1),
            "\(name): \(phases) of \(timings.total)", sourceLocation: sourceLocation)
    }
}

/// Gathers values from everywhere.
final class Gathering<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])
    var values: [Value] { state.withLock { $0 } }

    func add(_ value: Value) {
        state.withLock { $0.append(value) }
    }
}

/// A name for a row of a table of cases.
struct Row<Value: Sendable>: Sendable, CustomTestStringConvertible {
    var name: String
    var value: Value

    init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    var testDescription: String { name }
}

/// An answer as bytes.
func page(_ status: String = "200 OK", _ headers: [String] = [], _ body: String = "") -> String {
    (["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
        + body
}
