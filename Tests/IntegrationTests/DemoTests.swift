import Foundation
import Simulator
import TestSupport
import Testing

/// The demo, as `deploy/quickstart` runs it.
@Suite struct DemoTests {
    /// What each exhibit says it shows: the configuration's state, and why the last probe failed; nil: it is good, or there is none.
    private static let shown: [Int: (state: String, reason: String?)] = [
        1: ("in_sync", nil), 2: ("in_sync", nil), 3: ("in_sync", nil), 4: ("in_sync", "status"),
        5: ("in_sync", "status"), 6: ("in_sync", "connect_refused"), 7: ("in_sync", "response_timeout"),
        8: ("in_sync", "tls_expired"), 9: ("in_sync", "tls_hostname"), 10: ("drifted", nil), 11: ("drifted", nil),
        12: ("missing", nil), 13: ("unknown", nil), 14: ("in_sync", nil), 15: ("in_sync", nil),
        16: ("in_sync", nil), 17: ("in_sync", nil), 18: ("in_sync", nil),
    ]

    private static func shows(_ samples: Samples, _ id: Int) -> Bool {
        guard let expected = shown[id] else { return false }
        let webhook = ["webhook_id": "\(id)"]
        let failures = samples.series("partoo_webhook_probe_failure", webhook)
        let isProbed = samples["partoo_webhook_probe_success", webhook] != nil
        return samples["partoo_webhook_config_state", webhook.merging(["state": expected.state]) { $1 }] == 1
            && failures.count == (expected.reason == nil ? 0 : 1)
            && failures.allSatisfy { $0.contains("reason=\"\(expected.reason ?? "")\"") }
            && isProbed == (expected.state != "missing" && expected.state != "unknown")
    }

    @Test func everyExhibitShowsWhatItSays() async throws {
        let demo = try ExporterProcess(["demo", "--web.listen-address", "127.0.0.1:0"])
        _ = try await demo.samples { samples in DemoWorld.exhibits.allSatisfy { Self.shows(samples, $0.id) } }
        let port = try await demo.port()
        #expect(demo.output.contains("http://127.0.0.1:\(port)/metrics") && demo.output.contains("Ctrl-C stops it"))
        for exhibit in DemoWorld.exhibits { #expect(demo.output.contains("  \(exhibit.id)  \(exhibit.shows)\n")) }
        demo.signal(SIGINT)
        #expect(await demo.exitStatus() == 0)
    }

    @Test func withoutAFolderItIsOneClearLine() async throws {
        let run = try await ExporterProcess.run(["demo"], environment: ["TMPDIR": "/nowhere"])
        #expect(run.status == 1 && run.errors.hasPrefix("error: cannot make a folder in /nowhere"), "\(run.errors)")
    }

    @Test func faultsComeAndGo() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let world = try await DemoWorld.start(in: folder)
        let path = world.configurationPath
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains("check_interval: 15s, probe_interval: 10s"))
        try text.replacing("check_interval: 15s, probe_interval: 10s", with: "check_interval: 1s, probe_interval: 1s")
            .write(toFile: path, atomically: true, encoding: .utf8)
        let exporter = try ExporterProcess(["serve", "--config.file", path, "--web.listen-address", "127.0.0.1:0"])
        @Sendable func isCalm(_ samples: Samples) -> Bool {
            [14, 15, 16, 17].allSatisfy { Self.shows(samples, $0) }
        }
        @Sendable func drifts(_ samples: Samples, _ id: String, _ field: String) -> Bool {
            samples["partoo_webhook_config_drift", ["webhook_id": id, "field": field]] == 1
        }
        _ = try await exporter.samples(isCalm)
        for action in [DemoScript.Action.receiverFails(15), .urlEdited(17), .headerEdited(16), .touched(14)] {
            world.carryOut(action)
        }
        let faulty = try await exporter.samples { samples in
            samples["partoo_webhook_probe_failure", ["webhook_id": "15", "reason": "status"]] == 1
                && drifts(samples, "17", "url") && drifts(samples, "16", "custom_headers")
        }
        #expect(Self.shows(faulty, 14))
        for action in [DemoScript.Action.receiverRecovers(15), .urlRestored(17), .headerRestored(16)] {
            world.carryOut(action)
        }
        _ = try await exporter.samples(isCalm)
        world.carryOut(.apiFails)
        _ = try await exporter.samples { samples in
            samples["partoo_exporter_api_up"] == 0
                && samples["partoo_webhook_config_state", ["webhook_id": "1", "state": "unknown"]] == 1
        }
        world.carryOut(.apiRecovers)
        _ = try await exporter.samples { samples in
            samples["partoo_exporter_api_up"] == 1 && isCalm(samples) && Self.shows(samples, 1)
        }
        #expect(await exporter.stop() == 0)
        await world.stop()
    }
}
