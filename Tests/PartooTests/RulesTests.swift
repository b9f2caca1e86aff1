import Partoo
import Testing
import Transport

@Suite struct RulesTests {
    private func configuration(
        url: String = "https://example.com/", eventType: String = "lead_received", _ headers: [(String, String)] = []
    ) -> WebhookConfiguration {
        WebhookConfiguration(
            id: 1, url: Secret(url), eventType: eventType, orgID: 1,
            customHeaders: headers.map { HeaderField($0.0, $0.1) })
    }

    private func headers(_ count: Int) -> [(String, String)] { (0..<count).map { ("X-\($0)", "v") } }

    @Test func aGoodOneBreaksNone() {
        #expect(WebhookRule.broken(by: configuration([("X-A", ""), ("x-b", "v")])) == [])
    }

    @Test(arguments: [
        ("https://example.com", true), ("HTTPS://example.com", true), ("http://example.com", false),
        ("httpsx://example.com", false), ("example.com", false), ("", false), ("https://", false),
    ])
    func https(url: String, isGood: Bool) {
        #expect(WebhookRule.broken(by: configuration(url: url)) == (isGood ? [] : [.https]))
    }

    @Test(arguments: [
        ("business_created", true), ("business_updated", true), ("business_deleted", true), ("message_updated", true),
        ("message_created", true), ("lead_received", true), ("Lead_received", false), ("", false),
        ("lead_received ", false),
    ])
    func eventTypes(type: String, isGood: Bool) {
        #expect(WebhookRule.broken(by: configuration(eventType: type)) == (isGood ? [] : [.eventType]))
    }

    @Test(
        arguments: [
            ("X-A", []), ("x-a", []), ("X-", []), ("A-X", [.headerPrefix]), ("X", [.headerPrefix]),
            ("", [.headerPrefix]),
            ("X_A", [.headerPrefix]), ("X-Partoo", [.headerReserved]), ("x-pArToO-Signature-v1", [.headerReserved]),
            ("X-PARTOOX", [.headerReserved]), ("X-Part", []), ("Partoo", [.headerPrefix]),
        ] as [(String, [WebhookRule])])
    func prefixes(name: String, broken: [WebhookRule]) {
        #expect(WebhookRule.broken(by: configuration([(name, "v")])) == broken)
    }

    @Test func limitsAreMetExactly() {
        #expect(WebhookRule.broken(by: configuration(headers(5))) == [])
        #expect(WebhookRule.broken(by: configuration(headers(6))) == [.headerCount])
        // Unicode scalars count, not bytes and not characters.
        for filler in ["a", "é", "\u{301}", "🇫"] {
            let fill = { (count: Int) in String(repeating: filler, count: count) }
            #expect(WebhookRule.broken(by: configuration([("X-" + fill(126), "v")])) == [])
            #expect(WebhookRule.broken(by: configuration([("X-" + fill(127), "v")])) == [.headerNameLength])
            #expect(WebhookRule.broken(by: configuration([("X-A", fill(512))])) == [])
            #expect(WebhookRule.broken(by: configuration([("X-A", fill(513))])) == [.headerValueLength])
        }
    }

    @Test(arguments: " ()<>@,;:\\\"/[]?={}".unicodeScalars.map { String($0) })
    func namesHoldNoneOfTheForbiddenCharacters(character: String) {
        #expect(WebhookRule.broken(by: configuration([("X-A\(character)B", "v")])) == [.headerNameCharacters])
        // Even where a combining mark hides it in one of Swift's characters.
        #expect(WebhookRule.broken(by: configuration([("X-A\(character)\u{301}", "v")])) == [.headerNameCharacters])
    }

    @Test func severalAreToldInTheirOrder() {
        let bad = configuration(
            url: "http://a", eventType: "?",
            headers(4) + [
                ("bad name", "v"),
                ("X-Partoo-" + String(repeating: "a", count: 130), String(repeating: "v", count: 600)),
            ])
        #expect(WebhookRule.broken(by: bad) == WebhookRule.allCases)
    }
}
