import Partoo
import TestSupport
import Testing
import Transport
import Watching

/// Whoever controls the API chooses how many custom headers a webhook has, and how they are spelt.
@Suite(.ownThread) struct ManyHeadersTests {
    private static let key = FingerprintKey(bytes: [9])

    private typealias Header = (name: String, value: String)

    private static func observed(_ headers: [Header]) -> WebhookConfiguration {
        WatchStateTests.configuration(headers.map { ($0.name, $0.value) })
    }

    private static func watched(_ old: [Header], _ new: [Header]) -> WatchState {
        var state = WatchState(watch: Watch(id: WatchID(account: "a", webhookID: 1)), key: key, at: 0)
        for (headers, at) in [(old, 1.0), (new, 2)] {
            _ = state.checked(.configuration(observed(headers)), at: at, duration: .zero)
        }
        return state
    }

    // MARK: What it means

    /// Drift as one would write it down: every observed value takes the first wanted one that fits.
    private struct PlainDrift {
        var added: [String] = []
        var removed: [String] = []
        var changed: [String] = []

        init(_ baseline: [(name: String, value: ExpectedValue)], _ observed: [Header]) {
            for name in Set((baseline.map(\.name) + observed.map(\.name)).map { $0.lowercased() }).sorted() {
                var wanted = baseline.filter { $0.name.lowercased() == name }
                var seen: [String] = []
                for header in observed where header.name.lowercased() == name {
                    if let match = wanted.firstIndex(where: { $0.value.accepts(Secret(header.value)) }) {
                        wanted.remove(at: match)
                    } else {
                        seen.append(header.name)
                    }
                }
                let count = min(wanted.count, seen.count)
                changed += seen.prefix(count)
                added += seen.dropFirst(count)
                removed += wanted.dropFirst(count).map(\.name)
            }
        }

        func agrees(with drift: Drift) -> Bool {
            added == drift.addedHeaders && removed == drift.removedHeaders && changed == drift.changedHeaders
        }
    }

    private static func headers(_ random: inout SeededGenerator) -> [Header] {
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
            (
                ["X-A", "x-a", "X-a", "X-B", "x-b", "Y"].randomElement(using: &random) ?? "",
                ["1", "2", "3"].randomElement(using: &random) ?? ""
            )
        }
    }

    @Test(arguments: UInt64(1)...4)
    func driftIsThatOfMultisets(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1500 {
            let (old, new) = (Self.headers(&random), Self.headers(&random))
            let exact = old.map { (name: $0.name, value: ExpectedValue.exactly(Secret($0.value))) }
            let plain = PlainDrift(exact, new)
            #expect(plain.agrees(with: .difference(from: Self.observed(old), to: Self.observed(new))), "\(old) \(new)")
            #expect(plain.agrees(with: Self.watched(old, new).drift), "\(old) \(new)")
            let declared = old.map { header -> (name: String, value: ExpectedValue) in
                switch Int.random(in: 0..<4, using: &random) {
                case 0: (header.name, .any)
                case 1: (header.name, .hashed(Secret(header.value)))
                default: (header.name, .exactly(Secret(header.value)))
                }
            }
            let expectation = Expectation(
                customHeaders: declared.map { ExpectedHeader(name: $0.name, value: $0.value) })
            let found = Drift.between(
                expectation: expectation, learned: nil, observed: Self.observed(new), key: Self.key)
            #expect(PlainDrift(declared, new).agrees(with: found), "\(declared) \(new)")
        }
    }

    @Test(arguments: UInt64(1)...4)
    func whatIsShownIsFoundWithoutCase(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func text(_ headers: [Header]) -> String? {
            let values = headers.map { "value \(Self.key.fingerprint(Secret($0.value), purpose: .header))" }
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
        func value(_ header: Header?) -> Fingerprint? {
            header.map { Self.key.fingerprint(Secret($0.value), purpose: .header) }
        }
        for _ in 0..<500 {
            let (old, new) = (Self.headers(&random), Self.headers(&random))
            func named(_ name: String?, _ headers: [Header]) -> [Header] {
                headers.filter { $0.name.lowercased() == name?.lowercased() }
            }
            let state = Self.watched(old, new)
            let drift = PlainDrift(old.map { ($0.name, .exactly(Secret($0.value))) }, new)
            let off = Set((drift.added + drift.removed + drift.changed).map { $0.lowercased() })
            let rows = state.comparisons.filter { $0.field == .customHeaders }
            #expect(
                rows.map { $0.header?.lowercased() }
                    == Set((old + new).map { $0.name.lowercased() }).sorted().map(Optional.some))
            for row in rows {
                let (before, after) = (named(row.header, old), named(row.header, new))
                #expect(row.header == (after.first ?? before.first)?.name)
                #expect(row.baseline == text(before) && row.observed == text(after))
                #expect(row.differs == off.contains(row.header?.lowercased() ?? ""))
            }
            let changes = ConfigurationChange.between(
                Self.observed(old), Self.observed(new), key: Self.key, at: 3, noticedBy: .check)
            #expect(changes.map(\.header) == drift.added + drift.removed + drift.changed)
            for (index, change) in changes.enumerated() {
                let (isAdded, isRemoved) = (
                    index < drift.added.count,
                    (drift.added.count..<drift.added.count + drift.removed.count).contains(index)
                )
                #expect(change.from?.fingerprint == (isAdded ? nil : value(named(change.header, old).first)))
                #expect(change.to?.fingerprint == (isRemoved ? nil : value(named(change.header, new).first)))
            }
        }
    }

    // MARK: What it costs

    /// One look at all of them for each would be minutes.
    @Test func manyHeaders() {
        let count = 10_000
        let old = (0..<count).map { (name: "X-\($0)", value: "1") }
        let new = (0..<count).map { (name: "x-\($0)", value: "2") }
        let state = Self.watched(old, new)
        #expect(state.drift.changedHeaders.count == count)
        #expect(state.comparisons.count == 3 + count)
        let changes = ConfigurationChange.between(
            Self.observed(old), Self.observed(new), key: Self.key, at: 3, noticedBy: .check)
        #expect(changes.count == count)
    }

    /// As many as an answer of 1 MiB has room for, and then some.
    @Test func oneNameInManySpellings() {
        let count = 65_536
        let letters = Array("abcdefghijklmnop")
        let names = (0..<count).map { number in
            letters.enumerated().map { number >> $0 & 1 == 0 ? String($1) : $1.uppercased() }.joined()
        }
        func drift(_ value: (Int) -> Int) -> Drift {
            .difference(
                from: Self.observed(names.indices.map { (names[$0], String($0)) }),
                to: Self.observed(names.indices.map { (names[$0], String(value($0))) }))
        }
        // The same values, the last one first; then others.
        #expect(drift { count - 1 - $0 }.isEmpty)
        #expect(drift { -1 - $0 }.changedHeaders.count == count)
    }

    @Test func aNameIsKeptAsFarAsTheRulesAllowOne() {
        let name = "X-" + String(repeating: "a", count: 126)
        func kept(_ name: String) -> String? {
            ConfigurationChange.between(
                Self.observed([]), Self.observed([(name, "1")]), key: Self.key, at: 3, noticedBy: .check
            ).first?.header
        }
        #expect(kept(name) == name)
        #expect(kept(name + String(repeating: "b", count: 400_000)) == name + "…")
    }
}
