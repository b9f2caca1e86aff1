import ExporterMetrics
import Exposition
import Monitoring
import Partoo
import Probing
import TestSupport
import Transport
import Watching

/// A store, and one watch that is driven through events; every event is reported as the monitor would.
final class StoreRig {
    let store: MetricsStore
    var state: WatchState
    private(set) var now = 1_700_000_000.0

    static func store(latencyBuckets: [Double] = [0.1, 1]) throws -> MetricsStore {
        MetricsStore(
            families: try MetricCatalogue(),
            build: MetricsStore.BuildInfo(
                version: "1", revision: "r", swiftVersion: "6", libcurlVersion: "7", tlsLibrary: "t"),
            latencyBuckets: latencyBuckets)
    }

    init(_ change: (inout Watch) -> Void = { _ in }) throws {
        store = try Self.store()
        var watch = Watch(id: WatchID(account: "acme", webhookID: 1))
        change(&watch)
        state = WatchState(watch: watch, key: FingerprintKey(), at: now)
        report()
    }

    static func configuration(
        url: String = "https://receiver.example:8443/CANARY?CANARY", type: String = "lead_received",
        created: Double? = 1, updated: Double? = 2,
        headers: [(String, String)] = [("X-A", "CANARY")]
    ) -> WebhookConfiguration {
        WebhookConfiguration(
            id: 1, url: Secret(url), eventType: type, createdAt: created, updatedAt: updated, orgID: 42,
            customHeaders: headers.map { HeaderField($0.0, $0.1) })
    }

    static func result(_ failure: ProbeFailureReason? = nil, _ change: (inout ProbeResult) -> Void = { _ in })
        -> ProbeResult
    {
        var result = ProbeResult(
            isReachable: true, failure: failure, message: failure == nil ? "" : "CANARY", status: 200,
            httpVersion: .http1_1,
            timings: Timings(
                resolve: .milliseconds(1), connect: .milliseconds(2), tls: .milliseconds(3),
                processing: .milliseconds(4),
                transfer: .milliseconds(5), total: .milliseconds(15)),
            tls: TLSFacts(isVerified: true, version: "TLS 1.3", cipher: "c", leafNotAfter: 900, earliestNotAfter: 800),
            remoteAddress: IPAddress("1.2.3.4"), responseBytes: 7)
        change(&result)
        return result
    }

    /// A probe that no response came of.
    static func unreachable(_ reason: ProbeFailureReason) -> ProbeResult {
        ProbeResult(
            isReachable: false, failure: reason, timings: Timings(resolve: .milliseconds(1), total: .milliseconds(1)))
    }

    func report(_ probe: ProbeResult? = nil) {
        var changes = MonitorChanges()
        changes.updated = [WatchReport(state: state, now: now, probe: probe)]
        store.apply(changes)
    }

    func check(_ configuration: WebhookConfiguration = StoreRig.configuration()) {
        check(.configuration(configuration))
    }

    func check(_ outcome: CheckOutcome) {
        now += 60
        _ = state.checked(outcome, at: now, duration: .milliseconds(250))
        report()
    }

    func fail(_ reason: CheckFailureReason) { check(.failure(APIFailure(reason, "CANARY"))) }

    func probe(_ result: ProbeResult = StoreRig.result()) {
        now += 1
        let counted = state.probed(result, revision: state.revision, at: now) != nil
        report(counted ? result : nil)
    }

    func pass(_ seconds: Double) {
        now += seconds
        report()
    }

    func redefine(_ change: (inout Watch) -> Void) {
        var watch = state.watch
        change(&watch)
        state.redefine(watch, at: now)
        report()
    }

    var text: String { String(decoding: store.page().render(.text), as: UTF8.self) }
    var samples: Samples { Samples(text) }

    /// The watch's families that are there, without their prefix.
    var families: Set<String> {
        Set(
            text.split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ")
                guard words.count == 4, words[1] == "TYPE", words[2].hasPrefix("partoo_webhook_") else { return nil }
                return String(words[2].dropFirst("partoo_webhook_".count))
            })
    }

    /// The values of a label on the series of a family that are not 0.
    func values(_ label: String, of family: String) -> Set<String> {
        Set(
            samples.series("partoo_webhook_" + family).filter { samples.values[$0] != 0 }.compactMap { series in
                series.split(separator: "\(label)=\"").dropFirst().first?.split(separator: "\"").first.map(String.init)
            })
    }

    subscript(_ family: String, _ labels: [String: String]) -> Double? { samples["partoo_webhook_" + family, labels] }
    subscript(_ family: String) -> Double? { self[family, [:]] }
}
