import Logs
import Monitoring
import Partoo
import Probing
import Transport
import Watching

/// How a watch stands as a whole; the raw values are the words of the `state` filter. In the order of how bad it is.
enum WatchStanding: String, Sendable, CaseIterable, Comparable {
    case missing, failing, drifted, unknown
    case inSync = "in_sync"
    case disabled

    /// 0 is the worst.
    var rank: Int {
        switch self {
        case .missing: 0
        case .failing: 1
        case .drifted: 2
        case .unknown: 3
        case .inSync: 4
        case .disabled: 5
        }
    }

    static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    /// For a person.
    var title: String {
        switch self {
        case .missing: "missing"
        case .failing: "probe fails"
        case .drifted: "drifted"
        case .unknown: "unknown"
        case .inSync: "in sync"
        case .disabled: "disabled"
        }
    }

    /// Beside the colour, for whoever does not see it.
    var sign: String {
        switch self {
        case .missing: "✕"
        case .failing: "!"
        case .drifted: "≠"
        case .unknown: "?"
        case .inSync: "✓"
        case .disabled: "–"
        }
    }
}

/// Whatever is true of a watch at once: a drifted one may fail as well.
struct WatchStandings: Sendable, Hashable {
    let worst: WatchStanding
    /// What is true besides; at most one thing is.
    private let other: WatchStanding?

    init(_ report: WatchReport) {
        guard report.state.watch.isEnabled else {
            self.init(.disabled)
            return
        }
        let isFailing = report.state.lastProbe?.result.isSuccess == false
        switch report.state.state(at: report.now) {
        case .missing: self.init(.missing)
        case .drifted: self.init(isFailing ? .failing : .drifted, isFailing ? .drifted : nil)
        case .unknown: self.init(isFailing ? .failing : .unknown, isFailing ? .unknown : nil)
        case .inSync: self.init(isFailing ? .failing : .inSync)
        }
    }

    private init(_ worst: WatchStanding, _ other: WatchStanding? = nil) {
        self.worst = worst
        self.other = other
    }

    /// Worst first.
    var all: [WatchStanding] { [worst] + (other.map { [$0] } ?? []) }

    func contains(_ standing: WatchStanding) -> Bool { worst == standing || other == standing }
}

/// What a watch's state means and what is to be done about it, in sentences without secrets.
struct WatchSummary: Sendable {
    let report: WatchReport
    let standings: WatchStandings
    let configuration: ConfigurationState

    init(_ report: WatchReport) {
        self.report = report
        standings = WatchStandings(report)
        configuration = report.state.state(at: report.now)
    }

    private var state: WatchState { report.state }

    /// Scheme, host and port; nil before the first good check.
    var target: String? {
        state.observation.map { Origin(url: $0.url.reveal())?.description ?? "invalid" }
    }

    var driftedFields: [ConfigurationField] {
        configuration == .drifted ? ConfigurationField.allCases.filter(state.drift.fields.contains) : []
    }

    /// What is the matter with the configuration.
    var configurationSentence: String {
        guard state.watch.isEnabled else { return "Neither checked nor probed; the baseline is kept." }
        switch configuration {
        case .inSync: return "As the baseline says."
        case .drifted:
            let names = driftedFields.map(\.rawValue).joined(separator: ", ")
            return "Differs from the baseline: \(names)\(headerCounts)."
        case .missing: return "The API knows no such webhook: it was deleted at Partoo."
        case .unknown:
            guard let check = state.lastCheck else { return "Not checked yet." }
            guard let failure = check.failure else {
                return state.isBaselineUnreadable
                    ? "The learned baseline cannot be read, so there is nothing to compare with."
                    : "Nothing was heard from the API for too long."
            }
            return "Could not be read: \(failure.message)."
        }
    }

    private var headerCounts: String {
        let drift = state.drift
        let parts = [
            (drift.addedHeaders.count, "added"), (drift.removedHeaders.count, "removed"),
            (drift.changedHeaders.count, "changed"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    /// What to do about the configuration; nil where there is nothing to be done.
    var configurationAdvice: String? {
        guard state.watch.isEnabled else { return nil }
        switch configuration {
        case .inSync: return nil
        case .drifted:
            return state.watch.expectation.hasDeclared(driftedFields)
                ? "Restore it at Partoo, or correct `expect` in the configuration file if the change was meant."
                : "Restore it at Partoo, or accept it as the new baseline if the change was meant."
        case .missing: return "Create it anew at Partoo, or take the watch out of the configuration file."
        case .unknown:
            if let failure = state.lastCheck?.failure { return failure.reason.advice }
            guard state.isBaselineUnreadable else { return nil }
            return "Put the database or its key file back, or accept what is there now; the log says what is wrong."
        }
    }

    /// How the last probe ended.
    var probeSentence: String {
        guard let result = state.lastProbe?.result else {
            return configuration == .missing ? "There is nothing to be probed." : "Not probed yet."
        }
        let time = PageNumbers.latency(result.timings.total.seconds)
        guard let reason = result.failure else { return "Status \(result.status) in \(time)." }
        let text = result.message.isEmpty ? reason.rawValue : result.message
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    /// What to do about it, after what becomes of events where that goes by the status.
    var probeAdvice: String? {
        guard let result = state.lastProbe?.result, let advice = result.advice else { return nil }
        if result.isRedirected { return "Partoo follows no redirect: it drops an event at the first one. \(advice)" }
        return result.failure == .status ? "\(DeliveryOutlook(status: result.status).fate) \(advice)" : advice
    }

    /// Whole days until the leaf certificate ends; negative once it has.
    var certificateDays: Int? {
        state.certificateExpiry.map { TLSFacts.days(from: report.now, to: Double($0.leaf)) }
    }
}

extension Expectation {
    fileprivate func hasDeclared(_ fields: [ConfigurationField]) -> Bool { fields.contains(where: declares) }
}

extension CheckFailureReason {
    /// What to do about it, for a person at 3 a.m.
    var advice: String {
        switch self {
        case .dns: "The API's name cannot be resolved. Check this host's resolver."
        case .connect: "No connection to the API came about. Check the route and the firewall."
        case .tls: "The API's certificate could not be verified. Check ca_file and this host's clock."
        case .timeout: "The API did not answer in time. Look at Partoo's status page."
        case .unauthorized: "The API key is not accepted. Check api_key_file, then reload."
        case .forbidden: "The API key may not read this webhook. Ask Partoo for the right, or check org_id."
        case .notFound: "The API knows no such webhook. Check webhook_id and org_id."
        case .rateLimited: "The API asks for fewer calls. Lower requests_per_minute or check less often."
        case .serverError: "The API has a fault of its own. Look at Partoo's status page."
        case .unexpectedStatus: "What answered is not the API. Check base_url and what stands in between."
        case .malformed: "The answer is not what the API documents. Check base_url; tell Partoo if it is right."
        case .internal: "A fault of the exporter or of its configuration. Read its log."
        }
    }
}
