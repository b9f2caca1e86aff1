import ConfigurationFile
import Monitoring
import Partoo
import TestSupport
import Testing
import Transport
import Watching

/// Calls and turns under way when what they were begun for is no longer so.
@Suite(.timeLimit(.minutes(5))) struct SupersededTests {
    private typealias Rig = MonitorRig

    private static func account(at host: String = "a.example") -> Account {
        var account = Rig.account("a")
        account.baseURL = "https://\(host)/v2"
        return account
    }

    /// Three watches wait for the end of a stop of five minutes, and their turns with them.
    private func stopped(_ watches: [Watch]) async -> MonitorRig {
        let rig = await Rig(Rig.configuration(watches, accounts: [Self.account()])) { world in
            world.change { $0.answer = .answer(429, headers: [("Retry-After", "300")]) }
        }
        await rig.advance(to: 100)
        rig.world.change { $0.answer = nil }
        return rig
    }

    private let three = (1...3).map { Rig.watch($0) }

    @Test func anotherAddressIsAskedAtOnceAndTheOldOneNoMore() async {
        let rig = await stopped(three)
        let before = rig.world.calls.count
        await rig.reload(Rig.configuration(three, accounts: [Self.account(at: "b.example")]))
        await rig.advance(to: 110)
        #expect(Set(rig.world.calls.dropFirst(before).map(\.id)) == [1, 2, 3])
        #expect((1...3).allSatisfy { rig.state($0) == .inSync })
        await rig.advance(to: 500)
        #expect(rig.world.calls.dropFirst(before).allSatisfy { $0.url.hasPrefix("https://b.example/") })
        await rig.stop()
    }

    /// Where the budget decides who is read, and the watch is defined anew in the same moment.
    @Test func aCrowdedOrganisationsReadBeginsAnewAtOnce() async {
        let watches = (1...20).map { Rig.watch($0) }
        func account(at host: String) -> Account {
            var account = Rig.account("a", perMinute: 10)
            account.baseURL = "https://\(host)/v2"
            return account
        }
        let hold = Hold()
        let rig = await Rig(Rig.configuration(watches, accounts: [account(at: "a.example")])) { world in
            world.change { $0.heldChecks[1] = hold }
        }
        await rig.advance(to: 300)
        #expect(hold.count == 1)
        let before = rig.world.calls.count
        rig.world.change { $0.heldChecks[1] = nil }
        var redefined = Rig.watch(1)
        redefined.expectation.eventType = "lead_received"
        await rig.reload(
            Rig.configuration([redefined] + watches.dropFirst(), accounts: [account(at: "b.example")]))
        await rig.advance(to: 310)
        let ids = rig.world.calls.dropFirst(before).map(\.id)
        #expect(ids.contains(1), "\(ids)")
        #expect(rig.state(1) == .inSync && hold.count == 0)
        await rig.stop()
    }

    @Test func anotherOrganisationDoesNotWaitForTheOldOne() async {
        let rig = await stopped(three)
        let before = rig.world.calls.count
        await rig.reload(Rig.configuration([Rig.watch(1, org: 2)] + three.dropFirst(), accounts: [Self.account()]))
        await rig.advance(to: 110)
        #expect(rig.world.calls.dropFirst(before).map(\.id) == [1] && rig.state(1) == .inSync)
        await rig.advance(to: 500)
        #expect(rig.world.calls.dropFirst(before).filter { $0.id == 1 }.allSatisfy { $0.orgID == 2 })
        await rig.stop()
    }

    @Test(arguments: [false, true])
    func nobodyIsAskedForWhoIsNotCheckedAnyMore(isRemoved: Bool) async {
        let rig = await stopped(three)
        let before = rig.world.calls.count
        let off = isRemoved ? [] : [Rig.watch(1, enabled: false)]
        await rig.reload(Rig.configuration(off + three.dropFirst(), accounts: [Self.account()]))
        await rig.advance(to: 500)
        let calls = rig.world.calls.dropFirst(before)
        #expect(calls.contains { $0.id == 2 } && !calls.contains { $0.id == 1 })
        await rig.stop()
    }

    /// The answer that was under way comes last, and is of no more use.
    @Test(arguments: [false, true])
    func whoIsBackHasOneTurnAtATimeAndLearnsNothingOld(isRemoved: Bool) async {
        let rig = await Rig(Rig.configuration(three))
        await rig.advance(to: 20)
        let (checks, probes) = (Hold(), Hold())
        rig.world.change { world in
            world.heldChecks[1] = checks
            world.heldProbes = probes
        }
        await rig.advance(to: 100)
        #expect(checks.count == 1 && rig.observer.seen.inFlight == 3)
        await rig.reload(Rig.configuration((isRemoved ? [] : [Rig.watch(1, enabled: false)]) + three.dropFirst()))
        await rig.reload(Rig.configuration(three))
        rig.world.change { world in
            world.heldChecks[1] = nil
            world.urls[1] = "https://receiver.example/new/1"
        }
        await rig.advance(to: 180)
        #expect(rig.observer.seen.mostInFlight == 3 && checks.count == 0)
        #expect(rig.watchState(1)?.observation?.url == Secret("https://receiver.example/new/1"))
        #expect(rig.world.probes.last { $0.id == 1 }?.url == "https://receiver.example/new/1")
        probes.open()
        await rig.stop()
    }

    @Test func whatAReloadMakesOfAStateIsNoticed() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1)]))
        await rig.advance(to: 20)
        var expected = Rig.watch(1)
        expected.expectation.url = .exactly(Secret("https://elsewhere.example/"))
        await rig.reload(Rig.configuration([expected]))
        #expect(rig.state(1) == .drifted)
        #expect(await rig.noticed(1).last == .state(from: .inSync, to: .drifted))
        await rig.stop()
    }

    @Test func nobodyMissesTheChecksOfADisabledOne() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1)]))
        await rig.advance(to: 20)
        let before = await rig.noticed(1)
        await rig.reload(Rig.configuration([Rig.watch(1, enabled: false)]))
        await rig.advance(to: 1000)
        #expect(await rig.noticed(1) == before)
        await rig.stop()
    }
}
