import ConfigurationFile
import Partoo
import Probing
import Testing
import Transport
import Watching

@Suite("A good configuration")
struct ConfigurationLoaderTests {
    static let minimal = """
        accounts:
          - name: acme
            api_key_env: KEY
        watches:
          - webhook_id: 1
        """

    @Test("every default of the contract")
    func defaults() throws {
        let loaded = try MemoryFileSystem(["/etc/partoo/c.yml": Self.minimal]).loader(["KEY": "k"]).load(path: "c.yml")
            .get()
        let configuration = loaded.configuration
        #expect(loaded.warnings.isEmpty)
        #expect(
            configuration.accounts == [
                Account(name: "acme", baseURL: "https://api.partoo.co/v2", apiKey: Secret("k"), requestsPerMinute: 240)
            ])
        #expect(configuration.defaults == WatchDefaults())
        #expect(configuration.modules == ["http": ProbeModule(name: "http")])
        #expect(configuration.watches == [Watch(id: WatchID(account: "acme", webhookID: 1))])
        let watch = try #require(configuration.watches.first)
        #expect(watch.checkInterval == .seconds(60))
        #expect(watch.probeInterval == .seconds(30))
        #expect(watch.isEnabled)
        #expect(configuration.watchFiles.isEmpty)
        #expect(configuration.watchSecretsDirectory == nil)
        #expect(
            configuration.storage
                == StorageSettings(path: "/etc/partoo/data/state.db", keyFile: "/etc/partoo/data/state.db.key"))
        #expect(configuration.maximumProbesInFlight == 256)
        #expect(configuration.latencyBuckets == [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
        #expect(loaded.files.map(\.path) == ["/etc/partoo/c.yml"])
        #expect(loaded.watchFiles.isEmpty)
    }

    @Test("what is written in several ways means the same")
    func forms() throws {
        let name = String(repeating: "a", count: 64)
        let text = """
            accounts:
              - name: \(name)
                api_key_env: KEY
                base_url: http://127.255.0.1:8080/v2//
                discover: {org_ids: [7, 8, 7]}
            watches:
              - webhook_id: 1
                org_id: 7
            """
        let configuration = try MemoryFileSystem(["/etc/partoo/c.yml": text]).loader(["KEY": "k"]).load(path: "c.yml")
            .get().configuration
        #expect(configuration.accounts.first?.name == name)
        #expect(configuration.accounts.first?.baseURL == "http://127.255.0.1:8080/v2")
        #expect(configuration.accounts.first?.discovery?.orgIDs == [7, 8])
        #expect(configuration.watches.first?.expectation == Expectation(orgID: 7))
    }

    @Test("every key of a full file arrives")
    func full() throws {
        let loaded = try FullConfiguration.fileSystem.loader(FullConfiguration.environment).load(path: "c.yml").get()
        let configuration = loaded.configuration
        let canary = Secret(FullConfiguration.canary)
        try #require(configuration.accounts.count == 3)
        #expect(
            configuration.accounts[0]
                == Account(
                    name: "acme", baseURL: "https://api.sandbox.partoo.co/v2", apiKey: canary, requestsPerMinute: 120,
                    caFile: "/etc/partoo/ca.pem",
                    discovery: DiscoverySettings(
                        orgIDs: [42, 43], eventTypes: ["business_created"], interval: .seconds(300),
                        missingRetention: .seconds(172_800), maximumWebhooks: 500, module: "post",
                        labels: [
                            Label(name: "origin", value: "discovered"), Label(name: "site", value: "paris"),
                            Label(name: "team", value: "integrations"),
                        ])))
        #expect(
            configuration.accounts[1] == Account(name: "other-1", baseURL: "http://127.0.0.1:8080/v2", apiKey: canary))
        #expect(configuration.accounts[2].apiKey == canary)
        #expect(Set(configuration.modules.keys) == ["http", "post", "file-body"])
        #expect(configuration.modules["http"] == ProbeModule(name: "http"))
        #expect(configuration.modules["file-body"]?.body == Array("{}\n".utf8))
        #expect(configuration.modules["file-body"]?.proxy == Secret("socks5h://proxy:1080"))
        #expect(configuration.watchFiles == ["/etc/partoo/watches/*.yml"])
        #expect(configuration.watchSecretsDirectory == "/etc/partoo/secrets")
        #expect(
            configuration.storage
                == StorageSettings(path: "/etc/partoo/state/partoo.db", keyFile: "/var/lib/partoo/key"))
        #expect(configuration.maximumProbesInFlight == 64)
        #expect(configuration.latencyBuckets == [0.1, 1, 2.5])
        #expect(
            loaded.files.map(\.path).sorted() == [
                "/etc/partoo/acme.key", "/etc/partoo/body.json", "/etc/partoo/c.yml", "/etc/partoo/secrets/token",
                "/etc/partoo/secrets/url",
            ])
    }

    @Test("a module with every key")
    func module() throws {
        let loaded = try FullConfiguration.fileSystem.loader(FullConfiguration.environment).load(path: "c.yml").get()
        let canary = FullConfiguration.canary
        var module = ProbeModule(name: "post")
        module.method = .post
        module.timeout = .seconds(20)
        module.validStatusCodes = [204...204, 200...299, 400...403]
        module.validHTTPVersions = [.http1_1, .http2]
        module.headers = [
            HeaderField("X-Probe", "plain"), HeaderField("Authorization", canary), HeaderField("X-File", canary),
        ]
        module.body = Array(#"{"type": "ping"}"#.utf8)
        module.trustedOrigins = Set(
            ["https://example.com", "https://other.example.com:8443"].compactMap { Origin(url: $0) })
        module.sendsCustomHeaders = false
        module.followsRedirects = true
        module.httpVersion = .http1_1
        module.ipProtocol = .ipv4
        module.maximumResponseBytes = 65_536
        module.failIfBodyMatches = ["error"]
        module.failIfBodyNotMatches = ["ok"]
        module.failIfHeaderMatches = [HeaderRule(header: "X-Env", regexp: "staging", allowMissing: true)]
        module.failIfHeaderNotMatches = [HeaderRule(header: "Content-Type", regexp: "^application/json")]
        module.tls = TLSOptions(
            caFile: "/etc/partoo/ca.pem", certificateFile: "/etc/partoo/client.pem",
            keyFile: "/etc/partoo/client.key", serverName: "hooks.example.com", minimumVersion: .v1_3,
            insecureSkipVerify: true)
        module.proxy = Secret("http://user:pw!CANARY@proxy.example.com:3128")
        module.retries = 2
        module.allowedSchemes = ["https", "http"]
        module.allowedNetworks = ["10.0.0.0/8", "fd00::/8"].compactMap { IPNetwork($0) }
        #expect(loaded.configuration.modules["post"] == module)
    }

    @Test("watches: defaults, overrides, expectations and where they come from")
    func watches() throws {
        let loaded = try FullConfiguration.fileSystem.loader(FullConfiguration.environment).load(path: "c.yml").get()
        let canary = Secret(FullConfiguration.canary)
        let watches = loaded.configuration.watches
        try #require(watches.map(\.id.description) == ["acme/1", "other-1/2", "acme/3"])
        #expect(watches.map(\.source) == [.static, .static, .file])
        #expect(loaded.staticWatches == Array(watches[..<2]))
        let first = watches[0]
        #expect(first.orgID == 42)
        #expect(first.module == "post")
        #expect(first.checkInterval == .seconds(10))
        #expect(first.probeInterval == .seconds(30))
        #expect(!first.isEnabled)
        #expect(
            first.labels == [
                Label(name: "level", value: "3"), Label(name: "site", value: "paris"),
                Label(name: "team", value: "core"),
            ])
        #expect(first.ignoredFields == [.eventType, .orgID])
        #expect(first.expectation.url == .exactly(Secret("https://example.com/hook/" + FullConfiguration.canary)))
        #expect(first.expectation.eventType == "business_created")
        #expect(first.expectation.orgID == 44)
        let headers = try #require(first.expectation.customHeaders)
        #expect(headers.map(\.name) == ["X-My-Header", "X-Number", "X-Auth-Token", "X-Hash", "X-Any", "X-Empty"])
        #expect(headers[0].value == .exactly(canary))
        #expect(headers[1].value == .exactly(Secret("0123")))
        #expect(headers[2].value == .exactly(canary))
        guard case .sha256(let hash, let salt) = headers[3].value else { return #expect(Bool(false)) }
        #expect(hash.count == 32 && hash.first == 0xe3 && hash.last == 0x55)
        #expect(salt == [0x00, 0xff])
        #expect(headers[4].value == .any)
        #expect(headers[5].value == .exactly(Secret("")))
        #expect(watches[1].expectation.orgID == 7)
        #expect(watches[1].expectation.customHeaders == [])
        #expect(watches[1].checkInterval == .seconds(120))
        #expect(watches[1].probeInterval == .seconds(90))
        #expect(watches[2].expectation == Expectation())
        #expect(watches[2].labels == loaded.configuration.defaults.labels)
    }
}
