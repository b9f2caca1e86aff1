import Partoo
import TestSupport
import Testing

@Suite struct PaceTests {
    @Test(arguments: [(UInt64(1), 240.0), (2, 30), (3, 1), (4, 0.5), (5, 1000), (6, 7.5)])
    func noMinuteHasMoreThanTheRateAndTheBurst(seed: UInt64, perMinute: Double) {
        var random = SeededGenerator(seed: seed)
        var now = Duration.seconds(1_700_000_000)
        let start = now
        var budget = RequestBudget(perMinute: perMinute, at: now)
        var granted: [Duration] = []
        for _ in 0..<4000 {
            if let delay = budget.take(at: now) {
                #expect(delay > .zero)
                // Sometimes too early, sometimes late, mostly as told.
                now += delay * [1, 1, 1, 0.3, 2].randomElement(using: &random).unsafelyKnown
            } else {
                granted.append(now)
            }
            if Int.random(in: 0..<200, using: &random) == 0 { now += .seconds(Int.random(in: 0...300, using: &random)) }
        }
        var first = 0
        for (last, time) in granted.enumerated() {
            while time - granted[first] >= .seconds(60) { first += 1 }
            #expect(Double(last - first + 1) <= perMinute + RequestBudget.burst + 1e-6)
        }
        #expect(granted.count > 1 && now > start)
    }

    /// Whatever the times of asking, and whatever the API says: never more than that in a minute.
    @Test(arguments: UInt64(1)...8)
    func aWindowHoldsInEveryMinute(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let perMinute = Int.random(in: 1...20, using: &random)
        var window = RequestWindow(perMinute: perMinute)
        var calls: [Duration] = []
        var now = Duration.zero
        for _ in 0..<4000 {
            if Int.random(in: 0..<200, using: &random) == 0 {
                let delay = Duration.milliseconds(Int.random(in: 0...90_000, using: &random))
                window.stop(for: delay, at: now)
                let wait = window.take(at: now)
                #expect(wait ?? .zero >= delay && wait != nil)
            }
            if let wait = window.take(at: now) {
                #expect(wait > .zero)
                now += Bool.random(using: &random) ? wait : wait / 2
            } else {
                calls.append(now)
                now += .milliseconds(Int.random(in: 0...3000, using: &random))
            }
        }
        for index in calls.indices.dropFirst(perMinute) {
            #expect(calls[index] - calls[index - perMinute] >= .seconds(60))
        }
        #expect(calls.count > 500)
    }

    @Test func aWindowMayBeSpentAtOnceButNotAfterA429() {
        var window = RequestWindow(perMinute: 3)
        for _ in 0..<3 { #expect(window.take(at: .seconds(10)) == nil) }
        #expect(window.take(at: .seconds(10)) == .seconds(60))
        #expect(window.take(at: .seconds(70)) == nil)
        window.stop(for: .seconds(30), at: .seconds(80))
        #expect(window.take(at: .seconds(80)) == .seconds(30))
        // One every 20 s.
        #expect(window.take(at: .seconds(110)) == .seconds(20))
        #expect(window.take(at: .seconds(130)) == nil)
        #expect(window.take(at: .seconds(130)) == .seconds(20))
    }

    @Test func aBurstIsTwentyAndThenTheRate() {
        var budget = RequestBudget(perMinute: 60, at: .seconds(100))
        for _ in 0..<20 { #expect(budget.take(at: .seconds(100)) == nil) }
        #expect(budget.take(at: .seconds(100)) == .seconds(1))
        #expect(budget.take(at: .seconds(101)) == nil)
        #expect(budget.take(at: .seconds(101)) == .seconds(1))
        // An hour of rest saves up no more than the burst.
        for _ in 0..<20 { #expect(budget.take(at: .seconds(4000)) == nil) }
        #expect(budget.take(at: .seconds(4000)) != nil)
    }

    @Test func aStopLeavesNoBurst() {
        var budget = RequestBudget(perMinute: 60, at: .seconds(0))
        budget.stop(for: .seconds(60), at: .seconds(0))
        #expect(budget.take(at: .seconds(0)) == .seconds(60))
        #expect(budget.take(at: .seconds(59)) == .seconds(1))
        var granted: [Duration] = []
        var now = Duration.seconds(60)
        while granted.count < 5 {
            if let delay = budget.take(at: now) { now += delay } else { granted.append(now) }
        }
        #expect(granted == [61, 62, 63, 64, 65].map { .seconds($0) })
    }

    @Test func aShorterStopDoesNotEndALongerOne() {
        var budget = RequestBudget(perMinute: 60, at: .seconds(0))
        budget.stop(for: .seconds(60), at: .seconds(0))
        budget.stop(for: .zero, at: .seconds(1))
        #expect(budget.take(at: .seconds(2)) == .seconds(58))
        #expect(budget.take(at: .seconds(60)) != nil)
    }

    @Test func anotherRateHoldsAtOnce() {
        var budget = RequestBudget(perMinute: 1, at: .seconds(0))
        #expect(budget.take(at: .seconds(0)) == nil)
        budget.change(perMinute: 60, at: .seconds(0))
        #expect(budget.take(at: .seconds(0)) == .seconds(1))
    }

    @Test func whatWasSavedUpBeforeCountsAtTheRateOfThen() {
        var budget = RequestBudget(perMinute: 60, at: .seconds(0))
        for _ in 0..<20 { #expect(budget.take(at: .seconds(0)) == nil) }
        budget.change(perMinute: 1, at: .seconds(3))
        for _ in 0..<3 { #expect(budget.take(at: .seconds(3)) == nil) }
        #expect((budget.take(at: .seconds(3)) ?? .zero) > .seconds(59))
    }

    @Test func aClockThatStepsBackGivesNothingAway() {
        var budget = RequestBudget(perMinute: 60, burst: 1, at: .seconds(100))
        #expect(budget.take(at: .seconds(100)) == nil)
        #expect(budget.take(at: .seconds(50)) != nil)
        #expect(budget.take(at: .seconds(100)) == .seconds(1))
    }

    // MARK: Backoff

    @Test(arguments: [
        (60, [60, 120, 240, 300, 300]), (10, [10, 20, 40, 80, 100, 100]), (1, [1, 2, 4, 8, 10, 10]),
        (30, [30, 60, 120, 240, 300]),
        (600, [300, 300]),
    ])
    func theBoundDoublesUpToTenIntervalsOrFiveMinutes(interval: Int, bounds: [Int]) {
        for (failures, bound) in bounds.enumerated() {
            #expect(Backoff.bound(failures: failures, interval: .seconds(interval)) == .seconds(bound))
        }
        #expect(Backoff.bound(failures: .max, interval: .seconds(interval)) == .seconds(bounds.last ?? 0))
    }

    @Test func theDelayIsAnywhereBelowTheBound() {
        var random = SeededGenerator(seed: 7)
        var seen: [Double] = []
        for _ in 0..<2000 {
            var backoff = Backoff()
            let delay = backoff.failed(interval: .seconds(60), using: &random)
            #expect(delay >= .zero && delay <= .seconds(60) && backoff.failures == 1)
            seen.append(delay / .seconds(60))
        }
        #expect(seen.count { $0 < 0.1 } > 100 && seen.count { $0 > 0.9 } > 100)
        #expect(abs(seen.reduce(0, +) / 2000 - 0.5) < 0.05)
    }

    @Test func aSuccessBeginsAnew() {
        var random = SeededGenerator(seed: 8)
        var backoff = Backoff()
        for _ in 0..<3 { _ = backoff.failed(interval: .seconds(60), using: &random) }
        #expect(backoff.failures == 3)
        backoff.succeeded()
        #expect(backoff == Backoff())
    }
}

extension Double? {
    /// Of a list that is written in the test.
    fileprivate var unsafelyKnown: Double { self ?? 1 }
}
