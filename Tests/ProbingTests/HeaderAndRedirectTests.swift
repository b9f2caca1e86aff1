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

    @Test func aThousandHeadersAreSentAndNoMore() {
        let headers = (0..<1001).map { HeaderField("CANARY-\($0)", "CANARY") }
        #expect(HeaderPolicy.fault(in: Array(headers.dropLast())) == nil)
        #expect(HeaderPolicy.fault(in: headers) == "there are 1001 custom headers, and at most 1000 are sent")
        // How many there are is said first, whatever is wrong with one of them.
        #expect(HeaderPolicy.fault(in: [HeaderField("Host", "x")] + headers)?.contains("1002") == true)
        #expect(HeaderPolicy.fault(in: [HeaderField("X-A", "x"), HeaderField("Host", "x")])?.contains("Host") == true)
        #expect(HeaderPolicy.fault(in: []) == nil)
    }

    @Test func aQuarterOfAMebibyteIsSentAndNoMore() {
        // Names count as much as values, and both by their bytes.
        let half = String(repeating: "a", count: 131_070)
        let headers = [HeaderField("X" + half, "v"), HeaderField("X", half + "é")]
        #expect(headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.reveal().utf8.count } == 262_145)
        #expect(HeaderPolicy.fault(in: headers) == "the custom headers have 262145 bytes, and at most 262144 are sent")
        #expect(HeaderPolicy.fault(in: [headers[0], HeaderField("X", half + "e")]) == nil)
    }

    @Test func aLongNameIsNamedInPart() {
        func fault(_ count: Int, _ start: String, _ value: String) -> String? {
            HeaderPolicy.fault(in: HeaderField(start + String(repeating: "p", count: count - start.utf8.count), value))
        }
        let quoted = String(repeating: "p", count: 58)
        #expect(fault(64, "Proxy-", "v") == "the header Proxy-\(quoted) is never sent")
        #expect(fault(65, "Proxy-", "v") == "the header Proxy-\(quoted)… is never sent")
        #expect(fault(400_000, "Proxy-", "v") == fault(65, "Proxy-", "v"))
        #expect(
            fault(400_000, "pppppp", "CANARY\n")
                == "the value of the header pppppp\(quoted)… holds a line break or NUL")
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
