import Monitoring
import Partoo
import Testing

/// One call after another: when pages are asked for, and what follows from what they show. Times are seconds.
@Suite struct ListPlanningTests {
    /// A crowded organisation: 300 reads a minute are wanted, 60 calls may be made, so a pass over the list is to take 60 s.
    private static func crowded(_ ids: ClosedRange<Int> = 1...300, perMinute: Double = 60) -> PlannerSteps {
        var steps = PlannerSteps(perMinute: perMinute)
        for id in ids { steps.planner.set(id, interval: .seconds(60)) }
        return steps
    }

    /// One with nothing to read that discovers once an hour.
    private static func discovering() -> PlannerSteps {
        var steps = PlannerSteps(perMinute: 60)
        steps.planner.discover(every: .seconds(3600), phase: .seconds(600), first: .zero)
        return steps
    }

    // MARK: Pace

    @Test func thePagesOfAPassAreSpreadOverItAndAskedForOnce() {
        var steps = Self.crowded()
        #expect(steps.take(0) == .list(page: 1))
        #expect(steps.kind(at: 0) == .read, "the page is under way")
        steps.listed(0.5, page: 1, of: 3, count: 0)
        #expect(steps.kind(at: 19.9) == .read)
        #expect(steps.take(20) == .list(page: 2))
        steps.listed(20.5, page: 2, of: 3, count: 0)
        #expect(steps.take(40) == .list(page: 3))
        #expect(steps.listed(40.5, page: 3, of: 3, count: 0).isComplete)
        #expect(steps.kind(at: 59.9) == .read)
        // A list that began late is followed by one that does not.
        #expect(steps.take(60.5) == .list(page: 1))
        #expect(steps.listed(60.8, page: 1, of: 1, count: 0).isComplete)
        #expect(steps.kind(at: 119.9) == .read)
        #expect(steps.take(120) == .list(page: 1))
    }

    @Test func noHurryMakesUpForWhatFellBehind() {
        var steps = Self.crowded()
        #expect(steps.take(0) == .list(page: 1))
        steps.listed(0.5, page: 1, of: 5, count: 0)
        #expect(steps.take(12) == .list(page: 2))
        steps.listed(100, page: 2, of: 5, count: 0)
        // One page is caught up with, and no more.
        #expect(steps.take(100) == .list(page: 3))
        steps.listed(100.5, page: 3, of: 5, count: 0)
        #expect(steps.take(100.5) == .list(page: 4))
        steps.listed(100.75, page: 4, of: 5, count: 0)
        #expect(steps.kind(at: 111.9) == .read)
        #expect(steps.take(112) == .list(page: 5))
        #expect(steps.listed(112.5, page: 5, of: 5, count: 0).isComplete)
        // The pass took 112 s instead of 60.
        #expect(steps.take(112.5) == .list(page: 1))
        #expect(steps.listed(112.75, page: 1, of: 1, count: 0).isComplete)
        #expect(steps.kind(at: 171.25) == .read)
        #expect(steps.take(171.5) == .list(page: 1))
    }

    @Test func discoveryKeepsToItsPhaseAndToWhatReadsLeave() {
        var steps = Self.discovering()
        for id in 1...30 { steps.planner.set(id, interval: .seconds(60)) }
        #expect(steps.take(5) == .list(page: 1))
        steps.listed(5.5, page: 1, of: 2, count: 0)
        // 60 calls a minute, of which 30 are the reads': one page in two seconds. That it began
        // late counts for one second.
        #expect(steps.take(5.9) == nil)
        #expect(steps.take(6) == .list(page: 2))
        #expect(steps.listed(6.5, page: 2, of: 2, count: 0).isComplete)
        #expect(steps.planner.nextDue(at: .seconds(8)) == .seconds(600))
        #expect(steps.take(600) == .list(page: 1))
        #expect(steps.listed(600.5, page: 1, of: 1, count: 0).isComplete)
        #expect(steps.planner.nextDue(at: .seconds(601)) == .seconds(4200))
        // The same again changes nothing; another interval begins anew.
        steps.planner.discover(every: .seconds(3600), phase: .seconds(600), first: .seconds(700))
        #expect(steps.planner.nextDue(at: .seconds(601)) == .seconds(4200))
        steps.planner.discover(every: .seconds(1800), phase: .zero, first: .seconds(700))
        #expect(steps.planner.nextDue(at: .seconds(601)) == .seconds(700))
        steps.planner.discover(every: .seconds(900), phase: .zero, first: .seconds(800))
        #expect(steps.planner.nextDue(at: .seconds(601)) == .seconds(700), "what was sooner stays")
    }

    @Test func whereReadsTakeAllDiscoveryHasATenth() {
        var steps = Self.discovering()
        for id in 1...60 { steps.planner.set(id, interval: .seconds(60)) }
        #expect(steps.planner.isCrowded)
        #expect(steps.take(0) == .list(page: 1))
        steps.listed(0.5, page: 1, of: 2, count: 0)
        #expect(steps.kind(at: 9.9) == .read)
        #expect(steps.take(10) == .list(page: 2))
    }

    @Test func aListThatIsTooLongIsLookedAtAgainInHalfAnHour() {
        var steps = Self.crowded(1...20, perMinute: 10)
        #expect(steps.take(0) == .list(page: 1))
        steps.listed(0.5, page: 1, of: 100, count: 10_000)
        #expect(steps.kind(at: 1800.25) == .read)
        // From its first page, and after a failure as well.
        #expect(steps.take(1800.5) == .list(page: 1))
        steps.listFailed(1801)
        #expect(steps.kind(at: 3600.25) == .read)
        #expect(steps.take(3600.5) == .list(page: 1))
    }

    /// Whatever it says, and however small the budget: the organisation is as crowded as before.
    @Test func aListThatIsRefusedSaysNothingOfItsLength() {
        var steps = PlannerSteps(perMinute: 0.5)
        steps.planner.discover(every: .seconds(600))
        steps.planner.set(1, interval: .seconds(600))
        #expect(steps.take(0) == .list(page: 1))
        #expect(steps.listed(0.5, page: 1, of: .max, count: 1, with: [1]).isFailed)
        #expect(!steps.planner.isCrowded && steps.planner.listInterval == .seconds(600))
    }

    // MARK: Failures

    @Test func aBrokenListBeginsAnew() {
        var steps = Self.crowded()
        #expect(steps.take(0) == .list(page: 1))
        let sighting = steps.listed(0.5, page: 2, of: 3, count: 300)
        #expect(sighting.isFailed && !sighting.isComplete)
        #expect(steps.kind(at: 59.9) == .read)
        #expect(steps.take(60) == .list(page: 1))
        steps.listed(60.5, page: 1, of: 3, count: 300)
        #expect(steps.take(80) == .list(page: 2))
        steps.listFailed(80.5)
        // Full jitter below 60 s, but no later than the next pass.
        #expect(steps.kind(at: 119.9) == .read)
        #expect(steps.take(120) == .list(page: 1))
    }

    @Test func aListWithoutPagesIsNoReasonToStumble() {
        var steps = Self.crowded()
        #expect(steps.take(0) == .list(page: 1))
        #expect(!steps.listed(0.5, page: 1, of: 0, count: 5).isFailed)
        #expect(steps.take(60) == .list(page: 1))
    }

    @Test func failuresInARowArePutOffForLongerUntilOneSucceeds() {
        var steps = Self.discovering()
        #expect(steps.take(0) == .list(page: 1))
        for (failed, next) in [(10.0, 70.0), (70, 190), (190, 430)] {
            steps.listFailed(failed)
            #expect(steps.take(next - 1) == nil)
            #expect(steps.take(next) == .list(page: 1))
        }
        #expect(steps.listed(431, page: 1, of: 1, count: 0).isComplete)
        #expect(steps.take(600) == .list(page: 1))
        steps.listFailed(610)
        #expect(steps.take(669) == nil)
        #expect(steps.take(670) == .list(page: 1))
    }

    @Test func aPageThatWasPassedOverIsAskedForASecondLater() {
        var steps = Self.crowded()
        #expect(steps.take(0) == .list(page: 1))
        steps.planner.listPassed(at: .zero)
        #expect(steps.kind(at: 0.9) == .read)
        #expect(steps.take(1) == .list(page: 1))
        steps.listed(1.5, page: 1, of: 2, count: 0)
        #expect(steps.take(31) == .list(page: 2))
        steps.planner.listPassed(at: .seconds(31))
        #expect(steps.take(32) == .list(page: 2))
        #expect(steps.listed(32.5, page: 2, of: 2, count: 0).isComplete)
        // A pass begins with the page that is read.
        #expect(steps.kind(at: 60.9) == .read)
        #expect(steps.take(61) == .list(page: 1))
    }

    // MARK: What a list shows

    /// Every watch of `steps` is read well at 0, and a list has shown it so.
    private func known(_ steps: inout PlannerSteps, _ ids: ClosedRange<Int>) {
        #expect(steps.take(0) == .list(page: 1))
        steps.listed(0, page: 1, of: 1, count: ids.count, with: Array(ids))
        for id in ids {
            steps.planner.readStarted(id)
            steps.planner.readEnded(id, .good(updatedAt: nil), at: .zero)
        }
    }

    @Test func aWholeListTellsWhatItHoldsAndConfirmsWhatStands() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        steps.planner.readStarted(7)
        #expect(steps.take(60) == .list(page: 1))
        let sighting = steps.listed(60, page: 1, of: 1, count: 150, with: Array(1...148) + [200, 201])
        #expect(sighting.isComplete && sighting.ids == Set(Array(1...148) + [200, 201]))
        #expect(sighting.absent == [149, 150])
        // What is read at this moment is confirmed by its answer, or not.
        #expect(Set(sighting.confirmed) == Set(1...148).subtracting([7]))
    }

    @Test func whatHasMovedIsReadBecauseOfTheList() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        #expect(steps.take(60) == .list(page: 1))
        steps.listed(60, page: 1, of: 1, count: 150, with: Array(1...150), moved: [9])
        #expect(steps.take(60) == .read(9, isFound: true))
        // Until that has come to something, every read is the list's, however it comes about.
        steps.planner.readEnded(9, .failed(until: .seconds(100)), at: .seconds(60))
        #expect(steps.take(120) == .list(page: 1))
        #expect(steps.take(120) == .read(9, isFound: true))
        steps.planner.readEnded(9, .good(updatedAt: nil), at: .seconds(121))
        #expect(steps.planner.readStarted(9) == false)
    }

    @Test func whatMovesWhileItsReadsFailIsTheListsAsWell() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        steps.planner.readStarted(9)
        steps.planner.readEnded(9, .failed(until: .seconds(100)), at: .seconds(59))
        #expect(steps.take(60) == .list(page: 1))
        steps.listed(60, page: 1, of: 1, count: 150, with: Array(1...150), moved: [9])
        #expect(steps.planner.readStarted(9) == true)
    }

    @Test func oneThatVanishesIsReadOnceEachTimeThatItDoes() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        let others = Array(1...8) + Array(10...150)
        for round in [60.0, 240] {
            #expect(steps.take(round) == .list(page: 1))
            steps.listed(round, page: 1, of: 1, count: 149, with: others)
            #expect(steps.take(round) == .read(9, isFound: true))
            steps.planner.readEnded(9, .missing, at: .seconds(round))
            #expect(steps.take(round + 60) == .list(page: 1))
            steps.listed(round + 60, page: 1, of: 1, count: 149, with: others)
            if case .read(9, _) = steps.take(round + 60) { Issue.record("asked for by every list") }
            // It is back as it was.
            #expect(steps.take(round + 120) == .list(page: 1))
            steps.listed(round + 120, page: 1, of: 1, count: 150, with: Array(1...150))
            #expect(steps.take(round + 120) == .read(9, isFound: true))
            steps.planner.readEnded(9, .good(updatedAt: nil), at: .seconds(round + 120))
        }
    }

    @Test func oneThatVanishesWhileItIsReadIsReadAfterTheNextList() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        steps.planner.readStarted(9)
        let others = Array(1...8) + Array(10...150)
        #expect(steps.take(60) == .list(page: 1))
        steps.listed(60, page: 1, of: 1, count: 149, with: others)
        steps.planner.readEnded(9, .good(updatedAt: nil), at: .seconds(61))
        #expect(steps.take(120) == .list(page: 1))
        steps.listed(120, page: 1, of: 1, count: 149, with: others)
        #expect(steps.take(120) == .read(9, isFound: true))
    }

    @Test(arguments: [CheckPlanner.Reading.failed(until: .zero), .passed])
    func aListFindsNothingAboutWhatWasNeverRead(reading: CheckPlanner.Reading) {
        var steps = Self.crowded(1...150)
        steps.planner.readStarted(9)
        steps.planner.readEnded(9, reading, at: .zero)
        #expect(steps.take(0) == .list(page: 1))
        steps.listed(0, page: 1, of: 1, count: 150, with: Array(1...150))
        #expect(steps.planner.readStarted(9) == false)
    }

    @Test func aTurnThatWasPassedOverHoldsUpNoFinding() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        steps.planner.readStarted(9)
        steps.planner.readEnded(9, .passed, at: .seconds(59))
        #expect(steps.take(60) == .list(page: 1))
        steps.listed(60, page: 1, of: 1, count: 150, with: Array(1...150), moved: [9])
        #expect(steps.take(60) == .read(9, isFound: true))
    }

    /// A read that began before the change was listed does not answer it.
    @Test func whatMovesWhileItIsReadIsReadAgain() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        steps.planner.readStarted(9)
        #expect(steps.take(60) == .list(page: 1))
        steps.listed(60, page: 1, of: 1, count: 150, with: Array(1...150), moved: [9])
        steps.planner.readEnded(9, .good(updatedAt: nil), at: .seconds(61))
        #expect(steps.take(61) == .read(9, isFound: true))
    }

    /// The read may show what a list that was made before it does not yet.
    @Test func whatAReadHasShownAlreadyIsNotReadAgain() {
        var steps = Self.crowded(1...150)
        known(&steps, 1...150)
        steps.planner.readStarted(9)
        steps.planner.readEnded(9, .good(updatedAt: ISO8601.seconds(PlannerSteps.movedAt)), at: .seconds(1))
        #expect(steps.take(60) == .list(page: 1))
        let sighting = steps.listed(60, page: 1, of: 1, count: 150, with: Array(1...150), moved: [9])
        #expect(sighting.confirmed.contains(9))
    }
}
