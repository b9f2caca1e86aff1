package import Partoo
package import Probing
package import Transport

/// What is known of a configuration. The raw values are the label `state`.
package enum ConfigurationState: String, Sendable, Hashable, CaseIterable {
    case inSync = "in_sync"
    case drifted, missing, unknown
}

/// What has to follow from something that a watch learned.
package enum WatchEffect: Sendable, Hashable {
    /// The URL or a header is new: probe it at once.
    case probeNow
    /// There is nothing to be probed any more.
    case stopProbing
    case baselineLearned
    case stateChanged(from: ConfigurationState, to: ConfigurationState)
    /// Between two checks.
    case configurationChanged(Set<ConfigurationField>)
    case probeOutcomeChanged
}

/// All that one watch knows, and how it learns: a pure state machine. Times are seconds since 1970.
package struct WatchState: Sendable {
    package struct Check: Sendable, Hashable {
        package var at: Double
        package var duration: Duration
        /// nil: the configuration was read.
        package var failure: APIFailure?
    }

    package struct Probe: Sendable {
        package var at: Double
        package var result: ProbeResult
    }

    /// When the certificates of the observed origin end; kept while they cannot be read.
    package struct CertificateExpiry: Sendable, Hashable {
        package var origin: Origin
        package var leaf: Int64
        package var earliest: Int64
    }

    package struct Counters: Sendable, Hashable {
        package var checks = 0
        package var checkFailures = 0
        package var changes: [ConfigurationField: Int] = [:]
        package var probes = 0
        package var probeFailures = 0
        package var probeRetries = 0
        package var probeFailuresByReason: [ProbeFailureReason: Int] = [:]
    }

    package private(set) var watch: Watch
    let key: FingerprintKey
    /// Whether a baseline counts only once somebody has kept it; otherwise it counts at once.
    private let isKept: Bool
    /// When the declared part of the baseline was loaded.
    package private(set) var declaredAt: Double
    package private(set) var learned: LearnedBaseline?
    /// The version under which the learned baseline is kept.
    package private(set) var baselineVersion: Int64?
    /// There is a learned baseline that cannot be read: its fields are unknown, and nothing is learned in its place.
    package private(set) var isBaselineUnreadable = false
    /// What is to be learned once it is kept.
    package private(set) var proposal: LearnedBaseline?
    /// What was handed out to be kept.
    var recorded = KeptWatch()
    /// The last configuration that was read; kept over failures, and while missing.
    package private(set) var observation: WebhookConfiguration?
    /// Moves whenever what is probed changes; a probe of an older one is dropped.
    package private(set) var revision = 0
    package private(set) var drift = Drift()
    package private(set) var isMissing = false
    /// When drift or absence began; kept over unknown.
    package private(set) var driftedSince: Double?
    package private(set) var lastCheck: Check?
    package private(set) var lastSuccess: Double?
    package private(set) var lastConfirmed: Double?
    /// Like `lastConfirmed`, and moved by the API's own «no such webhook» too.
    private var lastAnswer: Double?
    package private(set) var lastProbe: Probe?
    package private(set) var consecutiveProbeFailures = 0
    package private(set) var certificateExpiry: CertificateExpiry?
    package private(set) var counters = Counters()

    /// - Parameter kept: what is known from before; nil where nobody keeps anything, so that a baseline is learned at once.
    package init(watch: Watch, key: FingerprintKey, at now: Double, kept: KeptWatch? = nil) {
        self.watch = watch
        self.key = key
        declaredAt = now
        isKept = kept != nil
        guard let kept else { return }
        recorded = kept
        observation = kept.observation
        isMissing = kept.isMissing
        driftedSince = kept.driftedSince
        follow(kept.baseline)
        if !isMissing { compare(at: now) }
    }

    package var id: WatchID { watch.id }

    /// Fit to be compared with what is learned, and to be shown.
    package func fingerprint(_ secret: Secret, purpose: Fingerprint.Purpose) -> Fingerprint {
        key.fingerprint(secret, purpose: purpose)
    }

    /// What is to be probed; nil before the first good check and while missing.
    package var probeTarget: WebhookConfiguration? { isMissing || !watch.isEnabled ? nil : observation }

    /// The origin that the baseline names, for which the operator's own headers are meant; nil where it is not known.
    package var baselineOrigin: Origin? {
        if case .exactly(let url) = watch.expectation.url { return Origin(url: url.reveal()) }
        guard let observation else { return nil }
        if let expected = watch.expectation.url {
            return expected.accepts(observation.url) ? Origin(url: observation.url.reveal()) : nil
        }
        // The first probe does not wait for the disk.
        return (learned ?? proposal)?.target.flatMap { Origin(url: $0) }
    }

    /// Without a word from the API for so long, nothing is known any more.
    package var patience: Double { max(3 * watch.checkInterval.inSeconds, 300) }

    /// Without another word from the API, nothing is known after that; nil: nothing is.
    package var knownUntil: Double? { lastAnswer.map { $0 + patience } }

    package func state(at now: Double) -> ConfigurationState {
        guard let lastCheck, let lastAnswer, now - lastAnswer <= patience else { return .unknown }
        if let failure = lastCheck.failure { return failure.reason == .notFound && isMissing ? .missing : .unknown }
        guard drift.isEmpty else { return .drifted }
        let areAllCompared = ConfigurationField.allCases.allSatisfy {
            watch.ignoredFields.contains($0) || compares($0)
        }
        return areAllCompared ? .inSync : .unknown
    }

    /// Whether there is something to compare a field with.
    package func compares(_ field: ConfigurationField) -> Bool {
        learned != nil || watch.expectation.declares(field)
    }

    /// A check has ended.
    ///
    /// - Parameter news: the baseline that somebody else has put in force meanwhile.
    package mutating func checked(
        _ outcome: CheckOutcome, at now: Double, duration: Duration, news: KeptBaseline? = nil
    ) -> [WatchEffect] {
        let before = state(at: now)
        var effects: [WatchEffect] = []
        if let news {
            follow(news)
            if !isMissing { compare(at: now) }
        }
        counters.checks += 1
        var failure: APIFailure?
        switch outcome {
        case .configuration(let configuration): effects = observe(configuration, at: now)
        case .missing:
            failure = APIFailure(.notFound, "the API knows no such webhook (404)")
            effects = miss(at: now)
        case .failure(let reason): failure = reason
        }
        if failure != nil { counters.checkFailures += 1 }
        lastCheck = Check(at: now, duration: duration, failure: failure)
        let after = state(at: now)
        if after != before { effects.append(.stateChanged(from: before, to: after)) }
        return effects
    }

    private mutating func observe(_ configuration: WebhookConfiguration, at now: Double) -> [WatchEffect] {
        var effects: [WatchEffect] = []
        let previous = observation
        observation = configuration
        lastSuccess = now
        lastConfirmed = now
        lastAnswer = now
        if let previous {
            let changed = Drift.changes(from: previous, to: configuration)
            for field in changed { counters.changes[field, default: 0] += 1 }
            if !changed.isEmpty { effects.append(.configurationChanged(changed)) }
        }
        if previous.map({ !$0.probesLike(configuration) }) ?? true || isMissing {
            revision += 1
            effects.append(.probeNow)
        }
        if let expiry = certificateExpiry, Origin(url: configuration.url.reveal()) != expiry.origin {
            certificateExpiry = nil
        }
        if isMissing {
            isMissing = false
            driftedSince = nil
        }
        if learned == nil, !isBaselineUnreadable {
            let baseline = LearnedBaseline(configuration, source: .learned, since: now, key: key)
            if isKept {
                proposal = baseline
            } else {
                learned = baseline
                effects.append(.baselineLearned)
            }
        }
        compare(at: now)
        return effects
    }

    private mutating func miss(at now: Double) -> [WatchEffect] {
        lastAnswer = now
        guard !isMissing else { return [] }
        isMissing = true
        driftedSince = now
        drift = Drift()
        revision += 1
        lastProbe = nil
        consecutiveProbeFailures = 0
        certificateExpiry = nil
        return [.stopProbing]
    }

    private mutating func compare(at now: Double) {
        guard let observation else { return }
        drift = Drift.between(
            expectation: watch.expectation, learned: learned, observed: observation, ignored: watch.ignoredFields,
            key: key)
        driftedSince = drift.isEmpty ? nil : driftedSince ?? now
    }

    private mutating func follow(_ kept: KeptBaseline) {
        switch kept {
        // One that is held in memory because it could not be kept goes on.
        case .absent: isBaselineUnreadable = false
        case .unreadable: isBaselineUnreadable = learned == nil
        case .pinned(let stored):
            isBaselineUnreadable = false
            learned = stored.baseline
            baselineVersion = stored.version
            proposal = nil
        }
    }

    /// What was proposed is kept now, or another baseline was there already.
    package mutating func settled(_ kept: KeptBaseline, at now: Double) -> [WatchEffect] {
        guard let proposed = proposal else { return [] }
        let before = state(at: now)
        proposal = nil
        follow(kept)
        if !isMissing { compare(at: now) }
        var effects: [WatchEffect] = learned == proposed ? [.baselineLearned] : []
        let after = state(at: now)
        if after != before { effects.append(.stateChanged(from: before, to: after)) }
        return effects
    }

    /// A list has shown that the configuration is as it was.
    package mutating func confirmed(at now: Double) {
        guard observation != nil, !isMissing else { return }
        lastConfirmed = now
        lastAnswer = now
    }

    /// A whole list was without it, as it has been since the API's own word that it is gone.
    package mutating func absenceConfirmed(at now: Double) {
        guard isMissing else { return }
        lastAnswer = now
    }

    /// What is known holds for as long from now on as it would have from the last answer on, and not for as long as the
    /// clock takes to come there again.
    package mutating func clockWasSetBack(to now: Double) {
        lastAnswer = lastAnswer.map { min($0, now) }
    }

    /// A probe of `revision` has ended.
    ///
    /// - Returns: nil where its target was superseded meanwhile: it counts nowhere.
    package mutating func probed(_ result: ProbeResult, revision: Int, at now: Double) -> [WatchEffect]? {
        guard revision == self.revision, let observation, !isMissing else { return nil }
        let before = lastProbe.map { $0.result.failure }
        counters.probes += 1
        counters.probeRetries += result.retries
        if let reason = result.failure {
            counters.probeFailures += 1
            counters.probeFailuresByReason[reason, default: 0] += 1
            consecutiveProbeFailures += 1
        } else {
            consecutiveProbeFailures = 0
        }
        learnCertificates(from: result, observation)
        lastProbe = Probe(at: now, result: result)
        return before == .some(result.failure) ? [] : [.probeOutcomeChanged]
    }

    private mutating func learnCertificates(from result: ProbeResult, _ observation: WebhookConfiguration) {
        guard let tls = result.tls, let leaf = tls.leafNotAfter, let origin = Origin(url: observation.url.reveal())
        else { return }
        certificateExpiry = CertificateExpiry(origin: origin, leaf: leaf, earliest: tls.earliestNotAfter ?? leaf)
    }

    /// Takes a probe for the last one without counting it; nothing, where its target was superseded meanwhile.
    package mutating func show(_ result: ProbeResult, revision: Int, at now: Double) {
        guard revision == self.revision, let observation, !isMissing else { return }
        learnCertificates(from: result, observation)
        lastProbe = Probe(at: now, result: result)
    }

    /// Takes the last observation as the new learned baseline.
    ///
    /// - Returns: the fields that still differ, because they are declared; nil where nothing was ever observed.
    package mutating func accept(at now: Double) -> Set<ConfigurationField>? {
        guard let observation else { return nil }
        learned = LearnedBaseline(observation, source: .accepted, since: now, key: key)
        isBaselineUnreadable = false
        if !isMissing { compare(at: now) }
        return drift.fields
    }

    /// The operator's definition changed; everything that is known stays.
    package mutating func redefine(_ watch: Watch, at now: Double) {
        guard watch.id == id else { return }
        if watch.expectation != self.watch.expectation { declaredAt = now }
        self.watch = watch
        if !isMissing, observation != nil { compare(at: now) }
    }

    /// When and by whom the baseline was set; a part that covers no field is left out.
    package var baselineTimes: [(source: BaselineSource, at: Double)] {
        let fields = ConfigurationField.allCases.filter { !watch.ignoredFields.contains($0) }
        var times: [(source: BaselineSource, at: Double)] = []
        if fields.contains(where: watch.expectation.declares) { times.append((.declared, declaredAt)) }
        if let learned, !fields.allSatisfy(watch.expectation.declares) {
            times.append((learned.source == .learned ? .learned : .accepted, learned.since))
        }
        return times
    }
}

extension WebhookConfiguration {
    /// Whether a probe would send the same.
    fileprivate func probesLike(_ other: Self) -> Bool {
        url == other.url && customHeaders.count == other.customHeaders.count
            && zip(customHeaders, other.customHeaders).allSatisfy {
                $0.name.utf8.elementsEqual($1.name.utf8) && $0.value == $1.value
            }
    }
}

extension Duration {
    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
