import ConfigurationFile
import TestSupport
import Testing
import Watching

/// Texts that are made to break a reader: none may crash it or keep it busy.
@Suite("Hostile YAML", .ownThread)
struct HostileYAMLTests {
    private func load(_ text: String) -> [String] {
        errors(MemoryFileSystem(["/etc/partoo/c.yml": text]).loader(["KEY": "k"]).load(path: "c.yml"))
    }

    @Test("aliases of aliases as a value are not expanded")
    func laughs() {
        var text = "probing: {max_in_flight: 1}\nwatch_files:\n  - &a0 [x, x]\n"
        for level in 1...60 { text += "  - &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(load(text).count == 61)
    }

    @Test("aliases of aliases as a key")
    func laughsAsKey() {
        for key in ["? *a60\n: 1\n", "*a60 : 1\n", "{*a60: 1}: 1\n", "[*a60]: 1\n", "? [*a60]\n"] {
            var text = "watch_files:\n  - &a0 [x, x]\n"
            for level in 1...60 { text += "  - &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
            let found = load(text + key)
            #expect(found.contains { $0.contains("as a key; a key must be plain text") }, "\(key): \(found)")
        }
    }

    @Test("merges of merges")
    func merges() {
        var text = "probing:\n  max_in_flight: 1\n  x0: &a0 {max_in_flight: 1}\n"
        for level in 1...60 { text += "  x\(level): &a\(level) {<<: [*a\(level - 1), *a\(level - 1)]}\n" }
        #expect(
            load(text + "  <<: *a60\n").contains {
                $0.contains("aliases make this file too large") || $0.contains("merge")
            })
    }

    @Test("a long chain of merges", arguments: [10, 100_000])
    func chain(_ length: Int) {
        var text = "x:\n- &a0 {max_in_flight: 1}\n"
        for level in 1...length { text += "- &a\(level) {<<: *a\(level - 1)}\n" }
        #expect(!load(text + "probing: *a\(length)\n").isEmpty)
    }

    @Test("a long chain of lists")
    func lists() {
        var text = "x:\n- &a0 []\n"
        for level in 1...300_000 { text += "- &a\(level) [*a\(level - 1)]\n" }
        #expect(!load(text).isEmpty)
    }

    @Test("explicit keys in each other around a long text")
    func explicitKeys() {
        let text = String(repeating: "? ", count: 900) + "[" + String(repeating: "a,", count: 900_000) + "]"
        #expect(
            load(text) == [
                "c.yml:1:1: too many explicit keys (`? `) for a file of this size; write them as `key: value`"
            ])
    }

    @Test("an alias to itself, to nothing, to what comes later, of an alias")
    func wrongAliases() {
        let reason = "an alias without an anchor of its name above it; text that begins with `*` needs quotes"
        #expect(load("watch_files: &a [*a]") == ["c.yml:1:18: \(reason)"])
        #expect(load("watch_files: [*a, &a b]") == ["c.yml:1:15: \(reason)"])
        #expect(load("watch_files: [*.yml]") == ["c.yml:1:15: \(reason)"])
        #expect(
            load("watch_files: [&a x, &b *a]")
                == ["c.yml:1:21: an alias with an anchor of its own; write one of them"])
    }

    @Test("anchors, aliases and merges that are meant so")
    func goodAliases() throws {
        let text = """
            accounts: [{name: a, api_key_env: KEY}]
            defaults: &pace {check_interval: &long 5m, probe_interval: *long}
            watches:
              - &one
                webhook_id: 1
                <<: *pace
                labels: &labels {a: "*star*", b: x * y}
              - {<<: [*one, {probe_interval: 1s}], webhook_id: 2}
              - <<: *one
                webhook_id: 3
                probe_interval: 2m
                labels: *labels
            """
        let loaded = try MemoryFileSystem(["/etc/partoo/c.yml": text]).loader(["KEY": "k"]).load(path: "c.yml").get()
        let watches = loaded.configuration.watches
        #expect(watches.map(\.id.webhookID) == [1, 2, 3])
        #expect(watches.map(\.probeInterval) == [.seconds(300), .seconds(300), .seconds(120)])
        #expect(watches.map(\.checkInterval) == [.seconds(300), .seconds(300), .seconds(300)])
        #expect(watches.allSatisfy { $0.labels.map(\.value) == ["*star*", "x * y"] })
    }

    @Test("depth", arguments: ["[", "{a: ", "- ", "? ", "[{a: "])
    func depth(_ text: String) {
        #expect(!load(String(repeating: text, count: 100_000)).isEmpty)
        #expect(!load(String(repeating: text, count: 900)).isEmpty)
    }

    @Test("every indentation deeper than the one before")
    func indentation() {
        let text = (0..<3000).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(load(text).count == 1)
    }

    @Test("as many values as fit")
    func manyValues() {
        let many = { (count: Int) in load("watch_files: [" + String(repeating: "a,", count: count) + "]\nx: 1") }
        #expect(many(1_000_000) == ["c.yml:2:1: unknown key `x`; did you mean `modules`?"])
        #expect(many(8_000_000) == ["c.yml:1:1: more than 2000000 values; split the file"])
    }

    @Test("encodings")
    func encodings() {
        func load(_ bytes: [UInt8]) -> [String] {
            var fileSystem = MemoryFileSystem()
            fileSystem.files["/etc/partoo/c.yml"] = bytes
            return errors(fileSystem.loader().load(path: "c.yml"))
        }
        let text = Array("# \u{e9}\u{1F600}\r\nprobing: {}\r\n".utf8)
        #expect(load([0xef, 0xbb, 0xbf] + text) == [])
        let reason = "the file is not UTF-8; save it in this encoding"
        #expect(load([0xff, 0xfe, 0x61, 0x00]) == ["c.yml:1:1: \(reason)"])
        #expect(load(text + [0x61, 0xc3]) == ["c.yml:3:2: \(reason)"])
        #expect(load(Array("a\n\u{e9}".utf8) + [0xed, 0xa0, 0x80, 0x61]) == ["c.yml:2:2: \(reason)"])
        #expect(load(Array("a\n  \0".utf8)).count == 1)
        #expect(load([0xef, 0xb7, 0x90]).first?.contains("a control character") == true)
    }
}
