import Partoo
import Testing
import Transport
import Watching

@Suite struct ConfigurationChangeTests {
    private let key = FingerprintKey(bytes: [4])

    private func changes(
        _ old: WebhookConfiguration, _ new: WebhookConfiguration
    ) -> [ConfigurationChange] {
        ConfigurationChange.between(old, new, key: key, at: 7, noticedBy: .check)
    }

    private func shown(_ value: String) -> ConfigurationChange.Side {
        ConfigurationChange.Side(
            text: "(redacted)", fingerprint: key.fingerprint(Secret(value), purpose: .header))
    }

    @Test func eachFieldSaysWhatItWasAndWhatItIs() {
        let old = WebhookConfiguration(id: 1, url: Secret("https://a/CANARY"), eventType: "old", orgID: 1)
        let new = WebhookConfiguration(id: 1, url: Secret("https://b/CANARY"), eventType: "new", orgID: 2)
        let found = changes(old, new)
        #expect(found.map(\.field) == [.url, .eventType, .orgID])
        #expect(found.map(\.from?.text) == ["https://a/(redacted)", "old", "1"])
        #expect(found.map(\.to?.text) == ["https://b/(redacted)", "new", "2"])
        #expect(found[0].from?.fingerprint == key.fingerprint(old.url, purpose: .url))
        #expect(found[0].to?.fingerprint == key.fingerprint(new.url, purpose: .url))
        #expect(!"\(found)".contains("CANARY"))
    }

    /// Names are found without case, on either side.
    @Test func eachHeaderIsAChangeOfItsOwn() {
        let old = WatchStateTests.configuration([("X-A", "1"), ("X-B", "2"), ("X-D", "4")])
        let new = WatchStateTests.configuration([("x-a", "9"), ("X-C", "3"), ("x-d", "4")])
        let found = changes(old, new)
        #expect(found.map(\.header) == ["X-C", "X-B", "x-a"])
        #expect(found.map(\.from) == [nil, shown("2"), shown("1")])
        #expect(found.map(\.to) == [shown("3"), nil, shown("9")])
    }

    /// What Swift takes for the same text is still another one.
    @Test func aChangeOfBytesIsKept() {
        var state = WatchState(
            watch: Watch(id: WatchID(account: "a", webhookID: 1)), key: key, at: 0, kept: KeptWatch())
        for (at, type) in [(10.0, "caf\u{e9}"), (20, "cafe\u{301}")] {
            let outcome = CheckOutcome.configuration(WatchStateTests.configuration(type: type))
            _ = state.checked(outcome, at: at, duration: .zero)
            _ = state.settled(.absent, at: at)
            let record = state.takeRecord(at: at)
            #expect(record?.changes.count == (at == 10 ? 0 : 1))
        }
        #expect(state.takeRecord(at: 30) == nil)
    }
}
