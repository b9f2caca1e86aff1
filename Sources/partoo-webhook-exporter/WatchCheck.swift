import ArgumentParser
import ConfigurationFile
import Curl
import Monitoring
import Partoo
import Probing
import Storage
import Transport
import Watching

/// Reads configurations for a command, within its budget.
actor WatchChecker {
    /// What a key was refused: a whole account (401), or one organisation (403).
    private enum Realm: Hashable {
        case account(String)
        case organisation(Int?, of: String)
    }

    private let configuration: ExporterConfiguration
    private let transport: CurlTransport
    private let time = SystemTimekeeper()
    private var budget: RequestWindow
    /// A key that was refused is refused for the next webhook too: one call, not one a webhook.
    private var refusals: [Realm: APIFailure] = [:]
    private let key: FingerprintKey
    /// Where the learned baselines are; nil where there are none.
    nonisolated let storage: Storage?
    /// There is a database, and it cannot be read: what is learned is unknown.
    private let isStorageUnreadable: Bool

    init(
        _ configuration: ExporterConfiguration, transport: CurlTransport, storage settings: StorageSettings,
        requestsPerMinute: Int
    ) {
        self.configuration = configuration
        self.transport = transport
        do {
            storage = try StoredState.existing(settings)
            isStorageUnreadable = false
        } catch {
            storage = nil
            isStorageUnreadable = true
            for line in (error as? Failure)?.lines ?? ["error: \(error)"] { StandardStream.error(line) }
        }
        key = storage?.fingerprintKey ?? FingerprintKey()
        budget = RequestWindow(perMinute: requestsPerMinute)
    }

    /// One check now: the state of the watch after it.
    ///
    /// - Parameter isPatient: a 429 is waited for as the API asks, and the check made once more.
    func check(_ watch: Watch, isPatient: Bool = false) async throws -> WatchState {
        guard let account = configuration.accounts.first(where: { $0.name == watch.id.account }) else {
            throw Failure("error: the account of \(watch.id) is not configured")
        }
        let (outcome, duration) = try await fetch(watch, of: account, isPatient)
        let baseline = isStorageUnreadable ? KeptBaseline.unreadable : storage?.kept(of: watch.id).baseline ?? .absent
        var state = WatchState(
            watch: watch, key: key, at: time.wallSeconds(), kept: KeptWatch(baseline: baseline))
        _ = state.checked(outcome, at: time.wallSeconds(), duration: duration)
        // What is declared says it, where the rest was never learned; where nothing is, nothing is known.
        if let proposal = state.proposal, uncompared(watch) != watch.comparedFields {
            _ = state.settled(.pinned(StoredBaseline(proposal, version: 0)), at: time.wallSeconds())
        }
        return state
    }

    /// The fields that there is nothing to compare with.
    nonisolated func uncompared(_ watch: Watch) -> [ConfigurationField] {
        if case .pinned = storage?.kept(of: watch.id).baseline { return [] }
        return watch.comparedFields.filter { !watch.expectation.declares($0) }
    }

    private func fetch(
        _ watch: Watch, of account: Account, _ isPatient: Bool
    ) async throws -> (outcome: CheckOutcome, duration: Duration) {
        let organisation = Realm.organisation(watch.orgID, of: account.name)
        if let refusal = refusals[.account(account.name)] ?? refusals[organisation] {
            return (.failure(refusal), .zero)
        }
        let client = PartooClient(
            transport: transport, baseURL: account.baseURL, apiKey: account.apiKey, userAgent: Version.userAgent,
            caFile: account.caFile, now: { [time] in time.wallSeconds() })
        var mayWait = isPatient
        while true {
            while let delay = budget.take(at: time.now()) { try await time.sleep(until: time.now() + delay) }
            guard let answer = await client.fetchWebhook(watch.id.webhookID, orgID: watch.orgID) else {
                throw Failure("error: interrupted")
            }
            guard case .failure(let failure) = answer.outcome else { return (answer.outcome, answer.call.duration) }
            switch failure.reason {
            case .unauthorized: refusals[.account(account.name)] = failure
            case .forbidden: refusals[organisation] = failure
            default: break
            }
            guard failure.reason == .rateLimited, let delay = failure.retryAfter else {
                return (answer.outcome, answer.call.duration)
            }
            budget.stop(for: delay, at: time.now())
            guard mayWait else { return (answer.outcome, answer.call.duration) }
            mayWait = false
            StandardStream.progress("")
            StandardStream.error("warning: \(watch.id): \(failure.message); going on in \(delay.components.seconds) s")
        }
    }

    nonisolated var now: Double { SystemTimekeeper().wallSeconds() }
}

/// A difference between baseline and observation, ready to be shown: no value of a secret is in it.
struct DriftLines {
    /// Lines of a plan: `~ url`, `+ header X`, `- header X`.
    static func lines(_ state: WatchState) -> [String] {
        let drift = state.drift
        guard let observed = state.observation else { return [] }
        let expected = state.watch.expectation
        var lines: [String] = []
        if drift.fields.contains(.url) {
            switch expected.url {
            case .exactly(let url): lines.append("~ url: \(url.redactedURL) -> \(observed.url.redactedURL)")
            case .some: lines.append("~ url: the declared URL (a hash) -> \(observed.url.redactedURL)")
            case nil:
                let before = state.learned.map { "\($0.redactedURL) [\($0.url)]" } ?? "unknown"
                let after = "\(observed.url.redactedURL) [\(state.fingerprint(observed.url, purpose: .url))]"
                lines.append("~ url: \(before) -> \(after)")
            }
        }
        if drift.fields.contains(.eventType) {
            let before = (expected.eventType ?? state.learned?.eventType)?.printable ?? "unknown"
            lines.append("~ event_type: \(before) -> \(observed.eventType.printable)")
        }
        if drift.fields.contains(.orgID) {
            let before = (expected.orgID ?? state.learned?.orgID).map(String.init) ?? "unknown"
            lines.append("~ org_id: \(before) -> \(observed.orgID)")
        }
        lines += drift.addedHeaders.map { "+ custom header \($0.printable): (redacted)" }
        lines += drift.removedHeaders.map { "- custom header \($0.printable)" }
        let learned = state.learned?.customHeaders.firstByHeader(\.name) ?? [:]
        let seen = observed.customHeaders.firstByHeader(\.name)
        lines += drift.changedHeaders.map { name in
            let key = HeaderName(name)
            guard expected.customHeaders == nil, let before = learned[key]?.value, let after = seen[key]?.value else {
                return "~ custom header \(name.printable): (redacted) -> (redacted)"
            }
            let shown = state.fingerprint(after, purpose: .header)
            return "~ custom header \(name.printable): (redacted) [\(before)] -> (redacted) [\(shown)]"
        }
        return lines
    }
}

extension WatchState {
    /// Why the state is unknown, where it is; for a person.
    var unknownReason: String {
        lastCheck?.failure?.message
            ?? (isBaselineUnreadable
                ? "the learned baseline cannot be read"
                : lastCheck == nil ? "not checked yet" : "nothing is declared, and nothing was learned yet")
    }

    /// For a person, what of a known configuration was compared with nothing; nil where that is none of it.
    func uncomparedLine(_ fields: [ConfigurationField], _ known: ConfigurationState) -> String? {
        guard observation != nil, known == .inSync || known == .drifted, !fields.isEmpty else { return nil }
        let reason = isBaselineUnreadable ? "the learned baseline cannot be read" : "neither declared nor learned"
        return "not compared, since \(reason): \(fields.map(\.rawValue).joined(separator: ", "))"
    }
}

extension Watch {
    /// What takes part in its state.
    var comparedFields: [ConfigurationField] {
        ConfigurationField.allCases.filter { !ignoredFields.contains($0) }
    }
}
