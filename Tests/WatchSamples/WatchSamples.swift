package import Monitoring
import Partoo
import Probing
package import Transport
import Watching

/// Watches with a past, made as the monitor makes them: by checks and probes.
package enum WatchSamples {
    /// Seconds since 1970.
    package static let now = 1_750_000_000.0
    private static let key = FingerprintKey(bytes: [1, 2, 3])

    /// Of 50 watches one each is missing, failing, drifted, unknown and disabled, the others are in sync; in no order.
    package static func details(_ count: Int, probes: Int = WatchHistory.keptOutcomes) -> [WatchDetail] {
        (0..<count).map { detail(($0 &* 7919) % max(count, 1), probes: probes) }
    }

    /// A watch whose custom headers were learned and have changed meanwhile.
    package static func detail(learned: [HeaderField], observed: [HeaderField]) -> WatchDetail {
        var state = WatchState(watch: Watch(id: WatchID(account: "acme", webhookID: 1)), key: key, at: now - 86_400)
        for (headers, age) in [(learned, 7200.0), (observed, 20)] {
            let configuration = WebhookConfiguration(
                id: 1, url: Secret("https://receiver.example/"), eventType: "business_updated", orgID: 42,
                customHeaders: headers)
            _ = state.checked(.configuration(configuration), at: now - age, duration: .milliseconds(80))
        }
        return WatchDetail(report: WatchReport(state: state, now: now), history: WatchHistory())
    }

    private static func detail(_ number: Int, probes: Int) -> WatchDetail {
        let kind = number % 50
        var state = WatchState(
            watch: Watch(
                id: WatchID(account: number % 3 == 0 ? "acme" : "other", webhookID: number), isEnabled: kind != 5,
                labels: [Label(name: "team", value: number % 2 == 0 ? "growth" : "integrations")]),
            key: key, at: now - 86_400)
        var history = WatchHistory()
        var configuration = WebhookConfiguration(
            id: number, url: Secret("https://receiver-\(number % 97).example/hooks?key=\(number)"),
            eventType: "business_updated", createdAt: now - 1e7, updatedAt: now - 1e6, orgID: 42,
            customHeaders: [HeaderField("X-Tenant", "blue"), HeaderField("X-Auth-Token", "token-\(number)")])
        _ = state.checked(.configuration(configuration), at: now - 7200, duration: .milliseconds(80))
        for turn in 0..<probes {
            let isLast = turn == probes - 1
            let result = probe(fails: isLast ? kind == 1 : turn % 13 == 5, turn)
            let at = now - Double(probes - turn) * 30
            _ = state.probed(result, revision: state.revision, at: at)
            history.probed(
                result, id: ProbeID(number: UInt64(number * 100 + turn)), revision: state.revision, at: at)
        }
        let outcome: CheckOutcome
        switch kind {
        case 0: outcome = .missing
        case 2:
            configuration.customHeaders[0] = HeaderField("X-Tenant", "green")
            outcome = .configuration(configuration)
        case 3: outcome = .failure(APIFailure(.serverError, "the API answered with status 503"))
        default: outcome = .configuration(configuration)
        }
        history.noticed(state.checked(outcome, at: now - 20, duration: .milliseconds(80)), at: now - 20)
        return WatchDetail(report: WatchReport(state: state, now: now), history: history)
    }

    private static func probe(fails: Bool, _ turn: Int) -> ProbeResult {
        let slower = Duration.milliseconds(turn % 7 * 9)
        return ProbeResult(
            isReachable: true, failure: fails ? .status : nil,
            message: fails ? "the receiver answered with status 503" : "", status: fails ? 503 : 200,
            httpVersion: .http2,
            timings: Timings(
                resolve: .milliseconds(3), connect: .milliseconds(12), tls: .milliseconds(25),
                processing: .milliseconds(40) + slower, transfer: .milliseconds(1), total: .milliseconds(81) + slower),
            tls: TLSFacts(
                isVerified: true, version: "TLS 1.3", cipher: "TLS_AES_256_GCM_SHA384",
                leafNotAfter: Int64(now) + 40 * 86_400, earliestNotAfter: Int64(now) + 40 * 86_400))
    }
}
