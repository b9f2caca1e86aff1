import Partoo
import Synchronization

/// The request budgets of one account's organisations: who may call now, and who waits in line.
///
/// Calls of one organisation go in the order in which they asked; organisations do not wait for one another.
package actor BudgetGate {
    private struct Organisation {
        var budget: RequestBudget
        var waiting: [Waiter] = []
        var isServing = false
    }

    private struct Waiter {
        var number: Int
        var continuation: CheckedContinuation<Bool, Never>
    }

    private let time: any Timekeeper
    private var perMinute: Double
    private var organisations: [Int?: Organisation] = [:]
    private var lastNumber = 0
    private var cancelled: Set<Int> = []
    private let onWait: @Sendable (Duration) -> Void

    /// - Parameter onWait: told how long each call that had to wait did so.
    package init(perMinute: Double, time: any Timekeeper, onWait: @escaping @Sendable (Duration) -> Void) {
        self.perMinute = perMinute
        self.time = time
        self.onWait = onWait
    }

    /// Waits for this organisation's next call.
    ///
    /// - Throws: `CancellationError`; then no call was spent.
    package func acquire(_ organisation: Int?) async throws {
        try Task.checkCancellation()
        let began = time.now()
        var state = organisations[organisation] ?? Organisation(budget: RequestBudget(perMinute: perMinute, at: began))
        if state.waiting.isEmpty, !state.isServing, state.budget.take(at: began) == nil {
            organisations[organisation] = state
            return
        }
        organisations[organisation] = state
        lastNumber += 1
        let number = lastNumber
        let isGranted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if cancelled.remove(number) != nil {
                    continuation.resume(returning: false)
                } else {
                    organisations[organisation]?.waiting.append(Waiter(number: number, continuation: continuation))
                    serve(organisation)
                }
            }
        } onCancel: {
            Task { await self.cancel(number, organisation) }
        }
        guard isGranted else { throw CancellationError() }
        onWait(time.now() - began)
    }

    /// The API said 429 to this organisation.
    package func stop(_ organisation: Int?, for delay: Duration) {
        let now = time.now()
        var state = organisations[organisation] ?? Organisation(budget: RequestBudget(perMinute: perMinute, at: now))
        state.budget.stop(for: delay, at: now)
        organisations[organisation] = state
    }

    package func change(perMinute: Double) {
        guard perMinute != self.perMinute else { return }
        self.perMinute = perMinute
        let now = time.now()
        for organisation in organisations.keys {
            organisations[organisation]?.budget.change(perMinute: perMinute, at: now)
        }
    }

    private func cancel(_ number: Int, _ organisation: Int?) {
        guard let index = organisations[organisation]?.waiting.firstIndex(where: { $0.number == number }) else {
            return
        }
        organisations[organisation]?.waiting.remove(at: index).continuation.resume(returning: false)
    }

    /// One task an organisation hands out its budget while anybody waits.
    private func serve(_ organisation: Int?) {
        guard organisations[organisation]?.isServing == false else { return }
        organisations[organisation]?.isServing = true
        Task {
            while organisations[organisation]?.waiting.isEmpty == false {
                let now = time.now()
                if let delay = organisations[organisation]?.budget.take(at: now) {
                    try? await time.sleep(until: now + delay)
                } else if organisations[organisation]?.waiting.isEmpty == false {
                    organisations[organisation]?.waiting.removeFirst().continuation.resume(returning: true)
                }
            }
            organisations[organisation]?.isServing = false
        }
    }
}
