import CPCRE2
import Probing
import TestSupport
import Testing

@Suite(.ownThread) struct PatternTests {
    private func match(_ pattern: String, _ text: [UInt8]) throws -> Pattern.Match {
        var budget = SearchBudget.full()
        return try Pattern(pattern).match(text, budget: &budget)
    }

    /// Lines that are each so many times the same, about 1 MiB of them.
    private static func lines(of unit: String, _ count: Int, end: String) -> [UInt8] {
        let line = Array((String(repeating: unit, count: count) + end).utf8)
        var text: [UInt8] = []
        repeat { text += line } while text.count + line.count <= 1 << 20
        return text
    }

    // MARK: Texts that are made to be slow

    /// Patterns that would run for hours from one start.
    @Test(.timeLimit(.minutes(10)), arguments: ["^(a+)+$", "(a|aa)+$", "(.*a){25}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
    func catastrophicPatternsReachTheLimit(pattern: String) throws {
        #expect(try match(pattern, Array((String(repeating: "a", count: 60) + "!").utf8)) == .undecided)
    }

    /// And patterns that end soon from every start, but not from all of them.
    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            ("a.*[0-9]", "a", 20_000, "\n"), ("a.*[0-9]", "a", 190_000, "\n"), ("a.*[0-9]", "a", 1 << 20, ""),
            ("(a+)+[b-d]", "a", 20_000, "\n"), ("(.*)*[x-z]", "a", 20_000, "\n"), ("(?s)a.*[x-z]", "a", 90_000, "\n"),
            ("a*[0-9]", "a", 1 << 20, ""), (#"\d+$"#, "1", 1 << 20, "x"), (#"(?i)A.*\d"#, "a", 20_000, "\n"),
            (#"\p{L}+\d"#, "é", 90_000, "\n"), (#"(?i)É.*\d"#, "é", 20_000, "\n"),
            (#"\w*\W\w*\W\w*\d"#, "a", 20_000, "\n"), ("(?=a*[0-9])", "a", 100_000, "\n"),
            ("(?<=aa)a*[0-9]", "a", 100_000, "\n"), (#"(a*)[0-9]?\1[x-z]"#, "a", 20_000, "\n"),
            (#"^(a*).*?\1[b-d]"#, "a", 100_000, "\n"), ("^.*?a*+[0-9]", "a", 100_000, "\n"),
            (#"(a{9000})\1[0-9]"#, "a", 17_990, "\n"), ("a{60000}[b-d]", "a", 59_990, "\n"),
        ])
    func noTextIsSearchedForLong(pattern: String, unit: String, count: Int, end: String) throws {
        #expect(try match(pattern, Self.lines(of: unit, count, end: end)) == .undecided)
    }

    /// Steps, nesting and memory, each where the other two are far from their limits.
    @Test(arguments: [
        ("^a*a*a*a*a*(?:b|c)", 40, Pattern.Match.undecided), ("^a*a*a*a*a*(?:b|c)", 10, .notMatched),
        ("^(?:a|b)*$", 5000, .undecided), ("^(?:a|b)*$", 500, .matched),
        (String(repeating: "()", count: 400) + "(?:a|b)*$", 600, .undecided),
        (String(repeating: "()", count: 400) + "(?:a|b)*$", 100, .matched),
    ])
    func eachLimitEndsAMatch(pattern: String, length: Int, match expected: Pattern.Match) throws {
        #expect(try match(pattern, [UInt8](repeating: UInt8(ascii: "a"), count: length)) == expected)
    }

    @Test func aBudgetTellsWhyItEndedASearch() throws {
        let pattern = try Pattern("a.*[0-9]")
        let text = Array(String(repeating: "a", count: 500).utf8)
        var small = SearchBudget(stepsPerRule: 1_000, millisecondsPerRule: 1_000_000)
        #expect(pattern.match(text, budget: &small) == .undecided && small.wasShort && !small.wasStopped)
        // Nothing is left until it is renewed.
        #expect(pattern.match(Array("a1".utf8), budget: &small) == .undecided)
        small.renew()
        #expect(pattern.match(Array("a1".utf8), budget: &small) == .matched)
        var brief = SearchBudget(stepsPerRule: .max, millisecondsPerRule: 0)
        #expect(pattern.match(text, budget: &brief) == .undecided && brief.wasShort && !brief.wasStopped)
        var stopped = SearchBudget(stepsPerRule: .max, millisecondsPerRule: 1_000_000) { true }
        #expect(pattern.match(text, budget: &stopped) == .undecided && stopped.wasStopped && !stopped.wasShort)
        stopped.renew()
        #expect(pattern.match(Array("a1".utf8), budget: &stopped) == .undecided)
        var ample = SearchBudget(stepsPerRule: .max, millisecondsPerRule: 1_000_000)
        #expect(pattern.match(text, budget: &ample) == .notMatched && !ample.wasShort && !ample.wasStopped)
    }

    // MARK: Texts that are only long

    private static let ordinary: [UInt8] = {
        let words = [
            "the ", "quick ", "{\"status\": \"up\", ", "\"count\": 1234,\n", "<div class=\"x\">", "lorem ipsum dolor ",
            "v1.2.3 ", "café ", "user@example.com ", "\n",
        ]
        var random = SeededGenerator(seed: 1)
        var text: [UInt8] = []
        while text.count < 1 << 20 { text += words.randomElement(using: &random)?.utf8 ?? "".utf8 }
        return text + Array("\nEND-ok".utf8)
    }()

    @Test(arguments: [
        "ok", "(?i)END-OK", #"\bEND-ok\b"#, "(?<=END-)ok", "(?<!x)END-ok$", #"[A-Z]{3}-ok\z"#, #"(?m)^END-\w+$"#,
        #"\p{Lu}\p{Lu}\p{Lu}-ok"#, "error|fatal|END-ok", "(?i)error|fatal|end-OK", "N.*k", #"(?s)END.*ok\Z"#,
    ])
    func aGoodPatternIsFoundAtTheVeryEnd(pattern: String) throws {
        #expect(try match(pattern, Self.ordinary) == .matched)
    }

    @Test(arguments: [
        "(?i)maintenance", #""status":\s*"down""#, "error|fatal|panic", #"\d+$(?<!\d)"#, #"[a-z]+@[a-z]+\.org"#,
        #"(?m)^\s*DOWN\s*$"#, "<title>.*down.*</title>", #"a.*[0-9]{5}"#, #"\A\s*END"#,
    ])
    func anOrdinaryPatternIsDecided(pattern: String) throws {
        #expect(try match(pattern, Self.ordinary) == .notMatched)
    }

    /// Counting changes nothing: as PCRE2 matches without it, on patterns and texts of few letters.
    @Test(arguments: UInt64(1)...4)
    func countingChangesNoAnswer(seed: UInt64) throws {
        let items = [
            "a", "b", "é", "É", ".", "\\n", "[ab]", "[^a]", "\\d", "\\w", "\\W", "\\b", "\\B", "^", "$", "\\A", "\\z",
            "\\Z",
            "(?<=a)", "(?<!b)", "(?<=a|é)", "(?=b)", "(?!a)", "(a)", "(a|b)", "(?:ab|é)", "(?:)", "\\R", "\\X",
            "\\p{L}",
            "(?>a+)", "(?:a?b)", "(b*)\\1", "\\K",
        ]
        let repeats = ["", "", "", "*", "+", "?", "*?", "+?", "{2}", "{1,2}", "*+"]
        let modes = ["", "", "(?m)", "(?s)", "(?i)", "(?ms)", "(*CRLF)"]
        let letters: [[UInt8]] =
            ["a", "b", "é", "É", "\n", "\r", "1", " ", "ab"].map { Array($0.utf8) } + [[0xff], [0xc3]]
        var random = SeededGenerator(seed: seed)
        var matched = 0
        for _ in 0..<4_000 {
            var text = modes.randomElement(using: &random) ?? ""
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                text += (items.randomElement(using: &random) ?? "") + (repeats.randomElement(using: &random) ?? "")
            }
            if Int.random(in: 0..<4, using: &random) == 0 { text += "|\(items.randomElement(using: &random) ?? "")" }
            guard let pattern = try? Pattern(text), let plain = Self.plain(text) else { continue }
            defer { pcre2_code_free_8(plain) }
            for _ in 0..<4 {
                let body = (0..<Int.random(in: 0...12, using: &random)).flatMap { _ in
                    letters.randomElement(using: &random) ?? []
                }
                var budget = SearchBudget.full()
                let answer = pattern.match(body, budget: &budget)
                #expect(answer == Self.match(plain, body), "\(text) on \(body)")
                if answer == .matched { matched += 1 }
            }
        }
        #expect(matched > 1_000)
    }

    private static func plain(_ pattern: String) -> OpaquePointer? {
        var error: Int32 = 0
        var offset = 0
        let bytes = Array(pattern.utf8)
        return pcre2_compile_8(bytes, bytes.count, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &error, &offset, nil)
    }

    private static func match(_ code: OpaquePointer, _ text: [UInt8]) -> Pattern.Match {
        let data = pcre2_match_data_create_8(1, nil)
        defer { pcre2_match_data_free_8(data) }
        let result = pcre2_match_8(code, text.isEmpty ? [0] : text, text.count, 0, 0, data, nil)
        return result >= 0 ? .matched : result == PCRE2_ERROR_NOMATCH ? .notMatched : .undecided
    }

    // MARK: What a pattern is

    @Test func textsThatAreNoUTF8AreStillSearched() throws {
        #expect(try match("ok", [0xff, 0xfe, 0x6f, 0x6b, 0xc3]) == .matched)
        #expect(try match("ok", [0xff]) == .notMatched && match("ok", []) == .notMatched)
        #expect(try match("^$", []) == .matched)
    }

    @Test func aPatternIsRefusedForItsFault() {
        #expect(Pattern.fault(in: "(") == "missing closing parenthesis at offset 1" && Pattern.fault(in: "a") == nil)
    }
}
