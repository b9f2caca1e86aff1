import Testing
import Transport

@Suite struct SecretTests {
    @Test func isRedactedHoweverItBecomesText() {
        let field = HeaderField("X-Token", "CANARY")
        var dumped = ""
        dump(field, to: &dumped)
        var optional = ""
        dump([Optional(field.value)], to: &optional)
        for text in ["\(field)", String(reflecting: field), String(describing: [field.value]), dumped, optional] {
            #expect(!text.contains("CANARY"), "\(text)")
        }
        #expect(field.value.reveal() == "CANARY")
    }

    /// Canonically equivalent texts are one text to Swift, and two to a receiver.
    @Test func isEqualByBytes() {
        #expect("caf\u{e9}" == "cafe\u{301}")
        #expect(Secret("caf\u{e9}") != Secret("cafe\u{301}"))
        #expect(Secret("caf\u{e9}") == Secret("caf\u{e9}"))
        #expect(Set([Secret("caf\u{e9}"), Secret("cafe\u{301}"), Secret("caf\u{e9}")]).count == 2)
    }
}
