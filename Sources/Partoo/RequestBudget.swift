/// The request budget of one organisation: a token bucket over a time that is handed in.
///
/// In any span of a minute at most `perMinute` + `burst` calls are let through.
package struct RequestBudget: Sendable {
    /// A budget may be spent ahead by so many calls.
    package static let burst = 20.0

    private let burst: Double
    private var perSecond: Double
    private var tokens: Double
    private var updated: Duration
    private var stoppedUntil: Duration?

    /// - Parameters:
    ///   - perMinute: may be a fraction, where shards divide it; must be above 0.
    ///   - burst: at least 1.
    package init(perMinute: Double, burst: Double = Self.burst, at now: Duration) {
        self.burst = max(burst, 1)
        perSecond = max(perMinute, 0.001) / 60
        tokens = min(self.burst, max(perMinute, 1))
        updated = now
    }

    /// Takes one call.
    ///
    /// - Returns: nil where it may go now; otherwise how long to wait before asking again.
    package mutating func take(at now: Duration) -> Duration? {
        refill(at: now)
        if let stoppedUntil, now < stoppedUntil { return stoppedUntil - now }
        if tokens >= 1 - 1e-9 {
            tokens -= 1
            return nil
        }
        return .nanoseconds(Int64(((1 - tokens) / perSecond * 1e9).rounded(.up)))
    }

    /// The API said 429: nothing for so long, and no burst after it.
    package mutating func stop(for delay: Duration, at now: Duration) {
        refill(at: now)
        tokens = 0
        stoppedUntil = max(now + delay, stoppedUntil ?? .zero)
        updated = max(updated, now + delay)
    }

    package mutating func change(perMinute: Double, at now: Duration) {
        refill(at: now)
        perSecond = max(perMinute, 0.001) / 60
    }

    private mutating func refill(at now: Duration) {
        guard now > updated else { return }
        let elapsed = now - updated
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        tokens = min(burst, tokens + seconds * perSecond)
        updated = now
    }
}

/// At most so many calls in any minute, over a time that is handed in: what a command may spend, which would be over before a
/// pace told.
package struct RequestWindow: Sendable {
    private static let length = Duration.seconds(60)

    private let perMinute: Int
    /// When the calls of the last minute were made, the oldest first; no more than `perMinute`.
    private var taken: [Duration] = []
    private var stoppedUntil: Duration?

    /// - Parameter perMinute: at least 1.
    package init(perMinute: Int) {
        self.perMinute = max(perMinute, 1)
    }

    /// Takes one call.
    ///
    /// - Returns: nil where it may go now; otherwise how long to wait before asking again.
    package mutating func take(at now: Duration) -> Duration? {
        if let stoppedUntil, now < stoppedUntil { return stoppedUntil - now }
        taken.removeAll { $0 + Self.length <= now }
        if taken.count >= perMinute, let oldest = taken.first { return oldest + Self.length - now }
        taken.append(now)
        return nil
    }

    /// The API said 429: nothing for so long, and no burst after it, as if the minute before had been spent evenly.
    package mutating func stop(for delay: Duration, at now: Duration) {
        let end = max(now + delay, stoppedUntil ?? .zero)
        stoppedUntil = end
        let unused = perMinute - taken.count
        taken = (0..<perMinute).map { index in
            let even = end - Self.length + Self.length * (index + 1) / perMinute
            return index < unused ? even : max(even, taken[index - unused])
        }
    }
}

/// How long to leave a webhook alone after failures that say nothing about it: exponential, with full jitter.
package struct Backoff: Sendable, Hashable {
    package private(set) var failures = 0

    package init() {}

    package mutating func succeeded() {
        failures = 0
    }

    /// - Returns: a delay between 0 and the bound, which begins at one interval, doubles with each failure in a row, and ends
    ///   at 10 intervals or 5 minutes, whichever is less.
    package mutating func failed(interval: Duration, using generator: inout some RandomNumberGenerator) -> Duration {
        let bound = Self.bound(failures: failures, interval: interval)
        failures += 1
        return bound * Double.random(in: 0...1, using: &generator)
    }

    package static func bound(failures: Int, interval: Duration) -> Duration {
        let most = min(interval * 10, .seconds(300))
        return min(interval * (1 << min(max(failures, 0), 4)), most)
    }
}
