import Probing
import TestSupport
import Testing
import Transport

@Suite struct HeaderPolicyTests {
    @Test(arguments: [
        ("X-A", "v"), ("X-A", ""), ("x!#$%&'*+-.^_`|~1", "v"), ("X-Host", "v"), ("Hosts", "v"), ("Proxy", "v"),
        ("X-A", "a\tb é"), ("Connections", "v"),
    ])
    func good(name: String, value: String) {
        #expect(HeaderPolicy.fault(in: HeaderField(name, value)) == nil)
    }

    @Test(arguments: [
        ("", "v"), ("Host", "v"), ("hOST", "v"), ("Content-Length", "1"), ("TRANSFER-ENCODING", "x"),
        ("Connection", "x"),
        ("Proxy-Authorization", "x"), ("proxy-", "x"), ("X A", "v"), ("X:A", "v"), ("X-A\r\nHost", "v"), ("X\0", "v"),
        ("X-é", "v"), ("X-A", "CANARY\r\nHost: evil"), ("X-A", "CANARY\n"), ("X-A", "CANARY\r"), ("X-A", "CANARY\0"),
        ("X-A\u{301}", "v"),
    ])
    func refused(name: String, value: String) {
        let fault = HeaderPolicy.fault(in: HeaderField(name, value))
        #expect(fault?.contains("CANARY") == false)
        // What is said may go to a log or a terminal.
        #expect(fault?.utf8.allSatisfy { (0x20...0x7e).contains($0) } == true)
    }
}

@Suite struct RedirectTargetTests {
    /// RFC 3986, 5.4.1 and 5.4.2, with the base as a URL of http. A fragment is dropped.
    @Test(arguments: [
        ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        ("g?y#s", "http://a/b/c/g?y"), (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y"),
        ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../", "http://a/"), ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"), ("/./g", "http://a/g"), ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"), ("g..", "http://a/b/c/g.."), ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"), ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"), ("g;x=1/../y", "http://a/b/c/y"), ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"), ("https://h/x?y#z", "https://h/x?y"), ("g:h", "g:h"),
        ("http:g", "http:g"),
    ])
    func resolvesAsRFC3986Says(location: String, target: String) {
        #expect(RedirectTarget.resolve(location, base: "http://a/b/c/d;p?q") == target)
    }

    @Test(arguments: [
        ("https://a", "x", "https://a/x"), ("https://a", "?x", "https://a/?x"), ("https://a?q", "x", "https://a/x"),
        ("https://u:p@a:8443/b?c#d", "e", "https://u:p@a:8443/e"), ("https://a/b#/c/d", "e", "https://a/e"),
        ("https://a/b?c/d/e", "f", "https://a/f"), ("https://a/b/", "//c\u{301}/d", "https://c\u{301}/d"),
        ("https://a/b", "/\u{301}c", "https://a/\u{301}c"), ("https://a/\u{301}b/c", "d", "https://a/\u{301}b/d"),
    ])
    func otherBases(base: String, location: String, target: String) {
        #expect(RedirectTarget.resolve(location, base: base) == target)
    }

    @Test(arguments: ["a b", "/\\evil", "\\\\evil", "/\u{7f}", "/a\nb", "\t"])
    func whatParsersReadDifferentlyLeadsNowhere(location: String) {
        #expect(RedirectTarget.resolve(location, base: "https://a/") == nil)
    }

    @Test(arguments: UInt64(1)...4)
    func noiseNeverCrashesAndNeverLeavesThePathRelative(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let location = random.mutated(
                Array("../a/./b?c#d".utf8), tokens: ["//", "..", "?", "#", ":", "://", "é", "\u{301}"])
            let base = random.mutated(Array("https://u@h:1/p/q?r#s".utf8), tokens: ["//", "..", "?", "#", "@"])
            guard
                let target = RedirectTarget.resolve(String(decoding: location, as: UTF8.self), base: "https://host/a/b")
            else { continue }
            #expect(!target.utf8.contains(UInt8(ascii: "#")))
            _ = RedirectTarget.resolve(
                String(decoding: location, as: UTF8.self), base: String(decoding: base, as: UTF8.self))
        }
    }
}
