import Foundation
import Simulator
import TestSupport
import Testing

/// The histograms of the built binary: their buckets, and that they lose nothing.
@Suite struct HistogramTests {
    private static let protobuf =
        "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    private static let latency = "partoo_webhook_probe_latency_seconds"
    private static let lateness = "partoo_exporter_schedule_lateness_seconds"

    /// What the binary shows of one webhook's latencies, and how many probes it counts on the same page.
    private struct View: Sendable {
        var native: ProtobufParser.Native
        var count: Int64
        var probes: Int64
        var classic: [Double: Int64]
    }

    private func view(_ port: Int) async throws -> View {
        let answer = try await LoopbackHTTP.request(
            "GET", "/metrics?name[]=\(Self.latency)&name[]=partoo_webhook_probes_total", port: port,
            headers: [Self.protobuf])
        let (page, natives) = try ProtobufParser.parse(answer.body)
        func value(_ name: String) -> Int64? {
            page.samples.first { $0.name == name }.map { Int64(Double(bitPattern: $0.value)) }
        }
        let bounds = page.samples.compactMap { sample in
            sample.labels["le"].flatMap(Double.init).map { ($0, Int64(Double(bitPattern: sample.value))) }
        }
        return View(
            native: try #require(natives.first), count: try #require(value(Self.latency + "_count")),
            probes: try #require(value("partoo_webhook_probes_total")),
            classic: Dictionary(uniqueKeysWithValues: bounds))
    }

    @Test func theBoundsAreWhatTheFileSays() async throws {
        let world = try await World()
        for (text, bounds) in [
            ("", ["0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"]),
            ("}\nmetrics: {latency_buckets: [0.001, 0.75, 60]", ["0.001", "0.75", "60.0", "+Inf"]),
        ] {
            let exporter = try world.start(try world.configure(["webhook_id: 1"], storage: "state.db" + text))
            let port = try await exporter.port()
            for accept in ["text/plain", "application/openmetrics-text;version=1.0.0"] {
                let page = try await LoopbackHTTP.request(
                    "GET", "/metrics?name[]=\(Self.latency)", port: port, headers: ["Accept: \(accept)"])
                #expect(page.text.matches(of: /,le="([^"]+)"/).map { String($0.output.1) } == bounds, "\(accept)")
            }
            #expect(await exporter.stop() == 0)
        }
    }

    /// Many webhooks are probed at once until enough has happened; then the receiver knows how often that was.
    @Test func nothingIsLostWhileManyObserve() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200), nil)
        let ids = 1...40
        for id in ids { world.partoo.put(.init(id: id, url: "\(origin)/hook")) }
        let watches = ids.map { "webhook_id: \($0), module: patient" }
        // So that every probe is answered in time, whatever runs beside.
        let module = "retries: 0\n  patient: {timeout: 1m, allowed_schemes: [http], allowed_networks: [127.0.0.0/8]}"
        let exporter = try world.start(
            try world.configure(watches, module: module, intervals: "check_interval: 1s, probe_interval: 100ms"))
        @Sendable func sum(_ samples: Samples, _ name: String, _ labels: [String: String] = [:]) -> Double {
            samples.series(name, labels).reduce(0) { $0 + (samples.values[$1] ?? 0) }
        }
        _ = try await exporter.samples { sum($0, "partoo_webhook_probes_total") > 2000 }
        _ = try world.configure(watches, module: module, intervals: "check_interval: 1y, probe_interval: 1y")
        exporter.signal(SIGHUP)
        let last = try await exporter.samples { samples in
            let checks = sum(samples, Self.lateness + "_count", ["kind": "check"])
            return sum(samples, "partoo_webhook_probes_total") == Double(receiver.count)
                && samples["partoo_exporter_probes_in_flight"] == 0
                && sum(samples, "partoo_webhook_config_checks_total") == checks
        }
        #expect(sum(last, Self.latency + "_count") == Double(receiver.count))
        #expect(sum(last, Self.lateness + "_count", ["kind": "probe"]) == Double(receiver.count))
        let calls = ids.reduce(0) { $0 + world.partoo.count("/v2/webhooks/\($1)") }
        let webhook = ["endpoint": "webhook"]
        #expect(sum(last, "partoo_exporter_api_request_duration_seconds_count", webhook) == Double(calls))
        #expect(sum(last, "partoo_exporter_api_requests_total", webhook) == Double(calls) && calls >= ids.count)
        for id in ids {
            let own = ["webhook_id": "\(id)"]
            #expect(last[Self.latency + "_count", own] == last["partoo_webhook_probes_total", own])
        }
        #expect(await exporter.stop() == 0)
    }

    /// Every probe takes 2^(1/8) as long as the one before, so that each needs a bucket of its own. The receiver answers no
    /// more of them than the test has asked for: what is looked at does not move.
    @Test func aNativeOneGetsCoarserAtTheHundredAndSixtyFirstBucket() async throws {
        let world = try await World()
        let gate = ReceiverGate()
        let receiver = try gate.server()
        world.partoo.put(.init(id: 1, url: "http://127.0.0.1:\(receiver.port)/hook"))
        let path = try world.configure(
            ["webhook_id: 1, module: patient"], module: ReceiverGate.module,
            intervals: "check_interval: 1y, probe_interval: 10ms")
        let exporter = try world.start(path, environment: ["LD_PRELOAD": ExporterProcess.library("ForgedLatency")])
        let port = try await exporter.port()
        for (count, schema) in [(1, 3), (160, 3), (161, 2), (320, 2), (321, 1), (400, 1)] {
            gate.wanted = count
            let seen = try await eventually { () -> View? in
                let view = try await view(port)
                return view.probes >= count ? view : nil
            }
            let now = try #require(seen, "never \(count) probes")
            #expect(now.count == count && now.probes == count)
            #expect(now.native.zeroCount == 0 && now.native.negative.isEmpty)
            #expect(now.native.schema == schema, "after \(count)")
            // The first lies between the bounds 2^(-80/8) and 2^(-79/8) seconds. When 161 buckets are populated, two
            // neighbours become one, of which the upper one has the even index, and so on.
            let width = Int64(1) << (3 - schema)
            let expected = (0..<Int64(count)).reduce(into: [Int64: Int64]()) { buckets, number in
                buckets[Int64((Double(number - 79) / Double(width)).rounded(.up)), default: 0] += 1
            }
            #expect(now.native.positive.filter { $0.value > 0 } == expected, "after \(count)")
            // 10 s are 2^13.28 ms: the first 106.
            #expect(now.classic[10] == Int64(min(count, 106)), "\(now.classic)")
        }
        #expect(await exporter.stop() == 0)
    }
}
