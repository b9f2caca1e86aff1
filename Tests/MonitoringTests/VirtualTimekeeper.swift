import Monitoring
import Synchronization
import TestSupport

/// A clock that a test turns by hand. Together with an executor that knows when all work is done, every run is the same.
final class VirtualTimekeeper: Timekeeper {
    private struct Sleeper {
        var deadline: Duration
        var continuation: CheckedContinuation<Void, any Error>
        /// Sleeps in a task of its own and not in one of the executor's: the monitor's timer, the last thing that it sets.
        var isTimer: Bool
    }

    private struct State {
        var now: Duration
        /// How far the wall clock was set.
        var wallStep = 0.0
        var lastNumber = 0
        var sleepers: [Int: Sleeper] = [:]
        var timerWaiters: [CheckedContinuation<Void, Never>] = []
    }

    let executor = SerialTaskExecutor()
    private let state: Mutex<State>

    init(_ now: Duration = .seconds(1_700_000_000)) {
        state = Mutex(State(now: now))
    }

    // MARK: Timekeeper

    func now() -> Duration { state.withLock { $0.now } }
    func wallSeconds() -> Double { state.withLock { $0.now.seconds + $0.wallStep } }

    func sleep(until deadline: Duration) async throws {
        let isTimer = withUnsafeCurrentTask { $0?.unownedTaskExecutor == nil }
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let (result, waiters) = state.withLock {
                    state -> (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) in
                    if Task.isCancelled { return (.failure(CancellationError()), []) }
                    if deadline <= state.now { return (.success(()), []) }
                    state.sleepers[number] = Sleeper(deadline: deadline, continuation: continuation, isTimer: isTimer)
                    guard isTimer else { return (nil, []) }
                    defer { state.timerWaiters = [] }
                    return (nil, state.timerWaiters)
                }
                if let result { continuation.resume(with: result) }
                for waiter in waiters { waiter.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: number) }?.continuation.resume(
                throwing: CancellationError())
        }
    }

    // MARK: Turning

    /// Sets the wall clock, and leaves the monotonic one alone.
    func setWall(by seconds: Double) { state.withLock { $0.wallStep += seconds } }

    /// Returns when nothing moves any more until the clock does.
    ///
    /// - Parameter hasTimer: whether a monitor runs, which always has its timer set.
    func settle(hasTimer: Bool = true) async {
        while true {
            await executor.idle()
            guard hasTimer else { return }
            await withCheckedContinuation { continuation in
                let isSet = state.withLock { state in
                    let isSet = state.sleepers.values.contains { $0.isTimer }
                    if !isSet { state.timerWaiters.append(continuation) }
                    return isSet
                }
                if isSet { continuation.resume() }
            }
            if executor.isIdle, state.withLock({ $0.sleepers.values.contains { $0.isTimer } }) { return }
        }
    }

    /// Turns the clock on, from one sleeper's end to the next one's.
    func advance(by duration: Duration, hasTimer: Bool = true) async {
        let end = now() + duration
        await settle(hasTimer: hasTimer)
        while true {
            let (due, isDone) = state.withLock { state -> ([Sleeper], Bool) in
                let next = min(state.sleepers.values.map(\.deadline).min() ?? end, end)
                state.now = max(state.now, next)
                let due = state.sleepers.filter { $0.value.deadline <= state.now }
                for number in due.keys { state.sleepers[number] = nil }
                return (
                    due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.value),
                    due.isEmpty && state.now >= end
                )
            }
            for sleeper in due { sleeper.continuation.resume() }
            await settle(hasTimer: hasTimer)
            if isDone { return }
        }
    }
}

/// Holds up whoever waits until it is opened.
final class Hold: Sendable {
    private struct State {
        var isOpen = false
        var number = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// - Returns: false where the task was cancelled.
    func wait() async -> Bool {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let passes = state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if passes { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
        return !Task.isCancelled
    }

    var count: Int { state.withLock { $0.waiting.count } }

    /// Lets one more through, in the order in which they came.
    func releaseOne() {
        state.withLock { state in state.waiting.keys.min().flatMap { state.waiting.removeValue(forKey: $0) } }?.resume()
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for continuation in waiting { continuation.resume() }
    }
}
