import TestSupport
import Testing

/// Several addresses to listen on, of both families.
@Suite struct AddressTests {
    @Test func everyAddressServesTheMetrics() async throws {
        let world = try await World()
        let exporter = try world.start(
            try world.configure(["webhook_id: 1, enabled: false"]),
            ["--web.listen-address", "127.0.0.2:0", "--web.listen-address", "[::1]:0"])
        for (host, shown) in [("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "[::1]")] {
            let line = await exporter.line(containing: "address=\(shown):")
            let port = try #require(line?.split(separator: ":").last.flatMap { Int($0) })
            let answer = try await onThread {
                let client = try RawClient(port, host: host)
                client.send("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return try client.receiveAll()
            }
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("\npartoo_exporter_build_info{"), "\(host)")
        }
        #expect(await exporter.stop() == 0)
    }

    @Test(arguments: [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
    func oneThatIsTakenIsOneClearErrorAndNoneIsLeftOpen(host: String, shown: String) async throws {
        let world = try await World()
        let path = try world.configure(["webhook_id: 1"], intervals: "check_interval: 5s, probe_interval: 5s")
        let taken = try RawServer(host: host) { $0.hold() }
        // An address of nobody else's, so that its port stays free.
        let free = try RawServer(host: "127.0.0.9") { $0.hold() }.port
        let addresses = ["127.0.0.9:\(free)", "\(shown):\(taken.port)"]
        for order in [addresses, addresses.reversed()] {
            // One that goes on serving has failed, too.
            let run = try await ChildProcess.run(
                "/usr/bin/timeout",
                ["120", ExporterProcess.binary, "serve", "--config.file", path]
                    + order.flatMap { ["--web.listen-address", $0] })
            #expect(run.status == 1)
            #expect(run.errors == "error: cannot listen on \(addresses[1]): the address is already in use\n")
            let client = try? RawClient(free, host: "127.0.0.9")
            #expect(client == nil, "it is listened on")
        }
        #expect(taken.connections == 0)
    }
}
