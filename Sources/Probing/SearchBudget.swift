import Glibc

/// How much work the rules of one response may take: so much for each rule, whatever a receiver sends.
///
/// A step is one item of a pattern tried at one place, or eight bytes that it ran over. What no step counts (a counted
/// repeat or a back reference that fails late) is ended by the processor time.
package struct SearchBudget {
    /// The clocks are read once in so many tries.
    private static let triesBetweenClocks = 128

    private let stepsPerRule: Int
    private let nanosecondsPerRule: Int
    private let isStopped: () -> Bool
    private var steps: Int
    private var endOfTime: Int
    private var triesUntilClocks = Self.triesBetweenClocks
    private var position = 0

    /// A search was ended by this budget: with a larger one there may be more to say.
    package private(set) var wasShort = false
    /// A search was ended because the caller wanted it.
    package private(set) var wasStopped = false

    /// - Parameter isStopped: asked now and then in long searches; true ends this one and every other.
    package init(stepsPerRule: Int, millisecondsPerRule: Int, isStopped: @escaping () -> Bool = { false }) {
        self.stepsPerRule = stepsPerRule
        nanosecondsPerRule = millisecondsPerRule * 1_000_000
        self.isStopped = isStopped
        steps = stepsPerRule
        endOfTime = Self.processorTime() + nanosecondsPerRule
    }

    /// For searches on a thread that others need: what ordinary rules take over an ordinary body.
    package static var small: SearchBudget { SearchBudget(stepsPerRule: 500_000, millisecondsPerRule: 25) }

    /// Past it nothing is known of a rule: several times what ordinary rules take over 1 MiB.
    package static func full(isStopped: @escaping () -> Bool = { false }) -> SearchBudget {
        SearchBudget(stepsPerRule: 10_000_000, millisecondsPerRule: 1_000, isStopped: isStopped)
    }

    /// Gives the next rule what the last one had.
    package mutating func renew() {
        steps = stepsPerRule
        endOfTime = Self.processorTime() + nanosecondsPerRule
    }

    /// A search of a text begins.
    ///
    /// - Returns: false where nothing is left for it.
    mutating func begin() -> Bool {
        position = 0
        return steps > 0 && !wasStopped
    }

    /// An item is tried at a position.
    ///
    /// - Returns: false where the search has to end.
    mutating func spend(at position: Int) -> Bool {
        steps -= 1
        if position > self.position { steps -= (position - self.position) / 8 }
        self.position = position
        triesUntilClocks -= 1
        if triesUntilClocks == 0 {
            triesUntilClocks = Self.triesBetweenClocks
            if Self.processorTime() > endOfTime { steps = 0 }
            wasStopped = isStopped()
        }
        if steps <= 0 { wasShort = true }
        return steps > 0 && !wasStopped
    }

    /// Nanoseconds that this thread has run: other threads' work costs a search nothing.
    private static func processorTime() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
