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
}
