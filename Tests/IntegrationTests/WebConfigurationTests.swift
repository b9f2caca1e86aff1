import Foundation
import Simulator
import TestSupport
import Testing

/// TLS, client certificates and users over the built binary, asked for by curl and checked by promtool.
@Suite struct WebConfigurationTests {
    private static let password = "correct horse"
    private static let hash = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"

    private struct Reply {
        var status: Int32
        var output: String
        var errors: String
    }

    private final class Site: Sendable {
        let world: World
        let exporter: ExporterProcess
        let port: Int

        init(_ text: String, arguments: [String] = []) async throws {
            world = try await World()
            try world.writeIdentity(try world.authority.issue(.good))
            exporter = try world.start(webConfiguration: text, arguments)
            port = try await exporter.port()
        }

        func file(_ name: String) -> String { world.folder.appendingPathComponent(name).path }

        func curl(_ arguments: [String] = [], path: String = "/-/healthy", scheme: String = "https") async throws
            -> Reply
        {
            let run = try await ChildProcess.run(
                "/usr/bin/curl",
                ["-sS", "-i", "--max-time", "20", "--cacert", file("ca.pem")] + arguments
                    + ["\(scheme)://127.0.0.1:\(port)\(path)"])
            return Reply(status: run.status, output: run.output, errors: run.errors)
        }
    }

    private static let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key}"

    @Test func onlyAUserWithTheRightPasswordIsAnswered() async throws {
        let site = try await Site(
            """
            \(Self.tls)
            http_server_config: {headers: {Strict-Transport-Security: max-age=60, X-Frame-Options: deny}}
            basic_auth_users: {alice: "\(Self.hash)"}
            """, arguments: ["--web.listen-address", "0.0.0.0:0"])
        for path in ["/-/healthy", "/metrics", "/", "/api/v1/webhooks"] {
            let right = try await site.curl(["-u", "alice:\(Self.password)"], path: path)
            #expect(right.output.hasPrefix("HTTP/1.1 200"), "\(right.output)\(right.errors)")
            #expect(right.output.lowercased().contains("strict-transport-security: max-age=60"))
            for credentials in [nil, "alice:wrong", "alice:", "bob:\(Self.password)", "alice:\(Self.password)x"] {
                let reply = try await site.curl(credentials.map { ["-u", $0] } ?? [], path: path)
                #expect(reply.output.hasPrefix("HTTP/1.1 401"), "\(credentials ?? "nobody"): \(reply.output)")
                #expect(reply.output.lowercased().contains("www-authenticate: basic"))
                #expect(!reply.output.contains("partoo_"))
            }
        }
        #expect(try await site.curl(["-H", "Authorization: Basic ????"]).output.hasPrefix("HTTP/1.1 401"))
        let plain = try await site.curl(scheme: "http")
        #expect(plain.output.hasPrefix("HTTP/1.0 400") && plain.output.contains("HTTPS only"), "\(plain)")
        #expect(!site.exporter.errors.contains("beyond loopback"), "TLS and users leave nothing to warn about")
        #expect(await site.exporter.stop() == 0)
        #expect(!site.exporter.errors.contains("$2b$"))
    }

    @Test func everyKindOfClientAuthenticationAsksForWhatItSays() async throws {
        let site = try await Site(Self.tls)
        try site.world.writeIdentity(try site.world.authority.issue(.good), "client")
        try site.world.writeIdentity(try site.world.authority.issue(.untrusted), "stranger")
        let table: [(type: String, more: String, nobody: Bool, stranger: Bool, client: Bool)] = [
            ("NoClientCert", "", true, true, true), ("RequestClientCert", "", true, true, true),
            ("RequireAnyClientCert", "", false, true, true), ("RequireClientCert", "", false, true, true),
            ("VerifyClientCertIfGiven", ", client_ca_file: ca.pem", true, false, true),
            ("RequireAndVerifyClientCert", ", client_ca_file: ca.pem", false, false, true),
            (
                "RequireAndVerifyClientCert", ", client_ca_file: ca.pem, client_allowed_sans: [localhost]", false,
                false, true
            ),
            (
                "RequireAndVerifyClientCert", ", client_ca_file: ca.pem, client_allowed_sans: [127.0.0.1]", false,
                false, true
            ),
            (
                "RequireAndVerifyClientCert", ", client_ca_file: ca.pem, client_allowed_sans: [other]", false, false,
                false
            ),
        ]
        for item in table {
            try site.world.write(
                "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: \(item.type)\(item.more)}",
                to: "web.yml")
            for (name, isAnswered) in [("", item.nobody), ("stranger", item.stranger), ("client", item.client)] {
                let arguments =
                    name.isEmpty ? [] : ["--cert", site.file("\(name).crt"), "--key", site.file("\(name).key")]
                let reply = try await site.curl(arguments)
                #expect(
                    reply.output.hasPrefix("HTTP/1.1 200") == isAnswered,
                    "\(item.type)\(item.more), \(name.isEmpty ? "no certificate" : name): \(reply.errors)")
            }
        }
        #expect(await site.exporter.stop() == 0)
    }

    @Test func changedFilesHoldForNewConnectionsAndOldOnesStay() async throws {
        let site = try await Site(Self.tls)
        // A connection that stays open over the change.
        let pipe = site.file("requests")
        #expect(mkfifo(pipe, 0o600) == 0)
        let writer = open(pipe, O_RDWR)
        defer { close(writer) }
        func ask() {
            let request = Array("GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            #expect(write(writer, request, request.count) == request.count)
        }
        let open = try ChildProcess(
            "/usr/bin/openssl", ["s_client", "-quiet", "-connect", "127.0.0.1:\(site.port)"], input: pipe)
        ask()
        let first = try await eventually { open.output.contains("Healthy.") ? true : nil }
        #expect(first == true)
        let before = try await serial(site)
        try site.world.writeIdentity(try site.world.authority.issue(.good), "server")
        let after = try await serial(site)
        #expect(before.contains("serial=") && after.contains("serial=") && before != after)
        // What has become bad changes nothing, and says so once.
        try site.world.write("nonsense: 1", to: "web.yml")
        for _ in 1...3 { #expect(try await site.curl().output.hasPrefix("HTTP/1.1 200")) }
        try site.world.write("{}", to: "web.yml")
        #expect(try await site.curl().output.hasPrefix("HTTP/1.1 200"), "TLS is never switched off by a file")
        try site.world.write("not a key", to: "server.key")
        try site.world.write(Self.tls, to: "web.yml")
        #expect(try await site.curl().output.hasPrefix("HTTP/1.1 200"))
        ask()
        let second = try await eventually { open.output.components(separatedBy: "Healthy.").count > 2 ? true : nil }
        #expect(second == true)
        open.signal(SIGKILL)
        _ = await open.exitStatus()
        #expect(await site.exporter.stop() == 0)
        let lines = site.exporter.errors.split(separator: "\n").filter { $0.contains("web configuration not reloaded") }
        #expect(lines.filter { $0.contains("nonsense") }.count == 1, "\(site.exporter.errors)")
        #expect(lines.contains { $0.contains("restart") } && lines.contains { $0.contains("key_file") })
    }

    /// As where a file is edited before a tool has put the certificate in its place.
    @Test func filesThatComeAfterTheConfigurationThatNamesThemAreTaken() async throws {
        let site = try await Site(Self.tls)
        let before = try await serial(site)
        try site.world.write("tls_server_config: {cert_file: new.crt, key_file: new.key}", to: "web.yml")
        #expect(try await serial(site) == before)
        let identity = try site.world.authority.issue(.good)
        try site.world.write(identity.certificatePEM, to: "new.crt")
        #expect(try await serial(site) == before, "there is no key yet")
        try site.world.write(identity.keyPEM, to: "new.key")
        let after = try await serial(site)
        #expect(before.contains("serial=") && after.contains("serial=") && before != after)
        #expect(await site.exporter.stop() == 0)
        let refusals = site.exporter.errors.split(separator: "\n").filter {
            $0.contains("web configuration not reloaded")
        }
        #expect(refusals.count == 2 && refusals[0].contains("cert_file") && refusals[1].contains("key_file"))
    }

    /// Of the certificate that a new connection gets.
    private func serial(_ site: Site) async throws -> String {
        let connect = "openssl s_client -connect 127.0.0.1:\(site.port) </dev/null 2>/dev/null"
        return try await ChildProcess.run("/bin/sh", ["-c", "\(connect) | openssl x509 -noout -serial"]).output
    }

    @Test func aRateIsKept() async throws {
        let site = try await Site("rate_limit: {interval: 1h, burst: 3}")
        var answers: [Int] = []
        for _ in 1...5 {
            answers.append(try await LoopbackHTTP.request("GET", "/-/healthy", port: site.port).status)
        }
        #expect(answers == [200, 200, 200, 429, 429])
        #expect(await site.exporter.stop() == 0)
    }

    private struct Health {
        var arguments: [String]
        var isGood: Bool
    }

    private func check(_ site: Site, _ scheme: String, _ table: [Health]) async throws {
        for item in table {
            let url =
                item.arguments.contains("--url")
                ? [] : ["--url", "\(scheme)://127.0.0.1:\(site.port)/-/healthy"]
            let run = try await ExporterProcess.run(["healthcheck"] + url + item.arguments)
            #expect(run.status == (item.isGood ? 0 : 1), "\(item.arguments): \(run.errors)")
            #expect(run.errors.split(separator: "\n").count == (item.isGood ? 0 : 1), "\(run.errors)")
            #expect(!run.errors.contains(Self.password))
        }
    }

    @Test func healthcheckWorksWithUsersAndRates() async throws {
        let site = try await Site("basic_auth_users: {alice: \"\(Self.hash)\"}")
        try site.world.write(Self.password + "\n", to: "password")
        try site.world.write("wrong", to: "wrong")
        let right = ["--user", "alice", "--password-file", site.file("password")]
        let ready = ["--url", "http://127.0.0.1:\(site.port)/-/ready"]
        try await check(
            site, "http",
            [
                // Whoever asks for a password is up, and says no more to one who has none.
                Health(arguments: [], isGood: true), Health(arguments: ready, isGood: false),
                Health(arguments: right, isGood: true), Health(arguments: ready + right, isGood: true),
                Health(arguments: ["--user", "alice", "--password-file", site.file("wrong")], isGood: false),
                Health(arguments: ["--user", "bob", "--password-file", site.file("password")], isGood: false),
                Health(arguments: ["--user", "alice", "--password-file", site.file("none")], isGood: false),
            ])
        try site.world.write("rate_limit: {interval: 1h, burst: 0}", to: "web.yml")
        try await check(
            site, "http", [Health(arguments: [], isGood: true), Health(arguments: ready, isGood: false)])
        #expect(await site.exporter.stop() == 0)
        try await check(site, "http", [Health(arguments: [], isGood: false)])
    }

    @Test func healthcheckWorksWithTLSAndClientCertificates() async throws {
        let site = try await Site(Self.tls)
        try site.world.writeIdentity(try site.world.authority.issue(.good), "client")
        let trust = ["--ca-file", site.file("ca.pem")]
        let client = ["--cert-file", site.file("client.crt"), "--key-file", site.file("client.key")]
        try await check(
            site, "https",
            [
                Health(arguments: [], isGood: false), Health(arguments: trust, isGood: true),
                Health(arguments: ["--insecure-skip-verify"], isGood: true),
                Health(arguments: trust + ["--server-name", "localhost"], isGood: true),
                Health(arguments: trust + ["--server-name", "other.example"], isGood: false),
                Health(arguments: trust + ["--cert-file", site.file("client.crt")], isGood: false),
            ])
        try site.world.write(
            """
            tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}
            basic_auth_users: {alice: "\(Self.hash)"}
            """, to: "web.yml")
        try await check(
            site, "https",
            [Health(arguments: trust, isGood: false), Health(arguments: trust + client, isGood: true)])
        #expect(await site.exporter.stop() == 0)
    }

    /// promtool of 2.42 knows no `rate_limit` and no `client_allowed_sans` yet.
    @Test func promtoolAgrees() async throws {
        let site = try await Site("")
        try site.world.write("nothing", to: "empty.pem")
        let table: [(text: String, isGood: Bool)] = [
            ("", true), (Self.tls, true), ("basic_auth_users: {alice: \"\(Self.hash)\"}", true),
            ("\(Self.tls)\nhttp_server_config: {http2: true, headers: {X-Frame-Options: sameorigin}}", true),
            (
                "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: RequireAnyClientCert, "
                    + "client_ca_file: ca.pem, min_version: TLS10, max_version: TLS13, curve_preferences: [CurveP256], "
                    + "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_AES_128_GCM_SHA256]}", true
            ),
            ("tls_server_config: {cert_file: server.crt}", false), ("nonsense: 1", false),
            ("tls_server_config: {cert_file: none.crt, key_file: server.key}", false),
            ("tls_server_config: {cert_file: empty.pem, key_file: server.key}", false),
            ("tls_server_config: {cert_file: server.crt, key_file: ca.pem}", false),
            ("tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.pem}", false),
            ("tls_server_config: {cert_file: server.crt, key_file: server.key, cipher_suites: [NONE]}", false),
            ("http_server_config: {headers: {X-Own: 1}}", false), ("basic_auth_users: {alice: plain}", false),
        ]
        for (index, item) in table.enumerated() {
            try site.world.write(item.text, to: "\(index).yml")
            let promtool = try await ChildProcess.run(
                "/usr/bin/promtool", ["check", "web-config", site.file("\(index).yml")])
            #expect((promtool.status == 0) == item.isGood, "promtool, \(item.text): \(promtool.errors)")
            guard !item.isGood else { continue }
            let run = try await ExporterProcess.run([
                "serve", "--config.file", site.file("config.yml"), "--web.listen-address", "127.0.0.1:0",
                "--web.config.file", site.file("\(index).yml"),
            ])
            let lines = run.errors.split(separator: "\n").filter { !$0.contains("level=warn") }
            #expect(run.status == 1 && lines.count == 1, "\(item.text): \(run.errors)")
        }
        // The good ones are put into force one after the other by a running exporter, which says what it refuses.
        for (index, item) in table.enumerated() where item.isGood {
            let exporter = try ExporterProcess([
                "serve", "--config.file", site.file("config.yml"), "--web.listen-address", "127.0.0.1:0",
                "--web.config.file", site.file("\(index).yml"),
            ])
            #expect(try await exporter.port() > 0, "\(item.text)")
            #expect(await exporter.stop() == 0)
        }
        #expect(await site.exporter.stop() == 0)
    }
}
