import Simulator
import TestSupport
import Testing

/// The exporter's families about itself, as the contract names them: kind, labels and values on the built binary.
@Suite struct FamilyTests {
    private static let families: [(name: String, type: String, labels: Set<String>)] = [
        ("build_info", "gauge", ["version", "revision", "swift_version", "libcurl_version", "tls_library"]),
        ("config_last_reload_successful", "gauge", []), ("config_last_reload_success_timestamp_seconds", "gauge", []),
        ("watch_file_error", "gauge", ["file"]), ("watches", "gauge", ["source"]),
        ("watches_removed_total", "counter", ["reason"]), ("api_up", "gauge", ["account"]),
        ("api_failure", "gauge", ["account", "reason"]),
        ("api_requests_total", "counter", ["account", "endpoint", "code"]),
        ("api_request_duration_seconds", "histogram", ["account", "endpoint"]),
        ("api_rate_limit_wait_seconds_total", "counter", ["account"]),
        ("api_rate_limited_total", "counter", ["account"]),
        ("discovery_last_success_timestamp_seconds", "gauge", ["account"]),
        ("discovery_truncated", "gauge", ["account"]), ("discovery_failures_total", "counter", ["account"]),
        ("schedule_lateness_seconds", "histogram", ["kind"]), ("schedule_missed_total", "counter", ["kind"]),
        ("probes_in_flight", "gauge", []), ("shard", "gauge", []), ("total_shards", "gauge", []),
        ("storage_errors_total", "counter", []),
    ]

    @Test func everyFamilyOfTheExportersOwnIsThere() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        try world.write("[]", to: "more.yml")
        try world.write(
            """
            accounts:
              - {name: acme, base_url: "\(world.base)", api_key_file: api.key, discover: {interval: 1s}}
            defaults: {check_interval: 1s, probe_interval: 1s}
            modules: {http: {timeout: 2s, tls: {ca_file: ca.pem}, allowed_networks: [127.0.0.0/8]}}
            storage: {path: state.db}
            watch_files: [more.yml]
            """, to: "config.yml")
        let exporter = try world.start(world.path("config.yml"))
        // A list that was read whole; then a fault of the API and one of a file.
        _ = try await exporter.samples {
            $0["partoo_webhook_probes_total", ["webhook_id": "1"]] ?? 0 > 0
                && $0["partoo_exporter_discovery_last_success_timestamp_seconds", ["account": "acme"]] != nil
        }
        world.partoo.setFault(.status(500))
        try world.write("nonsense: 1", to: "more.yml")
        _ = try await exporter.samples {
            $0.label("reason", of: "partoo_exporter_api_failure", ["account": "acme"]) == "server_error"
                && $0["partoo_exporter_watch_file_error", [:]] == 1
        }
        let answer = try await LoopbackHTTP.request("GET", "/metrics", port: try await exporter.port())
        let page = try TextParser.parse(answer.body, openMetrics: false)
        let own = page.families.filter { $0.name.hasPrefix("partoo_exporter_") }
        #expect(own.map(\.name).sorted() == Self.families.map { "partoo_exporter_" + $0.name }.sorted())
        for family in own {
            let expected = try #require(Self.families.first { "partoo_exporter_" + $0.name == family.name })
            #expect(family.type == expected.type, "\(family.name)")
            for sample in family.samples {
                #expect(Set(sample.labels.keys).subtracting(["le"]) == expected.labels, "\(family.name)")
            }
        }
        func values(_ name: String, _ label: String) -> Set<String> {
            Set(page.samples.filter { $0.name == "partoo_exporter_" + name }.compactMap { $0.labels[label] })
        }
        #expect(values("watches", "source") == ["static", "file", "discovered"])
        #expect(values("watches_removed_total", "reason") == ["reload", "retention"])
        #expect(values("api_requests_total", "endpoint") == ["webhook", "webhooks"])
        #expect(values("api_requests_total", "code") == ["200", "401", "403", "404", "429", "500", "000"])
        #expect(values("schedule_missed_total", "kind") == ["check", "probe"])
        #expect(values("build_info", "libcurl_version").allSatisfy { $0.wholeMatch(of: /[0-9]+\.[0-9.]+/) != nil })
        #expect(await exporter.stop() == 0)
    }
}
