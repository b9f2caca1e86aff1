import Foundation
import Simulator
import TestSupport
import Testing

/// The first hop, through the built binary: drift field by field, and every way in which the API can fail.
@Suite struct CheckTests {
    private static let fields = ["url", "event_type", "org_id", "custom_headers"]

    private static func drifted(_ samples: Samples) -> Set<String> {
        Set(fields.filter { samples["partoo_webhook_config_drift", ["field": $0]] == 1 })
    }

    private static func state(_ samples: Samples) -> String? {
        samples.label("state", of: "partoo_webhook_config_state", ["webhook_id": "1"])
    }

    @Test func changingAFieldDriftsThatFieldOnly() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        let original = SimulatedPartoo.Webhook(id: 1, url: "\(origin)/hook", customHeaders: ["X-A": "1"])
        world.partoo.put(original)
        let exporter = try world.start(try world.configure(["webhook_id: 1"]))
        #expect(Self.state(try await exporter.samples { Self.state($0) == "in_sync" }) == "in_sync")
        let changes: [(String, @Sendable (inout SimulatedPartoo.Webhook) -> Void)] = [
            ("url", { $0.url += "/moved" }), ("event_type", { $0.eventType = "lead_received" }),
            ("org_id", { $0.orgID = 7 }), ("custom_headers", { $0.customHeaders["X-A"] = "2" }),
            ("custom_headers", { $0.customHeaders["X-B"] = "2" }), ("custom_headers", { $0.customHeaders = [:] }),
        ]
        for (field, change) in changes {
            world.partoo.edit(1, change)
            let samples = try await exporter.samples { Self.state($0) == "drifted" }
            #expect(Self.drifted(samples) == [field])
            #expect(samples["partoo_webhook_config_drifted_since_timestamp_seconds"] != nil)
            world.partoo.put(original)
            #expect(Self.drifted(try await exporter.samples { Self.state($0) == "in_sync" }).isEmpty)
        }
        world.partoo.edit(1) { $0.customHeaders = ["x-a": "1"] }
        let before = world.partoo.count("/v2/webhooks/1")
        let samples = try await exporter.samples { _ in world.partoo.count("/v2/webhooks/1") > before + 1 }
        #expect(Self.state(samples) == "in_sync")
        #expect(receiver.count > 0)
        #expect(await exporter.stop() == 0)
    }

    @Test func aFailedCheckIsUnknownAndProbingGoesOn() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let exporter = try world.start(try world.configure(["webhook_id: 1"]))
        _ = try await exporter.samples { Self.state($0) == "in_sync" && $0["partoo_webhook_probes_total"] ?? 0 > 0 }
        let faults: [(SimulatedPartoo.Fault, String)] = [
            (.status(500), "server_error"), (.status(503), "server_error"), (.foreign404, "unexpected_status"),
            (.status(302, headers: ["Location: /v2/webhooks/1"]), "unexpected_status"), (.body("{"), "malformed"),
            (
                .body(
                    #"{"id":2,"url":"https://a.example","event_type":"x","created_at":"","updated_at":"","org_id":1}"#),
                "malformed"
            ),
            (
                .body(
                    #"{"id":1,"url":"https://a.example","event_type":"x","created_at":"","updated_at":"","org_id":1,"custom_headers":{"X-A":5}}"#
                ), "malformed"
            ),
            (.reaction(.close), "connect"), (.status(401), "unauthorized"), (.status(403), "forbidden"),
        ]
        for (fault, reason) in faults {
            world.partoo.setFault(fault, for: 1)
            let samples = try await exporter.samples {
                $0.label("reason", of: "partoo_webhook_config_check_failure", [:]) == reason
            }
            #expect(samples.label("reason", of: "partoo_webhook_config_check_failure", [:]) == reason)
            #expect(Self.state(samples) == "unknown", "\(reason)")
            #expect(samples.series("partoo_webhook_config_drift").isEmpty, "\(reason)")
            #expect(samples["partoo_webhook_probe_success"] == 1, "\(reason)")
            let probes = receiver.count
            _ = try await exporter.samples { _ in receiver.count > probes }
            #expect(receiver.count > probes, "\(reason)")
            world.partoo.setFault(nil, for: 1)
            #expect(Self.state(try await exporter.samples { Self.state($0) == "in_sync" }) == "in_sync", "\(reason)")
        }
        #expect(await exporter.stop() == 0)
    }

    @Test func theAPIsOwn404IsMissing() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        let webhook = SimulatedPartoo.Webhook(id: 1, url: "\(origin)/hook")
        world.partoo.put(webhook)
        let exporter = try world.start(try world.configure(["webhook_id: 1"]))
        _ = try await exporter.samples { $0["partoo_webhook_probe_success"] == 1 }
        world.partoo.delete(1)
        let samples = try await exporter.samples { Self.state($0) == "missing" }
        #expect(Self.state(samples) == "missing")
        #expect(samples.series("partoo_webhook_probe_success").isEmpty)
        #expect(samples.series("partoo_webhook_probe_tls_not_after_timestamp_seconds").isEmpty)
        #expect(samples["partoo_webhook_probes_total"] ?? 0 > 0)
        #expect(samples["partoo_webhook_info"] == 1)
        #expect(samples.series("partoo_webhook_config_drift").isEmpty)
        #expect(samples.label("reason", of: "partoo_webhook_config_check_failure", [:]) == "not_found")
        world.partoo.put(webhook)
        #expect(Self.state(try await exporter.samples { Self.state($0) == "in_sync" }) == "in_sync")
        #expect(await exporter.stop() == 0)
    }

    @Test func whatIsSentIsWhatIsObserved() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/a/b?k=v", customHeaders: ["X-Empty": "", "X-Token": "t-1"]))
        let exporter = try world.start(try world.configure(["webhook_id: 1, org_id: 42"]))
        _ = try await exporter.samples { $0["partoo_webhook_probe_success"] == 1 }
        let sent = try #require(receiver.requests.last)
        #expect(sent.method == "HEAD" && sent.target == "/a/b?k=v")
        #expect(sent.header("X-Token") == "t-1" && sent.header("X-Empty")?.isEmpty == true)
        #expect(sent.header("User-Agent")?.hasPrefix("partoo-webhook-exporter/") == true)
        let asked = try #require(world.partoo.lastRequest)
        #expect(asked.header("x-APIKey") == World.apiKey && asked.query("org_id") == "42")
        world.partoo.edit(1) { $0.customHeaders = ["X-Bad": "a\r\nHost: evil"] }
        let samples = try await exporter.samples {
            $0.label("reason", of: "partoo_webhook_probe_failure", [:]) == "header_invalid"
        }
        #expect(samples["partoo_webhook_probe_success"] == 0)
        #expect(await exporter.stop() == 0)
    }
}
