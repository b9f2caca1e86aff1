import ConfigurationFile
import Monitoring
import Probing
import TestSupport
import Testing
import Watching

/// The whole monitor over a whole organisation: what it spends, and when it sees what.
@Suite(.timeLimit(.minutes(10))) struct FleetTests {
    private static let refused = #"{"error":{"authentication":"User not authenticated"}}"#

    private func configuration(_ count: Int, perMinute: Int) -> ExporterConfiguration {
        MonitorRig.configuration(
            (1...count).map { MonitorRig.watch($0, probe: 86_400) }
                + (1...5).map { MonitorRig.watch($0, account: "b", probe: 86_400) },
            accounts: [MonitorRig.account("a", perMinute: perMinute), MonitorRig.account("b", perMinute: 240)])
    }

    /// A fleet of which every webhook was read once, on a budget that sufficed for that; from now on it does not.
    private func fleet(of count: Int, perMinute: Int = 240) async -> FleetRig {
        let time = VirtualTimekeeper()
        let world = FleetWorld(time)
        world.put(1...count, in: "a")
        world.put(1...5, in: "b")
        let rig = await FleetRig(configuration(count, perMinute: 1_000_000), world, time, KeptInMemory())
        await rig.advance(by: .seconds(12))
        await rig.reload(configuration(count, perMinute: perMinute))
        return rig
    }

    private struct Made {
        var id: Int
        var at: Double
        var isMoved: Bool
    }

    /// Changes one webhook after another, none twice.
    private func change(_ rig: FleetRig, _ count: Int, times: Int, every pause: Duration) async -> [Made] {
        var made: [Made] = []
        for number in 0..<times {
            // All over the list, and all four fields.
            let id = number * 7919 % count + 1
            for _ in 0...number / 2 % 4 { rig.world.change(id, in: "a", isMoved: number % 2 == 0) }
            made.append(Made(id: id, at: rig.time.wallSeconds(), isMoved: number % 2 == 0))
            await rig.advance(by: pause)
        }
        return made
    }

    /// After how many seconds each change was written down, and by whom it was noticed; nil: not yet.
    private func delay(_ made: Made, _ rig: FleetRig) -> (seconds: Double, by: ConfigurationChange.Notice)? {
        rig.store.noticed.first { $0.id == WatchID(account: "a", webhookID: made.id) && $0.change.at >= made.at }
            .map { ($0.change.at - made.at, $0.change.noticedBy) }
    }

    private func busiestMinute(_ calls: [Duration]) -> Int {
        var most = 0
        var start = 0
        for (end, time) in calls.enumerated() {
            while time - calls[start] >= .seconds(60) { start += 1 }
            most = max(most, end - start + 1)
        }
        return most
    }

    @Test func tenThousandWebhooksOnTwoHundredAndFortyCallsAMinute() async throws {
        let rig = await fleet(of: 10_000)
        #expect(await rig.states().values.allSatisfy { $0 == .inSync })
        let begin = rig.time.now()
        await rig.advance(by: .seconds(60))
        let made = await change(rig, 10_000, times: 120, every: .milliseconds(1500))
        await rig.advance(by: .seconds(120))
        let delays = made.filter(\.isMoved).map { delay($0, rig) }
        let moved = delays.compactMap { $0?.seconds }.sorted()
        #expect(moved.count == 60 && moved.last ?? .infinity <= 120)
        #expect(delays.count { $0?.by == .discovery } > 57)
        for field in ConfigurationField.allCases {
            #expect(rig.store.noticed.contains { $0.change.field == field }, "\(field)")
        }
        // What nothing points at is found by the rotation, as far as it has come: it asks for nobody twice.
        let calls = rig.world.calls.filter { $0.account == "a" && $0.at > begin }
        let minutes = (rig.time.now() - begin).seconds / 60
        let reads = calls.compactMap(\.id)
        #expect(Double(reads.count) >= 120 * minutes && reads.count - Set(reads).count <= 70)
        let busiest = busiestMinute(calls.map(\.at))
        #expect(busiest <= 260)
        // A page confirms what it shows unmoved, so that nobody turns unknown.
        await rig.advance(by: .seconds(180))
        #expect(await rig.states().values.allSatisfy { $0 != .unknown })
        // Another account has its five calls a minute all the time.
        let others = rig.world.calls(of: "b", after: begin)
        #expect(abs(Double(others.count) - (rig.time.now() - begin).seconds / 12) <= 5)
        print(
            "10,000 webhooks, the whole monitor: a moved updated_at is seen after \(Int(moved[moved.count / 2])) s (median), "
                + "\(Int(moved.last ?? 0)) s (most); \(reads.count) reads in \(Int(minutes)) min, a rotation takes "
                + "\(Int(10_000 / (Double(reads.count) / minutes))) min; busiest minute \(busiest) calls")
    }

    @Test func whatNothingPointsAtIsSeenWithinTheRotation() async {
        // 12 pages and 228 reads a minute: 1200 in 5.3 minutes.
        let rig = await fleet(of: 1200)
        await rig.advance(by: .seconds(60))
        let made = await change(rig, 1200, times: 100, every: .seconds(2))
        await rig.advance(by: .seconds(360))
        let delays = made.map { delay($0, rig) }
        #expect(delays.allSatisfy { $0?.seconds ?? .infinity <= 360 })
        for (made, delay) in zip(made, delays) {
            #expect(delay?.seconds ?? .infinity <= (made.isMoved ? 120 : 360))
            if !made.isMoved { #expect(delay?.by == .check) }
        }
        // The rotation may come by just before the list does.
        #expect(zip(made, delays).count { $0.isMoved && $1?.by == .discovery } > 35)
    }

    /// A list goes on confirming what was read before the edit; reading all again would take a quarter of an hour.
    @Test(arguments: ["labels", "modules", "check_interval"])
    func anEditThatLeavesTheIdentityMakesNobodyUnknown(edit: String) async {
        let rig = await fleet(of: 3000)
        await rig.advance(by: .seconds(60))
        var edited = configuration(3000, perMinute: 240)
        for index in edited.watches.indices {
            switch edit {
            case "labels": edited.watches[index].labels = [Label(name: "team", value: "x")]
            case "check_interval": edited.watches[index].checkInterval = .seconds(45)
            default: edited.modules["http"]?.timeout = .seconds(7)
            }
        }
        await rig.reload(edited)
        for _ in 0..<20 {
            await rig.advance(by: .seconds(30))
            #expect(await rig.states().values.count { $0 == .unknown } == 0)
        }
    }

    @Test func aListConfirmsThatOneIsStillGone() async {
        // The rotation comes round in ten minutes, and what is known holds for five.
        let rig = await fleet(of: 600, perMinute: 60)
        rig.world.delete(7, in: "a")
        await rig.advance(by: .seconds(130))
        for _ in 0..<50 {
            await rig.advance(by: .seconds(10))
            #expect(await rig.states()[WatchID(account: "a", webhookID: 7)] == .missing)
        }
    }

    @Test func whatAListMakesKnownAgainIsNoticed() async {
        let rig = await fleet(of: 600, perMinute: 60)
        rig.world.setFault(.answer(429, headers: [("Retry-After", "400")]), in: "a")
        await rig.advance(by: .seconds(5))
        rig.world.setFault(nil, in: "a")
        await rig.advance(by: .seconds(390))
        let ids = (1...600).map { WatchID(account: "a", webhookID: $0) }
        let stale = await rig.states()
        #expect(ids.allSatisfy { stale[$0] == .unknown })
        await rig.advance(by: .seconds(90))
        let states = await rig.states()
        let noticed = await rig.lastNoticed()
        // All but the few whose own read was refused.
        let known = ids.filter { states[$0] == .inSync }
        #expect(known.count > 590 && known.allSatisfy { noticed[$0] == .state(from: .unknown, to: .inSync) })
    }

    /// Also of who is gone: the metrics as well, which show what was reported.
    @Test func whatAListMakesMissingAgainIsNoticed() async {
        let rig = await fleet(of: 600, perMinute: 60)
        let id = WatchID(account: "a", webhookID: 7)
        rig.world.delete(7, in: "a")
        for _ in 0..<40 where await rig.states()[id] != .missing { await rig.advance(by: .seconds(30)) }
        rig.world.setFault(.answer(429, headers: [("Retry-After", "400")]), in: "a")
        await rig.advance(by: .seconds(5))
        rig.world.setFault(nil, in: "a")
        await rig.advance(by: .seconds(390))
        let reported = { rig.observer.seen.reports[id].map { $0.state.state(at: $0.now) } }
        #expect(reported() == .unknown)
        await rig.advance(by: .seconds(90))
        #expect(reported() == .missing)
        #expect(await rig.lastNoticed()[id] == .state(from: .unknown, to: .missing))
    }

    @Test func whatAListHasConfirmedIsNotCheckedForWhoAsks() async throws {
        let rig = await fleet(of: 600, perMinute: 60)
        await rig.advance(by: .seconds(150))
        let now = rig.time.now()
        // Read more than an interval ago, and not to be read again for some minutes.
        let past = rig.world.calls.filter { $0.id != nil && (now - .seconds(80)..<now - .seconds(65)).contains($0.at) }
        let id = WatchID(account: "a", webhookID: try #require(past.first { $0.account == "a" }?.id))
        let asker = Task(executorPreference: rig.time.executor) { [monitor = rig.monitor] in
            await monitor.probeNow(id, limit: .seconds(10))
        }
        await rig.advance(by: .seconds(10))
        guard case .done(_, probe: .some) = await asker.value else {
            Issue.record("not probed")
            return
        }
        #expect(!rig.world.calls.contains { $0.account == "a" && $0.id == id.webhookID && $0.at >= now })
    }

    @Test func refusalsCostNobodyElseAnything() async {
        let rig = await fleet(of: 1200)
        await rig.advance(by: .seconds(120))
        // 429: what was under way still comes, then nothing for as long as is asked, then no more than the rate.
        rig.world.setFault(.answer(429, headers: [("Retry-After", "120")]), in: "a")
        await rig.advance(by: .seconds(10))
        rig.world.setFault(nil, in: "a")
        let limited = rig.world.calls(of: "a").last ?? .zero
        let begin = rig.time.now()
        await rig.advance(by: .seconds(240))
        let after = rig.world.calls(of: "a", after: begin)
        #expect((after.first ?? .zero) >= limited + .seconds(120))
        let rate = after.filter { $0 < limited + .seconds(131) }.count
        #expect((30...46).contains(rate), "\(rate) calls in the 10 s after the stop")
        #expect(busiestMinute(after) <= 242)
        // 401: one call an interval, whatever it is for.
        rig.world.setFault(.answer(401, Self.refused), in: "a")
        await rig.advance(by: .seconds(2))
        let refused = rig.time.now()
        await rig.advance(by: .seconds(600))
        #expect((9...11).contains(rig.world.calls(of: "a", after: refused).count))
        #expect(await rig.states().filter { $0.key.account == "a" }.values.allSatisfy { $0 == .unknown })
        rig.world.setFault(nil, in: "a")
        await rig.advance(by: .seconds(420))
        #expect(await rig.states().values.allSatisfy { $0 == .inSync })
        // The other account has had its five calls a minute all the time.
        let others = rig.world.calls(of: "b", after: begin)
        #expect(abs(Double(others.count) - (rig.time.now() - begin).seconds / 12) <= 5)
    }

    /// Where lists are allowed and would take every call, too.
    @Test(arguments: [false, true])
    func aRefusalOfReadsEndsOnceOneSucceeds(refusesLists: Bool) async {
        let rig = await fleet(of: 600)
        await rig.advance(by: .seconds(60))
        if refusesLists { rig.world.setListFault(.answer(403, Self.refused)) }
        for id in 1...600 { rig.world.setFault(.answer(403, Self.refused), of: id) }
        await rig.advance(by: .seconds(2))
        let refused = rig.time.now()
        await rig.advance(by: .seconds(900))
        #expect((14...16).contains(rig.world.calls(of: "a", after: refused).count))
        for id in 1...600 { rig.world.setFault(nil, of: id) }
        await rig.advance(by: .seconds(60 * 8))
        #expect(await rig.states().filter { $0.key.account == "a" }.values.allSatisfy { $0 == .inSync })
    }

    @Test func aWebhookThatMayNotBeReadCostsTheOthersLittle() async {
        let rig = await fleet(of: 1200)
        await rig.advance(by: .seconds(60))
        rig.world.setFault(.answer(403, Self.refused), of: 500)
        await rig.advance(by: .seconds(600))
        let begin = rig.time.now()
        await rig.advance(by: .seconds(1800))
        let reads = rig.world.calls.filter { $0.account == "a" && $0.id != nil && $0.at > begin }
        // 30 minutes of 228 reads, less a minute a round.
        #expect(reads.count > 4500, "\(reads.count)")
        #expect(Set(reads.map(\.id)).count == 1200)
        let states = await rig.states().filter { $0.key.account == "a" && $0.value != .inSync }
        #expect(states.keys.map(\.webhookID) == [500])
    }
}
