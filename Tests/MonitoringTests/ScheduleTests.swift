import Monitoring
import Testing
import Watching

@Suite struct ScheduleTests {
    @Test func whatIsDueAtOnceComesInTheOrderInWhichItWasSet() {
        var schedule = Schedule()
        let keys = (0..<50).map { Schedule.Key(id: WatchID(account: "a", webhookID: $0), kind: .check) }
        for key in keys { schedule.set(key, interval: .seconds(60), phase: .zero, first: .seconds(5)) }
        #expect(schedule.takeDue(at: .seconds(5)).turns.map(\.key) == keys)
    }

    @Test func aFirstTurnStaysWhereItIsUnlessSomethingChanges() {
        var schedule = Schedule()
        let key = Schedule.Key(id: WatchID(account: "a", webhookID: 1), kind: .check)
        schedule.set(key, interval: .seconds(60), phase: .seconds(30), first: .seconds(3))
        schedule.set(key, interval: .seconds(60), phase: .seconds(30), first: .seconds(10))
        schedule.release(key, at: .seconds(1))
        #expect(schedule.takeDue(at: .seconds(3)).turns == [Schedule.Turn(key: key, due: .seconds(3))])
    }

    @Test func aKeyThatIsHeldForgetsTheTurnThatWasAskedFor() {
        var schedule = Schedule()
        let key = Schedule.Key(id: WatchID(account: "a", webhookID: 1), kind: .probe)
        schedule.set(key, interval: .seconds(60), phase: .zero, first: .seconds(3))
        #expect(schedule.takeDue(at: .seconds(3)).turns.count == 1)
        #expect(schedule.runNow(key, at: .seconds(4)) == nil)
        schedule.hold(key)
        #expect(schedule.finished(key, at: .seconds(5)) == nil && !schedule.isRunning(key))
    }

    private let key = Schedule.Key(id: WatchID(account: "a", webhookID: 1), kind: .probe)

    @Test func turnsComeAtTheirPhase() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(30), phase: .seconds(7), first: .seconds(100))
        #expect(schedule.takeDue(at: .seconds(99)).turns.isEmpty)
        #expect(schedule.takeDue(at: .seconds(100)).turns == [.init(key: key, due: .seconds(100))])
        _ = schedule.finished(key, at: .seconds(101))
        #expect(schedule.nextDue == .seconds(127))
        #expect(schedule.takeDue(at: .seconds(127)).turns.count == 1)
    }

    @Test func aTurnThatComesWhileOneRunsIsMissed() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .zero, first: .seconds(10))
        #expect(schedule.takeDue(at: .seconds(10)).turns.count == 1)
        #expect(schedule.takeDue(at: .seconds(20)) == (turns: [], missed: [.probe: 1]))
        #expect(schedule.finished(key, at: .seconds(25)) == nil)
        let after = schedule.takeDue(at: .seconds(30))
        #expect(after.turns.count == 1 && after.missed.isEmpty)
    }

    @Test func aLongGapGivesOneTurnAndCountsTheOthers() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .zero, first: .seconds(10))
        let due = schedule.takeDue(at: .seconds(45))
        #expect(due.turns == [.init(key: key, due: .seconds(10))])
        #expect(due.missed == [.probe: 3])
        #expect(schedule.nextDue == .seconds(50))
    }

    @Test(arguments: [(19, 0), (20, 1), (45, 3)])
    func whatWasSlippedOverIsCountedOneByOne(now: Int, missed: Int) {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .zero, first: .seconds(10))
        let due = schedule.takeDue(at: .seconds(now))
        #expect(due.turns.count == 1 && due.missed[.probe] ?? 0 == missed)
    }

    @Test func aFirstTurnOffThePhaseIsFollowedByThoseOfThePhase() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .seconds(3), first: .seconds(10))
        // At 13, 23, 33 and 43.
        #expect(schedule.takeDue(at: .seconds(45)).missed == [.probe: 4])
    }

    @Test func theNextTurnIsStrictlyLaterOnBothSidesOfZero() {
        for (now, next) in [(-13, -3), (-4, -3), (-3, 7), (6, 7), (7, 17)] {
            #expect(Schedule.next(after: .seconds(now), interval: .seconds(10), phase: .seconds(7)) == .seconds(next))
        }
        #expect(Schedule.next(after: .seconds(1), interval: .zero, phase: .zero) == .seconds(1) + .nanoseconds(1))
    }

    @Test func nanosecondsEndAtTheEndOfTheScale() {
        let last = Duration(secondsComponent: 9_223_372_036, attosecondsComponent: 900_000_000_000_000_000)
        #expect(last.nanoseconds == .max && (.zero - last).nanoseconds == .min)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max && Duration.seconds(Int64.min).nanoseconds == .min)
    }

    @Test func aHeldKeyWaitsForItsRelease() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .seconds(3), first: nil)
        #expect(schedule.takeDue(at: .seconds(100)).turns.isEmpty)
        #expect(schedule.runNow(key, at: .seconds(101)) != nil)
        schedule.release(key, at: .seconds(101))
        #expect(schedule.nextDue == .seconds(103))
        schedule.hold(key)
        #expect(schedule.takeDue(at: .seconds(103)).turns.isEmpty)
    }

    @Test func anExtraTurnWaitsForTheRunningOne() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .zero, first: .seconds(10))
        #expect(schedule.takeDue(at: .seconds(10)).turns.count == 1)
        #expect(schedule.runNow(key, at: .seconds(11)) == nil)
        #expect(schedule.runNow(key, at: .milliseconds(11_500)) == nil)
        #expect(schedule.finished(key, at: .seconds(12)) == .init(key: key, due: .seconds(11)))
        #expect(schedule.isRunning(key))
        #expect(schedule.finished(key, at: .seconds(13)) == nil)
    }

    @Test func anUnchangedIntervalKeepsTheNextTurn() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .zero, first: .seconds(10))
        schedule.set(key, interval: .seconds(10), phase: .zero, first: .seconds(1))
        #expect(schedule.nextDue == .seconds(10))
        schedule.set(key, interval: .seconds(60), phase: .seconds(5), first: .seconds(10))
        #expect(schedule.takeDue(at: .seconds(64)).turns.isEmpty)
        #expect(schedule.takeDue(at: .seconds(65)).turns.count == 1)
    }

    @Test func anotherIntervalMovesTheNextTurnUnlessTheKeyIsHeld() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(60), phase: .seconds(5), first: .seconds(65))
        schedule.set(key, interval: .seconds(10), phase: .seconds(3), first: .seconds(20))
        #expect(schedule.takeDue(at: .seconds(23)).turns == [.init(key: key, due: .seconds(23))])
        _ = schedule.finished(key, at: .seconds(24))
        schedule.hold(key)
        schedule.set(key, interval: .seconds(30), phase: .zero, first: .seconds(20))
        #expect(schedule.takeDue(at: .seconds(1000)).turns.isEmpty)
        schedule.release(key, at: .seconds(1000))
        #expect(schedule.takeDue(at: .seconds(1020)).turns.count == 1)
        _ = schedule.finished(key, at: .seconds(1021))
        // Without a first turn it is held, as a new one would be.
        schedule.set(key, interval: .seconds(40), phase: .zero, first: nil)
        #expect(schedule.takeDue(at: .seconds(9000)).turns.isEmpty)
    }

    @Test func anIntervalOfCenturiesIsJustLong() {
        var schedule = Schedule()
        let now = Duration.seconds(1_700_000_000)
        for interval in [Duration.seconds(8_000_000_000), .seconds(Int64.max)] {
            schedule.set(key, interval: interval, phase: .seconds(1_800_000_000), first: now)
            #expect(schedule.takeDue(at: now).turns.count == 1)
            _ = schedule.finished(key, at: now)
            #expect(schedule.takeDue(at: now + .seconds(50_000_000)) == (turns: [], missed: [:]))
            schedule.remove(key)
        }
    }

    @Test func aRemovedKeyIsForgottenWhileItRuns() {
        var schedule = Schedule()
        schedule.set(key, interval: .seconds(10), phase: .zero, first: .seconds(10))
        _ = schedule.takeDue(at: .seconds(10))
        schedule.remove(key)
        #expect(schedule.finished(key, at: .seconds(11)) == nil)
        #expect(schedule.takeDue(at: .seconds(100)).turns.isEmpty)
        #expect(schedule.count == 0)
    }

    @Test func oneTurnAnIntervalForEveryKeyOverADay() {
        var generator = SystemRandomNumberGenerator()
        var schedule = Schedule()
        var expected: [Schedule.Key: Int] = [:]
        for number in 1...200 {
            let key = Schedule.Key(id: WatchID(account: "a", webhookID: number), kind: .check)
            let interval = Int64.random(in: 1...600, using: &generator)
            let phase = Int64.random(in: 0..<interval, using: &generator)
            schedule.set(key, interval: .seconds(interval), phase: .seconds(phase), first: .seconds(phase))
            expected[key] = Int((3600 - phase + interval - 1) / interval)
        }
        var counts: [Schedule.Key: Int] = [:]
        while let now = schedule.nextDue, now < .seconds(3600) {
            let due = schedule.takeDue(at: now)
            #expect(due.missed.isEmpty)
            for turn in due.turns {
                counts[turn.key, default: 0] += 1
                _ = schedule.finished(turn.key, at: now)
            }
        }
        #expect(counts == expected)
    }
}
