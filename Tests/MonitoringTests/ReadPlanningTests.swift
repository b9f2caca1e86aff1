import Monitoring
import Partoo
import Testing

/// One call after another: which watch is read next, and when one is again. Times are seconds.
@Suite struct ReadPlanningTests {
    /// Crowded, and with nothing listed: 2 reads a minute are wanted of each, and a list is as dear as reading all.
    private static func crowded(_ ids: ClosedRange<Int> = 1...20) -> PlannerSteps {
        var steps = PlannerSteps(perMinute: 10)
        for id in ids { steps.planner.set(id, interval: .seconds(30)) }
        _ = steps.take(0)
        steps.listed(0, page: 1, of: 100, count: 10_000)
        return steps
    }

    /// Ends the read of one as it says, whoever began it.
    private func end(_ steps: inout PlannerSteps, _ id: Int, _ reading: CheckPlanner.Reading, at now: Double) {
        steps.planner.readStarted(id)
        steps.planner.readEnded(id, reading, at: .seconds(now))
    }

    @Test func theNeverReadComeFirstAndThenWhoeverWaitsLongest() {
        var steps = Self.crowded(1...20)
        for id in 1...19 { end(&steps, id, .good(updatedAt: nil), at: Double(30 - id)) }
        #expect(steps.planner.nextDue(at: .seconds(100)) == .seconds(100))
        #expect(steps.take(100) == .read(20, isFound: false))
        for id in (1...19).reversed() { #expect(steps.take(100) == .read(id, isFound: false)) }
        #expect(steps.take(100) == nil)
        #expect(steps.planner.nextDue(at: .seconds(100)) == .seconds(1800), "the next look at the list")
    }

    @Test func nobodyIsReadTwiceWithinItsInterval() {
        var steps = Self.crowded()
        for id in 1...19 { end(&steps, id, .good(updatedAt: nil), at: Double(id)) }
        end(&steps, 20, .failed(until: .seconds(500)), at: 20)
        #expect(steps.planner.nextDue(at: .seconds(20)) == .seconds(31))
        #expect(steps.take(30.9) == nil)
        #expect(steps.take(31) == .read(1, isFound: false))
    }

    @Test func whatFailedIsLeftAloneAsLongAsItIsToBe() {
        var steps = Self.crowded()
        for id in 1...20 { end(&steps, id, .good(updatedAt: nil), at: 1000) }
        end(&steps, 1, .failed(until: .seconds(1005)), at: 1000)
        end(&steps, 2, .failed(until: .seconds(1020)), at: 950)
        #expect(steps.planner.nextDue(at: .seconds(1001)) == .seconds(1020))
        #expect(steps.take(1019.9) == nil)
        #expect(steps.take(1020) == .read(2, isFound: false))
        // Not before its own turn either.
        #expect(steps.take(1029.9) == nil)
        #expect(steps.take(1030) == .read(1, isFound: false))
    }

    @Test func aTurnThatWasPassedOverComesAnIntervalLater() {
        var steps = Self.crowded(1...20)
        for id in 1...19 { end(&steps, id, .good(updatedAt: nil), at: 100) }
        end(&steps, 20, .passed, at: 90)
        #expect(steps.planner.nextDue(at: .seconds(100)) == .seconds(120))
        #expect(steps.take(120) == .read(20, isFound: false))
        // One that was read before goes on in the rotation.
        end(&steps, 20, .good(updatedAt: nil), at: 95)
        end(&steps, 20, .passed, at: 96)
        #expect(steps.planner.nextDue(at: .seconds(100)) == .seconds(126))
    }

    /// Of eight reads one is the rotation's, be there ever so many that have moved.
    @Test func oneReadInEightIsTheRotations() {
        var steps = PlannerSteps(perMinute: 60)
        for id in 1...300 { steps.planner.set(id, interval: .seconds(60)) }
        _ = steps.take(0)
        steps.listed(0, page: 1, of: 1, count: 300, with: Array(1...300))
        for id in 1...300 { end(&steps, id, .good(updatedAt: nil), at: 0) }
        #expect(steps.take(60) == .list(page: 1))
        steps.listed(60, page: 1, of: 1, count: 300, with: Array(1...300), moved: Set(101...200))
        var order: [Int] = []
        for _ in 0..<24 {
            guard case .read(let id, let isFound) = steps.take(60) else { continue }
            #expect(isFound == (id > 100))
            order.append(id)
        }
        #expect(order == Array(101...107) + [1] + Array(108...114) + [2] + Array(115...121) + [3])
    }

    @Test func anAmpleBudgetEndsThePlanningAndAShortOneResumesIt() {
        var steps = Self.crowded()
        for id in 1...10 { end(&steps, id, .good(updatedAt: nil), at: 0) }
        for id in 11...12 { end(&steps, id, .failed(until: .seconds(50)), at: 0) }
        steps.planner.change(perMinute: 1000)
        #expect(steps.planner.nextDue(at: .seconds(40)) == nil)
        #expect(steps.take(40) == nil)
        // The schedule reads two of them meanwhile.
        for id in [1, 20] { end(&steps, id, .good(updatedAt: nil), at: 40) }
        steps.planner.change(perMinute: 10)
        #expect(steps.take(45) == .list(page: 1))
        steps.listed(45, page: 1, of: 100, count: 10_000)
        var order: [Int] = []
        while case .read(let id, _) = steps.take(60) { order.append(id) }
        #expect(order == [11, 12] + Array(13...19) + Array(2...10))
        #expect(steps.planner.nextDue(at: .seconds(60)) == .seconds(70))
    }

    @Test func whoComesLaterIsReadAndWhoGoesIsNot() {
        var steps = Self.crowded()
        for id in 1...20 { end(&steps, id, .good(updatedAt: nil), at: 0) }
        steps.planner.set(21, interval: .seconds(30))
        steps.planner.remove(1)
        #expect(steps.take(1) == .read(21, isFound: false))
        #expect(steps.take(30) == .read(2, isFound: false))
        // Another interval holds from the next read on, and is counted in the place of the one before.
        #expect(steps.planner.leastInterval == .seconds(30))
        for id in 2...21 { steps.planner.set(id, interval: .seconds(600)) }
        #expect(steps.planner.leastInterval == .seconds(600) && !steps.planner.isCrowded)
        for id in 2...21 { steps.planner.remove(id) }
        #expect(steps.planner.leastInterval == nil && Array(steps.planner.ids).isEmpty)
    }

    @Test func aMissingOneHasNothingThatAListCouldConfirm() {
        var steps = PlannerSteps(perMinute: 1000)
        steps.planner.set(1, interval: .seconds(60))
        steps.planner.discover(every: .seconds(60), first: .zero)
        #expect(steps.take(0) == .list(page: 1))
        #expect(steps.listed(0, page: 1, of: 1, count: 1, with: [1]).confirmed.isEmpty, "it was never read")
        end(&steps, 1, .good(updatedAt: nil), at: 1)
        end(&steps, 1, .missing, at: 2)
        #expect(steps.take(60) == .list(page: 1))
        #expect(steps.listed(60, page: 1, of: 1, count: 1, with: [1]).confirmed.isEmpty)
        // Even where the budget suffices, what a list found is read at once.
        #expect(steps.planner.nextDue(at: .seconds(60)) == .seconds(60))
        #expect(steps.take(60) == .read(1, isFound: true))
        steps.planner.readEnded(1, .missing, at: .seconds(61))
        #expect(steps.planner.readStarted(1) == false, "its answer was that it is still gone")
    }

    /// A time that cannot be read is like no other; none at all tells nothing, and finds nothing either.
    @Test(arguments: [("soon", true), (nil, false)])
    func aTimeThatTellsNothingConfirmsNothing(time: String?, isRead: Bool) {
        var steps = PlannerSteps(perMinute: 1000)
        steps.planner.set(1, interval: .seconds(60))
        steps.planner.discover(every: .seconds(60), first: .zero)
        end(&steps, 1, .good(updatedAt: nil), at: 0)
        #expect(steps.take(0) == .list(page: 1))
        let entry = WebhookList.Entry(id: 1, eventType: "lead_received", updatedAt: time)
        let list = WebhookList(page: 1, maximumPage: 1, count: 1, entries: [entry])
        let sighting = steps.planner.listed(list, at: .zero)
        #expect(sighting.isComplete && sighting.confirmed.isEmpty)
        #expect(steps.planner.nextDue(at: .seconds(1)) == .seconds(isRead ? 1 : 60))
    }

    /// What has waited for as long as the new interval is due at once.
    @Test func anotherIntervalCountsFromTheLastRead() {
        var steps = Self.crowded()
        for id in 1...20 { end(&steps, id, .good(updatedAt: nil), at: Double(id)) }
        #expect(steps.planner.nextDue(at: .seconds(20)) == .seconds(31))
        steps.planner.set(9, interval: .seconds(12))
        #expect(steps.take(20.9) == nil)
        #expect(steps.take(21) == .read(9, isFound: false))
        steps.planner.set(1, interval: .seconds(90))
        #expect(steps.take(31) == nil)
        #expect(steps.take(32) == .read(2, isFound: false))
    }

    // MARK: Whether and how often a list is worth it

    private struct Organisation: Sendable {
        var watches: Int
        var perMinute: Double
        var discovery: Double?
        var isCrowded: Bool
        var pass: Double?
    }

    @Test(arguments: [
        // Exactly what the budget allows is not too much.
        Organisation(watches: 60, perMinute: 60, isCrowded: false),
        Organisation(watches: 61, perMinute: 60, isCrowded: true, pass: 60),
        // Listing counts as well, and is wanted as often as discovery wants it.
        Organisation(watches: 60, perMinute: 60, discovery: 60, isCrowded: true, pass: 60),
        Organisation(watches: 300, perMinute: 60, discovery: 20, isCrowded: true, pass: 20),
        // Half of the budget for a list of one page: no more than one in two calls.
        Organisation(watches: 300, perMinute: 60, discovery: 1, isCrowded: true, pass: 2),
        Organisation(watches: 60, perMinute: 1000, discovery: 300, isCrowded: false, pass: 300),
    ])
    private func listsAreAsFrequentAsIsWorthIt(_ organisation: Organisation) {
        var planner = CheckPlanner(perMinute: organisation.perMinute)
        for id in 1...organisation.watches { planner.set(id, interval: .seconds(60)) }
        planner.discover(every: organisation.discovery.map { .seconds($0) })
        #expect(planner.isCrowded == organisation.isCrowded)
        #expect(planner.listInterval == organisation.pass.map { .seconds($0) })
    }

    @Test(arguments: [(9, 108.0), (10, nil)])
    func aListAsDearAsReadingAllIsNotWorthIt(pages: Int, pass: Double?) {
        var steps = PlannerSteps(perMinute: 10)
        for id in 1...20 { steps.planner.set(id, interval: .seconds(60)) }
        #expect(steps.take(0) == .list(page: 1))
        steps.listed(0, page: 1, of: pages, count: 1000)
        #expect(steps.planner.listInterval == pass.map { .seconds($0) })
    }
}
