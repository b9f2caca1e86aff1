import Dispatch
import Synchronization
import Transport

/// Asks for the verdict on a response, where a receiver that makes the matching slow holds up nobody else.
///
/// Rules that are quickly matched are matched at once. All others wait for one thread of their own, one response at a
/// time, so that neither the endpoint nor a probe with ordinary rules waits for them.
struct Judge: Sendable {
    enum Judgement: Sendable, Equatable {
        case good
        case bad(ProbeFailureReason, String)
        /// The task was cancelled before there was one.
        case cancelled

        fileprivate init(_ failure: (reason: ProbeFailureReason, message: String)?) {
            self = failure.map { .bad($0.reason, $0.message) } ?? .good
        }
    }

    private final class Flag: Sendable {
        private let isRaised = Atomic(false)

        func raise() { isRaised.store(true, ordering: .relaxed) }
        func isUp() -> Bool { isRaised.load(ordering: .relaxed) }
    }

    private let patterns = PatternCache()
    private let queue = DispatchQueue(label: "rules", qos: .utility)

    /// - Parameter remaining: what is left of the probe's timeout; long matching ends there.
    func judgement(on response: Response, _ module: ProbeModule, remaining: Duration) async -> Judgement {
        let end = ContinuousClock.now + remaining
        var small = SearchBudget.small
        let failure = Verdict.failure(of: response, module: module, patterns: patterns, budget: &small)
        guard small.wasShort else { return Judgement(failure) }
        let isCancelled = Flag()
        let (judgement, wasStopped) = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                queue.async {
                    var budget = SearchBudget.full { isCancelled.isUp() || ContinuousClock.now >= end }
                    let failure = Verdict.failure(
                        of: response, module: module, patterns: patterns, budget: &budget)
                    continuation.resume(returning: (Judgement(failure), budget.wasStopped))
                }
            }
        } onCancel: {
            isCancelled.raise()
        }
        guard wasStopped else { return judgement }
        return isCancelled.isUp() ? .cancelled : .bad(.responseTimeout, "the timeout came while rules were matched")
    }
}
