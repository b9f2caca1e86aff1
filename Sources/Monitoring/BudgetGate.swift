import Partoo
import Synchronization

/// The request budgets of one account's organisations: who may call now, and who waits in line.
///
/// Calls of one organisation go in the order in which they asked; organisations do not wait for one another.
package final class BudgetGate: Sendable {
    private struct Organisation {
        var budget: RequestBudget
        var lastNumber = 0
        /// The numbers of those who wait. The first one waits for the budget, the others for their place to move up.
        var line: [Int] = []
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        /// Until when it was told what they wait.
        var told = Duration.zero

        /// What all in the line together have waited since that was last told.
        mutating func waited(until now: Duration) -> Duration {
            defer { told = max(told, now) }
            return max(now - told, .zero) * line.count
        }
    }

    private struct State {
        var perMinute: Double
        var organisations: [Int?: Organisation] = [:]
    }

    /// Another rate or a longer stop is felt after so long by whoever waits.
    private static let longestSleep = Duration.seconds(1)

    private let time: any Timekeeper
    private let burst: Double
    private let state: Mutex<State>
    private let onWait: @Sendable (Duration) -> Void

    /// - Parameters:
    ///   - burst: how many calls each budget may be spent ahead by.
    ///   - onWait: told what calls wait, while they do: each time what has come on top, of all that wait together.
    package init(
        perMinute: Double, burst: Double = RequestBudget.burst, time: any Timekeeper,
        onWait: @escaping @Sendable (Duration) -> Void
    ) {
        self.burst = burst
        self.time = time
        self.onWait = onWait
        state = Mutex(State(perMinute: perMinute))
    }

    /// Waits for this organisation's next call.
    ///
    /// - Throws: `CancellationError`; then no call was spent.
    package func acquire(_ organisation: Int?) async throws {
        try Task.checkCancellation()
        guard let number = enter(organisation) else { return }
        defer { leave(number, organisation) }
        await becomeFirst(number, organisation)
        while true {
            try Task.checkCancellation()
            let now = time.now()
            guard let delay = change(organisation, at: now, { $0.budget.take(at: now) }) else { break }
            try await time.sleep(until: now + min(delay, Self.longestSleep))
        }
    }

    /// The API said 429 to this organisation.
    package func stop(_ organisation: Int?, for delay: Duration) {
        let now = time.now()
        change(organisation, at: now) { $0.budget.stop(for: delay, at: now) }
    }

    package func change(perMinute: Double) {
        let now = time.now()
        state.withLock { state in
            state.perMinute = perMinute
            for organisation in state.organisations.keys {
                state.organisations[organisation]?.budget.change(perMinute: perMinute, at: now)
            }
        }
    }

    /// - Returns: nil where the call may go at once, otherwise a place in the line.
    private func enter(_ organisation: Int?) -> Int? {
        let now = time.now()
        return change(organisation, at: now) { state in
            if state.line.isEmpty, state.budget.take(at: now) == nil { return nil }
            state.lastNumber += 1
            state.line.append(state.lastNumber)
            return state.lastNumber
        }
    }

    /// Returns when this number is the first in the line, or the task is cancelled.
    private func becomeFirst(_ number: Int, _ organisation: Int?) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = change(organisation, at: time.now()) { state in
                    // A task is marked as cancelled before its handler runs, so one of the two sees the other.
                    guard state.line.first != number, !Task.isCancelled else { return false }
                    state.waiting[number] = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            change(organisation, at: time.now()) { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }

    private func leave(_ number: Int, _ organisation: Int?) {
        let next = change(organisation, at: time.now()) { state in
            state.line.removeAll { $0 == number }
            return state.line.first.flatMap { state.waiting.removeValue(forKey: $0) }
        }
        next?.resume()
    }

    @discardableResult
    private func change<Value: Sendable>(
        _ organisation: Int?, at now: Duration, _ body: (inout Organisation) -> sending Value
    ) -> Value {
        let (value, waited) = state.withLock { state in
            var line = state.organisations[organisation] ?? fresh(state.perMinute, at: now)
            defer { state.organisations[organisation] = line }
            let waited = line.waited(until: now)
            return (body(&line), waited)
        }
        if waited > .zero { onWait(waited) }
        return value
    }

    private func fresh(_ perMinute: Double, at now: Duration) -> Organisation {
        Organisation(budget: RequestBudget(perMinute: perMinute, burst: burst, at: now))
    }
}
