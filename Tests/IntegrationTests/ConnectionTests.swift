import Foundation
import Simulator
import TestSupport
import Testing

/// Which calls of the running program share a connection.
@Suite struct ConnectionTests {
    @Test func theAPIsConnectionIsKeptAndAProbesIsNot() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        let api = try RawServer { [port = try port(of: world.base)] in $0.relay(to: port) }
        let receiver = try RawServer { [port = try port(of: origin)] in $0.relay(to: port) }
        world.partoo.put(.init(id: 1, url: "https://127.0.0.1:\(receiver.port)/hook"))
        let path = try world.configure(["webhook_id: 1"])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try world.write(
            text.replacing(world.base, with: "http://127.0.0.1:\(api.port)\(URL(string: world.base)?.path ?? "")"),
            to: "config.yml")
        let exporter = try world.start(path)
        let samples = try await exporter.samples {
            ($0["partoo_webhook_config_checks_total"] ?? 0) >= 4 && ($0["partoo_webhook_probes_total"] ?? 0) >= 4
        }
        #expect(samples["partoo_webhook_config_check_failures_total"] == 0)
        #expect(samples["partoo_webhook_probe_failures_total"] == 0)
        #expect(api.connections == 1)
        #expect(receiver.connections >= 4)
        #expect(samples["partoo_webhook_probe_phase_duration_seconds", ["phase": "tls"]] != nil)
        #expect(await exporter.stop() == 0)
    }

    private func port(of base: String) throws -> Int {
        try #require(URL(string: base)?.port)
    }
}
