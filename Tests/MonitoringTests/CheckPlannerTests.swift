import Monitoring
import Partoo
import Testing

/// What a short budget is spent on.
@Suite struct CheckPlannerTests {
    /// Issue: every change of any field is seen within 2 minutes where `updated_at` moved, and within the rotation otherwise;
    /// the calls never exceed the budget.
    @Test func tenThousandWebhooksOnTwoHundredAndFortyCallsAMinute() throws {
        var world = OrganisationSimulation(count: 10_000, perMinute: 240)
        #expect(world.planner.isCrowded)
        var minutes = 0
        while world.readIDs < 10_000, minutes < 120 {
            world.run(for: .seconds(60))
            world.changeAny(isMoved: true)
            minutes += 1
        }
        #expect(world.readIDs == 10_000)
        let firstPass = minutes
        // One change a second, half of them in silence, for half an hour; then a rotation, to see what is left.
        for second in 0..<1800 {
            world.changeAny(isMoved: second % 2 == 0)
            world.run(for: .seconds(1))
        }
        world.run(for: .seconds(75 * 60))
        let moved = world.delays.filter(\.change.isMoved).map(\.delay.seconds).sorted()
        let silent = world.delays.filter { !$0.change.isMoved }.map(\.delay.seconds).sorted()
        let mostMoved = try #require(moved.last)
        let mostSilent = try #require(silent.last)
        print(
            "10,000 webhooks, 240 calls a minute: first pass \(firstPass) min; moved: \(moved.count) changes, "
                + "median \(Int(moved[moved.count / 2])) s, most \(Int(mostMoved)) s; unmoved: \(silent.count), most "
                + "\(Int(mostSilent / 60)) min; busiest minute \(world.busiestMinute) calls")
        #expect(world.unseenChanges == 0)
        #expect(moved.count > 900 && mostMoved <= 120)
        #expect(silent.count > 800 && mostSilent <= 75 * 60)
        #expect(world.busiestMinute <= 260)
        // Nobody goes unconfirmed for so long that it is unknown.
        let stale = world.confirmed.values.filter { world.now - $0 > .seconds(150) }
        #expect(stale.isEmpty)
    }

    /// Discovery that is wanted more often than the budget allows makes no pass slower.
    @Test func aShortIntervalOfDiscoveryDoesNotHoldUpWhatHasMoved() {
        var world = OrganisationSimulation(count: 4000, perMinute: 100)
        world.planner.discover(every: .seconds(20), phase: .zero, first: world.now)
        world.run(for: .seconds(900))
        for _ in 0..<300 {
            for _ in 0..<2 { world.changeAny(isMoved: true) }
            world.run(for: .seconds(1))
        }
        world.run(for: .seconds(180))
        // 40 pages at half of the budget: 48 s.
        let moved = world.delays.map(\.delay.seconds)
        #expect(moved.count > 100 && moved.max() ?? .infinity <= 120, "\(moved.count): \(moved.max() ?? 0)")
        #expect(world.busiestMinute <= 120)
    }

    @Test func whereTheBudgetSufficesOnlyFindingsAreRead() {
        var world = OrganisationSimulation(count: 50, perMinute: 240)
        #expect(!world.planner.isCrowded)
        world.run(for: .seconds(600))
        #expect(world.calls.isEmpty)
        world.planner.discover(every: .seconds(120), phase: .zero, first: world.now)
        world.run(for: .seconds(600))
        #expect(world.completeLists >= 5 && world.calls.count == world.lists)
    }

    @Test func withoutAListEverythingIsReadInRotation() {
        var world = OrganisationSimulation(count: 600, perMinute: 240)
        world.listFails = true
        world.run(for: .seconds(600))
        #expect(world.completeLists == 0)
        #expect(world.readIDs == 600)
        let counts = world.reads.values
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        // Attempts to list back off, and so leave the budget to the reads.
        #expect(world.lists < 60)
        #expect(world.busiestMinute <= 260)
    }

    @Test func aListThatCostsMoreThanItSavesIsLeftAlone() {
        // 20 of 10,000 webhooks are ours.
        var world = OrganisationSimulation(count: 20, perMinute: 10)
        for id in 100...10_000 { world.addUnwatched(id) }
        world.run(for: .seconds(1500))
        #expect(world.lists == 1)
        #expect(world.readIDs == 20)
    }

    @Test func oneThatIsGoneIsAskedForByTheFirstListThatLacksIt() {
        var world = OrganisationSimulation(count: 600, perMinute: 240)
        world.run(for: .seconds(300))
        let before = world.reads[77] ?? 0
        world.delete(77)
        world.run(for: .seconds(125))
        #expect(world.reads[77] ?? 0 > before)
        #expect(world.absent == [77])
        // Then it is one of the rotation again, which comes round every 2.6 minutes, and not asked for by every list.
        world.run(for: .seconds(475))
        #expect(world.reads[77] ?? 0 <= before + 6)
    }

    @Test func aStopIsObeyedAndFollowedByNoBurst() {
        var world = OrganisationSimulation(count: 2000, perMinute: 240)
        world.run(for: .seconds(120))
        let stopped = world.now
        world.stop(for: .seconds(60))
        world.run(for: .seconds(120))
        let after = world.calls.filter { $0 >= stopped }.map { ($0 - stopped).seconds }
        #expect((after.first ?? 0) >= 60)
        #expect(after.filter { $0 < 65 }.count <= 21)
    }

    @Test func whateverMovesTheRotationGoesOn() {
        var world = OrganisationSimulation(count: 1000, perMinute: 240)
        world.run(for: .seconds(600))
        // All of the first half move all the time, more than can be read; one of the others changes in silence.
        world.change(900, isMoved: false)
        for _ in 0..<60 {
            for id in 1...500 { world.change(id, isMoved: true) }
            world.run(for: .seconds(30))
        }
        #expect(world.delays.contains { $0.change.id == 900 })
        #expect(world.busiestMinute <= 260)
    }

    @Test func aMixtureOfIntervalsIsPlannedWhole() {
        var world = OrganisationSimulation(count: 300, perMinute: 240)
        for id in 301...400 { world.add(id, interval: .seconds(3600)) }
        for id in 401...405 { world.add(id, interval: .seconds(5)) }
        world.run(for: .seconds(1200))
        #expect(world.readIDs == 405)
        #expect(world.confirmed.values.allSatisfy { world.now - $0 < .seconds(150) })
        for id in 1...350 { world.planner.remove(id) }
        #expect(!world.planner.isCrowded)
    }
}
