import ConfigurationFile
package import Partoo
import Synchronization

/// Told of every call to the API. Called from any task; must not block.
package protocol APIObserver: Sendable {
    func called(account: String, _ call: APICall)
    func waitedForBudget(account: String, _ duration: Duration)
}

/// One account's way to the API: its client, its budgets, and its restraint after refusals and failures.
final class AccountMonitor: Sendable {
    /// Of each organisation, for this shard.
    let perMinute: Double
    private let account: Account
    private let client: PartooClient
    private let gate: BudgetGate
    private let restraint: Restraint
    private let time: any Timekeeper
    private let observer: any APIObserver

    /// - Parameter previous: the same account's before a reload: budgets and restraint go on, unless the key changed.
    init(_ account: Account, parts: Monitor.Parts, previous: AccountMonitor?) {
        self.account = account
        time = parts.time
        observer = parts.apiObserver
        let shards = Double(max(parts.totalShards, 1))
        perMinute = Double(account.requestsPerMinute) / shards
        client = PartooClient(
            transport: parts.apiTransport, baseURL: account.baseURL, apiKey: account.apiKey,
            userAgent: parts.userAgent, caFile: account.caFile, now: { [time] in time.wallSeconds() })
        if let previous, previous.account.baseURL == account.baseURL {
            gate = previous.gate
            gate.change(perMinute: perMinute)
            restraint = previous.account.apiKey == account.apiKey ? previous.restraint : Restraint()
        } else {
            // Shards share what the API lets one organisation do at once, too.
            gate = BudgetGate(perMinute: perMinute, burst: max(RequestBudget.burst / shards, 1), time: parts.time) {
                [observer, name = account.name] in observer.waitedForBudget(account: name, $0)
            }
            restraint = Restraint()
        }
    }

    /// Waits until budget and restraint allow to read one configuration.
    ///
    /// - Parameter due: when the turn was due.
    /// - Returns: false where this turn has to be passed over, or the task was cancelled.
    func admit(_ id: Int, orgID: Int?, due: Duration, interval: Duration) async -> Bool {
        // Asked before the budget is, so that a turn that will be passed over spends nothing, and after it again, since the
        // key may have been refused while this turn waited.
        guard restraint.allows(id, in: orgID, due: due, interval: interval, at: time.now()),
            (try? await acquire(orgID)) != nil
        else { return false }
        return begin(id, in: orgID, due: due, interval: interval)
    }

    // MARK: Planned calls, step by step

    /// Waits for the organisation's next call, whatever it will be for.
    func acquire(_ orgID: Int?) async throws {
        try await gate.acquire(orgID)
    }

    /// Whether a call may be made after all, of a webhook or (nil) a list.
    func begin(_ id: Int?, in orgID: Int?, due: Duration, interval: Duration) -> Bool {
        restraint.begin(id, in: orgID, due: due, interval: interval, at: time.now())
    }

    /// Reads one configuration, the call being granted.
    ///
    /// - Returns: nil where the task was cancelled.
    func read(
        _ id: Int, orgID: Int?, due: Duration, interval: Duration
    ) async -> (outcome: CheckOutcome, call: APICall)? {
        guard let answer = await client.fetchWebhook(id, orgID: orgID) else { return nil }
        restraint.learn(
            from: answer.call.failure?.reason, id: id, in: orgID, due: due, interval: interval, at: time.now())
        note(answer.call, orgID)
        return answer
    }

    /// Reads one page of a list, the call being granted.
    ///
    /// - Returns: nil where the task was cancelled.
    func list(
        _ orgID: Int?, page: Int, due: Duration, interval: Duration
    ) async -> (result: Result<WebhookList, APIFailure>, call: APICall)? {
        guard let answer = await client.listWebhooks(orgID: orgID, page: page, perPage: Listing.perPage) else {
            return nil
        }
        restraint.learnFromList(answer.call.failure?.reason, due: due)
        note(answer.call, orgID)
        return answer
    }

    /// What holds an organisation back, since its account's key was refused; nil: nothing does.
    func refusal(of orgID: Int?, for interval: Duration) -> Restraint.Refusal? {
        restraint.refusal(of: orgID, for: interval)
    }

    /// The organisations whose last read was forbidden.
    var forbidden: Set<Int?> { restraint.forbidden }

    /// Until when a webhook is left alone, since its checks fail.
    func notBefore(_ id: Int) -> Duration? { restraint.notBefore(id) }

    private func note(_ call: APICall, _ orgID: Int?) {
        if call.failure?.reason == .rateLimited {
            gate.stop(orgID, for: call.failure?.retryAfter ?? RetryAfter.fallback)
        }
        observer.called(account: account.name, call)
    }
}

/// What an account holds back: all but one call an interval after its key was refused, and webhooks whose checks fail.
///
/// A key that is forbidden one organisation and reads another is not refused: only that organisation holds back then, and
/// the others go on. While none is known to be read, the whole account does.
final class Restraint: Sendable {
    struct Refusal: Sendable, Hashable {
        /// No call before.
        var until: Duration
        /// Whether the whole account holds back, and not the organisation alone.
        var isWhole: Bool
    }

    private struct State {
        /// While the key is refused: when the last call's turn was due. Turns are compared by when they were due, since the
        /// next one of a watch is due exactly an interval later, whenever either of them starts.
        var refusedTurn: Duration?
        /// The key itself was refused, and not only what it may do.
        var isKeyRefused = false
        /// The same turn of each organisation whose last read was forbidden.
        var forbidden: [Int?: Duration] = [:]
        /// The organisations whose last read was let through.
        var readable: Set<Int?> = []
        var backoffs: [Int: Backoff] = [:]
        var notBefore: [Int: Duration] = [:]

        func turn(of orgID: Int?) -> Duration? {
            guard let refusedTurn else { return forbidden[orgID] }
            return max(refusedTurn, forbidden[orgID] ?? refusedTurn)
        }

        /// The watch with the shortest interval sets the pace of a refused account, since it comes first.
        func allows(_ id: Int?, _ orgID: Int?, _ due: Duration, _ interval: Duration, _ now: Duration) -> Bool {
            now >= id.flatMap { notBefore[$0] } ?? .zero && turn(of: orgID).map { due >= $0 + interval } ?? true
        }
    }

    private let state = Mutex(State())

    func allows(_ id: Int, in orgID: Int?, due: Duration, interval: Duration, at now: Duration) -> Bool {
        state.withLock { $0.allows(id, orgID, due, interval, now) }
    }

    /// Like `allows`; this call is then the interval's one, and the others wait for what it comes to.
    func begin(_ id: Int?, in orgID: Int?, due: Duration, interval: Duration, at now: Duration) -> Bool {
        state.withLock { state in
            guard state.allows(id, orgID, due, interval, now) else { return false }
            if state.refusedTurn != nil { state.refusedTurn = due }
            if state.forbidden[orgID] != nil { state.forbidden[orgID] = due }
            return true
        }
    }

    func learn(
        from reason: CheckFailureReason?, id: Int, in orgID: Int?, due: Duration, interval: Duration, at now: Duration
    ) {
        state.withLock { state in
            switch reason {
            case .unauthorized:
                state.refusedTurn = max(state.refusedTurn ?? .zero, due)
                state.isKeyRefused = true
            case .forbidden:
                state.readable.remove(orgID)
                state.forbidden[orgID] = max(state.forbidden[orgID] ?? .zero, due)
                state.refusedTurn = state.readable.isEmpty ? max(state.refusedTurn ?? .zero, due) : nil
                state.isKeyRefused = false
            case .serverError, .malformed, .dns, .connect, .tls, .timeout, .internal:
                var generator = SystemRandomNumberGenerator()
                var backoff = state.backoffs[id] ?? Backoff()
                state.notBefore[id] = now + backoff.failed(interval: interval, using: &generator)
                state.backoffs[id] = backoff
            case .rateLimited, .unexpectedStatus: break
            case nil, .notFound:
                state.refusedTurn = nil
                state.forbidden[orgID] = nil
                state.readable.insert(orgID)
                state.backoffs[id] = nil
                state.notBefore[id] = nil
            }
        }
    }

    /// What a list came to says nothing of single webhooks, and a key that may not list may well read them.
    func learnFromList(_ reason: CheckFailureReason?, due: Duration) {
        state.withLock { state in
            if reason == .unauthorized {
                state.refusedTurn = max(state.refusedTurn ?? .zero, due)
                state.isKeyRefused = true
            } else if reason == nil, state.isKeyRefused {
                state.refusedTurn = nil
            }
        }
    }

    func refusal(of orgID: Int?, for interval: Duration) -> Refusal? {
        state.withLock { state in
            state.turn(of: orgID).map { Refusal(until: $0 + interval, isWhole: state.refusedTurn != nil) }
        }
    }

    var forbidden: Set<Int?> { state.withLock { Set($0.forbidden.keys) } }

    func notBefore(_ id: Int) -> Duration? { state.withLock { $0.notBefore[id] } }
}
