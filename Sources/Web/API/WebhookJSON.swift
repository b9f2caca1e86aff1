import FoundationEssentials
import Logs
import Monitoring
import Partoo
import Probing
import Transport
import Watching

/// One watch as `/api/v1/webhooks` shows it. Nothing in here is a secret in clear. What is not known is left out.
struct WebhookJSON: Encodable {
    var account: String
    var webhookId: Int
    var enabled: Bool
    var source: String
    var module: String
    var labels: [String: String]
    /// The worst of `standings`.
    var standing: String
    var standings: [String]
    var eventType: String?
    var orgId: Int?
    var target: String?
    var config: Config
    var probe: Probe?
    var certificate: Certificate?

    struct Config: Encodable {
        var state: String
        var sentence: String
        var advice: String?
        var driftedFields: [String]
        var since: String?
        var lastCheck: Check?
        var lastSuccess: String?
        var lastConfirmed: String?
    }

    struct Check: Encodable {
        var at: String
        var durationSeconds: Double
        var reason: String?
        var message: String?
    }

    struct Probe: Encodable {
        var at: String
        var probeId: String?
        var success: Bool
        var reachable: Bool
        var statusCode: Int
        var sentence: String
        var reason: String?
        var advice: String?
        var durationSeconds: Double
        var phaseDurationSeconds: [String: Double]
        var httpVersion: String?
        var tlsVersion: String?
        var tlsVerified: Bool?
        var consecutiveFailures: Int
    }

    struct Certificate: Encodable {
        var leafNotAfter: String
        var earliestNotAfter: String
        var days: Int
    }

    init(_ detail: WatchDetail) {
        let report = detail.report
        let state = report.state
        let summary = WatchSummary(report)
        account = state.id.account
        webhookId = state.id.webhookID
        enabled = state.watch.isEnabled
        source = state.watch.source.rawValue
        module = state.watch.module
        labels = Dictionary(state.watch.labels.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last })
        standing = summary.standings.worst.rawValue
        standings = summary.standings.all.map(\.rawValue)
        eventType = state.observation?.eventType
        orgId = state.observation?.orgID
        target = summary.target
        let isOff = summary.configuration == .drifted || summary.configuration == .missing
        config = Config(
            state: summary.configuration.rawValue, sentence: summary.configurationSentence,
            advice: summary.configurationAdvice, driftedFields: summary.driftedFields.map(\.rawValue),
            since: isOff ? state.driftedSince.map(Timestamp.text) : nil,
            lastCheck: state.lastCheck.map {
                Check(
                    at: Timestamp.text($0.at), durationSeconds: $0.duration.seconds,
                    reason: $0.failure?.reason.rawValue, message: $0.failure?.message)
            }, lastSuccess: state.lastSuccess.map(Timestamp.text),
            lastConfirmed: state.lastConfirmed.map(Timestamp.text))
        probe = state.lastProbe.map { probe in
            let result = probe.result
            let timings = result.timings
            let phases: [(String, Duration?)] = [
                ("resolve", timings.resolve), ("connect", timings.connect), ("tls", timings.tls),
                ("processing", timings.processing), ("transfer", timings.transfer),
            ]
            let known = phases.compactMap { name, time in time.map { (name, $0.seconds) } }
            return Probe(
                at: Timestamp.text(probe.at), probeId: detail.history.probes.last?.id.description,
                success: result.isSuccess, reachable: result.isReachable, statusCode: result.status,
                sentence: summary.probeSentence, reason: result.failure?.rawValue, advice: summary.probeAdvice,
                durationSeconds: timings.total.seconds,
                phaseDurationSeconds: Dictionary(known, uniquingKeysWith: { _, last in last }),
                httpVersion: result.httpVersion?.rawValue, tlsVersion: result.tls?.version,
                tlsVerified: result.tls?.isVerified, consecutiveFailures: state.consecutiveProbeFailures)
        }
        if let expiry = state.certificateExpiry {
            certificate = Certificate(
                leafNotAfter: Timestamp.text(Double(expiry.leaf)),
                earliestNotAfter: Timestamp.text(Double(expiry.earliest)), days: summary.certificateDays ?? 0)
        }
    }
}

/// One watch as `/api/v1/webhooks/{account}/{id}` shows it.
struct WebhookDetailJSON: Encodable {
    var webhook: WebhookJSON
    var comparison: [Field]
    var baselines: [Baseline]
    var brokenRules: [String]
    /// Newest first, like the other two.
    var probes: [PastProbe]
    var changes: [Change]

    struct Field: Encodable {
        var field: String
        var header: String?
        var source: String?
        var baseline: String?
        var observed: String?
        var differs: Bool
        var ignored: Bool
    }

    struct Baseline: Encodable {
        var source: String
        var at: String
    }

    struct PastProbe: Encodable {
        var probeId: String
        var at: String
        var success: Bool
        var reason: String?
        var message: String?
        var statusCode: Int
        var durationSeconds: Double
        var phaseDurationSeconds: [String: Double]
    }

    struct Change: Encodable {
        struct Side: Encodable {
            var text: String
            var fingerprint: String?

            init(_ side: ConfigurationChange.Side) {
                text = side.text
                fingerprint = side.fingerprint?.description
            }
        }

        var at: String
        var sentence: String
        var field: String?
        var header: String?
        var from: Side?
        var to: Side?
        var noticedBy: String?
    }

    init(_ detail: WatchDetail) {
        let state = detail.report.state
        webhook = WebhookJSON(detail)
        comparison = state.comparisons.map {
            Field(
                field: $0.field.rawValue, header: $0.header, source: $0.source?.rawValue, baseline: $0.baseline,
                observed: $0.observed, differs: $0.differs, ignored: $0.isIgnored)
        }
        baselines = state.baselineTimes.map { Baseline(source: $0.source.rawValue, at: Timestamp.text($0.at)) }
        brokenRules = state.observation.map { WebhookRule.broken(by: $0).map(\.rawValue) } ?? []
        probes = detail.history.probes.reversed().map { probe in
            PastProbe(
                probeId: probe.id.description, at: Timestamp.text(probe.at), success: probe.failure == nil,
                reason: probe.failure?.rawValue, message: probe.failure == nil ? nil : probe.message,
                statusCode: Int(probe.status), durationSeconds: Double(probe.total),
                phaseDurationSeconds: Dictionary(
                    probe.phases.map { ($0.name, $0.seconds) }, uniquingKeysWith: { _, last in last }))
        }
        changes = ChangeLine.lines(detail).map { line in
            Change(
                at: Timestamp.text(line.at), sentence: line.sentence, field: line.change?.field.rawValue,
                header: line.change?.header, from: line.change?.from.map(Change.Side.init),
                to: line.change?.to.map(Change.Side.init), noticedBy: line.change?.noticedBy.rawValue)
        }
    }
}

/// A page of watches, in the form of the Partoo API's own lists.
struct WebhookListJSON: Encodable {
    var page: Int
    var maxPage: Int
    var count: Int
    var items: [WebhookJSON]
}

struct ErrorJSON: Encodable {
    var error: String
}

extension WebResponse {
    static func json(_ value: some Encodable, status: Int = 200) -> WebResponse {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else {
            // Numbers that are not finite are all that JSON cannot hold, and there are none.
            return .text(500, "The answer cannot be written as JSON.")
        }
        return .json(bytes: Array(data) + Array("\n".utf8), status: status)
    }

    static func json(bytes: [UInt8], status: Int = 200) -> WebResponse {
        WebResponse(
            status: status,
            headers: [
                ("Content-Type", "application/json"), ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
            ], body: bytes)
    }
}
