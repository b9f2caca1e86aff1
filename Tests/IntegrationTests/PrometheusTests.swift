import Foundation
import Simulator
import TestSupport
import Testing

/// A real Prometheus scrapes the built binary.
@Suite(.enabled(if: PrometheusServer.isInstalled, "prometheus is not installed"))
struct PrometheusTests {
    @Test func aRemovedWatchTurnsStale() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: "\(origin)/hook")) }
        let exporter = try world.start(try world.configure(["webhook_id: 1", "webhook_id: 2"]))
        _ = try await exporter.samples { samples in
            ["1", "2"].allSatisfy { samples["partoo_webhook_probe_success", ["webhook_id": $0]] == 1 }
        }
        let prometheus = try await PrometheusServer(scraping: try await exporter.port())
        _ = try await prometheus.query("up") { $0.count == 1 && $0[0].value == 1 }
        let state = "partoo_webhook_config_state{state=\"in_sync\"} == 1"
        #expect(try await prometheus.query(state) { $0.count == 2 }.allSatisfy { $0.labels["account"] == "acme" })
        #expect(try await prometheus.query("count by (__name__) ({__name__=~\"partoo_.*|process_.*\"})").count > 40)
        #expect(try await prometheus.query("scrape_samples_scraped != scrape_samples_post_metric_relabeling").isEmpty)
        _ = try world.configure(["webhook_id: 1"])
        exporter.signal(SIGHUP)
        // Without staleness markers the old series would be answered for five minutes more.
        let left = try await prometheus.query(state) { $0.count == 1 }
        #expect(left.first?.labels["webhook_id"] == "1")
        #expect(try await prometheus.query("{__name__=~\"partoo_webhook_.+\",webhook_id=\"2\"}").isEmpty)
        #expect(try await prometheus.query("up").first?.value == 1)
        #expect(await exporter.stop() == 0)
    }
}
