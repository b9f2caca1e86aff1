import ConfigurationFile
import Monitoring
import TestSupport
import Testing
import Watching

/// Who has a watch checked when it changes its organisation, or the organisation is crowded no longer.
@Suite(.timeLimit(.minutes(5))) struct CrowdingTests {
    private typealias Rig = MonitorRig

    /// Twenty watches, each to be checked every minute. An organisation may make ten calls in it.
    private func configuration(_ organisation: (Int) -> Int) -> ExporterConfiguration {
        Rig.configuration(
            (1...20).map { Rig.watch($0, org: organisation($0)) }, accounts: [Rig.account("a", perMinute: 10)])
    }

    @Test(arguments: [[5: 2], Dictionary(uniqueKeysWithValues: (1...20).map { ($0, 1 + $0 % 4) })])
    func whoLeavesACrowdIsCheckedAtItsInterval(moved: [Int: Int]) async {
        let rig = await Rig(configuration { _ in 1 })
        await rig.advance(to: 300)
        await rig.reload(configuration { moved[$0] ?? 1 })
        await rig.advance(to: 900)
        for (id, organisation) in moved {
            let calls = rig.world.calls.filter { $0.id == id && $0.at > rig.start + .seconds(300) }
            let gaps = zip(calls, calls.dropFirst()).map { $1.at - $0.at }
            // The first one may have been planned before.
            #expect(calls.count == 10 && gaps.dropFirst().allSatisfy { $0 == .seconds(60) }, "\(id): \(gaps)")
            #expect(calls.allSatisfy { $0.orgID == organisation } && rig.state(id) == .inSync)
        }
        await rig.stop()
    }

    @Test func whoJoinsACrowdIsCheckedWithIt() async {
        let rig = await Rig(configuration { $0 <= 4 ? 2 : 1 })
        await rig.advance(to: 300)
        await rig.reload(configuration { $0 <= 3 ? 2 : 1 })
        await rig.advance(to: 3900)
        // In an hour 600 calls for 17 watches, were there no lists.
        let others = (5...20).map { id in rig.world.calls(of: id).count { $0 > rig.start + .seconds(300) } }
        let joined = rig.world.calls(of: 4).count { $0 > rig.start + .seconds(300) }
        #expect(joined <= (others.max() ?? 0) + 1 && joined >= (others.min() ?? 0) - 1, "\(joined) \(others)")
        await rig.stop()
    }

    /// No list is due for an hour, and who is gone makes the difference.
    @Test func aCrowdThatShrinksIsCheckedAtItsInterval() async {
        let time = VirtualTimekeeper()
        let world = FleetWorld(time)
        world.put(1...20, in: "a")
        var account = Rig.account("a", perMinute: 20)
        account.discovery = DiscoverySettings(interval: .seconds(3600), missingRetention: .seconds(100))
        let rig = await FleetRig(Rig.configuration([], accounts: [account]), world, time, KeptInMemory())
        await rig.advance(by: .seconds(300))
        world.delete(1, in: "a")
        for _ in 0..<60 where rig.observer.seen.retired.isEmpty { await rig.advance(by: .seconds(10)) }
        #expect(rig.observer.seen.retired.map(\.webhookID) == [1])
        let begin = time.now()
        await rig.advance(by: .seconds(600))
        let calls = world.calls.filter { $0.at > begin }
        #expect(!calls.contains { $0.page != nil })
        for id in 2...20 { #expect((10...11).contains(calls.count { $0.id == id })) }
        #expect(await rig.states().filter { $0.value == .inSync }.count == 19)
        await rig.stop()
    }
}
