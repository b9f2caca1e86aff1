import ConfigurationFile
import TestSupport
import Testing
import Transport
import Watching

/// What is written is read back as it was, whatever the API said.
@Suite struct WatchListTextTests {
    private static let path = "/etc/partoo/config.yml"
    private static let head = """
        accounts: [{name: "null", api_key: x}]
        defaults: {labels: {team: "a"}, check_interval: 2m}

        """

    private func load(_ text: String) throws -> ExporterConfiguration {
        let loader = ConfigurationLoader(
            fileSystem: MemoryFileSystem([Self.path: text]), environment: { _ in nil }, validatePattern: { _ in nil })
        return try loader.load(path: Self.path).get().configuration
    }

    @Test func everythingOfAWatchComesBack() throws {
        let defaults = try load(Self.head).defaults
        let watch = Watch(
            id: WatchID(account: "null", webhookID: 7), orgID: 3, checkInterval: .milliseconds(90_061_001),
            probeInterval: .seconds(45), isEnabled: false,
            labels: [Label(name: "a", value: "x: {y} # \"z\" \\ \u{e9}"), Label(name: "team", value: "b")],
            expectation: Watching.Expectation(
                url: .sha256(hash: Array(repeating: 0x12, count: 32), salt: [0, 1]), eventType: "no", orgID: 4,
                customHeaders: [
                    ExpectedHeader(name: "X-A", value: .any),
                    ExpectedHeader(name: "~", value: .sha256(hash: Array(repeating: 9, count: 32), salt: [])),
                ]), ignoredFields: [.orgID, .url])
        var text = WatchListText(defaults: defaults)
        text.append(watch, notes: ["a note\nwatches: []"])
        #expect(try load(Self.head + text.text).watches == [watch])
    }

    @Test func noValueIsWrittenInClear() throws {
        let defaults = try load(Self.head).defaults
        let watch = Watch(
            id: WatchID(account: "null", webhookID: 7),
            expectation: Watching.Expectation(
                url: .exactly(Secret("https://a.example/canary")),
                customHeaders: [ExpectedHeader(name: "X-A", value: .exactly(Secret("canary")))]))
        var text = WatchListText(defaults: defaults)
        text.append(watch)
        #expect(!text.text.contains("canary"))
        let read = try load(Self.head + text.text).watches[0].expectation
        #expect(read.url?.accepts(Secret("https://a.example/canary")) == true)
        #expect(read.url?.accepts(Secret("https://a.example/other")) == false)
        #expect(read.customHeaders?.first?.value.accepts(Secret("canary")) == true)
        var again = WatchListText(defaults: defaults)
        again.append(watch)
        #expect(again.text != text.text, "a salt of its own each time")
    }

    @Test func whatCannotBeDeclaredIsLeftOutAndSaid() throws {
        let defaults = try load(Self.head).defaults
        let value = ExpectedValue.hashed(Secret("v"))
        let mark = try #require(Unicode.Scalar(0xfdd0 as UInt32)).description
        for names in [["X-A", "x-a"], [""], ["\u{e9}", "e\u{301}"], [mark]] {
            var text = WatchListText(defaults: defaults)
            text.append(
                Watch(
                    id: WatchID(account: "null", webhookID: 7),
                    expectation: Watching.Expectation(
                        eventType: "", orgID: -1, customHeaders: names.map { ExpectedHeader(name: $0, value: value) })))
            let read = try load(Self.head + text.text).watches[0]
            #expect(read.expectation == Watching.Expectation())
            #expect(text.text.split(separator: "\n").filter { $0.hasPrefix("  # ") }.count == 3)
        }
    }

    @Test func anyTextComesBack() throws {
        let defaults = try load(Self.head).defaults
        var generator = SeededGenerator(seed: 7)
        let odd = Array(
            "\u{0}\u{7}\t\n\r \"'\\:{}[],&*#?|-<>=!%@`~\u{7f}\u{85}\u{a0}\u{2028}\u{feff}\u{fffd}\u{1f600}aéZ0"
                .unicodeScalars)
        func random() -> String {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                let any = Unicode.Scalar(UInt32.random(in: 0...0x10ffff, using: &generator)) ?? "x"
                text.append(
                    Bool.random(using: &generator) ? odd[Int.random(in: 0..<odd.count, using: &generator)] : any)
            }
            return String(text)
        }
        var written = WatchListText(defaults: defaults)
        var watches: [Watch] = []
        for number in 1...500 {
            let value = ExpectedValue.sha256(hash: Array(repeating: UInt8(number % 256), count: 32), salt: [7])
            let names = Set((0..<3).map { _ in random() })
            guard Set(names.map { $0.lowercased() }).count == names.count else { continue }
            var watch = Watch(
                id: WatchID(account: "null", webhookID: number), checkInterval: defaults.checkInterval,
                probeInterval: defaults.probeInterval, labels: defaults.labels,
                expectation: Watching.Expectation(
                    eventType: random(),
                    customHeaders: names.map { ExpectedHeader(name: $0, value: value) }))
            written.append(watch)
            // Nothing but the reader's own marks is left out.
            let isMarked = { (text: String) in
                text.unicodeScalars.contains { (0xfdd0...0xfdef).contains($0.value) || $0.value == 0xfeff }
            }
            if isMarked(watch.expectation.eventType ?? "") { watch.expectation.eventType = nil }
            if names.contains(where: isMarked) { watch.expectation.customHeaders = nil }
            watches.append(watch)
        }
        let read = try load(Self.head + written.text).watches
        #expect(read.count == watches.count)
        for (read, watch) in zip(read, watches) {
            // By bytes: Swift takes canonically equivalent texts for equal.
            let isSame = { (left: String?, right: String?) in
                left.map { Array($0.utf8) } == right.map { Array($0.utf8) }
            }
            #expect(isSame(read.expectation.eventType, watch.expectation.eventType))
            let readNames = read.expectation.customHeaders?.map { Array($0.name.utf8) }
            let names = watch.expectation.customHeaders?.map { Array($0.name.utf8) }
            #expect(readNames == names, "\(String(describing: watch.expectation.customHeaders))")
        }
    }
}
