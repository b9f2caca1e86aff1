import ConfigurationFile
import Testing

@Suite("Warnings")
struct ConfigurationWarningTests {
    private func warnings(_ text: String) throws -> [String] {
        let fileSystem = MemoryFileSystem(["/etc/partoo/c.yml": text, "/etc/partoo/w.yml": "[]"])
        return try fileSystem.loader(["KEY": "k"]).load(path: "c.yml").get().warnings.map(\.description)
    }

    @Test("an API key in the file")
    func apiKey() throws {
        #expect(
            try warnings("accounts: [{name: a, api_key: CANARY}]") == [
                "c.yml:1:31: `api_key` stands in the file in clear; `api_key_file` keeps it out"
            ])
    }

    @Test("nothing to watch", arguments: ["", "# empty\n", "accounts: []", "---\n", "null"])
    func nothing(_ text: String) throws {
        #expect(try warnings(text) == ["c.yml:1:1: no account is configured, so nothing is watched"])
    }

    @Test(
        "attempts that together are longer than the probe interval",
        arguments: [
            ("timeout: 40s", "`timeout` of module `http`", 40),
            ("timeout: 11s, retries: 2", "`timeout` of module `http` times its 3 attempts", 33),
        ])
    func attempts(module: String, attempts: String, enough: Int) throws {
        let text = """
            accounts: [{name: a, api_key_env: KEY, discover: {}}]
            modules: {http: {\(module)}}
            watches:
              - webhook_id: 1
              - {webhook_id: 2, probe_interval: \(enough)s}
              - {webhook_id: 3, probe_interval: \(enough - 1)s}
            """
        let reason = "the \(attempts) is longer than the"
        #expect(
            try warnings(text) == [
                "c.yml:1:50: \(reason) default probe interval; turns will be missed",
                "c.yml:4:5: \(reason) probe interval of this watch; turns will be missed",
                "c.yml:6:37: \(reason) probe interval of this watch; turns will be missed",
            ])
    }

    @Test("a proxy")
    func proxy() throws {
        let reason =
            "through a proxy only literal addresses can be vetted; the proxy must refuse private targets itself"
        let head = "accounts: [{name: a, api_key_env: KEY}]\nmodules: {http: "
        #expect(try warnings(head + "{proxy_url: \"http://p:1\"}}") == ["c.yml:2:29: \(reason)"])
        #expect(try warnings(head + "{proxy_from_environment: true}}") == ["c.yml:2:42: \(reason)"])
        #expect(try warnings(head + "{proxy_from_environment: false, proxy_url: null}}") == [])
    }

    @Test("a body that is not sent")
    func body() throws {
        #expect(
            try warnings("accounts: [{name: a, api_key_env: KEY}]\nmodules: {m: {body: x}}") == [
                "c.yml:2:21: a body is sent with POST and PUT only; this module's method is HEAD"
            ])
    }

    @Test("a database in memory where anything is learned")
    func memory() throws {
        let head = "accounts: [{name: a, api_key_env: KEY}]\nstorage: {path: \":memory:\"}\nwatches: "
        let reason = "c.yml:2:17: `path` is `:memory:`: learned baselines are lost at every restart; name a file"
        let expect = "expect: {url: \"https://e.com\", event_type: x, custom_headers: {}}"
        #expect(try warnings(head + "[]") == [])
        #expect(try warnings(head + "[{webhook_id: 1}]") == [reason])
        #expect(try warnings(head + "[{webhook_id: 1, enabled: false}]") == [])
        #expect(try warnings(head + "[{webhook_id: 1, \(expect)}]") == [reason])
        #expect(try warnings(head + "[{webhook_id: 1, org_id: 2, \(expect)}]") == [])
        for one in [
            "url: \"https://e.com\", event_type: x", "url: \"https://e.com\", custom_headers: {}",
            "event_type: x, custom_headers: {}",
        ] {
            #expect(try warnings(head + "[{webhook_id: 1, org_id: 2, expect: {\(one)}}]") == [reason], "\(one)")
        }
        #expect(try warnings(head + "[{webhook_id: 1, \(expect), ignore: [org_id]}]") == [])
        #expect(try warnings(head + "[]\nwatch_files: [w.yml]") == [reason])
    }

    @Test("a pattern that matches no file")
    func patterns() throws {
        let head = "accounts: [{name: a, api_key_env: KEY}]\nwatch_files: "
        let found = { (patterns: String) in
            try warnings(head + patterns).map { $0.replacing("c.yml:2:15: `watch_files`: no file matches ", with: "") }
        }
        #expect(try found("[w.yml, ./w.yml, \"*.yml\"]").isEmpty)
        #expect(try found("[w/*.yml]") == ["`w/*.yml` now"])
        #expect(try found("['w/[.yml']") == ["`w/[.yml` now"])
        #expect(
            try found("[w/**/*.yml]") == ["`w/**/*.yml` now; `**` cannot be used here, write a pattern for each folder"]
        )
        #expect(
            try found("['{w,v}.yaml']") == ["`{w,v}.yaml` now; `{}` cannot be used here, write a pattern for each name"]
        )
        #expect(
            try found("['**/{a,b}.JSON']") == [
                "`**/{a,b}.JSON` now; `**` and `{}` cannot be used here, write a pattern for each folder"
            ])
        #expect(try found("[\"a\\u0007`.yml\"]") == ["this pattern now"])
        #expect(try found("[CANARY]") == ["this pattern now"])
    }
}
