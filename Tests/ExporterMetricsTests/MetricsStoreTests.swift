import Exposition
import ExporterMetrics
import Foundation
import Monitoring
import Partoo
import Probing
import TestSupport
import Testing
import Transport
import Watching

@Suite struct MetricsStoreTests {
    private func report(_ id: WatchID, source: WatchSource = .static, labels: [Label] = []) -> WatchReport {
        let watch = Watch(id: id, source: source, labels: labels)
        return WatchReport(state: WatchState(watch: watch, key: FingerprintKey(bytes: [1]), at: 0), now: 0)
    }

    private func samples(_ store: MetricsStore) -> Samples {
        Samples(String(decoding: store.page().render(.text), as: UTF8.self))
    }

    @Test func watchesComeAndGoWithAllTheirSeries() throws {
        let store = try StoreRig.store()
        var changes = MonitorChanges()
        let ids = [("b", 2), ("a", 10), ("a", 9), ("c", 1), ("b", 1)].map { WatchID(account: $0.0, webhookID: $0.1) }
        changes.updated = ids.enumerated().map { report($1, source: $0 == 0 ? .file : .static) }
        store.apply(changes)
        let text = String(decoding: store.page().render(.text), as: UTF8.self)
        let order = text.split(separator: "\n").filter { $0.hasPrefix("partoo_webhook_probes_total") }
        let sorted = [("a", 9), ("a", 10), ("b", 1), ("b", 2), ("c", 1)]
        #expect(order == sorted.map { "partoo_webhook_probes_total{account=\"\($0.0)\",webhook_id=\"\($0.1)\"} 0" })
        #expect(samples(store)["partoo_exporter_watches", ["source": "static"]] == 4)
        #expect(samples(store)["partoo_exporter_watches", ["source": "file"]] == 1)
        #expect(samples(store)["partoo_exporter_watches", ["source": "discovered"]] == 0)
        var removal = MonitorChanges()
        removal.removed = [ids[0], ids[2], WatchID(account: "z", webhookID: 1)]
        store.apply(removal)
        let after = samples(store)
        #expect(after.series("partoo_webhook_probes_total").count == 3 && !after.text.contains("webhook_id=\"9\""))
        #expect(after["partoo_exporter_watches_removed_total", ["reason": "reload"]] == 2)
        #expect(after["partoo_exporter_watches_removed_total", ["reason": "retention"]] == 0)
        var retirement = MonitorChanges()
        retirement.retired = [ids[3], WatchID(account: "z", webhookID: 1)]
        store.apply(retirement)
        #expect(samples(store)["partoo_exporter_watches_removed_total", ["reason": "reload"]] == 2)
        #expect(samples(store)["partoo_exporter_watches_removed_total", ["reason": "retention"]] == 1)
        // Away and back in one set of changes: it is there.
        var both = MonitorChanges()
        both.removed = [ids[1]]
        both.updated = [report(ids[1])]
        store.apply(both)
        #expect(samples(store).series("partoo_webhook_probes_total").count == 2)
    }

    @Test func aFailureOfTheStorageCountsOnce() throws {
        let store = try StoreRig.store()
        for count in 0...2 {
            #expect(samples(store)["partoo_exporter_storage_errors_total"] == Double(count))
            store.storageFailed()
        }
    }

    @Test func otherBucketsBeginAnewAndShowAtOnce() throws {
        let rig = try StoreRig()
        rig.check()
        rig.probe()
        #expect(rig["probe_latency_seconds_bucket", ["le": "0.1"]] == 1)
        var changes = MonitorChanges()
        changes.latencyBuckets = [0.5]
        changes.updated = [WatchReport(state: rig.state, now: rig.now)]
        rig.store.apply(changes)
        #expect(
            rig["probe_latency_seconds_bucket", ["le": "0.5"]] == 0
                && rig["probe_latency_seconds_bucket", ["le": "0.1"]] == nil)
        rig.probe()
        #expect(rig["probe_latency_seconds_bucket", ["le": "0.5"]] == 1)
        changes.updated = []
        rig.store.apply(changes)
        #expect(rig["probe_latency_seconds_count"] == 1)
        rig.probe()
        #expect(rig["probe_latency_seconds_count"] == 2)
    }

    private func store(calls: [APICall]) throws -> Samples {
        let store = try StoreRig.store()
        var changes = MonitorChanges()
        changes.accounts = [AccountReport(name: "acme", discovers: false)]
        store.apply(changes)
        for call in calls { store.called(account: "acme", call) }
        store.called(account: "unknown", call(200))
        return samples(store)
    }

    private func call(_ status: Int?, _ reason: CheckFailureReason? = nil) -> APICall {
        APICall(
            endpoint: .webhook, status: status, duration: .milliseconds(5),
            failure: reason.map { APIFailure($0, "CANARY") })
    }

    /// Up is: answered, and not refused. What an answer says of one webhook is no matter of the account.
    @Test(
        arguments: [
            (200, nil, nil), (404, nil, nil), (404, .notFound, nil), (200, .malformed, nil),
            (302, .unexpectedStatus, nil),
            (401, .unauthorized, "unauthorized"), (403, .forbidden, "forbidden"), (429, .rateLimited, "rate_limited"),
            (500, .serverError, "server_error"), (nil, .dns, "dns"), (nil, .connect, "connect"), (nil, .tls, "tls"),
            (nil, .timeout, "timeout"),
            (nil, .malformed, "malformed"), (nil, .internal, "internal"),
        ] as [(Int?, CheckFailureReason?, String?)])
    func anAccountIsUpOrSaysWhyNot(status: Int?, reason: CheckFailureReason?, shown: String?) throws {
        let seen = try store(calls: [call(200), call(status, reason)])
        #expect(seen["partoo_exporter_api_up", ["account": "acme"]] == (shown == nil ? 1 : 0))
        #expect(seen.label("reason", of: "partoo_exporter_api_failure", ["account": "acme"]) == shown)
        #expect(seen.series("partoo_exporter_api_failure").count == (shown == nil ? 0 : 1))
        let code = status.map(String.init) ?? "000"
        #expect(
            seen["partoo_exporter_api_requests_total", ["code": code, "endpoint": "webhook"]] == (code == "200" ? 2 : 1)
        )
        let again = try store(calls: [call(status, reason), call(200)])
        #expect(again["partoo_exporter_api_up"] == 1 && again.series("partoo_exporter_api_failure").isEmpty)
        #expect(again["partoo_exporter_api_rate_limited_total"] == (status == 429 ? 1 : 0))
        #expect(again["partoo_exporter_api_request_duration_seconds_count", ["endpoint": "webhook"]] == 2)
    }

    @Test func anAccountThatStaysKeepsItsNumbersOverAReload() throws {
        let store = try StoreRig.store()
        var changes = MonitorChanges()
        changes.accounts = [
            AccountReport(name: "acme", discovers: false), AccountReport(name: "other", discovers: false),
        ]
        store.apply(changes)
        for account in ["acme", "other"] { store.called(account: account, call(500, .serverError)) }
        changes.accounts = [AccountReport(name: "acme", discovers: true)]
        store.apply(changes)
        let seen = samples(store)
        #expect(seen["partoo_exporter_api_requests_total", ["endpoint": "webhook", "code": "500"]] == 1)
        #expect(seen["partoo_exporter_api_up"] == 0)
        #expect(seen["partoo_exporter_discovery_failures_total", ["account": "acme"]] == 0)
        #expect(!seen.text.contains("account=\"other\""))
    }

    @Test func usualCodesAreCountedFromZero() throws {
        let seen = try store(calls: [])
        for code in ["200", "401", "403", "404", "429", "500", "000"] {
            for endpoint in ["webhook", "webhooks"] {
                let labels = ["account": "acme", "endpoint": endpoint, "code": code]
                #expect(seen["partoo_exporter_api_requests_total", labels] == 0)
            }
        }
        #expect(seen["partoo_exporter_api_up"] == nil && seen["partoo_exporter_api_rate_limited_total"] == 0)
        for kind in ["check", "probe"] {
            #expect(seen["partoo_exporter_schedule_missed_total", ["kind": kind]] == 0)
            #expect(seen["partoo_exporter_schedule_lateness_seconds_count", ["kind": kind]] == 0)
        }
        #expect(
            seen["partoo_exporter_probes_in_flight"] == 0 && seen["partoo_exporter_shard"] == 0
                && seen["partoo_exporter_total_shards"] == 1)
        #expect(!seen.text.contains("unknown\""))
    }

    @Test func theProcessAndTheHandlerAreThere() throws {
        let store = try StoreRig.store()
        store.scrapeBegan()
        #expect(samples(store)["promhttp_metric_handler_requests_in_flight"] == 1)
        store.scrapeEnded(status: 200)
        store.reloaded(success: true, at: 5)
        store.reloaded(success: false, at: 9)
        let seen = samples(store)
        #expect(seen["promhttp_metric_handler_requests_in_flight"] == 0)
        #expect(seen["promhttp_metric_handler_requests_total", ["code": "200"]] == 1)
        #expect(seen["promhttp_metric_handler_requests_total", ["code": "503"]] == 0)
        #expect(seen["partoo_exporter_config_last_reload_successful"] == 0)
        #expect(seen["partoo_exporter_config_last_reload_success_timestamp_seconds"] == 5)
        for name in [
            "process_cpu_seconds_total", "process_open_fds", "process_max_fds", "process_virtual_memory_bytes",
            "process_virtual_memory_max_bytes", "process_resident_memory_bytes", "process_start_time_seconds",
        ] {
            #expect((seen[name] ?? 0) > 0, "\(name)")
        }
    }

    @Test func theProcessIsMeasuredAsTheKernelDoes() throws {
        let store = try StoreRig.store()
        // Other tests open and close files meanwhile, so that most of many looks count.
        let excess = try (0..<51).map { _ in
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count - 1
            return (samples(store)["process_open_fds"] ?? 0) - Double(open)
        }
        #expect(excess.sorted()[25] == 0)
        let before = Self.processorTime
        let shown = samples(store)["process_cpu_seconds_total"] ?? 0
        // The kernel counts in hundredths here.
        #expect(shown > before - 0.05 && shown < Self.processorTime + 0.05)
    }

    private static var processorTime: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    /// Random lives of many watches with hostile labels: never a series twice, and promtool has nothing to say.
    @Test(arguments: UInt64(1)...3)
    func thePageStaysGood(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let store = try StoreRig.store()
        var accounts = MonitorChanges()
        accounts.accounts = [
            AccountReport(name: "acme", discovers: true), AccountReport(name: "other", discovers: false),
        ]
        store.apply(accounts)
        var states = (0..<30).map { number in
            let hostile = Label(name: "note", value: "\"\\\n{}=, é\u{301}\u{0} \(random.next())")
            return WatchState(
                watch: Watch(
                    id: WatchID(account: number % 2 == 0 ? "acme" : "other", webhookID: number), labels: [hostile]),
                key: FingerprintKey(bytes: [1]), at: 0)
        }
        for step in 1...300 {
            let index = Int.random(in: states.indices, using: &random)
            var probe: ProbeResult?
            switch Int.random(in: 0..<8, using: &random) {
            case 0: _ = states[index].checked(.missing, at: Double(step), duration: .zero)
            case 1: _ = states[index].checked(.failure(APIFailure(.dns, "")), at: Double(step), duration: .zero)
            case 2...4:
                let type = ["lead_received", "\"\n", ""].randomElement(using: &random) ?? ""
                let url = ["https://a\"b/", "https://a/", "https://[::1]:1/", "\n"].randomElement(using: &random) ?? ""
                _ = states[index].checked(
                    .configuration(StoreRig.configuration(url: url, type: type)), at: Double(step), duration: .zero)
            default:
                let reason =
                    Bool.random(using: &random) ? ProbeFailureReason.allCases.randomElement(using: &random) : nil
                let result = StoreRig.result(reason) { $0.tls?.cipher = "\"\\\n" }
                if states[index].probed(result, revision: states[index].revision, at: Double(step)) != nil {
                    probe = result
                }
            }
            var changes = MonitorChanges()
            changes.updated = [WatchReport(state: states[index], now: Double(step), probe: probe)]
            store.apply(changes)
            for account in ["acme", "other"] {
                store.called(account: account, call([200, 404, 418, nil].randomElement(using: &random) ?? nil))
            }
        }
        let page = store.page().render(.text)
        #expect(Samples(String(decoding: page, as: UTF8.self)).faults.isEmpty)
        try await promtoolIsSilent(page)
    }

    private func promtoolIsSilent(_ page: [UInt8]) async throws {
        let promtool = "/usr/bin/promtool"
        guard FileManager.default.isExecutableFile(atPath: promtool) else { return }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("page-\(UUID().uuidString)")
        try Data(page).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let run = try await ChildProcess.run(promtool, ["check", "metrics"], input: file.path)
        #expect(run.status == 0 && run.output.isEmpty && run.errors.isEmpty, "\(run.output)\(run.errors)")
    }
}
