package import Partoo
import Transport

/// Where an observed configuration differs from its baseline.
package struct Drift: Sendable, Hashable {
    package var fields: Set<ConfigurationField> = []
    /// Names only; sorted.
    package var addedHeaders: [String] = []
    package var removedHeaders: [String] = []
    package var changedHeaders: [String] = []

    package var isEmpty: Bool { fields.isEmpty }

    package init() {}

    /// Compares field by field. A declared field wins over a learned one; one that is neither cannot drift.
    ///
    /// - Parameter ignored: fields left out altogether.
    package static func between(
        expectation: Expectation, learned: LearnedBaseline?, observed: WebhookConfiguration,
        ignored: Set<ConfigurationField> = [], key: FingerprintKey
    ) -> Drift {
        var drift = Drift()
        let same: [ConfigurationField: Bool] = [
            .url: expectation.url.map { $0.accepts(observed.url) }
                ?? learned.map { $0.url == key.fingerprint(observed.url, purpose: .url) } ?? true,
            .eventType: (expectation.eventType ?? learned?.eventType).map {
                $0.utf8.elementsEqual(observed.eventType.utf8)
            } ?? true,
            .orgID: (expectation.orgID ?? learned?.orgID).map { $0 == observed.orgID } ?? true,
        ]
        drift.fields = Set(same.filter { !$0.value && !ignored.contains($0.key) }.keys)
        if !ignored.contains(.customHeaders) {
            if let declared = expectation.customHeaders {
                drift.compareHeaders(
                    declared.map { ($0.name, $0.value) }, observed.customHeaders.map { ($0.name, $0.value) }
                ) {
                    $0.accepts($1)
                }
            } else if let learned {
                drift.compareHeaders(
                    learned.customHeaders.map { ($0.name, $0.value) },
                    observed.customHeaders.map { ($0.name, key.fingerprint($0.value, purpose: .header)) }, ==)
            }
        }
        return drift
    }

    /// Names that differ only by case are one name with several values; values are matched as a multiset. Names go by their
    /// bytes, as values do.
    private mutating func compareHeaders<Wanted, Value>(
        _ baseline: [(name: String, value: Wanted)], _ observed: [(name: String, value: Value)],
        _ matches: (Wanted, Value) -> Bool
    ) {
        let wantedByName = Dictionary(grouping: baseline) { Array($0.name.asciiLowercased.utf8) }
        let seenByName = Dictionary(grouping: observed) { Array($0.name.asciiLowercased.utf8) }
        let names = Set(wantedByName.keys).union(seenByName.keys)
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            var wanted = wantedByName[name] ?? []
            var seen: [(name: String, value: Value)] = []
            for item in seenByName[name] ?? [] {
                if let match = wanted.firstIndex(where: { matches($0.value, item.value) }) {
                    wanted.remove(at: match)
                } else {
                    seen.append(item)
                }
            }
            let changed = min(wanted.count, seen.count)
            changedHeaders += seen.prefix(changed).map(\.name)
            addedHeaders += seen.dropFirst(changed).map(\.name)
            removedHeaders += wanted.dropFirst(changed).map(\.name)
        }
        if !(changedHeaders + addedHeaders + removedHeaders).isEmpty { fields.insert(.customHeaders) }
    }

    /// The fields that changed from one observation to the next, by the same rules: a change of a header name's case is none.
    package static func changes(
        from old: WebhookConfiguration, to new: WebhookConfiguration
    ) -> Set<ConfigurationField> {
        difference(from: old, to: new).fields
    }

    /// How one observation differs from the one before.
    package static func difference(from old: WebhookConfiguration, to new: WebhookConfiguration) -> Drift {
        let expectation = Expectation(
            url: .exactly(old.url), eventType: old.eventType, orgID: old.orgID,
            customHeaders: old.customHeaders.map { ExpectedHeader(name: $0.name, value: .exactly($0.value)) })
        // Nothing is learned here, so the key is not used.
        return between(expectation: expectation, learned: nil, observed: new, key: FingerprintKey())
    }
}
