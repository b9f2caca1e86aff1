import ConfigurationFile
import Monitoring
import TestSupport
import Testing
import Transport
import Watching

/// What a list brings in: who noticed a change, and what is known of a discovered webhook after a restart.
@Suite(.timeLimit(.minutes(5))) struct DiscoveredTests {
    private let time = VirtualTimekeeper()
    private let store = KeptInMemory()

    private func world(_ ids: ClosedRange<Int> = 1...3) -> FleetWorld {
        let world = FleetWorld(time)
        world.put(ids, in: "a")
        return world
    }

    private func start(
        _ world: FleetWorld, check: Int = 3600, retention: Int = 1000, orgIDs: [Int] = []
    ) async -> FleetRig {
        var account = MonitorRig.account("a")
        account.discovery = DiscoverySettings(
            orgIDs: orgIDs, interval: .seconds(20), missingRetention: .seconds(retention))
        var configuration = MonitorRig.configuration([], accounts: [account])
        configuration.defaults = WatchDefaults(checkInterval: .seconds(check), probeInterval: .seconds(30))
        return await FleetRig(configuration, world, time, store)
    }

    private static func id(_ number: Int) -> WatchID { WatchID(account: "a", webhookID: number) }

    private func noticedBy(_ number: Int) -> [ConfigurationChange.Notice] {
        store.noticed.filter { $0.id == Self.id(number) }.map(\.change.noticedBy)
    }

    // MARK: Who noticed

    @Test func aChangeThatAListPointedAtWasNoticedByDiscovery() async {
        let world = world()
        let rig = await start(world)
        await rig.advance(by: .seconds(40))
        world.change(1, in: "a", isMoved: true)
        world.change(2, in: "a", isMoved: false)
        await rig.advance(by: .seconds(25))
        #expect(noticedBy(1) == [.discovery] && noticedBy(2).isEmpty)
        await rig.advance(by: .seconds(3600))
        #expect(noticedBy(1) == [.discovery] && noticedBy(2) == [.check])
        await rig.stop()
    }

    /// The list pointed at it, the read that followed failed, and a turn of the schedule came to it in the end.
    @Test func itIsDiscoverysHoweverTheReadCameAbout() async {
        let world = world()
        let rig = await start(world, check: 300)
        await rig.advance(by: .seconds(40))
        world.setFault(.answer(500), of: 1)
        world.change(1, in: "a", isMoved: true)
        await rig.advance(by: .seconds(60))
        #expect(noticedBy(1).isEmpty)
        // No list points at it again.
        world.setListFault(.answer(500))
        world.setFault(nil, of: 1)
        await rig.advance(by: .seconds(900))
        #expect(noticedBy(1) == [.discovery])
        // And what comes later is not.
        world.change(1, in: "a", isMoved: false)
        await rig.advance(by: .seconds(301))
        #expect(noticedBy(1) == [.discovery, .check])
        await rig.stop()
    }

    // MARK: Lists that are not as documented

    /// What can be read is taken up; as for the rest, nobody knows who it is, so nobody is taken for gone.
    @Test(arguments: [
        #"{"page": 1, "max_page": 1, "count": 3, "items": [{"id": 1}, {"id": "2"}, {"id": 4, "updated_at": null}]}"#,
        #"{"page": 1, "max_page": 1, "items": [{"id": 4, "event_type": null}]}"#, #"{"items": [{"id": 4}]}"#,
    ])
    func aListThatIsNotAsDocumentedBringsInWhatItShowsAndTakesNobody(list: String) async {
        let world = world()
        let rig = await start(world)
        await rig.advance(by: .seconds(40))
        world.put(4...4, in: "a")
        world.setListFault(.answer(200, list))
        let begin = time.now()
        await rig.advance(by: .seconds(60))
        #expect(await rig.states().filter { $0.value == .inSync }.count == 4)
        #expect(Set(world.calls.filter { $0.at > begin }.compactMap(\.id)) == [4])
        #expect(rig.observer.seen.discoveries["a"]?.failures == 3)
        await rig.stop()
    }

    @Test func anItemThatTellsItsIDAloneIsAsGoodAsAnother() async {
        let world = world()
        world.setListFault(.answer(200, #"{"page": 1, "max_page": 1, "count": 2, "items": [{"id": 1}, {"id": 2}]}"#))
        let rig = await start(world)
        await rig.advance(by: .seconds(40))
        #expect(await rig.states().filter { $0.value == .inSync }.count == 2)
        #expect(rig.observer.seen.discoveries["a"]?.lastSuccess != nil)
        #expect(rig.observer.seen.discoveries["a"]?.failures == 0)
        await rig.stop()
    }

    // MARK: Restart

    @Test func aMissingOneStaysMissingOverARestartAndLeavesInTime() async throws {
        let world = world()
        let first = await start(world, check: 60)
        await first.advance(by: .seconds(40))
        world.delete(3, in: "a")
        await first.advance(by: .seconds(90))
        let since = try #require(first.observer.seen.reports[Self.id(3)]?.state.driftedSince)
        #expect(await first.states()[Self.id(3)] == .missing)
        await first.stop()

        await time.advance(by: .seconds(600), hasTimer: false)
        let second = await start(world, check: 60)
        await second.advance(by: .seconds(20))
        #expect(await second.states()[Self.id(3)] == .missing)
        let report = try #require(second.observer.seen.reports[Self.id(3)])
        #expect(report.state.driftedSince == since && report.state.probeTarget == nil)
        // Counted from then, and not from the restart.
        await second.advance(by: .seconds(since + 999 - time.wallSeconds()))
        #expect(await second.states().count == 3)
        await second.advance(by: .seconds(2))
        #expect(await second.states().keys.sorted() == [Self.id(1), Self.id(2)])
        #expect(store.left == [Self.id(3)])
        await second.stop()

        // It has left for good, and is not asked for again; its baseline stays, should it come back against all odds.
        let begin = time.now()
        let third = await start(world, check: 60)
        await third.advance(by: .seconds(120))
        #expect(await third.states().count == 2)
        #expect(!world.calls.contains { $0.id == 3 && $0.at >= begin })
        #expect(store.kept(of: Self.id(3)).baseline != .absent)
        await third.stop()
    }

    @Test func whatWasDiscoveredIsProbedBeforeAListComes() async {
        let world = world()
        let first = await start(world)
        await first.advance(by: .seconds(40))
        await first.stop()
        world.setFault(.answer(503), in: "a")
        let second = await start(world)
        await second.advance(by: .seconds(11))
        let reports = second.observer.seen.reports
        #expect(reports.count == 3)
        for report in reports.values {
            #expect(report.state.counters.probes > 0)
            #expect(report.state.watch.source == .discovered)
        }
        #expect(await second.states().values.allSatisfy { $0 == .unknown })
        await second.stop()
    }

    @Test func whatIsNotListedAnyMoreIsNotTakenUpAgain() async {
        let world = world()
        let first = await start(world)
        await first.advance(by: .seconds(40))
        await first.stop()
        world.setFault(.answer(503), in: "a")
        let second = await start(world, orgIDs: [7])
        await second.advance(by: .seconds(11))
        #expect(await second.states().isEmpty)
        await second.stop()
    }
}
