import ConfigurationFile
import Monitoring
import Partoo
import TestSupport
import Testing
import Transport
import Watching

/// What a reload makes of discovered watches, and who looks after which.
@Suite(.timeLimit(.minutes(5))) struct DiscoveryReloadTests {
    private typealias Rig = MonitorRig

    private let time = VirtualTimekeeper()

    private func configuration(_ watches: [Watch], _ settings: DiscoverySettings?) -> ExporterConfiguration {
        var account = Rig.account("a")
        account.discovery = settings
        return Rig.configuration(watches, accounts: [account])
    }

    private func start(_ configuration: ExporterConfiguration, shard: Int = 0, of shards: Int = 1) async -> FleetRig {
        let world = FleetWorld(time)
        world.put(1...20, in: "a")
        return await FleetRig(configuration, world, time, KeptInMemory(), shard: shard, totalShards: shards)
    }

    private func watches(_ rig: FleetRig) -> [Int: Watch] {
        let reports = rig.observer.seen.reports.values.map(\.state.watch)
        return Dictionary(uniqueKeysWithValues: reports.map { ($0.id.webhookID, $0) })
    }

    @Test func theFirstListComesSoonAndAnotherDefinitionHoldsFromTheReloadOn() async {
        let rig = await start(configuration([], DiscoverySettings(interval: .seconds(3600))))
        await rig.advance(by: .seconds(11))
        #expect(watches(rig).count == 20)
        let label = Label(name: "team", value: "x")
        await rig.reload(configuration([], DiscoverySettings(interval: .seconds(3600), labels: [label])))
        #expect(watches(rig).values.allSatisfy { $0.labels == [label] })
        // Another organisation's list brings in its own, and lets go of the others.
        await rig.reload(configuration([], DiscoverySettings(orgIDs: [7], interval: .seconds(3600))))
        #expect(watches(rig).isEmpty && rig.observer.seen.removed.count == 20)
        await rig.advance(by: .seconds(11))
        #expect(watches(rig).values.allSatisfy { $0.orgID == 7 } && watches(rig).count == 20)
        await rig.stop()
    }

    @Test func withoutDiscoveryNothingIsListedAnyMore() async {
        let kept = Rig.watch(1)
        let rig = await start(configuration([kept], DiscoverySettings(interval: .seconds(60))))
        await rig.advance(by: .seconds(100))
        #expect(watches(rig).count == 20 && rig.observer.seen.discoveries.keys.sorted() == ["a"])
        let begin = time.now()
        await rig.reload(configuration([kept], nil))
        await rig.advance(by: .seconds(600))
        #expect(watches(rig) == [1: kept] && rig.observer.seen.discoveries.isEmpty)
        let calls = rig.world.calls.filter { $0.at > begin }
        #expect(!calls.isEmpty && calls.allSatisfy { $0.id == 1 })
        await rig.stop()
    }

    @Test func theConfigurationsOwnWatchWins() async {
        var own = Rig.watch(1, check: 600)
        own.labels = [Label(name: "team", value: "x")]
        let settings = DiscoverySettings(interval: .seconds(60))
        let rig = await start(configuration([own], settings))
        await rig.advance(by: .seconds(100))
        #expect(watches(rig)[1] == own && watches(rig)[2]?.source == .discovered)
        await rig.reload(configuration([own], settings))
        #expect(watches(rig)[1] == own)
        await rig.stop()
    }

    @Test func eachShardLooksAfterItsOwn() async {
        let ids = (1...20).map { WatchID(account: "a", webhookID: $0) }
        for shard in 0..<2 {
            let ours = Set(ids.filter { $0.shard(of: 2) == shard }.map(\.webhookID))
            let discovered = await start(
                configuration([], DiscoverySettings(interval: .seconds(60))), shard: shard, of: 2)
            await discovered.advance(by: .seconds(100))
            #expect(Set(watches(discovered).keys) == ours)
            #expect(Set(discovered.world.calls.compactMap(\.id)) == ours, "others are listed, and not read")
            await discovered.stop()
            let declared = await start(configuration(ids.map { Rig.watch($0.webhookID) }, nil), shard: shard, of: 2)
            await declared.advance(by: .seconds(20))
            #expect(Set(watches(declared).keys) == ours)
            #expect(Set(declared.world.calls.compactMap(\.id)) == ours)
            await declared.stop()
        }
    }

    /// What others look after counts for the bound as long as a list holds it.
    @Test func whatAnotherShardsListLacksMakesRoom() async {
        let settings = DiscoverySettings(interval: .seconds(60), maximumWebhooks: 20)
        let rig = await start(configuration([], settings), shard: 0, of: 2)
        await rig.advance(by: .seconds(100))
        let new = Array((101...200).filter { WatchID(account: "a", webhookID: $0).shard(of: 2) == 0 }.prefix(5))
        for id in 1...20 where watches(rig)[id] == nil { rig.world.delete(id, in: "a") }
        rig.world.put(new, in: "a")
        await rig.advance(by: .seconds(130))
        #expect(new.allSatisfy { watches(rig)[$0] != nil })
        await rig.stop()
    }

    @Test func whatIsDiscoveredIsCheckedOnTime() async {
        let rig = await start(configuration([], DiscoverySettings(interval: .seconds(60))))
        await rig.advance(by: .seconds(100))
        let lateness = rig.observer.seen.lateness[.check] ?? []
        #expect(lateness.count >= 20 && lateness.allSatisfy { $0 == .zero })
        await rig.stop()
    }

    @Test func aDeclaredOneThatIsMissingStays() async {
        let settings = DiscoverySettings(interval: .seconds(60), missingRetention: .seconds(200))
        let rig = await start(configuration([Rig.watch(1)], settings))
        await rig.advance(by: .seconds(70))
        for id in 1...2 { rig.world.delete(id, in: "a") }
        await rig.advance(by: .seconds(400))
        #expect(await rig.states()[WatchID(account: "a", webhookID: 1)] == .missing)
        #expect(rig.observer.seen.retired == [WatchID(account: "a", webhookID: 2)])
        // What has left is not taken up again by a reload.
        await rig.reload(configuration([Rig.watch(1)], settings))
        #expect(watches(rig).count == 19 && watches(rig)[2] == nil)
        await rig.stop()
    }

    /// Only the API's own word makes one leave, and not its silence.
    @Test func nobodyLeavesWhileTheAPICannotSayWhetherItIsGone() async {
        let settings = DiscoverySettings(interval: .seconds(60), missingRetention: .seconds(400))
        let rig = await start(configuration([], settings))
        await rig.advance(by: .seconds(70))
        rig.world.delete(1, in: "a")
        await rig.advance(by: .seconds(130))
        #expect(await rig.states()[WatchID(account: "a", webhookID: 1)] == .missing)
        rig.world.setFault(.answer(500), in: "a")
        await rig.advance(by: .seconds(1000))
        #expect(rig.observer.seen.retired.isEmpty && watches(rig).count == 20)
        rig.world.setFault(nil, in: "a")
        await rig.advance(by: .seconds(1000))
        #expect(rig.observer.seen.retired.map(\.webhookID) == [1])
        await rig.stop()
    }

    @Test func aListThatNeverHoldsWhatItSaysIsAFailure() async {
        let rig = await start(configuration([], DiscoverySettings(interval: .seconds(60))))
        await rig.advance(by: .seconds(11))
        #expect(rig.observer.seen.discoveries["a"]?.failures == 0)
        rig.world.setLacking(5)
        await rig.advance(by: .seconds(180))
        #expect((2...3).contains(rig.observer.seen.discoveries["a"]?.failures ?? 0))
        await rig.stop()
    }

    /// From the first page on, a long list might never come to its end.
    @Test func aListGoesOnWhereARateLimitStoppedIt() async {
        var account = Rig.account("a", perMinute: 60)
        // None is adopted, so that the budget is the list's.
        account.discovery = DiscoverySettings(eventTypes: ["none"], interval: .seconds(3600))
        let rig = await start(Rig.configuration([], accounts: [account]))
        rig.world.put(21...950, in: "a")
        let pages = { rig.world.calls.compactMap(\.page) }
        for _ in 0..<100 where pages().count < 4 { await rig.advance(by: .milliseconds(500)) }
        rig.world.setListFault(.answer(429, headers: [("Retry-After", "30")]))
        for _ in 0..<100 where pages().count < 5 { await rig.advance(by: .milliseconds(500)) }
        await rig.advance(by: .seconds(1))
        rig.world.setListFault(nil)
        let limited = time.now()
        await rig.advance(by: .seconds(28))
        #expect(rig.world.calls.count { $0.at > limited } == 0)
        await rig.advance(by: .seconds(60))
        #expect(pages() == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10])
        let report = rig.observer.seen.discoveries["a"]
        #expect(report?.failures == 0 && report?.lastSuccess != nil)
        await rig.stop()
    }

    /// Lists that only save reads are none of discovery's.
    @Test func onlyDiscoverysOwnListsCountAsItsFailures() async {
        var account = Rig.account("a", perMinute: 10)
        account.discovery = DiscoverySettings(orgIDs: [7], interval: .seconds(3600))
        let rig = await start(Rig.configuration((1...20).map { Rig.watch($0) }, accounts: [account]))
        await rig.advance(by: .seconds(30))
        rig.world.setListFault(.answer(500))
        let begin = time.now()
        await rig.advance(by: .seconds(600))
        #expect(rig.world.calls.contains { $0.at > begin && $0.id == nil })
        #expect(rig.observer.seen.discoveries["a"]?.failures == 0)
        await rig.stop()
    }
}
