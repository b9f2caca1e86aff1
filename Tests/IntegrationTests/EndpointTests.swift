import Foundation
import Glibc
import Simulator
import TestSupport
import Testing

/// `/metrics` of the built binary: formats, limits, and clients that do not behave.
@Suite struct EndpointTests {
    private static let openMetrics = "Accept: application/openmetrics-text;version=1.0.0"

    @Test func bothTextFormatsHoldTheSameSamples() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let exporter = try world.start(
            try world.configure(["webhook_id: 1"], intervals: "check_interval: 1h, probe_interval: 1h"))
        _ = try await exporter.samples { $0["partoo_webhook_probes_total", ["webhook_id": "1"]] == 1 }
        let port = try await exporter.port()
        let plain = try LoopbackHTTP.request("GET", "/metrics", port: port)
        let open = try LoopbackHTTP.request("GET", "/metrics", port: port, headers: [Self.openMetrics])
        #expect(plain.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(open.header("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(open.text.hasSuffix("# EOF\n"))
        #expect(open.text.contains("# {probe_id=\"") && !plain.text.contains("# {"))
        let left = Samples(plain.text).values.filter { $0.key.hasPrefix("partoo_webhook_") }
        let right = open.text.split(separator: "\n").filter { $0.hasPrefix("partoo_webhook_") }
            .map { $0.components(separatedBy: " # {")[0] }
        #expect(Set(right.compactMap { $0.split(separator: " ").first.map(String.init) }).count == left.count)
        #expect(Samples(right.joined(separator: "\n") + "\n").values == left)
        // The exemplar names a probe that the page and the log know.
        let mark = try #require(open.text.split(separator: "probe_id=\"").dropFirst().first?.prefix(16))
        #expect(try LoopbackHTTP.request("GET", "/webhooks/acme/1", port: port).text.contains(mark))
        #expect(exporter.errors.contains("probe_id=\(mark)"))
        // One family only, compressed, and without a body.
        let one = try LoopbackHTTP.request("GET", "/metrics?name[]=partoo_webhook_probe_success", port: port)
        #expect(Samples(one.text).values.count == 1)
        let packed = try LoopbackHTTP.request("GET", "/metrics", port: port, headers: ["Accept-Encoding: gzip"])
        #expect(packed.header("Content-Encoding") == "gzip" && packed.body.prefix(2) == [0x1f, 0x8b])
        let head = try LoopbackHTTP.request("HEAD", "/metrics", port: port)
        #expect(head.status == 200 && head.body.isEmpty && head.header("Content-Length") != "0")
        #expect(await exporter.stop() == 0)
    }

    @Test func theProcessSaysWhenItStarted() async throws {
        let world = try await World()
        let before = Date().timeIntervalSince1970
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        let started = try await exporter.samples()["process_start_time_seconds"] ?? 0
        // The kernel tells the machine's start in whole seconds.
        #expect(started > before - 2 && started < Date().timeIntervalSince1970 + 2)
        #expect(await exporter.stop() == 0)
    }

    @Test func aStuckScraperTakesAPlaceAndHoldsUpNobody() async throws {
        let world = try await World()
        let labels = "labels: {filler: \"\(String(repeating: "x", count: 900))\"}"
        let exporter = try world.start(
            try world.configure((1...600).map { "webhook_id: \($0), \(labels)" }), ["--web.max-requests", "1"])
        let port = try await exporter.port()
        // More than the kernel takes for a client that does not read.
        let isLarge = try await eventually { () -> Bool? in
            try LoopbackHTTP.request("GET", "/metrics", port: port).body.count > 10_000_000 ? true : nil
        }
        #expect(isLarge == true)
        let stuck = try #require(Connection(port: port))
        stuck.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        // From here on it has the place, and takes no more.
        #expect(stuck.receive(12) == "HTTP/1.1 200")
        let refused = try await eventually { () -> LoopbackHTTP.Answer? in
            let answer = try LoopbackHTTP.request("GET", "/metrics", port: port)
            return answer.status == 503 ? answer : nil
        }
        #expect(refused?.text.contains("concurrent requests") == true)
        for path in ["/-/healthy", "/", "/api/v1/webhooks"] {
            #expect(try LoopbackHTTP.request("GET", path, port: port).status == 200, "only scrapes are limited")
        }
        stuck.end()
        let again = try await eventually { () -> Bool? in
            try LoopbackHTTP.request("GET", "/metrics", port: port).status == 200 ? true : nil
        }
        #expect(again == true)
        #expect(await exporter.stop() == 0)
    }

    @Test func aScrapeUnderWayIsFinishedWhenItIsStopped() async throws {
        let world = try await World()
        let labels = "labels: {filler: \"\(String(repeating: "x", count: 900))\"}"
        let exporter = try world.start(try world.configure((1...600).map { "webhook_id: \($0), \(labels)" }))
        let port = try await exporter.port()
        let isLarge = try await eventually { () -> Bool? in
            try LoopbackHTTP.request("GET", "/metrics", port: port).body.count > 10_000_000 ? true : nil
        }
        #expect(isLarge == true)
        let scraper = try #require(Connection(port: port, receiveBuffer: 256 << 10))
        scraper.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = scraper.receive(through: "\r\n\r\n")
        exporter.signal(SIGTERM)
        let isDeaf = try await eventually { Connection(port: port) == nil ? true : nil }
        #expect(isDeaf == true)
        let length = head.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Content-Length: ") }
            .flatMap { Int($0.dropFirst("Content-Length: ".count)) }
        let count = try #require(length)
        // And not a byte more: then it is closed.
        #expect(scraper.receive(count + 1).utf8.count == count && count > 10_000_000)
        #expect(await exporter.exitStatus() == 0)
    }

    @Test func whatIsTooLargeIsRefused() async throws {
        let world = try await World()
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        let port = try await exporter.port()
        let long = String(repeating: "a", count: 70_000)
        let headers = try LoopbackHTTP.exchange(
            Array("GET / HTTP/1.1\r\nHost: a\r\nX-A: \(long)\r\n\r\n".utf8), port: port)
        #expect(!String(decoding: headers, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        let body = try LoopbackHTTP.exchange(
            Array("POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n".utf8), port: port)
        #expect(String(decoding: body, as: UTF8.self).hasPrefix("HTTP/1.1 413"))
        let garbage = try LoopbackHTTP.exchange(Array("nonsense\r\n\r\n".utf8), port: port)
        #expect(!String(decoding: garbage, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        #expect(try LoopbackHTTP.request("GET", "/-/healthy", port: port).status == 200)
        #expect(await exporter.stop() == 0)
    }

    @Test func severalAddressesAndIPv6AreListenedOn() async throws {
        let world = try await World()
        let exporter = try world.start(
            try world.configure(["webhook_id: 1, enabled: false"]), ["--web.listen-address", "[::1]:0"])
        let line = await exporter.line(containing: "address=[::1]:")
        let port = try #require(line?.split(separator: ":").last.flatMap { Int($0) })
        let six = try await ChildProcess.run("/usr/bin/curl", ["-sS", "http://[::1]:\(port)/-/healthy"])
        #expect(six.output == "Healthy.\n")
        #expect(await exporter.stop() == 0)
    }

    @Test(.enabled(if: PrometheusServer.isInstalled), arguments: [false, true])
    func quantilesAreWhatTheReceiverTook(isNative: Bool) async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.slow(milliseconds: 1000))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let exporter = try world.start(try world.configure(["webhook_id: 1"]))
        _ = try await exporter.samples { $0["partoo_webhook_probes_total", ["webhook_id": "1"]] ?? 0 >= 3 }
        let prometheus = try await PrometheusServer(
            scraping: try await exporter.port(), isNative ? ["--enable-feature=native-histograms"] : [])
        let name = isNative ? "partoo_webhook_probe_latency_seconds" : "partoo_webhook_probe_latency_seconds_bucket"
        for quantile in [0.01, 0.5] {
            let samples = try await prometheus.query("histogram_quantile(\(quantile), \(name))") { $0.count == 1 }
            // A native bucket is 9% wide; the classic one reaches from 1 to 2.5. A busy machine adds to what the receiver takes.
            let range = isNative ? 0.9...1.5 : 1...2.5
            #expect(samples.first.map { range.contains($0.value) } == true, "\(samples)")
        }
        if isNative {
            #expect(try prometheus.query("partoo_webhook_probe_latency_seconds_bucket").isEmpty)
            let count = try prometheus.query("histogram_count(partoo_webhook_probe_latency_seconds)")
            #expect(count.first.map { $0.value >= 3 } == true)
        }
        #expect(try prometheus.query("up").first?.value == 1)
        #expect(await exporter.stop() == 0)
    }

    /// A connection that a test keeps and does not read.
    private final class Connection {
        private var descriptor: Int32

        /// - Parameter receiveBuffer: bytes that the kernel takes while the test does not read.
        init?(port: Int, receiveBuffer: Int32 = 4096) {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var size = receiveBuffer
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let connected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if descriptor < 0 || connected != 0 { return nil }
        }

        deinit { end() }

        func send(_ text: String) {
            let bytes = Array(text.utf8)
            _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }

        func receive(_ count: Int) -> String {
            var bytes = [UInt8](repeating: 0, count: count)
            let received = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
            return String(decoding: bytes.prefix(max(received, 0)), as: UTF8.self)
        }

        func receive(through end: String) -> String {
            var text = ""
            while !text.hasSuffix(end) {
                let next = receive(1)
                guard !next.isEmpty else { break }
                text += next
            }
            return text
        }

        func end() {
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }
}
