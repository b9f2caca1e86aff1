import ConfigurationFile
import Monitoring
import Partoo
import Probing
import TestSupport
import Testing
import Transport
import Watching

/// Another configuration in force, without disturbing what stays.
@Suite(.timeLimit(.minutes(5))) struct ReloadTests {
    private typealias Rig = MonitorRig

    @Test func aReloadDisturbsNothingThatStays() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1), Rig.watch(2), Rig.watch(3)]))
        await rig.advance(to: 300)
        let phases = rig.world.calls(of: 1).suffix(2)
        let checks = rig.watchState(1)?.counters.checks
        var first = Rig.watch(1)
        first.labels = [Label(name: "team", value: "x")]
        await rig.reload(Rig.configuration([first, Rig.watch(3), Rig.watch(4)]))
        #expect(rig.watchState(1)?.counters.checks == checks && rig.watchState(1)?.watch.labels == first.labels)
        #expect(rig.observer.seen.removed == [WatchID(account: "a", webhookID: 2)] && rig.state(2) == nil)
        #expect(rig.state(4) == .unknown)
        let mark = rig.time.now()
        await rig.advance(by: .seconds(10))
        #expect(rig.world.calls(of: 4).count >= 1 && rig.state(4) == .inSync)
        await rig.advance(by: .seconds(290))
        #expect(rig.world.calls(of: 2).allSatisfy { $0 <= mark } && rig.world.probes(of: 2).allSatisfy { $0 <= mark })
        for call in rig.world.calls(of: 1) where call > mark {
            #expect((call - (phases.last ?? .zero)).nanoseconds % 60_000_000_000 == 0)
        }
        #expect(rig.world.calls(of: 1).count { $0 > mark } == 5)
    }

    @Test func aDisabledWatchIsLeftAloneAndKeepsItsBaseline() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1)]))
        await rig.advance(to: 100)
        await rig.reload(Rig.configuration([Rig.watch(1, enabled: false)]))
        let counts = (rig.world.calls.count, rig.world.probes.count)
        await rig.advance(by: .seconds(600))
        #expect(rig.world.calls.count == counts.0 && rig.world.probes.count == counts.1)
        let learned = rig.watchState(1)?.learned
        #expect(learned != nil)
        await rig.reload(Rig.configuration([Rig.watch(1)]))
        #expect(rig.world.probes.count == counts.1 + 1, "what is known is probed at once")
        await rig.advance(by: .seconds(11))
        #expect(rig.watchState(1)?.learned == learned && rig.state(1) == .inSync)
        #expect(rig.world.calls.count > counts.0 && rig.world.probes.count > counts.1)
    }

    @Test func whatARendererMustDrawAnewIsReportedByTheReload() async {
        var configuration = Rig.configuration([Rig.watch(1, check: 3600, probe: 3600)])
        let rig = await Rig(configuration)
        await rig.advance(to: 100)
        let report = { rig.observer.seen.reports[WatchID(account: "a", webhookID: 1)]?.now }
        let before = report()
        await rig.reload(configuration)
        #expect(report() == before)
        configuration.latencyBuckets = [1, 2]
        await rig.reload(configuration)
        #expect(report() == rig.time.wallSeconds())
        await rig.advance(by: .seconds(1))
        configuration.modules["http"]?.timeout = .seconds(3)
        await rig.reload(configuration)
        #expect(report() == rig.time.wallSeconds())
    }

    @Test func otherIntervalsHoldFromTheReloadOn() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 3600, probe: 3600)]))
        await rig.advance(to: 100)
        await rig.reload(Rig.configuration([Rig.watch(1, check: 10, probe: 5)]))
        let mark = rig.time.now()
        await rig.advance(by: .seconds(100))
        #expect((8...10).contains(rig.world.calls(of: 1).count { $0 > mark }))
        #expect((19...21).contains(rig.world.probes(of: 1).count { $0 > mark }))
    }

    @Test func aSlowAnswerToARemovedWatchIsForgotten() async {
        let hold = Hold()
        let rig = await Rig(Rig.configuration([Rig.watch(1), Rig.watch(2)])) { world in
            world.change { $0.heldChecks[1] = hold }
        }
        await rig.advance(to: 20)
        await rig.reload(Rig.configuration([Rig.watch(2)]))
        hold.open()
        await rig.advance(by: .seconds(60))
        #expect(rig.state(1) == nil && rig.world.probes(of: 1).isEmpty)
    }
}
