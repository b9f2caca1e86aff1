import Partoo
import TestSupport
import Testing

@Suite struct TimeTests {
    @Test(arguments: [
        ("2024-11-27T16:10:44.929678Z", 1_732_723_844.929678), ("2024-11-27T16:10:44Z", 1_732_723_844),
        ("2024-11-27t16:10:44z", 1_732_723_844), ("2024-11-27 16:10:44+00:00", 1_732_723_844),
        ("2024-11-27T17:10:44+01:00", 1_732_723_844), ("2024-11-27T17:10:44+0100", 1_732_723_844),
        ("2024-11-27T17:10:44+01", 1_732_723_844), ("2024-11-27T10:40:44.5-05:30", 1_732_723_844.5),
        ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59Z", -1), ("2000-02-29T00:00:00Z", 951_782_400),
        ("0000-03-01T00:00:00Z", -62_162_035_200), ("9999-12-31T23:59:60Z", 253_402_300_800),
    ])
    func dateTimesAreRead(text: String, seconds: Double) {
        #expect(ISO8601.seconds(text) == seconds)
    }

    @Test(arguments: [
        "", "2024", "2024-11-27", "2024-11-27T16:10:44", "2024-11-27T16:10Z", "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-00-01T00:00:00Z", "2024-13-01T00:00:00Z",
        "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890123456789Z", "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+01:60", "2024-01-01T00:00:00Zx", " 2024-01-01T00:00:00Z", "+024-01-01T00:00:00Z",
        "2024-1-01T00:00:00Z", "2024/01/01T00:00:00Z", "1732723844", "now", "２０２４-01-01T00:00:00Z",
    ])
    func anythingElseIsNoTime(text: String) {
        #expect(ISO8601.seconds(text) == nil)
    }

    @Test func everyDayFollowsTheOneBefore() {
        var expected = ISO8601.days(1899, 12, 31)
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        for year in 1900...2104 {
            let isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
            for month in 1...12 {
                for day in 1...(month == 2 && isLeap ? 29 : lengths[month - 1]) {
                    expected += 1
                    #expect(ISO8601.days(year, month, day) == expected)
                }
            }
        }
    }

    // MARK: Retry-After

    private static let now = 784_111_777.0

    @Test(
        arguments: [
            (nil, 60), ("", 60), ("0", 0), ("1", 1), ("60", 60), (" \t30 ", 30), ("900", 900), ("901", 900),
            ("9223372036854775807", 900), ("99999999999999999999999", 900), ("-1", 60), ("+1", 60), ("1.5", 60),
            ("1e2", 60),
            ("soon", 60), ("60, 60", 60), ("６０", 60),
            // The three forms of an HTTP-date, each 10 s ahead, then past ones and one that is too far.
            ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sunday, 06-Nov-94 08:49:47 GMT", 10),
            ("Sun Nov  6 08:49:47 1994", 10),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("Sun, 06 Nov 1993 08:49:37 GMT", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 09:49:37 GMT", 900), ("Sun, 06 Nov 9999 08:49:37 GMT", 900),
            ("Sun, 06 Nov 1994 08:49:47 UTC", 60), ("Sun, 06 Nov 1994 08:49:47", 60),
            ("Sun, 31 Feb 1994 08:49:47 GMT", 60),
            ("Sun, 06 Foo 1994 08:49:47 GMT", 60), ("Sun, 06 Nov 1994 24:49:47 GMT", 60),
            ("Sun, 06 Nov 1994 +8:49:47 GMT", 60),
            ("Sun, 06 Nov 1994 08:49 GMT", 60), ("Sun, 06 Nov 99999999999999999999 08:49:47 GMT", 60),
        ] as [(String?, Int)])
    func retryAfterIsSecondsOrADate(header: String?, seconds: Int) {
        #expect(RetryAfter.delay(header, now: Self.now) == .seconds(seconds))
    }

    @Test func aYearOfTwoDigitsIsWithinFiftyYears() {
        let year = 31_556_952.0
        #expect(HTTPDate.seconds("Saturday, 01-Jan-00 00:00:00 GMT", now: 29.5 * year) == 946_684_800)
        #expect(HTTPDate.seconds("Friday, 01-Jan-00 00:00:00 GMT", now: 129.5 * year) == 4_102_444_800)
        #expect(HTTPDate.seconds("Friday, 01-Jan-99 00:00:00 GMT", now: 30.5 * year) == 915_148_800)
        // Fifty years on either side are still within.
        #expect(HTTPDate.seconds("Wednesday, 01-Jan-70 00:00:00 GMT", now: 50.5 * year) == 3_155_760_000)
        #expect(HTTPDate.seconds("Saturday, 01-Jan-44 00:00:00 GMT", now: Self.now) == -820_540_800)
    }

    @Test(arguments: UInt64(1)...4)
    func anyHeaderGivesADelayWithinBounds(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let originals = [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "60",
        ]
        for _ in 0..<2000 {
            let original = Array((originals.randomElement(using: &random) ?? "").utf8)
            let text = String(
                decoding: random.mutated(original, tokens: ["-", " ", ":", ",", "99999999999999"]), as: UTF8.self)
            let delay = RetryAfter.delay(text, now: Self.now)
            #expect(delay >= .zero && delay <= .seconds(900), "\(text)")
        }
    }
}
