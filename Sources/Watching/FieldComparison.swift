import Partoo
import Transport

/// One field's baseline beside what was observed, as both may be shown: no value in clear but origins, event types and numbers.
package struct FieldComparison: Sendable, Hashable {
    package var field: ConfigurationField
    /// The header's name, as far as `field` is `custom_headers`; nil: the field as a whole.
    package var header: String?
    /// nil: neither declared nor learned yet.
    package var source: BaselineSource?
    /// nil: there is none (a header that was added, or no baseline).
    package var baseline: String?
    /// nil: there is none (a header that was removed).
    package var observed: String?
    package var differs: Bool
    package var isIgnored: Bool
}

extension WatchState {
    /// Every field, and every header of either side, against the last observation; empty before the first.
    package var comparisons: [FieldComparison] {
        guard let observation else { return [] }
        let expectation = watch.expectation
        let url = expectation.url.map { shown($0, .url) } ?? learned.map { shown($0.target, $0.url) }
        var rows = [
            row(.url, baseline: url, observed: shown(observation.url)),
            row(
                .eventType, baseline: expectation.eventType ?? learned?.eventType, observed: observation.eventType),
            row(
                .orgID, baseline: (expectation.orgID ?? learned?.orgID).map(String.init),
                observed: String(observation.orgID)),
        ]
        rows += headerRows(observation)
        return rows
    }

    private func headerRows(_ observation: WebhookConfiguration) -> [FieldComparison] {
        let wanted: [(name: String, text: String)] =
            watch.expectation.customHeaders.map { $0.map { ($0.name, shown($0.value, .header)) } }
            ?? learned.map { $0.customHeaders.map { ($0.name, "value \($0.value)") } } ?? []
        let seen = observation.customHeaders.map {
            (name: $0.name, text: "value \(key.fingerprint($0.value, purpose: .header))")
        }
        let wantedByName = wanted.byHeader(\.name)
        let seenByName = seen.byHeader(\.name)
        let different = Set((drift.addedHeaders + drift.removedHeaders + drift.changedHeaders).map(HeaderName.init))
        return Set(wantedByName.keys).union(seenByName.keys).sorted().map { name in
            let before = wantedByName[name] ?? []
            let after = seenByName[name] ?? []
            return FieldComparison(
                field: .customHeaders, header: (after.first ?? before.first)?.name,
                source: source(of: .customHeaders),
                baseline: before.isEmpty ? nil : before.map(\.text).joined(separator: ", "),
                observed: after.isEmpty ? nil : after.map(\.text).joined(separator: ", "),
                differs: different.contains(name),
                isIgnored: watch.ignoredFields.contains(.customHeaders))
        }
    }

    private func row(_ field: ConfigurationField, baseline: String?, observed: String) -> FieldComparison {
        FieldComparison(
            field: field, source: source(of: field), baseline: baseline, observed: observed,
            differs: drift.fields.contains(field), isIgnored: watch.ignoredFields.contains(field))
    }

    private func source(of field: ConfigurationField) -> BaselineSource? {
        if watch.expectation.declares(field) { return .declared }
        return learned.map { $0.source == .learned ? .learned : .accepted }
    }

    private func shown(_ url: Secret) -> String {
        shown(Origin(url: url.reveal())?.description, key.fingerprint(url, purpose: .url))
    }

    private func shown(_ target: String?, _ fingerprint: Fingerprint) -> String {
        "\(target ?? "unreadable URL") (\(fingerprint))"
    }

    private func shown(_ expected: ExpectedValue, _ purpose: Fingerprint.Purpose) -> String {
        switch expected {
        case .exactly(let secret):
            purpose == .url ? shown(secret) : "value \(key.fingerprint(secret, purpose: purpose))"
        case .sha256: "a value given by its hash"
        case .any: "any value"
        }
    }
}
