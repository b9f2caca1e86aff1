import Partoo
import Probing
import TestSupport
import Testing
import Transport
import Watching

/// Random lives of a watch, beside a model that remembers all that happened and answers by looking back.
@Suite(.ownThread, .timeLimit(.minutes(10))) struct WatchStateModelTests {
    private enum Event {
        case configuration(WebhookConfiguration), missing, failure, confirmed, probe(ProbeFailureReason?), staleProbe
        case accept, redefine(Expectation, Set<ConfigurationField>), pass
    }

    /// All checks that ever were, in order.
    private struct Model {
        enum Check {
            case good(WebhookConfiguration), missing, failure
        }

        var checks: [(at: Double, check: Check)] = []
        var confirmations: [Double] = []
        var expectation = Expectation()
        var ignored: Set<ConfigurationField> = []
        var baseline: WebhookConfiguration?

        var observed: WebhookConfiguration? {
            for case (_, .good(let configuration)) in checks.reversed() { return configuration }
            return nil
        }

        /// Whether the last word of the API was that there is no such webhook.
        var isGone: Bool {
            for (_, check) in checks.reversed() {
                switch check {
                case .good: return false
                case .missing: return true
                case .failure: continue
                }
            }
            return false
        }

        var lastWord: Double? {
            let answers = checks.compactMap { entry -> Double? in
                if case .failure = entry.check { return nil }
                return entry.at
            }
            return (answers + confirmations).max()
        }

        var driftedFields: Set<ConfigurationField> {
            guard let observed, let baseline, !isGone else { return [] }
            var fields: Set<ConfigurationField> = []
            if case .exactly(let url) = expectation.url ?? .exactly(baseline.url), url.reveal() != observed.url.reveal()
            {
                fields.insert(.url)
            }
            if (expectation.eventType ?? baseline.eventType) != observed.eventType { fields.insert(.eventType) }
            let headers = { (fields: [HeaderField]) in
                fields.map { "\($0.name.lowercased()):\($0.value.reveal())" }.sorted()
            }
            if headers(baseline.customHeaders) != headers(observed.customHeaders) { fields.insert(.customHeaders) }
            return fields.subtracting(ignored)
        }

        func state(at now: Double) -> ConfigurationState {
            guard let last = checks.last, let lastWord, now - lastWord <= 300 else { return .unknown }
            switch last.check {
            case .good: return driftedFields.isEmpty ? .inSync : .drifted
            case .missing: return .missing
            case .failure: return .unknown
            }
        }
    }

    private static func event(_ random: inout SeededGenerator) -> Event {
        switch Int.random(in: 0..<14, using: &random) {
        case 0...4:
            let headers =
                [[], [("X-A", "1")], [("x-a", "1")], [("X-A", "2")], [("X-A", "1"), ("X-B", "1")]]
                as [[(String, String)]]
            return .configuration(
                WatchStateTests.configuration(
                    url: ["https://a/x", "https://a/y", "https://b/x"].randomElement(using: &random) ?? "",
                    type: Bool.random(using: &random) ? "lead_received" : "other",
                    headers.randomElement(using: &random) ?? []))
        case 5: return .missing
        case 6: return .failure
        case 7: return .confirmed
        case 8...9: return .probe([nil, .dns, .status].randomElement(using: &random) ?? nil)
        case 10: return .staleProbe
        case 11: return .accept
        case 12:
            let url: ExpectedValue? = Bool.random(using: &random) ? .exactly(Secret("https://a/x")) : nil
            return .redefine(
                Expectation(url: url, eventType: Bool.random(using: &random) ? "other" : nil),
                Bool.random(using: &random) ? [] : [.customHeaders])
        default: return .pass
        }
    }

    @Test(arguments: UInt64(1)...60)
    func everyLifeIsAsTheModelRemembersIt(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var state = WatchStateTests.state()
        var model = Model()
        var now = 1000.0
        var since: Double?
        for _ in 0..<250 {
            now += Double(Int.random(in: 1...150, using: &random))
            let before = state
            let effects = apply(Self.event(&random), to: &state, &model, at: now)

            let current = state.state(at: now)
            #expect(current == model.state(at: now))
            #expect(state.drift.fields == model.driftedFields && state.isMissing == model.isGone)
            // Truth has three states: what could not be read is neither in sync nor drifted.
            if state.lastCheck?.failure != nil { #expect(current == .unknown || current == .missing) }
            if current == .missing { #expect(state.drift.isEmpty) }
            #expect((current == .drifted) == (!state.drift.isEmpty && current != .unknown))
            // Since when holds for as long as it lasts, and over unknown.
            let isOff = model.isGone || !model.driftedFields.isEmpty
            since = !isOff ? nil : since == nil || before.isMissing != model.isGone ? now : since
            #expect(state.driftedSince == since)
            #expect((state.probeTarget == nil) == (model.observed == nil || model.isGone))
            neverFalls(before.counters, state.counters)
            if let effects { follows(effects, before: before, after: state, at: now) }
            if state.certificateExpiry != nil, let url = model.observed?.url {
                #expect(state.certificateExpiry?.origin == Origin(url: url.reveal()))
            }
        }
    }

    private func apply(_ event: Event, to state: inout WatchState, _ model: inout Model, at now: Double)
        -> [WatchEffect]?
    {
        switch event {
        case .configuration(let configuration):
            if model.baseline == nil { model.baseline = configuration }
            model.checks.append((now, .good(configuration)))
            return state.checked(.configuration(configuration), at: now, duration: .zero)
        case .missing:
            model.checks.append((now, .missing))
            return state.checked(.missing, at: now, duration: .zero)
        case .failure:
            model.checks.append((now, .failure))
            return state.checked(.failure(APIFailure(.timeout, "")), at: now, duration: .zero)
        case .confirmed:
            if model.observed != nil, !model.isGone { model.confirmations.append(now) }
            state.confirmed(at: now)
        case .probe(let failure):
            let tls = TLSFacts(isVerified: true, leafNotAfter: Int64(now))
            let count = state.counters.probes
            let effects = state.probed(
                ProbeResult(isReachable: failure == nil, failure: failure, tls: tls), revision: state.revision, at: now)
            #expect(
                (effects != nil) == (state.probeTarget != nil)
                    && state.counters.probes == count + (effects == nil ? 0 : 1))
        case .staleProbe:
            let before = state.counters
            #expect(
                state.probed(ProbeResult(isReachable: true, failure: nil), revision: state.revision - 1, at: now) == nil
            )
            #expect(state.counters == before)
        case .accept:
            if model.observed != nil { model.baseline = model.observed }
            _ = state.accept(at: now)
        case .redefine(let expectation, let ignored):
            model.expectation = expectation
            model.ignored = ignored
            var watch = state.watch
            watch.expectation = expectation
            watch.ignoredFields = ignored
            state.redefine(watch, at: now)
        case .pass: break
        }
        return nil
    }

    private func neverFalls(_ before: WatchState.Counters, _ after: WatchState.Counters) {
        #expect(after.checks >= before.checks && after.checkFailures >= before.checkFailures)
        #expect(after.probes >= before.probes && after.probeFailures >= before.probeFailures)
        #expect(after.probeFailures == after.probeFailuresByReason.values.reduce(0, +))
        #expect(after.checkFailures <= after.checks && after.probeFailures <= after.probes)
        for (field, count) in before.changes { #expect(after.changes[field, default: 0] >= count) }
    }

    /// What is to be done follows from what changed, and from nothing else.
    private func follows(_ effects: [WatchEffect], before: WatchState, after: WatchState, at now: Double) {
        let from = before.state(at: now)
        let to = after.state(at: now)
        #expect(effects.contains(.stateChanged(from: from, to: to)) == (from != to))
        #expect(effects.contains(.baselineLearned) == (before.learned == nil && after.learned != nil))
        #expect(effects.contains(.stopProbing) == (!before.isMissing && after.isMissing))
        let old = before.probeTarget.map {
            [$0.url.reveal()] + $0.customHeaders.flatMap { [$0.name, $0.value.reveal()] }
        }
        let new = after.probeTarget.map {
            [$0.url.reveal()] + $0.customHeaders.flatMap { [$0.name, $0.value.reveal()] }
        }
        #expect(effects.contains(.probeNow) == (new != nil && old != new))
        #expect((after.revision != before.revision) == (old != new || (before.isMissing != after.isMissing)))
    }
}
