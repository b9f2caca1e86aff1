import ConfigurationFile
import Testing

/// One bad file and the lines it must bring, to the letter.
struct BadFile: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let expected: [String]

    var testDescription: String { name }

    init(_ name: String, _ text: String, _ expected: String...) {
        self.name = name
        self.text = text
        self.expected = expected
    }

    /// A module `m` with these lines, which begin in line 4.
    static func module(_ name: String, _ lines: String, _ expected: String...) -> BadFile {
        BadFile(name, "accounts: [{name: a, api_key_env: KEY}]\nmodules:\n  m:\n" + indent(lines, by: 4), expected)
    }

    /// A watch with these lines besides its id, which begin in line 4.
    static func watch(_ name: String, _ lines: String, _ expected: String...) -> BadFile {
        BadFile(
            name, "accounts: [{name: a, api_key_env: KEY}]\nwatches:\n  - webhook_id: 1\n" + indent(lines, by: 4),
            expected)
    }

    /// An account with a name and these lines, which begin in line 3.
    static func account(_ name: String, _ lines: String, _ expected: String...) -> BadFile {
        BadFile(name, "accounts:\n  - name: a\n" + indent(lines, by: 4), expected)
    }

    private init(_ name: String, _ text: String, _ expected: [String]) {
        self.name = name
        self.text = text
        self.expected = expected
    }

    private static func indent(_ lines: String, by count: Int) -> String {
        lines.split(separator: "\n").map { String(repeating: " ", count: count) + $0 }.joined(separator: "\n")
    }
}

@Suite("A bad configuration")
struct ConfigurationErrorTests {
    static let environment = ["KEY": "CANARY", "EMPTY": "", "LINES": "a\nb"]

    /// A PEM block, by default around an empty sequence.
    private static func block(_ label: String, _ body: String = "MAA=") -> String {
        "-----BEGIN \(label)-----\n\(body)\n-----END \(label)-----\n"
    }

    static var fileSystem: MemoryFileSystem {
        var fileSystem = MemoryFileSystem([
            "/etc/partoo/empty": "\n", "/etc/partoo/ok": "x",
            "/etc/partoo/pem": block("CERTIFICATE") + block("PRIVATE KEY"),
            "/etc/partoo/garbage": block("CERTIFICATE") + block("CERTIFICATE", "AAAA") + block("PRIVATE KEY", "MA*="),
            "/etc/partoo/cut": block("PRIVATE KEY", "MAM=\nAA") + "-----BEGIN CERTIFICATE-----\nMAA=\n",
            "/etc/partoo/long": block("CERTIFICATE", "MIID") + block("PRIVATE KEY", "MIIAAQA"),
            "/etc/partoo/encrypted": block("ENCRYPTED PRIVATE KEY"),
            "/etc/partoo/legacy": block(
                "RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA"),
        ])
        fileSystem.files["/etc/partoo/binary"] = [0xff, 0xfe]
        return fileSystem
    }

    @Test("top level and form", arguments: formFiles)
    func form(_ file: BadFile) { check(file) }

    @Test("accounts", arguments: accountFiles)
    func accounts(_ file: BadFile) { check(file) }

    @Test("modules", arguments: moduleFiles)
    func modules(_ file: BadFile) { check(file) }

    @Test("watches", arguments: watchFiles)
    func watches(_ file: BadFile) { check(file) }

    private func check(_ file: BadFile) {
        var fileSystem = Self.fileSystem
        fileSystem.files["/etc/partoo/c.yml"] = Array(file.text.utf8)
        let found = errors(fileSystem.loader(Self.environment).load(path: "c.yml"))
        #expect(found == file.expected.map { "c.yml:" + $0 })
        #expect(!found.contains { $0.contains("CANARY") || $0.contains("\n") })
    }

    @Test("several errors at once, in the file's order")
    func several() {
        let text = """
            accounts:
              - name: acme corp
                base_url: http://api.partoo.co/v2
                api_key_env: NOT_SET
            defaults: {chekc_interval: 1m, probe_interval: fast}
            modules:
              http: {methd: GET, tiemout: 5s, retries: -1}
            watches:
              - webhook_id: "1"
                account: acme
                expect: {urls: x}
            storge: {}
            """
        let found = errors(MemoryFileSystem(["/etc/partoo/c.yml": text]).loader().load(path: "c.yml"))
        #expect(
            found == [
                "c.yml:2:11: `name` must be 1 to 64 letters, digits, `_` or `-`",
                "c.yml:3:15: `base_url` must begin with https://; plain http is for loopback hosts only",
                "c.yml:4:18: `api_key_env`: the environment variable that it names is not set",
                "c.yml:5:12: unknown key `chekc_interval`; did you mean `check_interval`?",
                "c.yml:5:48: `probe_interval` must be a duration such as `30s`, `1m30s`, `500ms` or `7d`",
                "c.yml:7:10: unknown key `methd`; did you mean `method`?",
                "c.yml:7:22: unknown key `tiemout`; did you mean `timeout`?",
                "c.yml:7:44: `retries` must be a whole number from 0 to 100",
                "c.yml:9:17: `webhook_id` must be a whole number of at least 1, without quotes",
                "c.yml:11:14: unknown key `urls`; did you mean `url`?",
                "c.yml:12:1: unknown key `storge`; did you mean `storage`?",
            ])
    }

    @Test("more errors than anybody reads are counted")
    func tooMany() {
        let text = (1...1002).map { "CANARY \($0): 1" }.joined(separator: "\n")
        let found = errors(MemoryFileSystem(["/etc/partoo/c.yml": text]).loader().load(path: "c.yml"))
        #expect(found.count == 1001 && found.last == "c.yml: and 2 more errors")
        #expect(!found.contains { $0.contains("CANARY") })
    }

    @Test("a file that cannot be read")
    func unreadable() {
        var fileSystem = MemoryFileSystem()
        fileSystem.folders = ["/etc/partoo/folder"]
        #expect(errors(fileSystem.loader().load(path: "no.yml")) == ["no.yml: the file does not exist"])
        #expect(errors(fileSystem.loader().load(path: "folder")) == ["folder: the file is not a regular file"])
        fileSystem.files["/etc/partoo/big"] = [UInt8](repeating: 0x20, count: (16 << 20) + 1)
        #expect(errors(fileSystem.loader().load(path: "big")) == ["big: the file is too large"])
    }
}
