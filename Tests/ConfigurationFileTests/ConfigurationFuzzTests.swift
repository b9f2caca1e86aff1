import Probing
import ConfigurationFile
import Testing

/// A small generator with a seed, so that a failure can be seen again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

@Suite("Fuzzing", .timeLimit(.minutes(10)))
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
        ].map { Array($0.utf8) }
        for _ in 0..<250 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                let end = min(bytes.count, place + Int.random(in: 0...12, using: &generator))
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.removeSubrange(place..<end)
                case 2: bytes.insert(contentsOf: tokens.randomElement(using: &generator) ?? [], at: place)
                case 3:
                    bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0..<bytes.count, using: &generator))
                default: bytes.removeSubrange(place...)
                }
                if bytes.isEmpty { break }
            }
            check(bytes, secret: nil)
        }
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
