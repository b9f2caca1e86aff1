import Testing
import Transport

@Suite struct TLSFactsTests {
    @Test(arguments: [
        (90 * 86_400.0, 90), (90 * 86_400.0 - 1, 89), (86_399.0, 0), (0, 0), (-1.0, -1), (-3600.0, -1),
        (-86_401.0, -2),
    ])
    func daysAreRoundedDown(seconds: Double, days: Int) {
        #expect(TLSFacts.days(from: 1_800_000_000, to: 1_800_000_000 + seconds) == days)
    }
}
