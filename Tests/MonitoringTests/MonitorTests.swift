import Monitoring
import Partoo
import Probing
import TestSupport
import Testing
import Transport
import Watching

@Suite(.timeLimit(.minutes(10))) struct MonitorTests {
    private typealias Rig = MonitorRig

    // MARK: Turns

    @Test(arguments: [(5, 5.0), (60, 10.0)])
    func theFirstPassIsSpread(interval: Int, spread: Double) async {
        let rig = await Rig(Rig.configuration((1...400).map { Rig.watch($0, check: interval) }))
        #expect(rig.world.calls.count < 40)
        await rig.advance(by: .seconds(spread))
        var bins = [Int](repeating: 0, count: 10)
        for id in 1...400 {
            let first = rig.world.calls(of: id).first.map { ($0 - rig.start).seconds }
            #expect(first.map { $0 >= 0 && $0 <= spread } == true)
            bins[min(Int((first ?? 0) / spread * 10), 9)] += 1
        }
        #expect(bins.allSatisfy { (15...75).contains($0) }, "\(bins)")
        // Each was probed as soon as it was read.
        for id in 1...400 { #expect(rig.world.probes(of: id).first == rig.world.calls(of: id).first) }
    }

    @Test func turnsComeOnceAnIntervalAtTheSamePhase() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 60, probe: 30)]))
        await rig.advance(to: 3600)
        let checks = rig.world.calls(of: 1)
        #expect((60...62).contains(checks.count))
        #expect(zip(checks.dropFirst(), checks.dropFirst(2)).allSatisfy { $1 - $0 == .seconds(60) })
        let probes = rig.world.probes(of: 1)
        #expect((120...122).contains(probes.count))
        #expect(zip(probes.dropFirst(), probes.dropFirst(2)).allSatisfy { $1 - $0 == .seconds(30) })
        #expect(rig.observer.seen.missed.isEmpty)
        #expect(rig.observer.seen.lateness.values.allSatisfy { $0.allSatisfy { $0 == .zero } })
        #expect(
            rig.watchState(1)?.counters.checks == checks.count && rig.watchState(1)?.counters.probes == probes.count)
    }

    @Test func aChangedURLIsProbedAtOnce() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 20, probe: 3600)]))
        await rig.advance(to: 15)
        let before = rig.world.probes.count
        rig.world.change { $0.urls[1] = "https://receiver.example/new/1" }
        await rig.advance(to: 60)
        let new = rig.world.probes.dropFirst(before).filter { $0.url.hasSuffix("/new/1") }
        #expect(rig.world.calls(of: 1).contains(new.first?.at ?? .zero) && new.count == 1)
        #expect(rig.state(1) == .drifted)
    }

    @Test func aCheckInFlightNeverDelaysAProbe() async {
        let hold = Hold()
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 60, probe: 10)]))
        await rig.advance(to: 15)
        rig.world.change { $0.heldChecks[1] = hold }
        await rig.advance(to: 615)
        let probes = rig.world.probes(of: 1).filter { $0 > rig.start + .seconds(15) }
        #expect(probes.count == 60)
        #expect(zip(probes, probes.dropFirst()).allSatisfy { $1 - $0 == .seconds(10) })
        // One check ran all the time; the turns that came meanwhile were missed.
        #expect(hold.count == 1 && rig.observer.seen.missed == [.check: 9])
        hold.open()
        await rig.advance(by: .seconds(60))
        #expect(rig.observer.seen.missed == [.check: 9] && rig.state(1) == .inSync)
    }

    @Test func oneProbeOfAWatchAtATime() async {
        let hold = Hold()
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 60, probe: 10)])) { world in
            world.change { $0.heldProbes = hold }
        }
        await rig.advance(to: 109)
        #expect(hold.count == 1 && rig.world.probes.count == 1 && rig.observer.seen.inFlight == 1)
        #expect((9...11).contains(rig.observer.seen.missed[.probe] ?? 0))
        hold.open()
        await rig.time.settle()
        #expect(rig.watchState(1)?.counters.probes == 1 && rig.observer.seen.inFlight == 0)
    }

    /// It counts nowhere, and the new one comes with the check that found it.
    @Test func aProbeThatIsSupersededHoldsUpNobody() async {
        let hold = Hold()
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 60, probe: 3600)])) { world in
            world.change { $0.heldProbes = hold }
        }
        // Checks that find nothing new leave it alone.
        await rig.advance(to: 200)
        #expect(hold.count == 1 && rig.world.probes.count == 1)
        for number in 1...3 {
            rig.world.change { $0.urls[1] = "https://receiver.example/\(number)/1" }
            await rig.advance(by: .seconds(60))
            #expect(rig.world.probes.count == number + 1 && hold.count == 1)
            #expect(rig.world.probes.last?.url == "https://receiver.example/\(number)/1")
            #expect(rig.world.probes.last?.at == rig.world.calls(of: 1).last)
        }
        #expect(rig.watchState(1)?.counters.probes == 0)
        #expect(rig.observer.seen.inFlight == 1 && rig.observer.seen.mostInFlight == 1)
        hold.releaseOne()
        await rig.time.settle()
        #expect(rig.watchState(1)?.counters.probes == 1 && rig.observer.seen.inFlight == 0)
        #expect(rig.observer.seen.missed[.probe] == nil)
    }

    @Test func aProbeOfWhatIsGoneEnds() async {
        for isRemoved in [false, true] {
            let hold = Hold()
            let rig = await Rig(Rig.configuration([Rig.watch(1, check: 60, probe: 10)])) { world in
                world.change { $0.heldProbes = hold }
            }
            await rig.advance(to: 20)
            #expect(hold.count == 1)
            if isRemoved {
                await rig.reload(Rig.configuration([]))
            } else {
                rig.world.change { $0.answers[1] = ScriptedWorld.ownError }
                await rig.advance(by: .seconds(60))
            }
            #expect(hold.count == 0 && rig.observer.seen.inFlight == 0 && rig.world.probes.count == 1)
        }
    }

    @Test func noMoreProbesRunThanTheBoundAllows() async {
        let hold = Hold()
        let rig = await Rig(Rig.configuration((1...20).map { Rig.watch($0, probe: 3600) }, inFlight: 3)) { world in
            world.change { $0.heldProbes = hold }
        }
        await rig.advance(to: 11)
        #expect(hold.count == 3 && rig.observer.seen.mostInFlight == 3)
        let order = rig.world.calls.map(\.id).reduce(into: [Int]()) { if !$0.contains($1) { $0.append($1) } }
        for count in 4...20 {
            hold.releaseOne()
            await rig.time.settle()
            #expect(rig.world.probes.count == count && hold.count == 3)
        }
        // All but the first three waited for a place.
        #expect(rig.observer.seen.lateness[.probe]?.count { $0 > .zero } == 17)
        // In the order in which they became due.
        #expect(rig.world.probes.map(\.id) == order)
        #expect(rig.observer.seen.mostInFlight == 3)
    }

    @Test func aLowerBoundIsCaughtUpWithByWaiting() async {
        let hold = Hold()
        let watches = (1...20).map { Rig.watch($0, probe: 3600) }
        let rig = await Rig(Rig.configuration(watches, inFlight: 5)) { world in
            world.change { $0.heldProbes = hold }
        }
        await rig.advance(to: 11)
        await rig.reload(Rig.configuration(watches, inFlight: 2))
        for count in [4, 3, 2] {
            hold.releaseOne()
            await rig.time.settle()
            #expect(hold.count == count && rig.world.probes.count == 5)
        }
        hold.releaseOne()
        await rig.time.settle()
        #expect(hold.count == 2 && rig.world.probes.count == 6)
    }

    /// A check that fails is one, too.
    @Test(arguments: [nil, ScriptedWorld.ownError, .answer(500), .answer(200, "broken"), .failure(.responseTimeout)])
    func readyIsWhenEveryWatchWasCheckedOnce(answer: Transfer?) async {
        let rig = await Rig(
            Rig.configuration((1...5).map { Rig.watch($0) } + [Rig.watch(9, enabled: false)])
        ) { world in
            world.change { $0.answers[3] = answer }
        }
        #expect(await !rig.isReady)
        await rig.advance(to: 10)
        #expect(await rig.isReady && rig.world.calls(of: 9).isEmpty)
    }

    /// Who asks before it runs is told of every watch, and not that all is well.
    @Test func everyWatchIsKnownBeforeItRuns() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1), Rig.watch(2)]), isRunning: false)
        #expect(await !rig.isReady)
        await rig.prepare()
        #expect(rig.state(1) == .unknown && rig.state(2) == .unknown)
        #expect(await !rig.isReady)
    }

    @Test func readyIsAfterAMinuteAtTheLatest() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1), Rig.watch(2)])) { world in
            world.change { $0.heldChecks[2] = Hold() }
        }
        await rig.advance(to: 59)
        #expect(await !rig.isReady)
        await rig.advance(to: 60)
        #expect(await rig.isReady)
    }

    @Test func whoLeavesOrIsDisabledIsNotWaitedFor() async {
        for rest in [[Rig.watch(1)], [Rig.watch(1), Rig.watch(2, enabled: false)]] {
            let rig = await Rig(Rig.configuration([Rig.watch(1), Rig.watch(2)])) { world in
                world.change { $0.heldChecks[2] = Hold() }
            }
            await rig.advance(to: 20)
            #expect(await !rig.isReady)
            await rig.reload(Rig.configuration(rest))
            #expect(await rig.isReady)
        }
    }

    @Test func whatTimeMakesUnknownIsTold() async {
        // No probe ends meanwhile, which would tell it too.
        let rig = await Rig(Rig.configuration([Rig.watch(1, probe: 3600)]))
        await rig.advance(to: 70)
        rig.world.change { $0.heldChecks[1] = Hold() }
        // The last answer came between the 10th second and the 70th.
        await rig.advance(to: 309)
        #expect(rig.state(1) == .inSync)
        await rig.advance(to: 372)
        #expect(rig.state(1) == .unknown && rig.watchState(1)?.probeTarget != nil)
        #expect(await rig.noticed(1).last == .state(from: .inSync, to: .unknown))
    }

    /// What is known goes on for as long as it may without a word from the API, and no longer.
    @Test func aWallClockThatIsSetBackProlongsNothing() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, probe: 3600)]))
        await rig.advance(to: 70)
        rig.world.change { $0.heldChecks[1] = Hold() }
        rig.time.setWall(by: -7200)
        await rig.advance(to: 309)
        #expect(rig.state(1) == .inSync)
        await rig.advance(to: 400)
        #expect(rig.state(1) == .unknown)
        #expect(await rig.noticed(1).last == .state(from: .inSync, to: .unknown))
    }

    @Test func itEndsWhenItIsCancelled() async {
        let rig = await Rig(Rig.configuration((1...3).map { Rig.watch($0) })) { world in
            world.change {
                $0.heldChecks[1] = Hold()
                $0.heldProbes = Hold()
            }
        }
        await rig.advance(to: 20)
        await rig.stop()
        // What was under way counts nowhere.
        #expect(rig.watchState(1)?.counters.checks == 0 && rig.watchState(2)?.counters.probes == 0)
    }

    // MARK: Restraint

    @Test(arguments: [401, 403])
    func aRefusedKeyIsTriedOnceAnIntervalUntilItIsTaken(status: Int) async {
        let watches = (1...30).map { Rig.watch($0, check: $0 == 30 ? 3600 : 60) } + [Rig.watch(100, account: "b")]
        let rig = await Rig(Rig.configuration(watches, accounts: [Rig.account("a"), Rig.account("b")])) { world in
            world.change { $0.answers[100] = ScriptedWorld.good(100) }
        }
        await rig.advance(to: 120)
        rig.world.change { $0.answer = .answer(status) }
        let mark = rig.time.now()
        await rig.advance(to: 1320)
        let refused = rig.world.calls.filter { $0.at > mark && $0.id != 100 }.map(\.at)
        // Another account is not concerned.
        #expect(rig.world.calls(of: 100).count { $0 > mark } == 20)
        // 20 minutes, one call a minute; the watch with the long interval does not put it off.
        #expect((19...21).contains(refused.count))
        #expect(zip(refused, refused.dropFirst()).allSatisfy { $1 - $0 >= .seconds(60) })
        // Probing goes on with what is known.
        #expect(rig.world.probes.filter { $0.at > mark }.count >= 29 * 39)
        rig.world.change { $0.answer = nil }
        await rig.advance(by: .seconds(121))
        #expect((1...29).allSatisfy { rig.state($0) == .inSync })
    }

    /// A key may well read some webhooks and not others.
    @Test(arguments: [401, 403], [60, 10])
    func aWatchThatIsRefusedDoesNotKeepTheOthersFromBeingChecked(status: Int, interval: Int) async {
        let watches = (1...12).map { Rig.watch($0, check: $0 == 7 ? interval : $0 == 12 ? 600 : 60) }
        let rig = await Rig(Rig.configuration(watches)) { world in
            world.change { $0.answers[7] = .answer(status) }
        }
        await rig.advance(to: 3600)
        for id in (1...11) where id != 7 {
            #expect(rig.world.calls(of: id).count >= 25 && rig.state(id) == .inSync, "\(id)")
        }
        #expect(rig.world.calls(of: 12).count >= 3 && rig.state(12) == .inSync)
        #expect(rig.state(7) == .unknown && rig.world.calls(of: 7).count >= 25)
    }

    /// A turn comes exactly an interval after the one before.
    @Test func aRefusedKeyIsTriedAtEachTurnOfItsOnlyWatch() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1)])) { world in
            world.change { $0.answer = .answer(401) }
        }
        await rig.advance(to: 610)
        #expect((10...11).contains(rig.world.calls.count))
    }

    @Test func shardsShareTheBudget() async {
        let watches = (1...600).map { Rig.watch($0, check: 7200, probe: 7200) }.filter { $0.id.shard(of: 2) == 1 }
        let rig = await Rig(
            Rig.configuration(watches, accounts: [Rig.account("a", perMinute: 60)]), shard: 1, totalShards: 2)
        await rig.advance(to: 60)
        // Half of the burst and half of the rate.
        #expect((38...41).contains(rig.world.calls.count), "\(rig.world.calls.count)")
    }

    @Test func whoWaitsForTheBudgetDoesNotCallWithARefusedKey() async {
        let hold = Hold()
        let rig = await Rig(
            Rig.configuration((1...100).map { Rig.watch($0) }, accounts: [Rig.account("a", perMinute: 150)])
        ) { world in
            world.change { state in
                state.answer = .answer(401)
                for id in 1...100 { state.heldChecks[id] = hold }
            }
        }
        // Twenty go at once, and a few more each second; the others wait in line while the first answers come.
        await rig.advance(to: 9)
        let begun = rig.world.calls.count
        #expect((30...60).contains(begun))
        hold.open()
        await rig.advance(to: 59)
        #expect(rig.world.calls.count == begun)
        // Nor did those start.
        #expect(rig.observer.seen.lateness[.check] == Array(repeating: .zero, count: begun))
    }

    @Test func aShortBudgetIsNotSpentOnARefusedKey() async {
        let rig = await Rig(
            Rig.configuration((1...100).map { Rig.watch($0) }, accounts: [Rig.account("a", perMinute: 30)])
        ) { world in world.change { $0.answer = .answer(401) } }
        await rig.advance(to: 600)
        #expect((9...11).contains(rig.world.calls.count))
    }

    @Test func anotherKeyIsTriedAtOnce() async {
        let watches = (1...10).map { Rig.watch($0) }
        let rig = await Rig(Rig.configuration(watches)) { world in world.change { $0.answer = .answer(401) } }
        await rig.advance(to: 20)
        #expect(rig.world.calls.count == 1)
        rig.world.change { $0.answer = nil }
        await rig.reload(Rig.configuration(watches, accounts: [Rig.account("a", key: "other")]))
        await rig.advance(by: .seconds(60))
        #expect((1...10).allSatisfy { rig.state($0) == .inSync })
    }

    @Test func aRateLimitStopsItsOrganisationOnly() async {
        let watches = (1...10).map { Rig.watch($0, org: 1) } + (11...20).map { Rig.watch($0, org: 2) }
        let rig = await Rig(Rig.configuration(watches, accounts: [Rig.account("a", perMinute: 60)]))
        await rig.advance(to: 60)
        rig.world.change { state in
            for id in 1...10 { state.answers[id] = .answer(429, headers: [("Retry-After", "300")]) }
        }
        await rig.advance(to: 120)
        let limited = rig.world.calls.filter { $0.orgID == 1 }
        guard let stopped = limited.last?.at else { return }
        rig.world.change { $0.answers = [:] }
        await rig.advance(to: 600)
        let after = rig.world.calls.filter { $0.orgID == 1 && $0.at > stopped }.map(\.at)
        #expect(after.allSatisfy { $0 >= stopped + .seconds(300) } && after.count >= 10)
        // No burst when it is over: one a second is the rate.
        #expect(zip(after.prefix(10), after.prefix(10).dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(999) })
        let others = rig.world.calls.filter { $0.orgID == 2 }
        #expect(others.count >= 100)
        #expect((rig.observer.seen.waited["a"] ?? .zero) > .seconds(300))
        // Which is told there, and not as lateness.
        #expect(rig.observer.seen.lateness[.check]?.allSatisfy { $0 == .zero } == true)
    }

    @Test func aWebhookThatFailsIsLeftAloneForLongerAndLonger() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 10), Rig.watch(2, check: 10)])) { world in
            world.change { $0.answers[1] = .answer(500) }
        }
        await rig.advance(to: 7200)
        // Full jitter below 10 intervals: one in six turns on average, and never further apart than 11.
        let failing = rig.world.calls(of: 1)
        #expect((70...360).contains(failing.count), "\(failing.count)")
        #expect(zip(failing, failing.dropFirst()).allSatisfy { $1 - $0 <= .seconds(110) })
        #expect((719...722).contains(rig.world.calls(of: 2).count))
        rig.world.change { $0.answers = [:] }
        await rig.advance(by: .seconds(110))
        let mark = rig.time.now()
        await rig.advance(by: .seconds(600))
        #expect(rig.world.calls(of: 1).filter { $0 > mark }.count == 60)
    }

    // MARK: Missing

    @Test func aMissingWebhookIsNotProbedUntilItIsBack() async {
        let rig = await Rig(Rig.configuration([Rig.watch(1, check: 60, probe: 10)]))
        await rig.advance(to: 65)
        rig.world.change { $0.answers[1] = ScriptedWorld.ownError }
        await rig.advance(to: 130)
        #expect(rig.state(1) == .missing)
        let count = rig.world.probes.count
        await rig.advance(to: 600)
        #expect(rig.world.probes.count == count)
        rig.world.change { $0.answers = [:] }
        await rig.advance(to: 661)
        #expect(rig.state(1) == .inSync && rig.world.probes[count].at == rig.world.calls(of: 1).last)
        await rig.advance(by: .seconds(60))
        #expect(rig.world.probes.count >= count + 6)
    }
}
