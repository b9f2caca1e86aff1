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
    private struct State {
        /// Set by a refused key: then one call an interval, whoever makes it.
        var refusedUntil: Duration?
        var isRefused = false
        var backoffs: [Int: Backoff] = [:]
        var notBefore: [Int: Duration] = [:]
    }

    private let account: Account
    private let client: PartooClient
    private let gate: BudgetGate
    private let time: any Timekeeper
    private let observer: any APIObserver
    private let state: Mutex<State>

    /// - Parameter previous: the same account's before a reload: budgets and restraint go on, unless the key changed.
    init(_ account: Account, parts: Monitor.Parts, previous: AccountMonitor?) {
        self.account = account
        time = parts.time
        observer = parts.apiObserver
        let perMinute = Double(account.requestsPerMinute) / Double(max(parts.totalShards, 1))
        client = PartooClient(
            transport: parts.apiTransport, baseURL: account.baseURL, apiKey: account.apiKey,
            userAgent: parts.userAgent, caFile: account.caFile, now: { [time] in time.wallSeconds() })
        if let previous, previous.account.baseURL == account.baseURL {
            gate = previous.gate
            state = Mutex(previous.account.apiKey == account.apiKey ? previous.state.withLock { $0 } : State())
            Task { [gate] in await gate.change(perMinute: perMinute) }
        } else {
            gate = BudgetGate(perMinute: perMinute, time: parts.time) { [observer, name = account.name] in
                observer.waitedForBudget(account: name, $0)
            }
            state = Mutex(State())
        }
    }

    /// Reads one configuration, when budget and restraint allow.
    ///
    /// - Returns: nil where this turn has to be passed over, or the task was cancelled.
    func check(_ id: Int, orgID: Int?, interval: Duration) async -> (outcome: CheckOutcome, call: APICall)? {
        guard mayAsk(id, interval: interval), (try? await gate.acquire(orgID)) != nil else { return nil }
        guard let answer = await client.fetchWebhook(id, orgID: orgID) else { return nil }
        await learn(from: answer.call, id: id, orgID: orgID, interval: interval)
        observer.called(account: account.name, answer.call)
        return answer
    }

    private func mayAsk(_ id: Int, interval: Duration) -> Bool {
        let now = time.now()
        return state.withLock { state in
            if state.isRefused {
                guard now >= state.refusedUntil ?? .zero else { return false }
                // This call is the interval's one; the others of this interval wait for what it comes to.
                state.refusedUntil = now + interval
            }
            return now >= state.notBefore[id] ?? .zero
        }
    }

    private func learn(from call: APICall, id: Int, orgID: Int?, interval: Duration) async {
        let now = time.now()
        let reason = call.failure?.reason
        if reason == .rateLimited { await gate.stop(orgID, for: call.failure?.retryAfter ?? RetryAfter.fallback) }
        state.withLock { state in
            switch reason {
            case .unauthorized, .forbidden:
                state.isRefused = true
                state.refusedUntil = max(state.refusedUntil ?? .zero, now + interval)
            case .serverError, .malformed, .dns, .connect, .tls, .timeout, .unexpectedStatus, .internal:
                var generator = SystemRandomNumberGenerator()
                var backoff = state.backoffs[id] ?? Backoff()
                state.notBefore[id] = now + backoff.failed(interval: interval, using: &generator)
                state.backoffs[id] = backoff
            case .rateLimited: break
            case nil, .notFound:
                state.isRefused = false
                state.refusedUntil = nil
                state.backoffs[id] = nil
                state.notBefore[id] = nil
            }
        }
    }
}
