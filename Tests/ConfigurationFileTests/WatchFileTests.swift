import ConfigurationFile
import TestSupport
import Testing
import Transport
import Watching

@Suite("Watch files", .ownThread)
struct WatchFileTests {
    static let main = """
        accounts: [{name: a, api_key_env: KEY}]
        defaults: {labels: {team: x}, probe_interval: 10s}
        watches: [{webhook_id: 1}]
        watch_files: ["watches/*.yml", "watches/*.json"]
        watch_secrets_dir: secrets
        """

    private func load(
        _ files: [String: String], main: String = WatchFileTests.main,
        change: (inout MemoryFileSystem) -> Void = { _ in }
    ) throws -> LoadedConfiguration {
        var fileSystem = MemoryFileSystem(["/etc/partoo/c.yml": main, "/etc/partoo/secrets/token": "CANARY\n"])
        for (name, text) in files { fileSystem.files["/etc/partoo/" + name] = Array(text.utf8) }
        change(&fileSystem)
        return try fileSystem.loader(["KEY": "CANARY"]).load(path: "c.yml").get()
    }

    private func lines(_ loaded: LoadedConfiguration) -> [String] {
        loaded.watchFileErrors.map { $0.description.replacing("/etc/partoo/watches/", with: "") }
    }

    @Test("YAML and JSON lists add to the static watches, which win")
    func good() throws {
        let loaded = try load([
            "watches/b.yml": "- webhook_id: 2\n- webhook_id: 1\n  labels: {team: y}\n",
            "watches/a.json": #"[{"webhook_id": 3, "labels": {"a\/b": 1}}]"#.replacing(#"a\/b"#, with: "face")
                .replacing("1}}", with: #""\uD83D\uDE00\/"}}"#),
            "other/c.yml": "- webhook_id: 9",
        ])
        #expect(lines(loaded) == [])
        #expect(loaded.configuration.watches.map(\.id.webhookID) == [1, 3, 2])
        #expect(loaded.configuration.watches.map(\.source) == [.static, .file, .file])
        #expect(loaded.configuration.watches[0].labels == [Label(name: "team", value: "x")])
        #expect(loaded.configuration.watches[1].labels.first == Label(name: "face", value: "\u{1F600}/"))
        #expect(loaded.configuration.watches[1].probeInterval == .seconds(10))
        #expect(loaded.watchFiles.map(\.path) == ["/etc/partoo/watches/a.json", "/etc/partoo/watches/b.yml"])
    }

    @Test("a bad file stands for itself")
    func bad() throws {
        let loaded = try load([
            "watches/a.yml": "- webhook_id: 2\n  modul: http\n",
            "watches/b.yml": "- webhook_id: 2\n",
            "watches/c.yml": "watches: []",
            "watches/d.yml": "",
            "watches/e.yml": "[]",
            "watches/f.yml": "- webhook_id: 3\n- webhook_id: 2\n- webhook_id: 3\n",
            "watches/g.yml": "- webhook_id: 3\n  expect: {url: {env: KEY}}",
        ])
        #expect(
            lines(loaded) == [
                "a.yml:2:3: unknown key `modul`; did you mean `module`?",
                "c.yml:1:1: a watch file holds a list of watches, not a mapping; begin each with `- webhook_id:`",
                "d.yml:1:1: the file is empty; write `[]` for no watches",
                "f.yml:2:3: duplicate watch a/2: it is already in /etc/partoo/watches/b.yml, line 1; keep one"
                    .replacing("/etc/partoo/watches/", with: ""),
                "f.yml:3:3: duplicate watch a/3: it is already in line 1; keep one",
                "g.yml:2:23: `url`: `env` is not allowed in a watch file; use `file` below `watch_secrets_dir`",
            ])
        #expect(loaded.configuration.watches.map(\.id.webhookID) == [1, 2])
    }

    @Test(
        "secrets lie below the folder, whatever the path says",
        arguments: [
            ("../secrets/token", true), ("/etc/partoo/secrets/token", true), ("../secrets/inside", true),
            ("../secrets/sub/../token", true), ("../acme.key", false), ("../secrets/../acme.key", false),
            ("/etc/partoo/secrets-2/token", false), ("../secrets/outside", false),
            ("../secrets/folder/acme.key", false),
            ("../secrets", false), ("/etc/partoo/acme.key", false),
            ("/no/such", false), ("../secrets/none", false),
        ])
    func secrets(_ path: String, _ isAllowed: Bool) throws {
        let text = "- webhook_id: 2\n  expect: {custom_headers: {X-A: {file: \(path)}}}\n"
        let loaded = try load(["watches/a.yml": text]) { fileSystem in
            fileSystem.files["/etc/partoo/acme.key"] = Array("CANARY".utf8)
            fileSystem.files["/etc/partoo/secrets-2/token"] = Array("CANARY".utf8)
            fileSystem.links["/etc/partoo/secrets/outside"] = "/etc/partoo/acme.key"
            fileSystem.links["/etc/partoo/secrets/folder"] = "/etc/partoo"
            fileSystem.links["/etc/partoo/secrets/inside"] = "/etc/partoo/secrets/token"
        }
        let expected = "a.yml:2:41: `X-A`: there is no such file below `watch_secrets_dir`"
        #expect(lines(loaded) == (isAllowed ? [] : [expected]))
        #expect(loaded.configuration.watches.count == (isAllowed ? 2 : 1))
    }

    private func failures(_ main: String, _ files: [String: String]) -> [String] {
        var fileSystem = MemoryFileSystem(["/etc/partoo/c.yml": main, "/etc/partoo/secrets/token": "CANARY\n"])
        for (name, text) in files { fileSystem.files["/etc/partoo/" + name] = Array(text.utf8) }
        return errors(fileSystem.loader(["KEY": "CANARY"]).load(path: "c.yml"))
            .map { $0.replacing("/etc/partoo/watches/", with: "") }
    }

    @Test("what is wrong with them stands behind what is wrong with the configuration")
    func together() {
        let file = "- {webhook_id: x}\n- {webhook_id: 2, module: none}\n- {webhook_id: 3, account: b}\n"
        #expect(
            failures(Self.main + "\nprobing: {max_in_fligt: 1}", ["watches/a.yml": file, "watches/b.yml": "[]]"]) == [
                "c.yml:6:11: unknown key `max_in_fligt`; did you mean `max_in_flight`?",
                "a.yml:1:16: `webhook_id` must be a whole number of at least 1",
                "a.yml:2:27: unknown module `none`; did you mean `http`?",
                "a.yml:3:28: unknown account `b`; did you mean `a`?",
                "b.yml:1:3: not valid YAML: did not find expected <document start>",
            ])
    }

    @Test("what only follows from an error of the configuration is none of theirs")
    func consequences() {
        let file = """
            - {webhook_id: x}
            - {webhook_id: 2, module: m}
            - {webhook_id: 3, account: a}
            - {webhook_id: 4, expect: {url: {file: ../secrets/token}}}
            """
        let own = "a.yml:1:16: `webhook_id` must be a whole number of at least 1"
        let account = "accounts: [{name: a, api_key_env: KEY}]\n"
        let modules = "modules: {m: {}}\n"
        for (text, position) in [
            ("accounts: {}\n" + modules + "watch_secrets_dir: no", "2:11"),
            ("accounts: [x]\n" + modules + "watch_secrets_dir: ''", "2:12"),
            ("accounts: [{name: a.b, api_key_env: KEY}]\n" + modules + "watch_secret_dir: secrets", "2:19"),
            ("account: [{name: a, api_key_env: KEY}]\n" + modules, "2:1"),
            (account + "modules: []\nwatch_secrets_dir: c.yml", "3:10"),
            (account + "modules: {m: {methd: GET}}\nwatch_secrets_dir: [secrets]", "3:15"),
            (account + "modules: {'': {}}\nwatch_secrets_dir: no", "3:11"),
            (account + "module: {m: {}}\nwatch_secrets_dir: no", "3:1"),
            (account + "modules: {m: {}}\nmodules: {}\nwatch_secrets_dir: no", "4:1"),
        ] {
            let found = failures("watch_files: [\"watches/*.yml\"]\n" + text, ["watches/a.yml": file])
            #expect(found.first?.hasPrefix("c.yml:\(position): ") == true, "\(found)")
            #expect(found.filter { !$0.hasPrefix("c.yml:") } == [own], "\(text): \(found)")
        }
    }

    @Test("one file that several patterns name is read once")
    func spellings() throws {
        let main = Self.main.replacing(
            #"["watches/*.yml", "watches/*.json"]"#,
            with: #"["watches/*.yml", ./watches/a.yml, watches//a.yml, link]"#)
        let loaded = try load(["watches/a.yml": "- webhook_id: 2\n"], main: main) {
            $0.links["/etc/partoo/link"] = "/etc/partoo/watches/a.yml"
            $0.files["/etc/partoo/link"] = []
        }
        #expect(loaded.warnings == [])
        #expect(loaded.watchFileErrors == [])
        #expect(loaded.configuration.watches.map(\.id.webhookID) == [1, 2])
    }

    @Test("a character that is escaped in two halves, as JSON does", arguments: ["a.json", "a.yml"])
    func surrogates(_ name: String) throws {
        let text = #"""
            [{"webhook_id": 2, "labels": {"a": "* \\\ud83d\uDE00* \\ud83d", "b": "\ud83d\ude00\ud83d\ude01"}},
             {webhook_id: 3, labels: {a: 'x\ud83d\ude00*', b: \ud83d\ude00, c: "\uFDDBud83d\uFDDBude0"}}]
            """#
        let loaded = try load(["watches/" + name: text])
        let mark = try #require(Unicode.Scalar(0xfddb as UInt32))
        let values = loaded.configuration.watches.dropFirst().map { watch in
            watch.labels.map(\.value).filter { $0 != "x" }
        }
        #expect(
            values == [
                ["* \\\u{1F600}* \\ud83d", "\u{1F600}\u{1F601}"],
                [#"x\ud83d\ude00*"#, #"\ud83d\ude00"#, "\(mark)ud83d\(mark)ude0"],
            ])
    }

    @Test("half a character is none")
    func halves() throws {
        let loaded = try load(["watches/a.yml": #"[{"webhook_id": 2, "labels": {"a": "\ud83d"}}]"#])
        #expect(lines(loaded) == ["a.yml:1:39: not valid YAML: found invalid Unicode character escape code"])
    }

    @Test("no folder, no files")
    func noFolder() throws {
        let text = "- webhook_id: 2\n  expect: {url: {file: ../secrets/token}}\n"
        let main = Self.main.replacing("watch_secrets_dir: secrets", with: "")
        #expect(
            lines(try load(["watches/a.yml": text], main: main)) == [
                "a.yml:2:24: `url`: `file` is not allowed in a watch file unless `watch_secrets_dir` is set"
            ])
    }

    /// Somebody puts another file in the place of a secret between the look at its path and its opening.
    private struct Swapped: ConfigurationFileSystem {
        var files: MemoryFileSystem

        func read(_ path: String, limit: Int) -> Result<FileContents, FileFailure> {
            files.read(path, limit: limit).map { contents in
                let isSecret = path.hasSuffix("/token")
                return FileContents(
                    bytes: contents.bytes, resolvedPath: isSecret ? "/etc/shadow" : contents.resolvedPath)
            }
        }

        func resolve(_ path: String) -> String? { files.resolve(path) }
        func glob(_ pattern: String) -> [String] { files.glob(pattern) }
        var currentDirectory: String { files.currentDirectory }
    }

    @Test("a file that was swapped in is not below the folder")
    func swapped() throws {
        let text = "- webhook_id: 2\n  expect: {url: {file: ../secrets/token}}\n"
        let files = MemoryFileSystem([
            "/etc/partoo/c.yml": Self.main, "/etc/partoo/secrets/token": "https://a/CANARY",
            "/etc/partoo/watches/a.yml": text,
        ])
        let loader = ConfigurationLoader(fileSystem: Swapped(files: files), environment: { _ in "k" })
        #expect(
            lines(try loader.load(path: "c.yml").get()) == [
                "a.yml:2:24: `url`: there is no such file below `watch_secrets_dir`"
            ])
        let honest = ConfigurationLoader(fileSystem: files, environment: { _ in "k" })
        #expect(lines(try honest.load(path: "c.yml").get()) == [])
    }

    @Test("a file loses one newline at its end")
    func newline() throws {
        let text = "- webhook_id: 2\n  expect: {custom_headers: {X-A: {file: ../secrets/two}}}\n"
        let loaded = try load(["watches/a.yml": text, "secrets/two": "CANARY\n\n"])
        let headers = loaded.configuration.watches.last?.expectation.customHeaders
        #expect(headers == [ExpectedHeader(name: "X-A", value: .exactly(Secret("CANARY\n")))])
    }

    @Test("what has changed is told by content")
    func changes() throws {
        let files = ["watches/a.yml": "- webhook_id: 2\n  expect: {custom_headers: {X-A: {file: ../secrets/token}}}\n"]
        let loaded = try load(files)
        var fileSystem = MemoryFileSystem(["/etc/partoo/c.yml": Self.main, "/etc/partoo/secrets/token": "CANARY\n"])
        fileSystem.files["/etc/partoo/watches/a.yml"] = Array((files["watches/a.yml"] ?? "").utf8)
        let records = loaded.files + loaded.watchFiles.flatMap(\.files)
        #expect(records.map(\.path).count == 3)
        #expect(fileSystem.loader().isCurrent(records))
        fileSystem.files["/etc/partoo/secrets/token"] = Array("CANARY2\n".utf8)
        #expect(!fileSystem.loader().isCurrent(records))
        fileSystem.files["/etc/partoo/secrets/token"] = nil
        #expect(!fileSystem.loader().isCurrent(records))
    }

    @Test("10,000 watches", .timeLimit(.minutes(10)))
    func many() throws {
        var text = ""
        for id in 1...10_000 {
            text += """
                - webhook_id: \(id)
                  org_id: \(id % 100 + 1)
                  labels: {team: t\(id % 7), site: "s\(id)"}
                  expect:
                    url: https://example.com/hook/\(id)
                    event_type: business_created
                    custom_headers: {X-My-Header: v\(id), X-Token: {any: true}}

                """
        }
        #expect(try load(["watches/a.yml": text]).configuration.watches.count == 10_000)
    }
}
