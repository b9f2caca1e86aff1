import Foundation
import Simulator
import Synchronization
import TestSupport

/// A folder, a simulated Partoo and receivers of a test's own, all gone when the test is.
final class World: Sendable {
    let folder: URL
    let authority: SimulatedCertificateAuthority
    let partoo: SimulatedPartoo
    let base: String
    /// Kept, since a receiver answers only as long as somebody holds it.
    private let receivers = Mutex<[SimulatedReceiver]>([])
    static let apiKey = "canary-api-key"

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("partoo-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        authority = try SimulatedCertificateAuthority()
        try authority.pem.write(to: folder.appendingPathComponent("ca.pem"), atomically: true, encoding: .utf8)
        partoo = SimulatedPartoo(apiKey: Self.apiKey)
        base = try await partoo.start()
        try write(Self.apiKey, to: "api.key")
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func write(_ text: String, to name: String) throws {
        try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// A receiver with a certificate of a kind; nil: plain HTTP.
    func receiver(
        _ behaviour: SimulatedReceiver.Behaviour, _ kind: SimulatedCertificateAuthority.Kind? = .good
    ) async throws -> (SimulatedReceiver, String) {
        let receiver = SimulatedReceiver(behaviour, identity: try kind.map { try authority.issue($0) })
        receivers.withLock { $0.append(receiver) }
        return (receiver, try await receiver.start())
    }

    /// Writes a configuration that watches these, and returns its path.
    func configure(
        _ watches: [String], module: String = "", intervals: String = "check_interval: 1s, probe_interval: 1s",
        storage: String = "state.db"
    ) throws -> String {
        let text = """
            accounts:
              - name: acme
                base_url: \(base)
                api_key_file: api.key
                requests_per_minute: 100000
            defaults: {\(intervals)}
            modules:
              http:
                timeout: 2s
                tls: {ca_file: ca.pem}
                allowed_networks: [127.0.0.0/8]
                \(module)
            storage: {path: \(storage)}
            watches:
            \(watches.map { "  - {\($0)}" }.joined(separator: "\n"))
            """
        try write(text, to: "config.yml")
        return folder.appendingPathComponent("config.yml").path
    }

    func start(
        _ configuration: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> ExporterProcess {
        try ExporterProcess(
            ["serve", "--config.file", configuration, "--web.listen-address", "127.0.0.1:0"] + arguments,
            environment: environment)
    }

    /// The certificate and key that a web configuration names `NAME.crt` and `NAME.key`.
    func writeIdentity(_ identity: SimulatedCertificateAuthority.Identity, _ name: String = "server") throws {
        try write(identity.certificatePEM, to: "\(name).crt")
        try write(identity.keyPEM, to: "\(name).key")
    }

    /// An exporter that watches nothing and serves as this `web.yml` says.
    func start(webConfiguration text: String, _ arguments: [String] = []) throws -> ExporterProcess {
        try write(text, to: "web.yml")
        return try start(
            try configure(["webhook_id: 1, enabled: false"]), ["--web.config.file", path("web.yml")] + arguments)
    }

    /// An exporter whose metrics are more than the kernel takes for a client that does not read, and its port.
    ///
    /// - Parameter watches: each is 20 to 35 kB of them.
    func startWithLargeMetrics(
        _ arguments: [String] = [], scheme: String = "http", watches: Int = 600
    ) async throws -> (ExporterProcess, Int) {
        let labels = "labels: {filler: \"\(String(repeating: "x", count: 900))\"}"
        let exporter = try start(try configure((1...watches).map { "webhook_id: \($0), \(labels)" }), arguments)
        let port = try await exporter.port()
        let size = try await eventually { () -> Int? in
            let run = try await ChildProcess.run(
                "/usr/bin/curl",
                ["-sS", "-o", "/dev/null", "-w", "%{size_download}", "--cacert", path("ca.pem")]
                    + ["\(scheme)://127.0.0.1:\(port)/metrics"])
            return Int(run.output).flatMap { $0 > 10_000_000 ? $0 : nil }
        }
        guard size != nil else { throw ChildProcess.Failure(description: "the metrics stay small") }
        return (exporter, port)
    }
}
