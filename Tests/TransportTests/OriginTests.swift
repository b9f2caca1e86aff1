import TestSupport
import Testing
import Transport

@Suite struct OriginTests {
    @Test(arguments: [
        ("https://example.com/a/b?c#d", "https://example.com"), ("HTTPS://Example.COM", "https://example.com"),
        ("https://example.com:443/", "https://example.com"), ("https://example.com:8443?x", "https://example.com:8443"),
        ("http://example.com:443", "http://example.com:443"), ("http://example.com:80", "http://example.com"),
        ("https://user:pass@example.com/", "https://example.com"), ("https://[::1]/", "https://[::1]"),
        ("https://[2001:DB8:0::1]:444/", "https://[2001:db8::1]:444"), ("ftp://example.com/", "ftp://example.com"),
        ("https://bücher.example/", "https://bücher.example"), ("https://example.com#frag", "https://example.com"),
        ("https://a_b.example", "https://a_b.example"), ("https://стра\u{301}на.РФ", "https://стра\u{301}на.РФ"),
        ("https://stra\u{df}e.EXAMPLE/", "https://stra\u{df}e.example"),
        ("https://\u{1f4a9}.la/", "https://\u{1f4a9}.la"),
        ("https://B\u{dc}cher.example/", "https://b\u{dc}cher.example"), ("https://\u{3c2}a.gr", "https://\u{3c2}a.gr"),
        ("https://\u{663}.example", "https://\u{663}.example"),
        ("https://n\u{130}.example", "https://n\u{130}.example"),
    ])
    func keepsSchemeHostAndPort(url: String, origin: String) {
        #expect(Origin(url: url)?.description == origin)
    }

    @Test func aHostHasTheLengthOfANameOfTheDNS() {
        let label = String(repeating: "a", count: 50) + "."
        let name = String(repeating: label, count: 4) + String(repeating: "b", count: 49)
        #expect(name.utf8.count == 253)
        #expect(Origin(url: "https://\(name)/")?.host == name)
        #expect(Origin(url: "https://\(name)b/") == nil)
    }

    @Test func aSchemeIsNoLongerThanAnyInUse() {
        let scheme = String(repeating: "s", count: 32)
        #expect(Origin(url: "\(scheme)://h/")?.description == "\(scheme)://h")
        #expect(Origin(url: "\(scheme)s://h/") == nil)
        #expect(Origin(url: String(repeating: "s", count: 300_000) + "://h/") == nil)
    }

    /// What parsers read differently is not read at all.
    @Test(arguments: [
        "", "example.com", "//example.com", "https:/example.com", "https://", "https:///path", "://example.com",
        "https://a@b@example.com/", "https://example.com\\@evil.example/", "https://exa mple.com",
        "https://example.com\n",
        "https://example.com:0", "https://example.com:65536", "https://example.com:", "https://example.com:80a",
        "https://example.com:+80", "https://[::1", "https://[1.2.3.4]/", "https://[fe80::1%25eth0]/", "https://[::1]x",
        "https://%65xample.com/", "https://exam<ple.com", "https://a;b/", "https://a,b/", "1https://example.com",
        "https://user@/", "https://::1/", "https://1.2.3.256/", "https://1.2.3.4.5/", "https://example.1/",
        "https://example.1./", "https://example.0x1f/", "https://\u{7f}/", "https://:80",
    ])
    func isStricterThanCurl(url: String) {
        #expect(Origin(url: url) == nil)
    }

    /// Of which IDNA makes ASCII, a dot or nothing, and other parsers nothing of the kind; by version, ß of its capital.
    @Test(arguments: [
        "\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}", "127.0.0.\u{ad}1", "127\u{3002}0\u{3002}0\u{3002}1",
        "127.0.0.1\u{200d}", "127.0.0.1\u{fe0f}", "\u{2460}.example", "127\u{ff0e}1", "127\u{ff61}1", "0\u{ff58}7f",
        "\u{b2}",
        "1\u{1d7d0}", "169.254.169.254\u{ff0f}.example", "a\u{ff1a}80", "a\u{ff20}b", "a\u{2100}b.example",
        "\u{212a}.example",
        "stra\u{1e9e}e.example", "a\u{200b}b.example", "a\u{202e}b.example", "\u{fb01}.example", "\u{378}.example",
    ])
    func readsNoNameThatBecomesAnother(host: String) {
        #expect(Origin(url: "https://\(host)/") == nil)
    }

    /// A combining mark joins the separator before it into one of Swift's characters; other parsers still see the separator.
    @Test(arguments: [
        ("https://example.com/\u{301}CANARY", "https://example.com"),
        ("https://example.com?\u{301}CANARY", "https://example.com"),
        ("https://example.com#\u{301}CANARY", "https://example.com"),
        ("https://CANARY@\u{301}example.com/", "https://\u{301}example.com"),
        ("https://CANARY:CANARY@\u{301}example.com/", "https://\u{301}example.com"),
    ])
    func isNotFooledByCombiningMarks(url: String, origin: String) {
        #expect(Origin(url: url)?.description == origin)
    }

    @Test func neverShowsWhatMayBeSecret() {
        let shown = Origin(url: "https://CANARY1:CANARY2@example.com/CANARY3?CANARY4#CANARY5").map { "\($0)" } ?? ""
        #expect(shown == "https://example.com")
    }

    @Test(arguments: UInt64(1)...4)
    func readsWhatItShows(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let original = Array("https://user:pass@example.com:8443/path?query#fragment".utf8)
        for _ in 0..<3000 {
            let bytes = random.mutated(
                original, tokens: ["://", "@", ":", "[::1]", "\\", "%", "#", "?", "é", "\u{301}"])
            let text = String(decoding: bytes, as: UTF8.self)
            guard let origin = Origin(url: text) else { continue }
            #expect(Origin(url: origin.description) == origin, "\(text)")
            #expect(!origin.host.isEmpty && (0...65_535).contains(origin.port))
        }
    }
}
