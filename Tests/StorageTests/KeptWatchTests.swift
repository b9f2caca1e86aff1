import Partoo
import Testing
import Transport
import Watching

/// How a watch begins with what is kept of it, and what it hands out to be kept.
@Suite struct KeptWatchTests {
    private let key = FingerprintKey()
    private let id = WatchID(account: "a", webhookID: 1)

    private func seen(_ url: String = "https://a.example/x", headers: [(String, String)] = []) -> WebhookConfiguration {
        WebhookConfiguration(
            id: 1, url: Secret(url), eventType: "business_created", orgID: 42,
            customHeaders: headers.map { HeaderField($0.0, $0.1) })
    }

    private func pinned(_ configuration: WebhookConfiguration, version: Int64 = 1) -> KeptBaseline {
        .pinned(StoredBaseline(LearnedBaseline(configuration, source: .learned, since: 1, key: key), version: version))
    }

    private func state(_ kept: KeptWatch?, _ expectation: Watching.Expectation = .init()) -> WatchState {
        WatchState(watch: Watch(id: id, expectation: expectation), key: key, at: 100, kept: kept)
    }

    private func check(_ state: inout WatchState, _ configuration: WebhookConfiguration, at now: Double = 110) {
        _ = state.checked(.configuration(configuration), at: now, duration: .zero)
    }

    @Test func aBaselineCountsOnceItIsKept() throws {
        var state = state(KeptWatch())
        check(&state, seen())
        #expect(state.state(at: 110) == .unknown && state.learned == nil && state.baselineTimes.isEmpty)
        let taken = state.takeRecord(at: 110)
        let record = try #require(taken)
        let proposal = try #require(record.proposal)
        #expect(record.observation == seen() && record.changes.isEmpty)
        let effects = state.settled(.pinned(StoredBaseline(proposal, version: 1)), at: 111)
        #expect(effects == [.baselineLearned, .stateChanged(from: .unknown, to: .inSync)])
        #expect(state.takeRecord(at: 112) == nil)
        #expect(state.settled(.absent, at: 113).isEmpty)
    }

    @Test func whereAnotherWasFirstItCounts() throws {
        var state = state(KeptWatch())
        check(&state, seen("https://b.example/"))
        #expect(state.settled(pinned(seen()), at: 111) == [.stateChanged(from: .unknown, to: .drifted)])
        #expect(state.drift.fields == [.url])
    }

    @Test func nothingIsLearnedOverWhatCannotBeRead() {
        var state = state(KeptWatch(baseline: .unreadable))
        check(&state, seen())
        #expect(state.proposal == nil && state.state(at: 110) == .unknown && !state.compares(.url))
        check(&state, seen("https://b.example/"))
        #expect(state.proposal == nil)
        // The operator has moved the database away.
        _ = state.checked(.configuration(seen()), at: 120, duration: .zero, news: .absent)
        #expect(state.proposal != nil)
    }

    @Test func whatIsDeclaredIsKnownWhateverCannotBeRead() {
        var state = state(KeptWatch(baseline: .unreadable), Watching.Expectation(eventType: "business_updated"))
        check(&state, seen())
        #expect(state.state(at: 110) == .drifted && state.compares(.eventType) && !state.compares(.url))
        let all = Watching.Expectation(
            url: .exactly(Secret("https://a.example/x")), eventType: "business_created", orgID: 42, customHeaders: [])
        var declared = self.state(KeptWatch(baseline: .unreadable), all)
        check(&declared, seen())
        #expect(declared.state(at: 110) == .inSync)
    }

    @Test func driftKeepsItsBeginningAndIsUnknownUntilChecked() {
        let moved = seen("https://b.example/")
        var state = state(KeptWatch(baseline: pinned(seen()), observation: moved, driftedSince: 7))
        #expect(state.probeTarget == moved && state.state(at: 100) == .unknown)
        check(&state, moved)
        #expect(state.state(at: 110) == .drifted && state.driftedSince == 7)
        #expect(state.counters.changes.isEmpty)
        // Nothing has moved, so nothing is to be written.
        #expect(state.takeRecord(at: 110) == nil)
        _ = state.checked(.configuration(moved), at: 120, duration: .zero, news: pinned(moved, version: 2))
        #expect(state.state(at: 120) == .inSync && state.driftedSince == nil && state.baselineVersion == 2)
        #expect(state.takeRecord(at: 120)?.driftedSince == nil)
    }

    @Test func aMissingOneIsNotProbedAfterARestart() {
        var state = state(KeptWatch(baseline: pinned(seen()), observation: seen(), isMissing: true, driftedSince: 7))
        #expect(state.probeTarget == nil)
        _ = state.checked(.missing, at: 110, duration: .zero)
        #expect(state.state(at: 110) == .missing && state.driftedSince == 7 && state.takeRecord(at: 110) == nil)
        let effects = state.checked(.configuration(seen()), at: 120, duration: .zero)
        #expect(effects.contains(.probeNow) && state.driftedSince == nil)
        #expect(state.takeRecord(at: 120)?.isMissing == false)
    }

    @Test func everyChangeIsWrittenDownWithoutItsSecrets() throws {
        let before = seen("https://u:p@a.example/x?k=1", headers: [("X-A", "1"), ("X-B", "2"), ("X-C", "3")])
        var state = state(KeptWatch(baseline: pinned(before), observation: before))
        check(&state, seen("https://b.example/y", headers: [("x-a", "1"), ("X-B", "9"), ("X-D", "4")]))
        let record = state.takeRecord(at: 110, noticedBy: .discovery)
        let changes = try #require(record).changes
        #expect(changes.map(\.field) == [.url, .customHeaders, .customHeaders, .customHeaders])
        #expect(changes.map(\.header) == [nil, "X-D", "X-C", "X-B"])
        #expect(changes[0].from?.text == "https://a.example/(redacted)")
        #expect(changes[1].from == nil && changes[2].to == nil)
        #expect(changes[3].from?.fingerprint == key.fingerprint(Secret("2"), purpose: .header))
        #expect(changes[3].to?.fingerprint == key.fingerprint(Secret("9"), purpose: .header))
        #expect(changes.allSatisfy { $0.noticedBy == .discovery && $0.at == 110 })
        #expect(changes[1...].allSatisfy { ($0.from ?? $0.to)?.text == "(redacted)" })
    }

    @Test func withoutAKeeperItIsLearnedAtOnce() {
        var state = state(nil)
        check(&state, seen())
        #expect(state.learned != nil && state.proposal == nil && state.state(at: 110) == .inSync)
    }
}
