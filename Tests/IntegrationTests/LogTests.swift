import Foundation
import Simulator
import TestSupport
import Testing

/// What the exporter writes on standard error while it watches.
@Suite struct LogTests {
    /// Lines of one message, read as JSON.
    private static func lines(_ exporter: ExporterProcess, _ message: String) throws -> [[String: String]] {
        try exporter.errors.split(separator: "\n").map {
            try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
        }.filter { $0["msg"] == message }
    }

    /// Waits for one more check and probe, so that what they had to say is said.
    private static func turn(_ exporter: ExporterProcess) async throws {
        @Sendable func counts(_ samples: Samples) -> [Double] {
            ["partoo_webhook_config_checks_total", "partoo_webhook_probes_total"].compactMap { samples[$0] }
        }
        let before = counts(try await exporter.samples())
        _ = try await exporter.samples { zip(counts($0), before).allSatisfy { $0 > $1 + 1 } }
    }

    @Test func aStateChangeIsOneLineAndAProbeIsNone() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/canary"))
        let exporter = try world.start(try world.configure(["webhook_id: 1"]), ["--log.format", "json"])
        try await Self.turn(exporter)
        receiver.behaviour = .status(503)
        _ = try await exporter.samples { $0["partoo_webhook_probe_consecutive_failures"] ?? 0 > 2 }
        receiver.behaviour = .status(200)
        _ = try await exporter.samples { $0["partoo_webhook_probe_success"] == 1 }
        world.partoo.edit(1) { $0.eventType = "lead_received" }
        _ = try await exporter.samples { $0["partoo_webhook_config_state", ["state": "drifted"]] == 1 }
        try await Self.turn(exporter)
        world.partoo.setFault(.status(500))
        _ = try await exporter.samples { $0["partoo_webhook_config_check_failures_total"] ?? 0 > 1 }
        world.partoo.setFault(nil)
        _ = try await exporter.samples { $0["partoo_webhook_config_state", ["state": "drifted"]] == 1 }
        #expect(await exporter.stop() == 0)

        let states = try Self.lines(exporter, "configuration state changed")
        #expect(
            states.map { "\($0["level"] ?? "") \($0["from"] ?? "") \($0["state"] ?? "")" } == [
                "info unknown in_sync", "warn in_sync drifted", "warn drifted unknown", "warn unknown drifted",
            ], "\(exporter.errors)")
        #expect(states.allSatisfy { $0["account"] == "acme" && $0["webhook_id"] == "1" && $0["ts"] != nil })
        #expect(states.map { $0["fields"] } == [nil, "event_type", nil, "event_type"])
        #expect(states.map { $0["reason"] } == [nil, nil, "server_error", nil])
        #expect(try Self.lines(exporter, "configuration changed").map { $0["fields"] } == ["event_type"])
        #expect(try Self.lines(exporter, "baseline learned").count == 1)
        let failures = try Self.lines(exporter, "probe fails")
        #expect(failures.map { $0["reason"] } == ["status"] && failures.allSatisfy { $0["probe_id"] != nil })
        #expect(try Self.lines(exporter, "probe succeeds").count == 2)
        for silent in ["probed", "checked"] { #expect(try Self.lines(exporter, silent).isEmpty) }
    }

    @Test func everyProbeAndCheckIsALineAtDebugAndNothingButErrorsAtError() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/canary"))
        let path = try world.configure(["webhook_id: 1"])
        let talkative = try world.start(path, ["--log.format", "json", "--log.level", "debug"])
        try await Self.turn(talkative)
        let samples = try await talkative.samples()
        #expect(await talkative.stop() == 0)
        let probes = try Self.lines(talkative, "probed").count + Self.lines(talkative, "probe succeeds").count
        #expect(Double(probes) >= samples["partoo_webhook_probes_total"] ?? .infinity)
        let checks = try Self.lines(talkative, "checked").count
        #expect(Double(checks) >= samples["partoo_webhook_config_checks_total"] ?? .infinity)
        #expect(!talkative.errors.contains("canary"))
        // It says on which port it listens at info only.
        let quiet = try ExporterProcess(
            ["serve", "--config.file", path, "--web.listen-address", "127.0.0.1:0", "--log.level", "error"])
        let asked = try await eventually { world.partoo.count("/v2/webhooks/1") > checks ? true : nil }
        #expect(asked == true)
        #expect(await quiet.stop() == 0)
        #expect(quiet.errors.isEmpty, "\(quiet.errors)")
    }
}
