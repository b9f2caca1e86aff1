import Foundation
import Simulator
import TestSupport
import Testing

/// Webhooks that lists bring in, and what a budget is spent on, over the built binary.
@Suite struct DiscoveryTests {
    /// A configuration whose account discovers, and watches nothing by itself.
    private func configure(
        _ world: World, discover: String, budget: Int = 100_000, interval: String = "1s", watches: [String] = []
    ) throws -> String {
        let text = """
            accounts:
              - name: acme
                base_url: \(world.base)
                api_key_file: api.key
                requests_per_minute: \(budget)
                \(discover.isEmpty ? "" : "discover: {\(discover)}")
            defaults: {check_interval: \(interval), probe_interval: 60s}
            modules: {http: {tls: {ca_file: ca.pem}, allowed_networks: [127.0.0.0/8]}}
            storage: {path: state.db}
            watches: [\(watches.map { "{\($0)}" }.joined(separator: ", "))]
            """
        try world.write(text, to: "config.yml")
        return world.folder.appendingPathComponent("config.yml").path
    }

    private func put(_ ids: ClosedRange<Int>, in world: World, eventType: String = "business_created") {
        for id in ids { world.partoo.put(.init(id: id, url: "http://127.0.0.1/\(id)", eventType: eventType)) }
    }

    private static let discovered = ["source": "discovered"]

    @Test func aPageThatShiftsLosesNobody() async throws {
        let world = try await World()
        put(1...205, in: world)
        // What stood on page 3 slips onto page 2, behind the reader.
        world.partoo.delete([3, 4, 5, 6, 7], beforePage: 3)
        let exporter = try world.start(
            try configure(world, discover: "interval: 1y, labels: {origin: found}", interval: "20s"))
        let samples = try await exporter.samples { samples in
            // Some of those that were deleted may have been read before.
            let read = samples.series("partoo_webhook_config_last_success_timestamp_seconds").filter { series in
                !(3...7).contains { series.contains("webhook_id=\"\($0)\"") }
            }
            return samples["partoo_exporter_discovery_last_success_timestamp_seconds"] != nil && read.count == 200
        }
        for id in [201, 203, 205] {
            #expect(samples["partoo_webhook_config_checks_total", ["webhook_id": "\(id)", "origin": "found"]] != nil)
        }
        #expect(samples["partoo_exporter_watches", Self.discovered] == 205)
        #expect(samples["partoo_exporter_discovery_truncated", ["account": "acme"]] == 0)
        #expect(samples["partoo_exporter_discovery_failures_total", ["account": "acme"]] == 0)
        // Pages 1, 2, 3, once more 2 and 3.
        #expect(samples["partoo_exporter_api_requests_total", ["endpoint": "webhooks", "code": "200"]] ?? 0 >= 4)
        #expect(await exporter.stop() == 0)
    }

    @Test func onlyTheAPIsOwn404MakesOneMissingAndThenItLeaves() async throws {
        let world = try await World()
        put(1...3, in: world)
        let exporter = try world.start(try configure(world, discover: "interval: 1s, missing_retention: 1s"))
        _ = try await exporter.samples {
            $0.series("partoo_webhook_config_last_success_timestamp_seconds").count == 3
        }
        // Gone from the list, but its own answer does not say so.
        world.partoo.setFault(.foreign404, for: 3)
        world.partoo.delete(3)
        let lists = world.partoo.count("/v2/webhooks")
        let asked = try await exporter.samples {
            world.partoo.count("/v2/webhooks") > lists + 2
                && $0.label("reason", of: "partoo_webhook_config_check_failure", ["webhook_id": "3"])
                    == "unexpected_status"
        }
        #expect(asked.label("state", of: "partoo_webhook_config_state", ["webhook_id": "3"]) == "unknown")
        #expect(asked["partoo_exporter_watches", Self.discovered] == 3)
        world.partoo.setFault(nil, for: 3)
        let left = try await exporter.samples {
            $0["partoo_exporter_watches_removed_total", ["reason": "retention"]] == 1
        }
        #expect(!left.text.contains(#"webhook_id="3""#))
        #expect(left["partoo_exporter_watches", Self.discovered] == 2)
        #expect(left["partoo_exporter_watches_removed_total", ["reason": "reload"]] == 0)
        // And it may come back.
        put(3...3, in: world)
        _ = try await exporter.samples { $0["partoo_exporter_watches", Self.discovered] == 3 }
        #expect(await exporter.stop() == 0)
    }

    @Test func overARestartAMissingOneStaysMissingAndLeavesByTheTimeItWent() async throws {
        let world = try await World()
        put(1...3, in: world)
        let third = ["webhook_id": "3"]
        let (state, since) = ("partoo_webhook_config_state", "partoo_webhook_config_drifted_since_timestamp_seconds")
        let first = try world.start(try configure(world, discover: "interval: 1s, missing_retention: 1h"))
        _ = try await first.samples { $0.series("partoo_webhook_config_last_success_timestamp_seconds").count == 3 }
        world.partoo.delete(3)
        let missing = try await first.samples { $0.label("state", of: state, third) == "missing" }
        let began = try #require(missing[since, third])
        #expect(await first.stop() == 0)
        // No list is to be had now: what was discovered is known without one.
        world.partoo.setListFault(.status(503), page: 1)
        let second = try world.start(try configure(world, discover: "interval: 1s, missing_retention: 1h"))
        let again = try await second.samples {
            $0.label("state", of: state, third) == "missing"
                && $0.label("state", of: state, ["webhook_id": "1"]) == "in_sync"
                && $0["partoo_webhook_probes_total", ["webhook_id": "1"]] ?? 0 > 0
        }
        #expect(again[since, third] == began)
        #expect(again["partoo_exporter_watches", Self.discovered] == 3)
        #expect(again["partoo_exporter_discovery_last_success_timestamp_seconds"] == nil)
        #expect(again["partoo_webhook_probes_total", third] == 0)
        #expect(await second.stop() == 0)
        // It has been gone for more than a second, whenever this process began.
        let leaving = try world.start(try configure(world, discover: "interval: 1s, missing_retention: 1s"))
        _ = try await leaving.samples { $0["partoo_exporter_watches_removed_total", ["reason": "retention"]] == 1 }
        #expect(await leaving.stop() == 0)
        let asked = world.partoo.count("/v2/webhooks/3")
        let path = try configure(world, discover: "interval: 1s, missing_retention: 1s")
        let last = try world.start(path)
        let left = try await last.samples {
            $0.label("state", of: state, ["webhook_id": "2"]) == "in_sync"
        }
        #expect(left["partoo_exporter_watches", Self.discovered] == 2)
        #expect(world.partoo.count("/v2/webhooks/3") == asked)
        let accepted = try await ExporterProcess.run(["baseline", "accept", "--all", "--config.file", path])
        #expect(accepted.status == 0, "\(accepted.errors)")
        #expect(accepted.output.contains("acme/2: accepted") && !accepted.output.contains("acme/3"))
        #expect(await last.stop() == 0)
    }

    @Test func aListThatFailsOrIsPartialRemovesNothing() async throws {
        let world = try await World()
        put(1...150, in: world)
        let exporter = try world.start(try configure(world, discover: "interval: 1s, missing_retention: 0s"))
        _ = try await exporter.samples { $0["partoo_exporter_watches", Self.discovered] == 150 }
        // Page 2 fails from now on, and so nothing says that the rest is gone.
        world.partoo.setListFault(.status(503), page: 2)
        for id in 101...149 { world.partoo.setFault(.status(503), for: id) }
        let failed = try await exporter.samples {
            $0["partoo_exporter_discovery_failures_total", ["account": "acme"]] ?? 0 >= 2
        }
        #expect(failed["partoo_exporter_watches", Self.discovered] == 150)
        let missing = failed.series("partoo_webhook_config_state", ["state": "missing"])
        #expect(missing.count == 150 && missing.allSatisfy { failed.values[$0] == 0 })
        #expect(await exporter.stop() == 0)
    }

    /// What the runbooks say to run.
    @Test func commandsKnowWhatDiscoveryFound() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: "\(origin)/\(id)")) }
        let flags = ["--config.file", try configure(world, discover: "interval: 1h, org_ids: [42]")]
        // No exporter ever ran here, and the one organisation is known.
        let early = try await ExporterProcess.run(["probe", "--webhook-id", "2"] + flags)
        #expect(early.status == 0, "\(early.output)\(early.errors)")
        let nothing = try await ExporterProcess.run(["diff"] + flags)
        #expect(
            nothing.status == 1 && nothing.errors.contains("no webhook is watched but what an exporter discovers"),
            "\(nothing.errors)")
        let exporter = try world.start(flags[1])
        _ = try await exporter.samples { samples in
            (1...2).allSatisfy {
                samples["partoo_webhook_config_state", ["webhook_id": "\($0)", "state": "in_sync"]] == 1
            }
        }
        #expect(await exporter.stop() == 0)
        world.partoo.edit(2) { $0.customHeaders = ["X-New": "1"] }
        let diff = try await ExporterProcess.run(["diff", "--json"] + flags)
        #expect(diff.status == 2 && diff.output.contains(#""state":"in_sync""#), "\(diff.output)\(diff.errors)")
        #expect(diff.output.contains("+ custom header X-New"), "\(diff.output)")
        #expect(try await ExporterProcess.run(["probe", "--webhook-id", "1"] + flags).status == 0)
    }

    @Test func theConfigurationFileWinsAndFiltersOnlyChooseWhatIsNew() async throws {
        let world = try await World()
        put(1...2, in: world)
        put(3...4, in: world, eventType: "lead_received")
        put(5...9, in: world)
        let exporter = try world.start(
            try configure(
                world, discover: "interval: 1s, event_types: [business_created], max_webhooks: 4",
                watches: ["webhook_id: 3, labels: {team: own}"]))
        let samples = try await exporter.samples {
            $0["partoo_exporter_watches", Self.discovered] == 4 && $0["partoo_exporter_discovery_truncated"] == 1
                && $0["partoo_exporter_discovery_last_success_timestamp_seconds"] != nil
                && $0["partoo_webhook_config_state", ["webhook_id": "1", "state": "in_sync"]] == 1
        }
        #expect(samples["partoo_exporter_watches", ["source": "static"]] == 1)
        #expect(samples["partoo_webhook_config_checks_total", ["webhook_id": "3", "team": "own"]] != nil)
        #expect(samples.series("partoo_webhook_config_state", ["webhook_id": "4"]).isEmpty)
        // It is watched: another event type is drift, and no reason to drop it.
        world.partoo.edit(1) { $0.eventType = "lead_received" }
        let drifted = try await exporter.samples {
            $0["partoo_webhook_config_drift", ["webhook_id": "1", "field": "event_type"]] == 1
        }
        #expect(drifted["partoo_exporter_watches", Self.discovered] == 4)
        #expect(await exporter.stop() == 0)
    }

    @Test func organisationsAreListedOneByOne() async throws {
        let world = try await World()
        for id in 1...6 { world.partoo.put(.init(id: id, url: "http://127.0.0.1/", orgID: id % 3)) }
        let exporter = try world.start(try configure(world, discover: "interval: 1s, org_ids: [1, 2]"))
        let samples = try await exporter.samples {
            $0.series("partoo_webhook_config_last_success_timestamp_seconds").count == 4
        }
        #expect(samples["partoo_exporter_watches", Self.discovered] == 4)
        #expect(world.partoo.lastRequest?.query("org_id") != nil)
        #expect(await exporter.stop() == 0)
    }

    /// Its old organisation says that it is gone, and the other one's list that it is there.
    @Test func oneThatMovesToAnotherOrganisationIsFollowed() async throws {
        let world = try await World()
        for id in 1...2 { world.partoo.put(.init(id: id, url: "http://127.0.0.1/", orgID: id)) }
        let exporter = try world.start(try configure(world, discover: "interval: 1s, org_ids: [1, 2]"))
        _ = try await exporter.samples {
            $0.series("partoo_webhook_config_last_success_timestamp_seconds").count == 2
        }
        world.partoo.edit(1) { $0.orgID = 2 }
        let moved = try await exporter.samples {
            $0["partoo_webhook_config_drift", ["webhook_id": "1", "field": "org_id"]] == 1
        }
        #expect(moved["partoo_exporter_watches", Self.discovered] == 2)
        #expect(moved["partoo_webhook_config_drift", ["webhook_id": "1", "field": "url"]] == 0)
        #expect(moved["partoo_exporter_watches_removed_total", ["reason": "retention"]] == 0)
        #expect(await exporter.stop() == 0)
    }

    /// 200 checks a second wanted, 20 calls a second to be had: what moved is found by the list.
    @Test func aShortBudgetFindsWhatMovedByTheList() async throws {
        let world = try await World()
        put(1...200, in: world)
        let path = try configure(
            world, discover: "", budget: 1200, watches: (1...200).map { "webhook_id: \($0)" })
        let exporter = try world.start(path)
        _ = try await exporter.samples {
            $0.series("partoo_webhook_config_last_success_timestamp_seconds").count == 200
        }
        let edited = 150...169
        for id in edited { world.partoo.edit(id) { $0.customHeaders = ["X-New": "1"] } }
        let samples = try await exporter.samples { samples in
            edited.allSatisfy {
                samples["partoo_webhook_config_drift", ["webhook_id": "\($0)", "field": "custom_headers"]] == 1
            }
        }
        #expect(samples["partoo_exporter_api_requests_total", ["endpoint": "webhooks", "code": "200"]] ?? 0 > 3)
        // The log says who noticed, on the page and for scripts. The rotation may come upon some of them first, but not on all.
        let port = try await exporter.port()
        for (path, text) in [
            ("/webhooks/acme/", "noticed by discovery"), ("/api/v1/webhooks/acme/", #""noticed_by":"discovery""#),
        ] {
            let found = try await eventually { () -> Bool? in
                for id in edited {
                    let page = try await LoopbackHTTP.request("GET", "\(path)\(id)", port: port).text
                    if page.contains(text) { return true }
                }
                return nil
            }
            #expect(found == true, "\(path)")
        }
        let confirmed = try await exporter.samples { samples in
            (1...200).contains { id in
                let labels = ["webhook_id": "\(id)"]
                let read = samples["partoo_webhook_config_last_success_timestamp_seconds", labels] ?? .infinity
                return samples["partoo_webhook_config_last_confirmed_timestamp_seconds", labels] ?? 0 > read + 1
            }
        }
        #expect(confirmed.faults.isEmpty)
        #expect(await exporter.stop() == 0)
    }
}
