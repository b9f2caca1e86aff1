internal import Glibc

/// The clocks that the monitor lives by, handed in so that tests can turn them by hand.
package protocol Timekeeper: Sendable {
    /// Monotonic. Its zero is such that it equals `wallSeconds` at the start: phases of intervals are then the same after
    /// a restart, while a step of the wall clock moves nobody's turn.
    func now() -> Duration
    /// Seconds since 1970.
    func wallSeconds() -> Double
    /// Returns at `deadline` on the scale of `now()`, or throws `CancellationError`.
    func sleep(until deadline: Duration) async throws
}

/// The machine's clocks.
package struct SystemTimekeeper: Timekeeper {
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private let startSeconds: Duration

    package init() {
        start = clock.now
        startSeconds = Self.wall()
    }

    package func now() -> Duration { startSeconds + (clock.now - start) }

    package func wallSeconds() -> Double { Self.wall().seconds }

    package func sleep(until deadline: Duration) async throws {
        try await clock.sleep(until: start + (deadline - startSeconds))
    }

    private static func wall() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
