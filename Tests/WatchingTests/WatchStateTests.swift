import Partoo
import Probing
import Testing
import Transport
import Watching

@Suite struct WatchStateTests {
    static let key = FingerprintKey(bytes: [7])

    static func configuration(
        url: String = "https://a/x", type: String = "lead_received", _ headers: [(String, String)] = []
    ) -> WebhookConfiguration {
        WebhookConfiguration(
            id: 1, url: Secret(url), eventType: type, orgID: 1, customHeaders: headers.map { HeaderField($0.0, $0.1) })
    }

    static func state(_ change: (inout Watch) -> Void = { _ in }) -> WatchState {
        var watch = Watch(id: WatchID(account: "a", webhookID: 1))
        change(&watch)
        return WatchState(watch: watch, key: key, at: 1000)
    }

    private let good = CheckOutcome.configuration(configuration())
    private let failed = CheckOutcome.failure(APIFailure(.serverError, "500"))

    private func probe(_ failure: ProbeFailureReason? = nil, retries: Int = 0, leaf: Int64? = nil) -> ProbeResult {
        ProbeResult(
            isReachable: failure == nil, failure: failure,
            tls: leaf.map { TLSFacts(isVerified: failure == nil, leafNotAfter: $0, earliestNotAfter: $0 - 1) },
            retries: retries)
    }

    @Test func nothingIsKnownBeforeTheFirstCheck() {
        var state = Self.state()
        #expect(state.state(at: 1000) == .unknown && state.probeTarget == nil && state.baselineTimes.isEmpty)
        #expect(state.probed(probe(), revision: 0, at: 1001) == nil && state.counters.probes == 0)
        #expect(state.accept(at: 1001) == nil)
        state.confirmed(at: 1001)
        #expect(state.lastConfirmed == nil)
    }

    @Test func theFirstGoodCheckLearnsAndProbes() {
        var state = Self.state()
        let effects = state.checked(good, at: 1010, duration: .seconds(1))
        #expect(effects == [.probeNow, .baselineLearned, .stateChanged(from: .unknown, to: .inSync)])
        #expect(state.probeTarget != nil && state.learned?.since == 1010 && state.lastSuccess == 1010)
        #expect(state.baselineTimes.map(\.source) == [.learned] && state.baselineTimes.map(\.at) == [1010])
        #expect(state.checked(good, at: 1070, duration: .zero) == [])
    }

    @Test func nothingIsInSyncBeforeThereIsABaselineToCompareWith() {
        var watch = Watch(id: WatchID(account: "a", webhookID: 1))
        var state = WatchState(watch: watch, key: Self.key, at: 1000, kept: KeptWatch())
        #expect(state.checked(good, at: 1010, duration: .zero) == [.probeNow])
        #expect(state.proposal != nil && state.drift.isEmpty && state.state(at: 1010) == .unknown)
        watch.expectation = Expectation(url: .exactly(Secret("https://a/x")), eventType: "lead_received", orgID: 1)
        state.redefine(watch, at: 1010)
        #expect(state.state(at: 1010) == .unknown)
        // What is ignored needs none.
        watch.ignoredFields = [.customHeaders]
        state.redefine(watch, at: 1010)
        #expect(state.state(at: 1010) == .inSync)
    }

    @Test func whatIsMissingHasNoFailuresInARow() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        _ = state.probed(probe(.reset), revision: state.revision, at: 1001)
        _ = state.checked(.missing, at: 1060, duration: .zero)
        #expect(state.consecutiveProbeFailures == 0)
        _ = state.checked(good, at: 1120, duration: .zero)
        _ = state.probed(probe(.reset), revision: state.revision, at: 1121)
        #expect(state.consecutiveProbeFailures == 1 && state.counters.probeFailures == 2)
    }

    @Test func aChangeIsProbedAtOnceAndCounted() {
        var state = Self.state()
        _ = state.checked(good, at: 1010, duration: .zero)
        let url = state.checked(.configuration(Self.configuration(url: "https://a/y")), at: 1070, duration: .zero)
        #expect(url == [.configurationChanged([.url]), .probeNow, .stateChanged(from: .inSync, to: .drifted)])
        // An event type changes nothing that is probed.
        let type = state.checked(
            .configuration(Self.configuration(url: "https://a/y", type: "x")), at: 1130, duration: .zero)
        #expect(type == [.configurationChanged([.eventType])])
        // The case of a header's name is no change, but another request.
        _ = state.checked(.configuration(Self.configuration([("X-A", "1")])), at: 1190, duration: .zero)
        let cased = state.checked(.configuration(Self.configuration([("x-a", "1")])), at: 1250, duration: .zero)
        #expect(cased == [.probeNow])
        #expect(state.counters.changes == [.url: 2, .eventType: 2, .customHeaders: 1])
        #expect(state.drift.fields == [.customHeaders] && state.driftedSince == 1070)
    }

    @Test func whenDriftBeganIsKeptOverUnknown() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        _ = state.checked(.configuration(Self.configuration(url: "https://a/y")), at: 1060, duration: .zero)
        #expect(state.checked(failed, at: 1120, duration: .zero) == [.stateChanged(from: .drifted, to: .unknown)])
        #expect(state.state(at: 1121) == .unknown && state.driftedSince == 1060 && state.probeTarget != nil)
        let again = state.checked(.configuration(Self.configuration(url: "https://a/y")), at: 1180, duration: .zero)
        #expect(again == [.stateChanged(from: .unknown, to: .drifted)] && state.driftedSince == 1060)
        _ = state.checked(good, at: 1240, duration: .zero)
        #expect(state.driftedSince == nil && state.state(at: 1240) == .inSync)
    }

    @Test func missingHasNoDriftAndIsNotProbed() {
        var state = Self.state { $0.expectation.url = .exactly(Secret("https://other/")) }
        _ = state.checked(good, at: 1000, duration: .zero)
        _ = state.probed(probe(leaf: 9), revision: state.revision, at: 1001)
        let revision = state.revision
        #expect(
            state.checked(.missing, at: 1060, duration: .zero) == [
                .stopProbing, .stateChanged(from: .drifted, to: .missing),
            ])
        #expect(state.drift.isEmpty && state.driftedSince == 1060 && state.probeTarget == nil && state.lastProbe == nil)
        #expect(state.certificateExpiry == nil && state.observation != nil && state.counters.probes == 1)
        #expect(
            state.lastCheck?.failure?.reason == .notFound && state.counters.checkFailures == 1
                && state.lastSuccess == 1000)
        #expect(state.probed(probe(), revision: revision, at: 1061) == nil)
        #expect(state.checked(.missing, at: 1120, duration: .zero) == [] && state.driftedSince == 1060)
        // Another failure says nothing new of it: unknown, still not probed, and since when is kept.
        #expect(state.checked(failed, at: 1180, duration: .zero) == [.stateChanged(from: .missing, to: .unknown)])
        #expect(state.probeTarget == nil && state.driftedSince == 1060)
        #expect(state.checked(.missing, at: 1240, duration: .zero) == [.stateChanged(from: .unknown, to: .missing)])
        #expect(state.driftedSince == 1060)
        let back = state.checked(good, at: 1300, duration: .zero)
        #expect(back == [.probeNow, .stateChanged(from: .missing, to: .drifted)] && state.driftedSince == 1300)
    }

    @Test(arguments: [(1.0, 300.0), (60, 300), (100, 300), (101, 303), (3600, 10_800)])
    func patienceIsThreeIntervalsOrFiveMinutes(interval: Double, patience: Double) {
        var state = Self.state { $0.checkInterval = .seconds(interval) }
        _ = state.checked(good, at: 5000, duration: .zero)
        #expect(state.patience == patience)
        #expect(state.state(at: 5000 + patience) == .inSync && state.state(at: 5000.5 + patience) == .unknown)
        state.confirmed(at: 5100)
        #expect(state.state(at: 5100 + patience) == .inSync && state.lastConfirmed == 5100 && state.lastSuccess == 5000)
        #expect(state.counters.checks == 1)
    }

    @Test func aListDoesNotMendAFailedCheck() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        _ = state.checked(failed, at: 1060, duration: .zero)
        state.confirmed(at: 1070)
        #expect(state.state(at: 1071) == .unknown)
    }

    @Test func certificatesAreRememberedUntilTheOriginChanges() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        _ = state.probed(probe(leaf: 500), revision: state.revision, at: 1001)
        _ = state.probed(probe(.connectRefused), revision: state.revision, at: 1031)
        #expect(state.certificateExpiry?.leaf == 500 && state.certificateExpiry?.earliest == 499)
        _ = state.checked(.configuration(Self.configuration(url: "https://a/y")), at: 1060, duration: .zero)
        #expect(state.certificateExpiry?.leaf == 500)
        _ = state.probed(probe(.tlsExpired, leaf: 400), revision: state.revision, at: 1061)
        #expect(state.certificateExpiry?.leaf == 400)
        _ = state.checked(.configuration(Self.configuration(url: "https://b/y")), at: 1120, duration: .zero)
        #expect(state.certificateExpiry == nil)
    }

    @Test func aSupersededProbeCountsNowhere() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        let old = state.revision
        _ = state.checked(.configuration(Self.configuration([("X-A", "1")])), at: 1060, duration: .zero)
        #expect(state.probed(probe(.reset, retries: 2), revision: old, at: 1061) == nil)
        #expect(state.counters.probes == 0 && state.counters.probeRetries == 0 && state.lastProbe == nil)
        #expect(state.probed(probe(.reset, retries: 2), revision: state.revision, at: 1062) == [.probeOutcomeChanged])
        #expect(state.probed(probe(.reset), revision: state.revision, at: 1063) == [])
        #expect(state.probed(probe(.dns), revision: state.revision, at: 1064) == [.probeOutcomeChanged])
        #expect(state.consecutiveProbeFailures == 3 && state.counters.probeFailuresByReason == [.reset: 2, .dns: 1])
        #expect(state.counters.probes == 3 && state.counters.probeRetries == 2)
        #expect(state.probed(probe(), revision: state.revision, at: 1065) == [.probeOutcomeChanged])
        #expect(state.consecutiveProbeFailures == 0 && state.counters.probeFailures == 3)
    }

    @Test func aSupersededProbeIsNotShown() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        let old = state.revision
        _ = state.checked(.configuration(Self.configuration([("X-A", "1")])), at: 1060, duration: .zero)
        state.show(probe(.reset, leaf: 9), revision: old, at: 1061)
        #expect(state.lastProbe == nil && state.certificateExpiry == nil)
        state.show(probe(.reset, leaf: 9), revision: state.revision, at: 1062)
        #expect(state.lastProbe?.at == 1062 && state.certificateExpiry?.leaf == 9)
        #expect(state.counters.probes == 0 && state.consecutiveProbeFailures == 0)
    }

    /// That a list is without it says nothing of one that the API has not called missing.
    @Test func absenceConfirmsWhatIsMissingOnly() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        state.absenceConfirmed(at: 1200)
        #expect(state.state(at: 1300) == .inSync && state.state(at: 1301) == .unknown)
        _ = state.checked(.missing, at: 2000, duration: .zero)
        state.absenceConfirmed(at: 2200)
        #expect(state.state(at: 2500) == .missing && state.state(at: 2501) == .unknown)
    }

    @Test func nothingIsLearnedInThePlaceOfABaselineThatCannotBeRead() {
        var state = WatchState(
            watch: Self.state().watch, key: Self.key, at: 1000, kept: KeptWatch(baseline: .unreadable))
        #expect(state.checked(good, at: 1010, duration: .zero) == [.probeNow])
        #expect(state.isBaselineUnreadable && state.proposal == nil && state.state(at: 1010) == .unknown)
        _ = state.checked(good, at: 1070, duration: .zero, news: .absent)
        #expect(!state.isBaselineUnreadable && state.proposal != nil)
    }

    @Test func acceptTakesTheLastObservationAndListsWhatStaysDeclared() {
        var state = Self.state { $0.expectation.eventType = "business_created" }
        _ = state.checked(good, at: 1000, duration: .zero)
        _ = state.checked(.configuration(Self.configuration(url: "https://a/y")), at: 1060, duration: .zero)
        #expect(state.drift.fields == [.url, .eventType])
        #expect(state.accept(at: 1070) == [.eventType])
        #expect(state.drift.fields == [.eventType] && state.driftedSince == 1000 && state.learned?.source == .accepted)
        #expect(
            state.baselineTimes.map(\.source) == [.declared, .accepted]
                && state.baselineTimes.map(\.at) == [1000, 1070])
        _ = state.checked(.missing, at: 1120, duration: .zero)
        #expect(state.accept(at: 1130) == [] && state.state(at: 1130) == .missing)
    }

    @Test func redefiningKeepsWhatIsKnown() {
        var state = Self.state()
        _ = state.checked(good, at: 1000, duration: .zero)
        _ = state.probed(probe(.dns), revision: state.revision, at: 1001)
        var watch = state.watch
        watch.expectation.url = .exactly(Secret("https://b/"))
        watch.labels = [Label(name: "team", value: "x")]
        state.redefine(watch, at: 1010)
        #expect(state.state(at: 1010) == .drifted && state.driftedSince == 1010 && state.declaredAt == 1010)
        #expect(
            state.counters.checks == 1 && state.counters.probes == 1 && state.lastProbe != nil && state.learned != nil)
        watch.labels = []
        state.redefine(watch, at: 1020)
        #expect(state.declaredAt == 1010)
        watch.ignoredFields = [.url]
        state.redefine(watch, at: 1030)
        #expect(state.state(at: 1030) == .inSync && state.driftedSince == nil)
        watch.isEnabled = false
        state.redefine(watch, at: 1040)
        #expect(state.probeTarget == nil && state.observation != nil)
        let other = Watch(id: WatchID(account: "a", webhookID: 2))
        state.redefine(other, at: 1050)
        #expect(state.id.webhookID == 1)
    }

    @Test func theBaselinesTimesLeaveOutWhatCoversNoField() {
        let all = Expectation(url: .exactly(Secret("u")), eventType: "e", orgID: 1, customHeaders: [])
        var declared = Self.state { $0.expectation = all }
        _ = declared.checked(good, at: 1010, duration: .zero)
        #expect(declared.baselineTimes.map(\.source) == [.declared])
        var ignoring = Self.state {
            $0.expectation.url = .exactly(Secret("u"))
            $0.ignoredFields = [.url]
        }
        _ = ignoring.checked(good, at: 1010, duration: .zero)
        #expect(ignoring.baselineTimes.map(\.source) == [.learned])
    }

    @Test(
        arguments: [
            (ExpectedValue.exactly(Secret("https://declared/x")), "https://declared"), (.any, "https://a"),
            (nil, "https://a"),
            (.sha256(hash: [], salt: []), nil),
        ] as [(ExpectedValue?, String?)])
    func theBaselinesOriginIsTheDeclaredOneOrTheLearned(url: ExpectedValue?, origin: String?) {
        var state = Self.state { $0.expectation.url = url }
        _ = state.checked(good, at: 1010, duration: .zero)
        #expect(state.baselineOrigin?.description == origin)
        // What is observed later does not move it.
        _ = state.checked(.configuration(Self.configuration(url: "https://evil/x")), at: 1070, duration: .zero)
        #expect(state.baselineOrigin?.description == (url == .any ? "https://evil" : origin))
    }

    /// Else the first probe would go without the module's headers and body, as often as it is faster than the disk.
    @Test func theFirstProbeTrustsWhatIsAboutToBeLearned() {
        var state = WatchState(
            watch: Watch(id: WatchID(account: "a", webhookID: 1)), key: Self.key, at: 1000, kept: KeptWatch())
        #expect(state.checked(good, at: 1010, duration: .zero) == [.probeNow])
        #expect(state.learned == nil && state.baselineOrigin?.description == "https://a")
        let unreadable = KeptWatch(baseline: .unreadable)
        var doubtful = WatchState(
            watch: Watch(id: WatchID(account: "a", webhookID: 1)), key: Self.key, at: 1000, kept: unreadable)
        _ = doubtful.checked(good, at: 1010, duration: .zero)
        #expect(doubtful.baselineOrigin == nil)
    }
}
