import Foundation
import Simulator
import TestSupport
import Testing

/// `/metrics` of the built binary: formats, limits, and clients that do not behave.
@Suite struct EndpointTests {
    private static let openMetrics = "Accept: application/openmetrics-text;version=1.0.0"
    private static let protobuf =
        "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

    @Test func everyFormatHoldsTheSameSamples() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let exporter = try world.start(
            try world.configure(["webhook_id: 1"], intervals: "check_interval: 1y, probe_interval: 1y"))
        _ = try await exporter.samples { $0["partoo_webhook_probes_total", ["webhook_id": "1"]] == 1 }
        let port = try await exporter.port()
        let plain = try await LoopbackHTTP.request("GET", "/metrics", port: port)
        let open = try await LoopbackHTTP.request("GET", "/metrics", port: port, headers: [Self.openMetrics])
        #expect(plain.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(open.header("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(open.text.hasSuffix("# EOF\n"))
        #expect(open.text.contains("# {probe_id=\"") && !plain.text.contains("# {"))
        let binary = try await LoopbackHTTP.request("GET", "/metrics", port: port, headers: [Self.protobuf])
        // What does not change while a test looks.
        func own(_ page: ParsedPage) -> [ParsedPage.Family] {
            page.families.filter { $0.name.hasPrefix("partoo_webhook_") }
        }
        let left = own(try TextParser.parse(open.body, openMetrics: true))
        let right = own(try ProtobufParser.parse(binary.body).page)
        #expect(left.count > 20 && left == right, "exemplars too")
        #expect(left.contains { $0.type == "histogram" && !$0.exemplars.isEmpty })
        var bare = left
        for index in bare.indices { bare[index].exemplars = [] }
        let classic = own(try TextParser.parse(plain.body, openMetrics: false))
        #expect(bare == classic)
        // The exemplar names a probe that the page and the log know.
        let mark = try #require(open.text.split(separator: "probe_id=\"").dropFirst().first?.prefix(16))
        #expect(try await LoopbackHTTP.request("GET", "/webhooks/acme/1", port: port).text.contains(mark))
        #expect(exporter.errors.contains("probe_id=\(mark)"))
        #expect(await exporter.stop() == 0)
    }

    @Test(arguments: [
        ("Accept: */*", "text/plain; version=0.0.4; charset=utf-8"),
        ("Accept: \(openMetrics.dropFirst(8));q=0.5,text/plain;q=0.6", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "\(openMetrics);escaping=allow-utf-8,text/plain;q=0.9",
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        ),
        (
            "\(protobuf);q=0.7,application/openmetrics-text;version=0.0.1,*/*;q=0.1",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        ),
    ])
    func aFilterAndGzipAndHEADWorkInEveryFormat(accept: String, type: String) async throws {
        let world = try await World()
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        _ = try await exporter.samples { $0["partoo_exporter_watches", ["source": "static"]] == 1 }
        let port = try await exporter.port()
        func get(_ path: String, method: String = "GET", _ headers: [String] = []) async throws -> LoopbackHTTP.Answer {
            let answer = try await LoopbackHTTP.request(method, path, port: port, headers: [accept] + headers)
            #expect(answer.status == 200 && answer.header("Content-Type") == type, "\(answer.headers)")
            return answer
        }
        // What does not change while a test looks.
        let path = "/metrics?name[]=partoo_exporter_build_info&name%5B%5D=partoo_exporter_watches"
        let some = try await get(path)
        for name in ["partoo_exporter_build_info", "partoo_exporter_watches"] {
            #expect(some.body.firstRange(of: Array(name.utf8)) != nil)
        }
        #expect(some.body.firstRange(of: Array("process_".utf8)) == nil)
        #expect(some.body.firstRange(of: Array("watches_removed".utf8)) == nil)
        #expect(try await get("/metrics").body.count > 5 * some.body.count)
        let head = try await get(path, method: "HEAD")
        #expect(head.body.isEmpty && head.header("Content-Length") == "\(some.body.count)")
        for (encodings, isPacked) in [
            ("gzip", true), ("br, GZIP ; q=0.1", true), ("*", true), ("gzip;q=0.5, identity;q=0.4", true),
            ("gzip;q=0", false), ("identity, gzip;q=0.5", false), ("br", false), ("*;q=0", false),
        ] {
            let answer = try await get(path, ["Accept-Encoding: \(encodings)"])
            #expect(answer.header("Content-Encoding") == (isPacked ? "gzip" : nil), "\(encodings)")
            guard isPacked else {
                #expect(answer.body == some.body, "\(encodings)")
                continue
            }
            let file = world.folder.appendingPathComponent("packed")
            try Data(answer.body).write(to: file)
            let unpacked = try await ChildProcess.run("/bin/gzip", ["-dc"], input: file.path)
            #expect(unpacked.status == 0 && unpacked.output == some.text, "\(encodings)")
        }
        #expect(await exporter.stop() == 0)
    }

    @Test func theProcessAndItsHandlerAreDescribedAsClientGolangDoes() async throws {
        let world = try await World()
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        let before = try await exporter.samples()
        for (name, type) in [
            ("process_cpu_seconds_total", "counter"), ("process_open_fds", "gauge"), ("process_max_fds", "gauge"),
            ("process_virtual_memory_bytes", "gauge"), ("process_virtual_memory_max_bytes", "gauge"),
            ("process_resident_memory_bytes", "gauge"), ("process_start_time_seconds", "gauge"),
            ("process_network_receive_bytes_total", "counter"), ("process_network_transmit_bytes_total", "counter"),
            ("promhttp_metric_handler_requests_in_flight", "gauge"),
            ("promhttp_metric_handler_requests_total", "counter"),
        ] {
            #expect(before.text.contains("\n# TYPE \(name) \(type)\n"), "\(name)")
        }
        for name in ["process_cpu_seconds_total", "process_open_fds", "process_resident_memory_bytes"] {
            #expect(before[name] ?? 0 > 0, "\(name)")
        }
        #expect(before["promhttp_metric_handler_requests_in_flight"] == 1)
        let requests = "promhttp_metric_handler_requests_total"
        let last = try await exporter.samples()
        #expect(last[requests, ["code": "200"]] == (before[requests, ["code": "200"]] ?? -1) + 1)
        #expect(last[requests, ["code": "500"]] == 0 && last[requests, ["code": "503"]] == 0)
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
        let (exporter, port) = try await world.startWithLargeMetrics(["--web.max-requests", "1"])
        let stuck = try RawClient(port, receiveBuffer: 4096)
        stuck.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        // From here on it has the place, and takes no more.
        #expect(try await onThread { try stuck.receive(until: " 200") } == "HTTP/1.1 200")
        let refused = try await eventually { () -> LoopbackHTTP.Answer? in
            let answer = try await LoopbackHTTP.request("GET", "/metrics", port: port)
            return answer.status == 503 ? answer : nil
        }
        #expect(refused?.text.contains("concurrent requests") == true)
        for path in ["/-/healthy", "/", "/api/v1/webhooks"] {
            #expect(try await LoopbackHTTP.request("GET", path, port: port).status == 200, "only scrapes are limited")
        }
        stuck.close()
        let again = try await exporter.samples { $0["promhttp_metric_handler_requests_total", ["code": "200"]] != nil }
        #expect(again["promhttp_metric_handler_requests_total", ["code": "503"]] ?? 0 >= 1)
        #expect(await exporter.stop() == 0)
    }

    /// An actor does urgent work first, so that where checks are more than the machine can do, whoever asks for a page has a turn
    /// only if no check is urgent. That machine is hard to come by in a test; the threads' names, which say how urgent their
    /// work is, are not.
    @Test func nothingIsMoreUrgentThanAPage() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...20 { world.partoo.put(.init(id: id, url: "\(origin)/hook")) }
        let exporter = try world.start(try world.configure((1...20).map { "webhook_id: \($0)" }))
        let port = try await exporter.port()
        let threads = URL(fileURLWithPath: "/proc/\(exporter.processIdentifier)/task")
        var names: Set<String> = []
        for round in 1...5 {
            _ = try await exporter.samples {
                $0["partoo_webhook_probes_total", ["webhook_id": "1"]] ?? 0 >= Double(round)
            }
            #expect(try await LoopbackHTTP.request("GET", "/", port: port).status == 200)
            for thread in try FileManager.default.contentsOfDirectory(at: threads, includingPropertiesForKeys: nil) {
                // One of them may end meanwhile.
                if let name = try? String(contentsOf: thread.appendingPathComponent("comm"), encoding: .utf8) {
                    names.insert(name.trimmingCharacters(in: .newlines))
                }
            }
        }
        // The ends of the names that the runtime gives them, as much as the kernel keeps.
        #expect(names.contains { $0.hasSuffix(".default-qos") }, "\(names)")
        #expect(!names.contains { $0.hasSuffix("-initiated-qos") || $0.hasSuffix("interactive-qos") }, "\(names)")
        #expect(await exporter.stop() == 0)
    }

    /// Whoever asks for probes of a receiver that hangs keeps no scrape out, and is no scrape that was refused.
    @Test func probesOnDemandTakeNoScrapesPlace() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.reaction(.hang))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let path = try world.configure(["webhook_id: 1"], intervals: "check_interval: 1y, probe_interval: 1y")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try world.write(text.replacing("timeout: 2s", with: "timeout: 10m"), to: "config.yml")
        let exporter = try world.start(path, ["--web.max-requests", "1"])
        _ = try await exporter.samples { $0["partoo_exporter_probes_in_flight"] == 1 }
        let port = try await exporter.port()
        // Whichever comes when the place is free keeps it.
        var askers: [RawClient] = []
        repeat {
            let asker = try RawClient(port)
            asker.send("GET /probe?webhook_id=1 HTTP/1.1\r\nHost: a\r\n\r\n")
            askers.append(asker)
        } while try await LoopbackHTTP.request("GET", "/probe?webhook_id=none", port: port).status != 503
        let scrape = try await LoopbackHTTP.request("GET", "/metrics", port: port)
        #expect(scrape.status == 200)
        let samples = Samples(scrape.text)
        #expect(samples["promhttp_metric_handler_requests_total", ["code": "503"]] ?? 0 == 0)
        for asker in askers { asker.close() }
        #expect(await exporter.stop() == 0)
    }

    @Test func whatIsTooLargeIsRefused() async throws {
        func text(_ count: Int) -> String { String(repeating: "a", count: count) }
        let world = try await World()
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        let port = try await exporter.port()
        let table: [(request: String, status: String)] = [
            ("GET /-/healthy HTTP/1.1\r\nHost: a\r\nX-A: \(text(40_000))\r\n\r\n", "431"),
            ("GET /\(text(40_000)) HTTP/1.1\r\nHost: a\r\n\r\n", "431"),
            ("GET /-/healthy HTTP/1.1\r\nHost: a\r\nX-A: \(text(30_000))\r\nConnection: close\r\n\r\n", "200"),
            ("POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", "413"),
            (
                "POST /-/reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n\(text(65_537))\r\n0\r\n\r\n",
                "413"
            ),
            // As much as may be; the endpoint is off.
            (
                "POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\nConnection: close\r\n\r\n\(text(65_536))",
                "403"
            ),
            ("nonsense\r\n\r\n", "400"),
        ]
        for item in table {
            let answer = String(
                decoding: try await LoopbackHTTP.exchange(Array(item.request.utf8), port: port), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(item.status) "), "\(item.request.prefix(60)): \(answer.prefix(60))")
        }
        #expect(try await LoopbackHTTP.request("GET", "/-/healthy", port: port).status == 200)
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
            #expect(try await prometheus.query("partoo_webhook_probe_latency_seconds_bucket").isEmpty)
            let count = try await prometheus.query("histogram_count(partoo_webhook_probe_latency_seconds)")
            #expect(count.first.map { $0.value >= 3 } == true)
        }
        // Every scrape was good, and every sample of it was taken.
        #expect(try await prometheus.query("min_over_time(up[10m])").first?.value == 1)
        let own = Samples(try await LoopbackHTTP.request("GET", "/metrics", port: prometheus.port).text)
        for fault in [
            "sample_out_of_bounds", "sample_out_of_order", "sample_duplicate_timestamp", "exemplar_out_of_order",
        ] {
            #expect(own["prometheus_target_scrapes_\(fault)_total"] == 0, "\(fault)")
        }
        #expect(!prometheus.log.contains("level=warn") && !prometheus.log.contains("level=error"), "\(prometheus.log)")
        #expect(await exporter.stop() == 0)
    }
}
