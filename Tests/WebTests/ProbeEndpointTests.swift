import Testing

@testable import Web

@Suite struct ProbeEndpointTests {
    /// Half a second earlier than the scraper gives up, or half of its time.
    @Test(arguments: [
        ("10", 9_500), ("1.5", 1_000), ("1", 500), ("0.6", 300), ("0.01", 5), ("86400", 86_399_500),
        ("", nil), (".", nil), ("0", nil), ("86401", nil), ("-1", nil), ("+1", nil), ("1e1", nil), ("1,5", nil),
        ("1.2.3", nil), ("0x1", nil), ("nan", nil), ("soon", nil), ("10 ", nil), ("\u{661}", nil),
    ])
    func theAnswerIsThereInTimeForTheScraper(text: String, milliseconds: Int64?) {
        #expect(ProbeEndpoint.limit(scrapeTimeout: text) == milliseconds.map { .milliseconds($0) })
    }
}
