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
                    declared.map { ($0.name, $0.value) }, observed.customHeaders.map { ($0.name, $0.value) },
                    exactly: { if case .exactly(let value) = $0 { value } else { nil } }, accepts: { $0.accepts($1) })
            } else if let learned {
                drift.compareHeaders(
                    learned.customHeaders.map { ($0.name, $0.value) },
                    observed.customHeaders.map { ($0.name, key.fingerprint($0.value, purpose: .header)) },
                    exactly: { $0 }, accepts: ==)
            }
        }
        return drift
    }

    /// Names that differ only by case are one name with several values; values are matched as a multiset. Names go by their
    /// bytes, as values do.
    ///
    /// - Parameter exactly: the one value that is wanted; nil where values have to be tried by `accepts`.
    private mutating func compareHeaders<Wanted, Value: Hashable>(
        _ baseline: [(name: String, value: Wanted)], _ observed: [(name: String, value: Value)],
        exactly: (Wanted) -> Value?, accepts: (Wanted, Value) -> Bool
    ) {
        let wantedByName = baseline.byHeader(\.name)
        let seenByName = observed.byHeader(\.name)
        for name in Set(wantedByName.keys).union(seenByName.keys).sorted() {
            let all = wantedByName[name] ?? []
            var open = OpenValues(all.map(\.value), exactly)
            let seen = (seenByName[name] ?? []).filter { !open.take($0.value, accepts) }
            let wanted = open.indices.map { all[$0].name }
            let changed = min(wanted.count, seen.count)
            changedHeaders += seen.prefix(changed).map(\.name)
            addedHeaders += seen.dropFirst(changed).map(\.name)
            removedHeaders += wanted.dropFirst(changed)
        }
        if !(changedHeaders.isEmpty && addedHeaders.isEmpty && removedHeaders.isEmpty) { fields.insert(.customHeaders) }
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

/// The values of one name that nothing observed was taken for yet. The first that fits is taken, without looking at the
/// others: one name in a hundred thousand spellings must not cost as many looks for each.
private struct OpenValues<Wanted, Value: Hashable> {
    private let wanted: [Wanted]
    private var isTaken: [Bool]
    /// Where each value is wanted, the first place last.
    private var places: [Value: [Int]] = [:]
    /// Where something else than one value is wanted. Only operators declare that, once for a name.
    private var others: [Int] = []

    init(_ wanted: [Wanted], _ exactly: (Wanted) -> Value?) {
        self.wanted = wanted
        isTaken = Array(repeating: false, count: wanted.count)
        for index in wanted.indices.reversed() {
            if let value = exactly(wanted[index]) {
                places[value, default: []].append(index)
            } else {
                others.insert(index, at: 0)
            }
        }
    }

    /// - Returns: false where the value is not wanted, or not so often.
    mutating func take(_ value: Value, _ accepts: (Wanted, Value) -> Bool) -> Bool {
        let exact = places[value]?.last
        if let other = others.firstIndex(where: { $0 < exact ?? .max && accepts(wanted[$0], value) }) {
            isTaken[others.remove(at: other)] = true
        } else if let exact {
            places[value]?.removeLast()
            isTaken[exact] = true
        } else {
            return false
        }
        return true
    }

    var indices: [Int] { wanted.indices.filter { !isTaken[$0] } }
}
