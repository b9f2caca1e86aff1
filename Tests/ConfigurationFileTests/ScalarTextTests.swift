import Testing

@testable import ConfigurationFile

@Suite("Values written as text")
struct ScalarTextTests {
    @Test(
        "durations",
        arguments: [
            ("1m30s", 90_000), ("500ms", 500), ("7d", 604_800_000), ("1y2w3d4h5m6s7ms", 33_019_506_007 as Int64?),
            ("0", 0),
            ("0s", 0), ("90m", 5_400_000), ("292y", 9_208_512_000_000), ("", nil), ("60", nil), ("1", nil), ("s", nil),
            ("1s1m", nil), ("1m1m", nil), ("1.5s", nil), ("-1s", nil), ("1 s", nil), ("1S", nil), ("1ms1s", nil),
            ("1us", nil), ("293y", nil), ("99999999999999999999s", nil), ("9223372036854775807y", nil), ("1m30", nil),
        ] as [(String, Int64?)])
    func durations(_ text: String, _ milliseconds: Int64?) {
        #expect(ScalarText.duration(text) == milliseconds.map { .milliseconds($0) })
    }

    @Test(
        "sizes",
        arguments: [
            ("65536", 65_536), ("64KiB", 65_536), ("1MiB", 1_048_576), ("2 MB", 2_000_000), ("3kB", 3000),
            ("3KB", 3000),
            ("1GiB", 1 << 30), ("7B", 7), ("1GB", 1_000_000_000), ("", nil), ("MiB", nil), ("1.5MiB", nil), ("-1", nil),
            ("1mib", nil), ("9223372036854775807KiB", nil), ("99999999999999999999", nil),
        ] as [(String, Int?)])
    func sizes(_ text: String, _ bytes: Int?) {
        #expect(ScalarText.byteSize(text) == bytes)
    }

    @Test(
        "status codes",
        arguments: [
            ("204", 204...204), ("2xx", 200...299), ("5XX", 500...599), ("200-299", 200...299), ("404-404", 404...404),
            ("0xx", nil), ("6xx", nil), ("xx", nil), ("99", nil), ("600", nil), ("0200", nil), ("299-200", nil),
            ("200-", nil), ("-200", nil), ("200-299-300", nil), ("200 - 299", nil), ("", nil), ("-", nil), ("axx", nil),
        ] as [(String, ClosedRange<Int>?)])
    func statusCodes(_ text: String, _ codes: ClosedRange<Int>?) {
        #expect(ScalarText.statusCodes(text) == codes)
    }

    @Test("whole numbers and numbers")
    func numbers() {
        #expect(["0", "42", "-7"].map(ScalarText.integer) == [0, 42, -7])
        #expect(
            ["", "-", "010", "+1", "1_000", "0x10", "1.0", "1e3", "9223372036854775808"].allSatisfy {
                ScalarText.integer($0) == nil
            })
        #expect([".5", "0.025", "1e-3", "10"].map(ScalarText.number) == [0.5, 0.025, 0.001, 10])
        #expect(["", ".inf", "nan", "1e999", "0x1p3", "1s", "-"].allSatisfy { ScalarText.number($0) == nil })
    }

    @Test("the nearest name")
    func nearest() {
        let names = ["check_interval", "probe_interval", "module", "labels"]
        #expect(Spelling.nearest(to: "chekc_interval", among: names) == "check_interval")
        #expect(Spelling.nearest(to: "Modules", among: names) == "module")
        #expect(Spelling.nearest(to: "zzz", among: names) != nil)
        #expect(Spelling.nearest(to: "x", among: [String]()) == nil)
        #expect(Spelling.nearest(to: String(repeating: "x", count: 65), among: names) == nil)
    }

    @Test("the schema lists every key once")
    func schema() {
        let keys = ConfigurationSchema.allKeys
        #expect(Set(keys).count == keys.count)
        #expect(keys.contains("modules.*.tls.ca_file"))
        #expect(keys.contains("modules.*.fail_if_header_not_matches.*.allow_missing"))
        #expect(keys.contains("accounts.*.discover.missing_retention"))
        #expect(keys.contains("watches.*.expect.custom_headers"))
        for key in keys {
            let last = key.split(separator: ".").last ?? ""
            #expect(FullConfiguration.text.contains("\(last):"), "the full file of the tests does not write \(key)")
        }
    }
}
