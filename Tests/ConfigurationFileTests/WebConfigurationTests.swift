import Testing
import Transport

@testable import ConfigurationFile

/// `--web.config.file`: the format of exporter-toolkit, read as strictly as it reads it.
@Suite struct WebConfigurationTests {
    private static let hash = "$2y$10$" + String(repeating: "a", count: 53)

    private func load(_ text: String) -> LoadedWebConfiguration {
        let files = MemoryFileSystem(["/etc/web.yml": text])
        return WebConfigurationLoader(fileSystem: files).load(path: "/etc/web.yml")
    }

    @Test func everyKeyIsRead() throws {
        let loaded = load(
            """
            tls_server_config:
              cert_file: server.crt
              key_file: /keys/server.key
              client_ca_file: ca.crt
              client_auth_type: RequireAndVerifyClientCert
              client_allowed_sans: [prometheus.example]
              min_version: TLS12
              max_version: TLS13
              cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
              prefer_server_cipher_suites: true
              curve_preferences: [CurveP256, X25519]
            http_server_config:
              http2: false
              headers:
                Strict-Transport-Security: max-age=31536000
                X-Frame-Options: deny
            basic_auth_users:
              alice: \(Self.hash)
            rate_limit: {interval: 100ms, burst: 20}
            """)
        let configuration = try loaded.result.get()
        #expect(configuration.tls?.certificate == .file("/etc/server.crt"))
        #expect(configuration.tls?.key == .file("/keys/server.key"))
        #expect(configuration.tls?.clientCA == .file("/etc/ca.crt"))
        #expect(configuration.tls?.clientAuthentication == .requireAndVerify)
        #expect(configuration.tls?.clientAllowedSANs == ["prometheus.example"])
        #expect(configuration.tls?.cipherSuites == [.ecdheRSAAES128GCM, .aes128GCM13])
        #expect(configuration.tls?.curves == [.p256, .x25519])
        #expect(configuration.headers.map(\.name) == ["X-Frame-Options", "Strict-Transport-Security"])
        #expect(configuration.users == ["alice": Secret(Self.hash)])
        #expect(configuration.rateLimit == .init(interval: .milliseconds(100), burst: 20))
        #expect(loaded.warnings.map(\.line) == [10] && loaded.warnings[0].message.contains("the client's order holds"))
        #expect(loaded.files == ["/etc/web.yml", "/etc/server.crt", "/keys/server.key", "/etc/ca.crt"])
    }

    @Test(arguments: [
        "", "{}", "tls_server_config: {}", "tls_server_config: {min_version: TLS13}", "basic_auth_users:",
    ])
    func whatSaysNothingIsPlainHTTP(text: String) throws {
        let configuration = try load(text).result.get()
        #expect(configuration.tls == nil && configuration.users.isEmpty)
    }

    @Test(arguments: [
        ("tls_server_confg: {}", "tls_server_config"),
        ("tls_server_config: {cert_file: a, key_file: b, min_versoin: TLS12}", "min_version"),
        // Two letters that changed places are one slip, and not two.
        ("tls_server_config: {cert_file: a, key_file: b, mxa_version: TLS12}", "did you mean `max_version`"),
        ("tls_server_config: {cert_file: a}", "key_file"),
        ("tls_server_config: {key_file: a}", "cert_file"),
        ("tls_server_config: {client_auth_type: RequireAnyClientCert}", "cert_file"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Sometimes}", "NoClientCert"),
        ("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}", "client_auth_type"),
        ("tls_server_config: {cert_file: a, key_file: b, client_allowed_sans: [c]}", "client_auth_type"),
        (
            "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert, client_allowed_sans: []}",
            "client_allowed_sans"
        ),
        ("tls_server_config: {cert_file: a, cert: b, key_file: b}", "only one of"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS99}", "TLS12"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}", "above"),
        ("tls_server_config: {cert_file: a, key_file: b, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}", "cipher_suites"),
        ("tls_server_config: {cert_file: a, key_file: b, curve_preferences: [CurveP1]}", "CurveP256"),
        ("http_server_config: {headers: {X-Own: a}}", "unknown key"),
        ("http_server_config: {headers: {X-Frame-Options: maybe}}", "sameorigin"),
        ("http_server_config: {headers: {Content-Security-Policy: \"a\\nb\"}}", "one line"),
        ("http_server_config: {http2: perhaps}", "true or false"),
        ("basic_auth_users: {alice: canary-plain}", "bcrypt"),
        ("basic_auth_users: {alice: $2y$32$\(String(repeating: "a", count: 53))}", "bcrypt"),
        ("basic_auth_users: {alice: $2y$03$\(String(repeating: "a", count: 53))}", "bcrypt"),
        ("basic_auth_users: {alice: $2y$99$\(String(repeating: "a", count: 53))}", "bcrypt"),
        ("rate_limit: {interval: soon}", "interval"), ("rate_limit: {interval: 1s, burst: -1}", "burst"),
        ("- a", "mapping"), ("tls_server_config: [", "web.yml"),
    ])
    func whatIsWrongIsNamed(text: String, part: String) {
        guard case .failure(let errors) = load(text).result else {
            Issue.record("taken: \(text)")
            return
        }
        #expect(errors.description.contains(part), "\(errors)")
        #expect(!errors.description.contains("canary"))
        #expect(errors.issues.allSatisfy { $0.line > 0 || $0.message.contains("missing") }, "\(errors)")
    }

    /// So that what makes a bad one good is noticed.
    @Test(arguments: [
        (
            "tls_server_config: {cert_file: a.crt, key_file: /k/a.key, client_ca_file: c}\nnonsense: 1",
            ["/etc/a.crt", "/k/a.key", "/etc/c"]
        ),
        ("tls_server_config: {cert_file: a.crt}", ["/etc/a.crt"]),
        ("tls_server_config: {cert_file: a.crt, cert: b, key_file: 7}", ["/etc/a.crt", "/etc/7"]),
        ("basic_auth_users: {alice: plain}", []), ("tls_server_config: [", []),
    ])
    func aBadOneNamesItsFilesToo(text: String, named: [String]) {
        let loaded = load(text)
        #expect(throws: ConfigurationErrors.self) { try loaded.result.get() }
        #expect(loaded.files == ["/etc/web.yml"] + named)
    }
}
