import ConfigurationFile
import Monitoring
import Partoo
import TestSupport
import Testing
import Transport
import Watching

/// What an account holds back, and what a reload makes of it.
@Suite(.timeLimit(.minutes(5))) struct RestraintTests {
    private typealias Rig = MonitorRig

    private func refused(_ watches: [Watch], perMinute: Int = 100_000) async -> MonitorRig {
        await Rig(Rig.configuration(watches, accounts: [Rig.account("a", perMinute: perMinute)])) { world in
            world.change { $0.answer = .answer(401) }
        }
    }

    @Test func aReloadMakesARefusedKeyNoBetter() async {
        let watches = (1...10).map { Rig.watch($0) }
        let rig = await refused(watches)
        await rig.advance(to: 20)
        await rig.reload(Rig.configuration(watches))
        await rig.advance(to: 59)
        #expect(rig.world.calls.count == 1)
    }

    @Test func anotherAddressIsTriedAtOnce() async {
        let watches = (1...10).map { Rig.watch($0) }
        let rig = await refused(watches)
        await rig.advance(to: 20)
        #expect(rig.world.calls.count == 1)
        var account = Rig.account("a")
        account.baseURL = "https://other.example/v2"
        await rig.reload(Rig.configuration(watches, accounts: [account]))
        await rig.advance(to: 59)
        #expect(rig.world.calls.count == 2)
    }

    /// Thirty turns within ten seconds would have to wait for a budget of thirty a minute.
    @Test func turnsThatAreHeldBackSpendNothing() async {
        let rig = await refused((1...30).map { Rig.watch($0) }, perMinute: 30)
        await rig.advance(to: 11)
        #expect(rig.world.calls.count == 1 && rig.observer.seen.waited["a"] == nil)
    }

    /// A status that nobody documents says nothing of an outage.
    @Test(arguments: [302, 400, 415])
    func anUnexpectedStatusIsNoReasonToWait(status: Int) async {
        let rig = await Rig(Rig.configuration([Rig.watch(1)])) { world in
            world.change { $0.answer = .answer(status) }
        }
        await rig.advance(to: 1805)
        #expect((30...31).contains(rig.world.calls.count) && rig.state(1) == .unknown)
        await rig.stop()
    }

    /// Or an outage, in which most turns are passed over in no time, would look like the best of days.
    @Test(arguments: [401, 403, 429, 500])
    func onlyWhatStartsIsLate(status: Int) async {
        let rig = await Rig(Rig.configuration((1...10).map { Rig.watch($0, check: 10) })) { world in
            world.change { $0.answer = .answer(status, headers: [("Retry-After", "100")]) }
        }
        await rig.advance(to: 600)
        let calls = rig.world.calls.count
        #expect(calls < 400 && rig.observer.seen.lateness[.check]?.count == calls)
    }

    @Test func theLastTurnCountsHoweverLateTheOthersAnswer() async throws {
        let holds = Dictionary(uniqueKeysWithValues: (1...100).map { ($0, Hold()) })
        let rig = await Rig(Rig.configuration((1...100).map { Rig.watch($0) })) { world in
            world.change { state in
                state.answer = .answer(401)
                state.heldChecks = holds
            }
        }
        await rig.advance(to: 10)
        let last = try #require(rig.world.calls.last)
        #expect(rig.world.calls.count == 100)
        holds[last.id]?.open()
        await rig.time.settle()
        for hold in holds.values { hold.open() }
        await rig.advance(to: 120)
        #expect(rig.world.calls[100].at >= last.at + .seconds(60))
    }

    @Test func aFailureAfterASuccessIsTheFirstOneAgain() async {
        let rig = await Rig(Rig.configuration((1...30).map { Rig.watch($0, check: 10) })) { world in
            world.change { $0.answer = .answer(500) }
        }
        await rig.advance(to: 600)
        rig.world.change { $0.answer = nil }
        await rig.advance(by: .seconds(120))
        rig.world.change { $0.answer = .answer(500) }
        let begin = rig.time.now()
        await rig.advance(by: .seconds(30))
        for id in 1...30 {
            let calls = rig.world.calls(of: id).filter { $0 > begin }
            #expect(calls.count >= 2 && calls[1] - calls[0] <= .seconds(20))
        }
    }

    /// Sixteen reads a minute are wanted and ten calls allowed, which suffice for those that do not fail.
    @Test func whatIsLeftAloneCostsTheOthersNothing() async {
        let rig = await Rig(crowded((1...16).map { Rig.watch($0) })) { world in
            world.change { state in for id in 3...16 { state.answers[id] = .answer(500) } }
        }
        await rig.advance(to: 600)
        let begin = rig.time.now()
        await rig.advance(by: .seconds(1800))
        for id in 1...2 {
            let count = rig.world.calls(of: id).count { $0 > begin }
            #expect(count >= 26, "\(count)")
        }
    }

    // MARK: Organisations

    /// Ten webhooks of each of two organisations, of which the key may see the second one only.
    private func forbidden(perMinute: Int) async -> MonitorRig {
        let watches = (1...20).map { Rig.watch($0, org: ($0 + 9) / 10) }
        return await Rig(Rig.configuration(watches, accounts: [Rig.account("a", perMinute: perMinute)])) { world in
            world.change { state in for id in 1...10 { state.answers[id] = .answer(403) } }
        }
    }

    @Test func anOrganisationThatIsForbiddenCostsTheOthersNothing() async {
        let rig = await forbidden(perMinute: 100_000)
        await rig.advance(to: 180)
        let begin = rig.time.now()
        await rig.advance(by: .seconds(1200))
        let calls = rig.world.calls.filter { $0.at > begin }
        #expect((11...20).allSatisfy { id in calls.count { $0.id == id } == 20 })
        // And costs one call an interval itself, each time of another webhook.
        #expect((18...20).contains(calls.count { $0.orgID == 1 }))
        #expect(Set(calls.filter { $0.orgID == 1 }.map(\.id)).count == 10)
        rig.world.change { $0.answers = [:] }
        await rig.advance(by: .seconds(180))
        #expect((1...20).allSatisfy { rig.state($0) == .inSync })
    }

    @Test func onAShortBudgetAnOrganisationThatIsForbiddenCostsTheOthersNothing() async {
        let rig = await forbidden(perMinute: 5)
        await rig.advance(to: 300)
        let begin = rig.time.now()
        await rig.advance(by: .seconds(1200))
        let reads = rig.world.calls.filter { $0.at > begin && $0.id != 0 }
        // Lists, which are refused to both, take the rest: of a forbidden one's calls every other one.
        #expect(reads.count { $0.orgID == 2 } >= 75)
        #expect((9...11).contains(reads.count { $0.orgID == 1 }))
    }

    @Test func aKeyThatMaySeeNoOrganisationIsTriedOnceAnInterval() async {
        let watches = (1...20).map { Rig.watch($0, org: ($0 + 3) / 4) }
        let rig = await Rig(Rig.configuration(watches))
        await rig.advance(to: 120)
        rig.world.change { $0.answer = .answer(403) }
        // Each organisation has to say so.
        await rig.advance(by: .seconds(60))
        let begin = rig.time.now()
        await rig.advance(by: .seconds(600))
        #expect((9...10).contains(rig.world.calls.count { $0.at > begin }))
        rig.world.change { $0.answer = nil }
        await rig.advance(by: .seconds(180))
        #expect((1...20).allSatisfy { rig.state($0) == .inSync })
    }

    // MARK: Reloads of a short budget

    private func crowded(_ watches: [Watch]) -> ExporterConfiguration {
        Rig.configuration(watches, accounts: [Rig.account("a", perMinute: 10)])
    }

    @Test func whoLeavesGivesTheBudgetBack() async {
        let rig = await Rig(crowded((1...20).map { Rig.watch($0) }))
        await rig.advance(to: 300)
        let noticed = await rig.noticed(3)
        await rig.reload(crowded((1...2).map { Rig.watch($0) }))
        let begin = rig.time.now()
        await rig.advance(by: .seconds(600))
        #expect((1...2).allSatisfy { id in rig.world.calls(of: id).count { $0 > begin } == 10 })
        await rig.reload(crowded((1...20).map { Rig.watch($0) }))
        await rig.advance(by: .seconds(200))
        #expect(await rig.noticed(3) == noticed && !noticed.isEmpty, "it begins anew")
    }

    @Test func whoMovesToAnotherOrganisationIsReadForThatOneOnly() async {
        let rig = await Rig(crowded((1...20).map { Rig.watch($0, org: 1) }))
        await rig.advance(to: 300)
        await rig.reload(crowded((1...20).map { Rig.watch($0, org: 2) }))
        let begin = rig.time.now()
        await rig.advance(by: .seconds(600))
        let calls = rig.world.calls.filter { $0.at > begin }
        #expect(calls.allSatisfy { $0.orgID == 2 || $0.id == 0 } && (90...121).contains(calls.count), "\(calls.count)")
    }

    // MARK: Lists

    private let time = VirtualTimekeeper()

    private func discovering(
        _ world: FleetWorld, every interval: Duration = .seconds(20), orgIDs: [Int] = [], perMinute: Int = 100_000,
        check: Duration = .seconds(60)
    ) async -> FleetRig {
        var account = Rig.account("a", perMinute: perMinute)
        account.discovery = DiscoverySettings(orgIDs: orgIDs, interval: interval)
        var configuration = Rig.configuration([], accounts: [account])
        configuration.defaults.checkInterval = check
        return await FleetRig(configuration, world, time, KeptInMemory())
    }

    /// Two webhooks that only lists get through to, up to the moment at which the second one has been refused. Its next turn
    /// comes later than the next list then, which comes as soon as the account is tried again.
    private func refusing(_ status: Int) async -> FleetRig {
        let world = FleetWorld(time)
        world.put(1...2, in: "a")
        for id in 1...2 { world.setFault(.answer(status), of: id) }
        var account = Rig.account("a")
        account.discovery = DiscoverySettings(interval: .seconds(20))
        let watches = [Rig.watch(1, check: 60), Rig.watch(2, check: 97)]
        let rig = await FleetRig(Rig.configuration(watches, accounts: [account]), world, time, KeptInMemory())
        await rig.advance(by: .seconds(61))
        for _ in 0..<2000 where world.calls.last?.id != 2 { await rig.advance(by: .seconds(1)) }
        return rig
    }

    /// A key that may list is not one that may read.
    @Test func aListDoesNotMakeUpForWhatMayNotBeRead() async {
        let rig = await refusing(403)
        let begin = time.now()
        await rig.advance(by: .seconds(110))
        // The attempt is the list's, and no read follows from its success.
        let calls = rig.world.calls.filter { $0.at > begin }
        #expect(!calls.isEmpty && calls.allSatisfy { $0.id == nil })
        await rig.stop()
    }

    /// Or lists, which come more often than checks, would have all the attempts.
    @Test func aListShowsThatAKeyIsTakenAgain() async {
        let rig = await refusing(401)
        for id in 1...2 { rig.world.setFault(nil, of: id) }
        await rig.advance(by: .seconds(200))
        #expect(await rig.states().values.allSatisfy { $0 == .inSync })
        await rig.stop()
    }

    @Test func listsAreHeldBackWithoutSpendingTheBudget() async {
        let world = FleetWorld(time)
        world.setFault(.answer(401), in: "a")
        let rig = await discovering(world, perMinute: 10)
        await rig.advance(by: .seconds(300))
        #expect((5...6).contains(world.calls.count))
        #expect(rig.observer.seen.waited["a"] == nil)
        await rig.stop()
    }

    /// Nothing is watched, so what is discovered would be checked at the default interval: so far apart are lists while the
    /// key is refused. Where that is days, not further apart than lists are, or a minute.
    @Test(arguments: [(5, 3, 5), (60, 20, 60), (3600, 600, 600), (3600, 3, 60), (7, 7, 7)])
    func whoOnlyListsWithARefusedKeyDoesSoOnceACheckInterval(check: Int, list: Int, apart: Int) async {
        let world = FleetWorld(time)
        world.setFault(.answer(401), in: "a")
        let rig = await discovering(world, every: .seconds(list), check: .seconds(check))
        await rig.advance(by: .seconds(3600))
        let calls = world.calls.map(\.at)
        let gaps = zip(calls, calls.dropFirst()).map { $1 - $0 }
        #expect(gaps.allSatisfy { $0 >= .seconds(apart) } && calls.count >= 3600 / apart - 1, "\(gaps)")
        await rig.stop()
    }

    /// Two organisations, each at a phase of its own.
    @Test func listsComeOnTime() async {
        let rig = await discovering(FleetWorld(time), every: .milliseconds(20_250), orgIDs: [1, 2])
        await rig.advance(by: .seconds(300))
        let lists = rig.world.calls.map(\.at).dropFirst(2)
        #expect(lists.count >= 26)
        #expect(Set(lists.map { $0.nanoseconds % 20_250_000_000 }).count == 2)
        await rig.stop()
    }

    /// A list that was let through by the budget when the key had just been refused is asked for another time.
    @Test func listsGoOnWhereverTheyWereHeldBack() async {
        let world = FleetWorld(time)
        world.put(1...20, in: "a")
        let rig = await FleetRig(crowded((1...20).map { Rig.watch($0) }), world, time, KeptInMemory())
        for pause in 165..<185 {
            await rig.advance(by: .seconds(pause))
            world.setFault(.answer(401), in: "a")
            await rig.advance(by: .seconds(7))
            world.setFault(nil, in: "a")
        }
        await rig.advance(by: .seconds(120))
        let begin = time.now()
        await rig.advance(by: .seconds(180))
        #expect(world.calls.contains { $0.at > begin && $0.id == nil })
        await rig.stop()
    }
}
