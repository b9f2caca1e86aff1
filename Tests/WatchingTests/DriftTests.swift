import Partoo
import Testing
import Transport
import Watching

/// Testing has one of that name too.
typealias Expectation = Watching.Expectation

@Suite struct DriftTests {
    private let key = FingerprintKey(bytes: [1, 2, 3])

    private func observed(
        url: String = "https://a/x", type: String = "lead_received", org: Int = 1, _ headers: [(String, String)] = []
    ) -> WebhookConfiguration {
        WebhookConfiguration(
            id: 1, url: Secret(url), eventType: type, orgID: org, customHeaders: headers.map { HeaderField($0.0, $0.1) }
        )
    }

    private func drift(
        _ expectation: Expectation = Expectation(), learned: WebhookConfiguration? = nil, _ now: WebhookConfiguration,
        ignored: Set<ConfigurationField> = []
    ) -> Drift {
        Drift.between(
            expectation: expectation,
            learned: learned.map { LearnedBaseline($0, source: .learned, since: 0, key: key) }, observed: now,
            ignored: ignored, key: key)
    }

    private func expected(_ headers: [(String, String)]) -> Expectation {
        Expectation(customHeaders: headers.map { ExpectedHeader(name: $0.0, value: .exactly(Secret($0.1))) })
    }

    @Test func nothingToCompareWithIsNoDrift() {
        #expect(drift(Expectation(), observed([("X-A", "1")])).isEmpty)
    }

    /// Each field alone, against what was declared, what was learned, and both of which the declared one counts.
    @Test(arguments: ConfigurationField.allCases)
    func eachFieldDriftsAlone(field: ConfigurationField) {
        let good = observed([("X-A", "1")])
        var bad = good
        switch field {
        case .url: bad.url = Secret("https://a/y")
        case .eventType: bad.eventType = "Lead_received"
        case .orgID: bad.orgID = 2
        case .customHeaders: bad.customHeaders = [HeaderField("X-A", "2")]
        }
        let declared = Expectation(
            url: .exactly(good.url), eventType: good.eventType, orgID: good.orgID,
            customHeaders: [ExpectedHeader(name: "x-a", value: .exactly(Secret("1")))])
        for (expectation, learned) in [(declared, nil), (Expectation(), good), (declared, bad)]
            as [(Expectation, WebhookConfiguration?)]
        {
            #expect(drift(expectation, learned: learned, good).isEmpty)
            #expect(drift(expectation, learned: learned, bad).fields == [field])
            #expect(drift(expectation, learned: learned, bad, ignored: [field]).isEmpty)
            #expect(drift(expectation, learned: learned, bad, ignored: [field]).changedHeaders.isEmpty)
        }
    }

    @Test func aDeclaredFieldLeavesTheOthersToWhatWasLearned() {
        let learned = observed(url: "https://a/old", org: 5)
        let now = observed(url: "https://a/new", org: 6)
        #expect(drift(Expectation(url: .exactly(now.url)), learned: learned, now).fields == [.orgID])
    }

    @Test(
        arguments: [
            ([("X-A", "1")], [("x-a", "1")], [], [], []), ([("X-A", "1")], [("X-A", "2")], [], [], ["X-A"]),
            ([("X-A", "1")], [], [], ["X-A"], []), ([], [("X-B", "1")], ["X-B"], [], []),
            ([("X-A", "1")], [("X-B", "1")], ["X-B"], ["X-A"], []), ([("X-A", "a")], [("X-A", "A")], [], [], ["X-A"]),
            ([("X-A", "1")], [("X-A", "1 ")], [], [], ["X-A"]), ([("X-A", "")], [("X-A", "")], [], [], []),
            // Twice by another case: one name with several values.
            ([("X-A", "1")], [("X-A", "1"), ("x-a", "1")], ["x-a"], [], []),
            ([("X-A", "1"), ("x-a", "2")], [("x-A", "2"), ("X-a", "1")], [], [], []),
            ([("X-A", "1"), ("x-a", "2")], [("X-A", "3")], [], ["x-a"], ["X-A"]),
            (
                [("X-A", "1"), ("X-C", "1")], [("X-B", "1"), ("X-C", "2"), ("X-D", "1")], ["X-B", "X-D"], ["X-A"],
                ["X-C"]
            ),
            // From A to Z and no further: the next bytes have others 32 above them, too.
            ([("X-AZ", "1")], [("x-az", "1")], [], [], []), ([("X[@", "1")], [("X{`", "1")], ["X{`"], ["X[@"], []),
            // Canonically equivalent, and other bytes.
            ([("X-A", "caf\u{e9}")], [("X-A", "cafe\u{301}")], [], [], ["X-A"]),
            ([("X-\u{e9}", "1")], [("X-e\u{301}", "1")], ["X-e\u{301}"], ["X-\u{e9}"], []),
            // Case is ASCII's only.
            ([("X-É", "1")], [("X-é", "1")], ["X-é"], ["X-É"], []),
            ([("X-K", "1")], [("X-\u{212a}", "1")], ["X-\u{212a}"], ["X-K"], []),
        ] as [([(String, String)], [(String, String)], [String], [String], [String])])
    func headers(
        before: [(String, String)], after: [(String, String)], added: [String], removed: [String], changed: [String]
    ) {
        for found in [drift(expected(before), observed(after)), drift(learned: observed(before), observed(after))] {
            #expect(found.addedHeaders == added && found.changedHeaders == changed)
            // Which of two equal names is the one too many is nobody's business.
            #expect(found.removedHeaders.map(HeaderName.init) == removed.map(HeaderName.init))
            #expect(found.fields == ((added + removed + changed).isEmpty ? [] : [.customHeaders]))
        }
    }

    @Test func urlsAndEventTypesAreComparedAsWritten() {
        for (left, right) in [
            ("https://a/x", "https://A/x"), ("https://a/x", "https://a:443/x"),
            ("https://a/caf\u{e9}", "https://a/cafe\u{301}"),
            ("https://a/x", "https://a/x#"), ("https://a/%41", "https://a/A"),
        ] {
            #expect(drift(Expectation(url: .exactly(Secret(left))), observed(url: right)).fields == [.url])
            #expect(drift(learned: observed(url: left), observed(url: right)).fields == [.url])
        }
        #expect(drift(Expectation(eventType: "caf\u{e9}"), observed(type: "cafe\u{301}")).fields == [.eventType])
        #expect(drift(learned: observed(type: "caf\u{e9}"), observed(type: "cafe\u{301}")).fields == [.eventType])
    }

    @Test func hashesAndPresence() {
        // printf 'secret' | sha256sum; printf 'saltsecret' | sha256sum
        let plain = bytes("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b")
        let salted = bytes("bede90386d450cea8b77b822f8887065e4e5abf132c2f9dccfcc7fbd4cba5e35")
        #expect(ExpectedValue.sha256(hash: plain, salt: []).accepts(Secret("secret")))
        #expect(!ExpectedValue.sha256(hash: plain, salt: []).accepts(Secret("secret ")))
        #expect(!ExpectedValue.sha256(hash: plain, salt: [1]).accepts(Secret("secret")))
        #expect(ExpectedValue.sha256(hash: salted, salt: Array("salt".utf8)).accepts(Secret("secret")))
        #expect(!ExpectedValue.sha256(hash: salted, salt: []).accepts(Secret("secret")))
        #expect(!ExpectedValue.sha256(hash: [], salt: []).accepts(Secret("secret")))
        #expect(!ExpectedValue.sha256(hash: Array(plain.dropLast()), salt: []).accepts(Secret("secret")))
        let any = Expectation(customHeaders: [ExpectedHeader(name: "X-A", value: .any)])
        #expect(drift(any, observed([("x-a", "whatever")])).isEmpty)
        #expect(drift(any, observed([])).removedHeaders == ["X-A"])
        #expect(drift(any, observed([("X-A", "1"), ("X-A", "2")])).addedHeaders == ["X-A"])
    }

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test func fingerprintsTellSameFromAnotherAndNoMore() {
        let secret = Secret("CANARY")
        #expect(key.fingerprint(secret, purpose: .url) == key.fingerprint(secret, purpose: .url))
        #expect(key.fingerprint(secret, purpose: .url) != key.fingerprint(secret, purpose: .header))
        #expect(key.fingerprint(secret, purpose: .url) != FingerprintKey().fingerprint(secret, purpose: .url))
        #expect(key.fingerprint(secret, purpose: .url) != key.fingerprint(Secret("CANARZ"), purpose: .url))
        #expect("\(key.fingerprint(secret, purpose: .url))".utf8.count == 8)
        #expect(Fingerprint(bytes: [0, 1, 0xab, 0xff, 9]).description == "0001abff")
        var dumped = ""
        dump(
            LearnedBaseline(
                observed(url: "https://a/CANARY", [("X-A", "CANARY")]), source: .learned, since: 0, key: key),
            to: &dumped)
        #expect(!dumped.contains("CANARY"))
    }

    @Test func changesBetweenTwoObservations() {
        #expect(Drift.changes(from: observed([("X-A", "1")]), to: observed([("x-a", "1")])).isEmpty)
        let other = observed(url: "https://b/", type: "t", org: 9, [("X-A", "1")])
        #expect(Drift.changes(from: observed(), to: other) == Set(ConfigurationField.allCases))
    }
}
