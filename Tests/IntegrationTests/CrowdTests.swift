import Simulator
import TestSupport
import Testing

/// More clients than the program may have descriptors.
@Suite struct CrowdTests {
    @Test func aCrowdOfClientsTakesNoDescriptorFromProbes() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let exporter = try ExporterProcess(
            [
                "serve", "--config.file", try world.configure(["webhook_id: 1"]), "--web.listen-address", "127.0.0.1:0",
            ], wrappedIn: ["/bin/sh", "-c", "ulimit -n 100 && exec \"$0\" \"$@\""])
        let port = try await exporter.port()
        let crowd = try await onThread {
            try (0..<300).map { _ in
                let client = try RawClient(port)
                client.send("GET /metrics HTTP/1.1\r\nHo")
                return client
            }
        }
        // Some of them may still be on their way out.
        let first = try await eventually { try? await LoopbackHTTP.request("GET", "/metrics", port: port).text }
        let begin = Samples(try #require(first))["partoo_webhook_probes_total"] ?? 0
        let samples = try await exporter.samples { ($0["partoo_webhook_probes_total"] ?? 0) >= begin + 3 }
        #expect(samples["partoo_webhook_probe_failures_total"] == 0)
        #expect(samples["partoo_webhook_config_check_failures_total"] == 0)
        #expect(samples["process_max_fds"] == 100)
        #expect(await exporter.stop() == 0)
        withExtendedLifetime(crowd) {}
    }

    /// As Go programs do: 1024, a common soft limit, is kept low for programs that use `select`.
    @Test func theSoftLimitOfDescriptorsIsRaised() async throws {
        let world = try await World()
        let exporter = try ExporterProcess(
            ["serve", "--config.file", try world.configure(["webhook_id: 1"]), "--web.listen-address", "127.0.0.1:0"],
            wrappedIn: ["/bin/sh", "-c", "ulimit -Sn 64 && ulimit -Hn 200 && exec \"$0\" \"$@\""])
        let samples = try await exporter.samples()
        #expect(samples["process_max_fds"] == 200)
        #expect(await exporter.stop() == 0)
    }
}
