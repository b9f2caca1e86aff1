package import Foundation
import Glibc

/// A small world to look at: a simulated Partoo, receivers good and bad, and faults that come and go.
package final class DemoWorld: Sendable {
    /// One webhook of the demo, for a person.
    package struct Exhibit: Sendable {
        package var id: Int
        package var shows: String
    }

    package static let exhibits: [Exhibit] = [
        Exhibit(id: 1, shows: "healthy"),
        Exhibit(id: 2, shows: "slow (1.2 s)"),
        Exhibit(id: 3, shows: "401 to an unsigned request: there, so healthy"),
        Exhibit(id: 4, shows: "404: its route is lost, and every event with it"),
        Exhibit(id: 5, shows: "503: Partoo retries, then the event is lost"),
        Exhibit(id: 6, shows: "refuses connections"),
        Exhibit(id: 7, shows: "hangs"),
        Exhibit(id: 8, shows: "certificate expired"),
        Exhibit(id: 9, shows: "certificate for another host"),
        Exhibit(id: 10, shows: "URL drifted from what is declared"),
        Exhibit(id: 11, shows: "a custom header changed, one added"),
        Exhibit(id: 12, shows: "deleted at Partoo"),
        Exhibit(id: 13, shows: "the API's answer is broken: unknown"),
        Exhibit(id: 14, shows: "touched now and then, but unchanged"),
        Exhibit(id: 15, shows: "fails for a minute, every five minutes"),
        Exhibit(id: 16, shows: "a header is edited and restored, every five minutes"),
        Exhibit(id: 17, shows: "the URL is edited and restored, every five minutes"),
        Exhibit(id: 18, shows: "healthy, another event type"),
    ]

    package let partoo: SimulatedPartoo
    package let configurationPath: String
    private let receivers: [Int: SimulatedReceiver]
    private let refusing: RefusingPort
    private let urls: [Int: String]
    private let folder: URL

    private static let eventTypes = [
        "business_created", "business_updated", "business_deleted", "message_created", "message_updated",
        "lead_received",
    ]

    private init(
        partoo: SimulatedPartoo, configurationPath: String, receivers: [Int: SimulatedReceiver],
        refusing: RefusingPort, urls: [Int: String], folder: URL
    ) {
        self.partoo = partoo
        self.configurationPath = configurationPath
        self.receivers = receivers
        self.refusing = refusing
        self.urls = urls
        self.folder = folder
    }

    /// Starts everything on loopback and writes the exporter's configuration, the CA bundle and the API key into a folder.
    ///
    /// - Parameter folder: must exist and be nobody else's.
    package static func start(in folder: URL) async throws -> DemoWorld {
        let authority = try SimulatedCertificateAuthority()
        let partoo = SimulatedPartoo(apiKey: "demo-\(UUID().uuidString)")
        let base = try await partoo.start()
        guard let refusing = RefusingPort() else { throw CocoaError(.fileWriteUnknown) }
        var receivers: [Int: SimulatedReceiver] = [:]
        var urls: [Int: String] = [:]
        for exhibit in exhibits {
            let id = exhibit.id
            let kind: SimulatedCertificateAuthority.Kind = id == 8 ? .expired : id == 9 ? .wrongHost : .good
            let receiver = SimulatedReceiver(behaviour(id), identity: try authority.issue(kind))
            let origin = id == 6 ? "https://127.0.0.1:\(refusing.port)" : try await receiver.start()
            receivers[id] = receiver
            let url = "\(origin)/hooks/partoo?key=\(UUID().uuidString.prefix(8).lowercased())"
            urls[id] = url
            partoo.put(
                SimulatedPartoo.Webhook(
                    id: id, url: url, eventType: eventTypes[id % eventTypes.count], customHeaders: headers(id)))
        }
        partoo.delete(12)
        partoo.setFault(.body(#"{"id": 13, "url": "#), for: 13)
        try authority.pem.write(to: folder.appendingPathComponent("ca.pem"), atomically: true, encoding: .utf8)
        try writeSecret(partoo.apiKey, to: folder.appendingPathComponent("api.key"))
        let path = folder.appendingPathComponent("config.yml")
        try writeSecret(configuration(base: base, urls: urls), to: path)
        partoo.edit(10) { $0.url = (urls[18] ?? $0.url) + "&moved=1" }
        partoo.edit(11) { $0.customHeaders = ["X-Tenant": "green", "X-Debug": "1"] }
        return DemoWorld(
            partoo: partoo, configurationPath: path.path, receivers: receivers, refusing: refusing, urls: urls,
            folder: folder)
    }

    package func stop() async {
        for receiver in receivers.values { await receiver.stop() }
        await partoo.stop()
    }

    /// Plays the script until the task is cancelled.
    package func play() async {
        let clock = ContinuousClock()
        let start = clock.now
        var script = DemoScript()
        while (try? await clock.sleep(until: start + script.nextDue)) != nil {
            for action in script.advance(to: clock.now - start) { carryOut(action) }
        }
    }

    package func carryOut(_ action: DemoScript.Action) {
        switch action {
        case .receiverFails(let id): receivers[id]?.behaviour = .status(503)
        case .receiverRecovers(let id): receivers[id]?.behaviour = Self.behaviour(id)
        case .urlEdited(let id): partoo.edit(id) { $0.url += "&edited=1" }
        case .urlRestored(let id): partoo.edit(id) { [urls] in $0.url = urls[id] ?? $0.url }
        case .headerEdited(let id): partoo.edit(id) { $0.customHeaders["X-Tenant"] = "edited" }
        case .headerRestored(let id): partoo.edit(id) { $0.customHeaders = Self.headers(id) }
        case .touched(let id): partoo.edit(id) { _ in }
        case .apiFails: partoo.setFault(.status(503))
        case .apiRecovers: partoo.setFault(nil)
        }
    }

    private static func behaviour(_ id: Int) -> SimulatedReceiver.Behaviour {
        switch id {
        case 2: .slow(milliseconds: 1200)
        case 3: .status(401)
        case 4: .status(404)
        case 5: .status(503)
        case 7: .reaction(.hang)
        default: .status(200)
        }
    }

    private static func headers(_ id: Int) -> [String: String] {
        id == 11 || id == 16 ? ["X-Tenant": "blue"] : id % 3 == 0 ? ["X-Auth-Token": "demo-token-\(id)"] : [:]
    }

    private static func configuration(base: String, urls: [Int: String]) -> String {
        var lines = [
            "# Written by the demo; a real configuration looks like this.", "accounts:", "  - name: demo",
            "    base_url: \(base)", "    api_key_file: api.key",
            "defaults: {check_interval: 15s, probe_interval: 10s}",
            "modules:", "  http:", "    timeout: 3s", "    tls: {ca_file: ca.pem}",
            "    allowed_networks: [127.0.0.0/8]",
            "storage: {path: state.db}", "watches:",
        ]
        for exhibit in exhibits {
            lines.append("  - webhook_id: \(exhibit.id)")
            lines.append("    labels: {team: \(exhibit.id % 2 == 0 ? "integrations" : "growth")}")
            if exhibit.id == 10, let url = urls[10] { lines.append("    expect: {url: \"\(url)\"}") }
            if exhibit.id == 11 { lines.append("    expect: {custom_headers: {X-Tenant: blue}}") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Readable by its owner only, from the first byte on.
    private static func writeSecret(_ text: String, to url: URL) throws {
        guard
            FileManager.default.createFile(
                atPath: url.path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw CocoaError(.fileWriteUnknown) }
    }
}
