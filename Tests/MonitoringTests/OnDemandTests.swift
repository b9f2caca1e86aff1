import ConfigurationFile
import Monitoring
import Probing
import Synchronization
import TestSupport
import Testing
import Transport
import Watching

/// Probes that somebody asks for, on a virtual clock.
@Suite(.timeLimit(.minutes(5))) struct OnDemandTests {
    private typealias Rig = MonitorRig

    /// Turns that do not come while a test looks, but for the first ones, which come within 10 s.
    private func rig(
        _ count: Int = 1, inFlight: Int = 256, perMinute: Int = 100_000, hold: Hold? = nil
    ) async -> MonitorRig {
        await Rig(
            Rig.configuration(
                (1...count).map { Rig.watch($0, check: 3600, probe: 3600) },
                accounts: [Rig.account("a", perMinute: perMinute)], inFlight: inFlight)
        ) { world in
            world.change { $0.heldProbes = hold }
        }
    }

    @Test func whoAsksAtOnceSharesOneCheckAndOneProbe() async {
        let hold = Hold()
        let rig = await rig(hold: hold)
        // Never checked yet: the first check is brought forward, and the probe that follows it is joined.
        let askers = (1...5).map { _ in rig.ask(1) }
        #expect(await rig.comesTrue { hold.count == 1 })
        #expect(rig.world.calls.count == 1 && rig.world.probes.count == 1)
        hold.open()
        for asker in askers { #expect(await asker.value.word == "good") }
        #expect(rig.world.calls.count == 1 && rig.world.probes.count == 1)

        await rig.advance(to: 20)
        let before = (calls: rig.world.calls.count, probes: rig.world.probes.count)
        let counted = rig.watchState(1)?.counters.probes
        let again = Hold()
        rig.world.change { $0.heldProbes = again }
        let others = (1...5).map { _ in rig.ask(1) }
        #expect(await rig.comesTrue { again.count == 1 })
        #expect(rig.observer.seen.inFlight == 1)
        again.open()
        for asker in others { #expect(await asker.value.word == "good") }
        #expect(rig.world.probes.count == before.probes + 1, "one for all five")
        #expect(rig.world.calls.count == before.calls, "no check was due")
        #expect(rig.watchState(1)?.counters.probes == counted && rig.observer.seen.inFlight == 0)
    }

    @Test func aResultIsReusedForFiveSeconds() async {
        let rig = await rig()
        await rig.advance(to: 20)
        let before = rig.world.probes.count
        #expect(await rig.ask(1).value.word == "good")
        #expect(rig.world.probes.count == before + 1)
        rig.world.change { $0.probeAnswer = .answer(503) }
        await rig.advance(by: .milliseconds(4900))
        #expect(await rig.ask(1).value.word == "good")
        #expect(rig.world.probes.count == before + 1)
        await rig.advance(by: .milliseconds(100))
        #expect(await rig.ask(1).value.word == "status")
        #expect(rig.world.probes.count == before + 2)
    }

    /// While the probe ran a check has found another URL, or the watch has left.
    @Test(arguments: [false, true])
    func aProbeThatIsSupersededIsNoAnswer(isRemoved: Bool) async {
        let rig = await rig()
        await rig.advance(to: 20)
        let hold = Hold()
        rig.world.change { $0.heldProbes = hold }
        let asker = rig.ask(1)
        #expect(await rig.comesTrue { hold.count == 1 })
        rig.world.change { world in
            world.heldProbes = nil
            world.urls[1] = "https://receiver.example/new/1"
            world.probeAnswer = .answer(503)
        }
        await rig.reload(Rig.configuration(isRemoved ? [] : [Rig.watch(1, check: 1, probe: 3600)]))
        await rig.advance(by: .seconds(2))
        hold.open()
        #expect(await asker.value.word == (isRemoved ? "not watched" : "status"))
        #expect(isRemoved || rig.world.probes.last?.url == "https://receiver.example/new/1")
    }

    @Test func aChangedConfigurationIsNotAnsweredWithAnOldProbe() async {
        let rig = await rig()
        await rig.advance(to: 20)
        rig.world.change { $0.probeAnswer = .answer(503) }
        #expect(await rig.ask(1).value.word == "status")
        rig.world.change { $0.probeAnswer = nil }
        // A reload brings the check forward by its shorter interval, and with it another URL.
        rig.world.change { $0.urls[1] = "https://receiver.example/new/1" }
        await rig.reload(Rig.configuration([Rig.watch(1, check: 1, probe: 3600)]))
        await rig.advance(by: .seconds(2))
        #expect(await rig.ask(1).value.word == "good")
        #expect(rig.world.probes.last?.url == "https://receiver.example/new/1")
    }

    @Test func noMoreProbesRunThanTheBoundAllows() async {
        let rig = await rig(2, inFlight: 1)
        await rig.advance(to: 20)
        let hold = Hold()
        rig.world.change { $0.heldProbes = hold }
        let first = rig.ask(1)
        #expect(await rig.comesTrue { hold.count == 1 })
        let before = rig.world.probes(of: 2).count
        #expect(await rig.ask(2).value.word == "busy")
        #expect(rig.world.probes(of: 2).count == before && rig.observer.seen.mostInFlight == 1)
        hold.open()
        #expect(await first.value.word == "good")
        #expect(await rig.ask(2).value.word == "good")
    }

    @Test func askersSpendNoMoreThanTheBudget() async {
        // 60 a minute, and at most 20 ahead.
        let rig = await rig(60, perMinute: 60)
        let askers = (1...60).map { rig.ask($0, limit: .seconds(5)) }
        let answered = Tally()
        for asker in askers {
            Task {
                _ = await asker.value
                answered.add()
            }
        }
        #expect(await rig.comesTrue { answered.count == 20 }, "\(rig.world.calls.count)")
        #expect(rig.world.calls.count == 20)
        await rig.advance(by: .seconds(6))
        var words: [String: Int] = [:]
        for asker in askers { words[await asker.value.word, default: 0] += 1 }
        #expect(rig.world.calls.count <= 26, "\(rig.world.calls.count)")
        #expect((20...rig.world.calls.count).contains(words["good"] ?? 0), "\(words)")
        #expect(Set(rig.world.calls.map(\.id)).count == rig.world.calls.count, "nothing is read twice")
    }

    @Test func whoCannotWaitIsToldSo() async {
        let hold = Hold()
        let rig = await rig(hold: hold)
        await rig.advance(to: 11)
        #expect(hold.count == 1)
        let hurried = rig.ask(1, limit: .seconds(2))
        let patient = rig.ask(1)
        await rig.time.settle()
        await rig.advance(by: .seconds(2))
        #expect(await hurried.value.word == "late", "the scheduled one runs, and does not end in time")
        #expect(await rig.ask(1, limit: .zero).value.word == "late")
        hold.open()
        #expect(await patient.value.word == "good")
    }

    @Test func whoGivesUpWaitsNoLonger() async {
        let hold = Hold()
        let rig = await rig(hold: hold)
        await rig.advance(to: 11)
        let asker = rig.ask(1)
        await rig.time.settle()
        asker.cancel()
        #expect(await asker.value.word == "late")
        #expect(hold.count == 1, "the probe that it joined goes on")
    }

    @Test(arguments: [nil, Duration.seconds(600)])
    func nobodyWaitsForLongerThanAProbeMayTake(limit: Duration?) async {
        let rig = await rig(hold: Hold())
        await rig.advance(to: 11)
        let begin = rig.time.now()
        let asker = rig.ask(1, limit: limit)
        let end = Task(executorPreference: rig.time.executor) { [time = rig.time] in
            (word: await asker.value.word, at: time.now())
        }
        await rig.advance(by: .seconds(60))
        // The module's ten seconds, and fifteen for the check before it.
        #expect(await end.value == ("late", begin + .seconds(25)))
    }

    @Test func aTraceIsOfAProbeOfItsOwn() async {
        let hold = Hold()
        let rig = await rig(hold: hold)
        await rig.advance(to: 11)
        #expect(rig.world.probes.count == 1)
        let trace = rig.ask(1, wantsTrace: true)
        #expect(await rig.comesTrue { rig.world.probes.count == 2 })
        hold.open()
        #expect(await trace.value.word == "good")
        // Nor is it what a scheduled one or another asker's has just come to.
        let first = Hold()
        let other = await self.rig(hold: first)
        await other.advance(to: 11)
        first.open()
        await other.time.settle()
        #expect(await other.ask(1, wantsTrace: true).value.word == "good" && other.world.probes.count == 2)
        await other.advance(by: .seconds(6))
        #expect(await other.ask(1).value.word == "good" && other.world.probes.count == 3)
        await other.advance(by: .seconds(1))
        #expect(await other.ask(1, wantsTrace: true).value.word == "good" && other.world.probes.count == 4)
    }

    @Test func theAskersPatienceCutsTheModulesTimeout() async {
        let rig = await rig()
        await rig.advance(to: 20)
        #expect(await rig.ask(1, limit: .seconds(2)).value.word == "good")
        #expect(rig.world.probes.last?.timeout == .seconds(2))
        await rig.advance(by: .seconds(6))
        #expect(await rig.ask(1, limit: .seconds(600)).value.word == "good")
        #expect(rig.world.probes.last?.timeout == .seconds(10), "the module's own, never more")
    }

    @Test func aHurriedFailureSpeaksForTheHurriedOnlyAndNobodyProbesFasterThanOnceASecond() async {
        let rig = await rig()
        await rig.advance(to: 20)
        rig.world.change { $0.probeAnswer = .failure(.responseTimeout) }
        let before = rig.world.probes.count
        #expect(await rig.ask(1, limit: .seconds(1)).value.word == "response_timeout")
        #expect(await rig.ask(1, limit: .seconds(1)).value.word == "response_timeout")
        #expect(await rig.ask(1, limit: .milliseconds(10)).value.word == "response_timeout")
        #expect(rig.world.probes.count == before + 1, "it says all that they could learn")
        // Whoever waits longer has one of its own, but not at once.
        rig.world.change { $0.probeAnswer = nil }
        let longer = rig.ask(1, limit: .seconds(3))
        let trace = rig.ask(1, wantsTrace: true)
        await rig.time.settle()
        await rig.advance(by: .milliseconds(900))
        #expect(rig.world.probes.count == before + 1)
        await rig.advance(by: .seconds(2))
        #expect(await longer.value.word == "good")
        #expect(await trace.value.word == "good")
        #expect(rig.world.probes.count <= before + 3)
        let times = rig.world.probes.suffix(3).map(\.at)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= .seconds(1) }, "\(times)")
    }

    @Test func whoCannotWaitForTheNextOneIsToldThatTheReceiverIsBusy() async {
        let rig = await rig()
        await rig.advance(to: 20)
        rig.world.change { $0.probeAnswer = .failure(.responseTimeout) }
        #expect(await rig.ask(1, limit: .milliseconds(500)).value.word == "response_timeout")
        #expect(await rig.ask(1, limit: .milliseconds(900)).value.word == "busy")
    }

    @Test func whatIsKnownIsProbedWhileTheAPIAnswers() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 60, probe: 3600)]))
        await rig.advance(to: 15)
        let hold = Hold()
        rig.world.change { $0.heldChecks[1] = hold }
        await rig.advance(to: 80)
        #expect(hold.count == 1)
        let before = rig.world.probes.count
        let asker = rig.ask(1)
        #expect(await rig.comesTrue { rig.world.probes.count == before + 1 })
        hold.open()
        #expect(await asker.value.word == "good")
    }

    @Test func whoAsksIsShownWhatTheProbeFound() async {
        let rig = await rig()
        await rig.advance(to: 20)
        rig.world.change { $0.probeAnswer = .answer(503) }
        guard case .done(let report, _) = await rig.ask(1).value else {
            Issue.record("not probed")
            return
        }
        #expect(report.state.lastProbe?.result.failure == .status)
        #expect(rig.watchState(1)?.lastProbe?.result.failure == nil, "and nobody else is")
    }

    @Test func retriesAreCutToTheAskersPatience() async {
        var configuration = Rig.configuration([Rig.watch(1, check: 3600, probe: 3600)])
        configuration.modules["http"]?.retries = 2
        let rig = await Rig(configuration)
        await rig.advance(to: 20)
        rig.world.change { $0.probeAnswer = .failure(.responseTimeout) }
        var before = rig.world.probes.count
        #expect(await rig.ask(1, limit: .seconds(2)).value.word == "response_timeout")
        #expect(rig.world.probes.count == before + 1)
        await rig.advance(by: .seconds(6))
        before = rig.world.probes.count
        let patient = rig.ask(1)
        await rig.advance(by: .seconds(30))
        #expect(await patient.value.word == "response_timeout")
        #expect(rig.world.probes.count == before + 3)
    }

    @Test func aScheduledProbeTakesThePlaceThatAnAskersLeaves() async {
        let watches = [Rig.watch(1, check: 3600, probe: 3600), Rig.watch(2, check: 3600, probe: 30)]
        let rig = await Rig(Rig.configuration(watches, inFlight: 1))
        await rig.advance(to: 20)
        let hold = Hold()
        rig.world.change { $0.heldProbes = hold }
        let before = rig.world.probes(of: 2).count
        let asker = rig.ask(1)
        #expect(await rig.comesTrue { hold.count == 1 })
        await rig.advance(by: .seconds(30))
        #expect(rig.world.probes(of: 2).count == before)
        hold.open()
        _ = await asker.value
        await rig.time.settle()
        #expect(rig.world.probes(of: 2).count == before + 1)
    }

    @Test func nothingIsSentForWhatIsNotWatched() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 3600, probe: 3600), Rig.watch(2, enabled: false)]))
        await rig.advance(to: 20)
        let before = (calls: rig.world.calls.count, probes: rig.world.probes.count)
        #expect(await rig.ask(2).value.word == "disabled")
        #expect(await rig.ask(3).value.word == "not watched")
        #expect(await rig.ask(1, account: "b").value.word == "not watched")
        #expect(rig.world.calls.count == before.calls && rig.world.probes.count == before.probes)
    }
}

private final class Tally: Sendable {
    private let number = Mutex(0)
    var count: Int { number.withLock { $0 } }
    func add() { number.withLock { $0 += 1 } }
}

extension MonitorRig {
    /// Asks in a task of its own, as every request does.
    fileprivate func ask(
        _ id: Int, account: String = "a", limit: Duration? = nil, wantsTrace: Bool = false
    ) -> Task<Monitor.OnDemandOutcome, Never> {
        Task(executorPreference: time.executor) { [monitor] in
            await monitor.probeNow(
                WatchID(account: account, webhookID: id), limit: limit, wantsTrace: wantsTrace)
        }
    }

    /// Whether it does, without the clock being turned.
    fileprivate func comesTrue(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<10_000 {
            if condition() { return true }
            await time.settle()
            await Task.yield()
        }
        return false
    }
}

extension Monitor.OnDemandOutcome {
    fileprivate var word: String {
        switch self {
        case .done(_, let probe): probe.map { $0.failure?.rawValue ?? "good" } ?? "nothing"
        case .notWatched: "not watched"
        case .disabled: "disabled"
        case .busy: "busy"
        case .late: "late"
        }
    }
}
