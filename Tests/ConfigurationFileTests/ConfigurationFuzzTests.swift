import ConfigurationFile
import Probing
import TestSupport
import Testing

@Suite("Fuzzing", .ownThread, .timeLimit(.minutes(10)))
struct ConfigurationFuzzTests {
    /// Every value of a scalar is moved to every kind of place; what comes out must not say what it was.
    @Test("a secret in the wrong place is not told", arguments: [FullConfiguration.canary, "[*CANARY+", "pw!CANARY:x"])
    func misplaced(_ secret: String) {
        let lines = FullConfiguration.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for index in lines.indices {
            guard let colon = lines[index].firstRange(of: ": ") else { continue }
            for value in [
                "'\(secret)'", "['\(secret)']", "{env: '\(secret)'}", "{file: '\(secret)'}", "{'\(secret)': 1}",
                "{'\(secret)': [[]]}",
            ] {
                var changed = lines
                changed[index] = lines[index][..<colon.upperBound] + value
                check(Array(changed.joined(separator: "\n").utf8), secret: secret)
            }
        }
    }

    @Test("mutations of a full file", arguments: 0..<8 as Range<UInt64>)
    func mutations(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let original = Array(FullConfiguration.text.utf8)
        let tokens = [
            "&a ", "*a", "<<: ", "? ", "- ", ": ", "{", "}", "[", "]", "\n", "\t", "\"", "'", "|\n", "!!int ", "~", "#",
            "\u{feff}", "\u{85}", "--- ", "%YAML 1.2\n", "{env: KEY}", "null", "0", "-1", "\\",
            "99999999999999999999",
        ]
        for _ in 0..<250 { check(generator.mutated(original, tokens: tokens), secret: nil) }
    }

    private func check(_ bytes: [UInt8], secret: String?) {
        var fileSystem = FullConfiguration.fileSystem
        fileSystem.files["/etc/partoo/c.yml"] = bytes
        let result = fileSystem.loader(FullConfiguration.environment).load(path: "c.yml")
        var said: [String] = []
        switch result {
        case .failure(let errors): said = errors.issues.map(\.description)
        case .success(let loaded):
            said = (loaded.warnings + loaded.watchFileErrors).map(\.description)
            said.append(
                "[\(loaded.configuration.accounts.map(\.apiKey)) \(loaded.configuration.modules.mapValues(\.headers))]")
        }
        for line in said {
            #expect(
                !["CANARY+", "!CANARY", secret ?? "CANARY+"].contains { line.contains($0) },
                "\(line)\n\(String(decoding: bytes, as: UTF8.self))")
            #expect(line.hasPrefix("c.yml:") || line.hasPrefix("/etc/partoo/watches/") || line.hasPrefix("["))
        }
        if case .failure = result { #expect(!said.isEmpty) }
    }
}
