import Foundation
import Simulator
import TestSupport
import Testing

/// What a web configuration says of versions, cipher suites and curves, and what OpenSSL then gets of the built binary.
@Suite struct TLSSettingsTests {
    private static let aes128 = "ECDHE-ECDSA-AES128-GCM-SHA256"
    private static let aes256 = "ECDHE-ECDSA-AES256-GCM-SHA384"
    private static let chacha = "ECDHE-ECDSA-CHACHA20-POLY1305"

    private struct Site {
        let world: World
        let exporter: ExporterProcess
        let port: Int

        init(_ setting: String = "") async throws {
            world = try await World()
            try world.writeIdentity(try world.authority.issue(.good))
            exporter = try world.start(webConfiguration: Self.configuration(setting))
            port = try await exporter.port()
        }

        private static func configuration(_ more: String) -> String {
            "tls_server_config: {cert_file: server.crt, key_file: server.key\(more.isEmpty ? "" : ", \(more)")}"
        }

        /// Holds from the next connection on.
        func set(_ more: String) throws { try world.write(Self.configuration(more), to: "web.yml") }

        /// What a client that offers this is answered over; nil where there is no handshake. The answer is read, since with TLS
        /// 1.3 a client is done before the server.
        func handshake(_ offers: [String]) async throws -> (version: String, cipher: String, group: String)? {
            try world.write("GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: "request")
            let run = try await ChildProcess.run(
                "/usr/bin/openssl",
                [
                    "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", world.path("ca.pem"),
                    "-verify_return_error", "-ign_eof",
                ] + offers, input: world.path("request"))
            let isAnswered = run.output.contains("HTTP/1.1 200") && run.output.contains("Healthy.")
            guard let chosen = run.output.firstMatch(of: /New, (TLSv[0-9.]+), Cipher is ([A-Z0-9_-]+)/) else {
                #expect(!isAnswered)
                return nil
            }
            guard isAnswered else { return nil }
            // Of an old suite OpenSSL names the version that brought it; the session's own stands further below.
            let version = run.output.firstMatch(of: /Protocol *: (TLSv[0-9.]+)/)?.output.1 ?? chosen.output.1
            let group = run.output.firstMatch(of: /Server Temp Key: ([^\n]+)/)?.output.1 ?? ""
            return (String(version), String(chosen.output.2), String(group))
        }
    }

    @Test func theClientsOrderHoldsAmongTheSuitesThatAreListed() async throws {
        let site = try await Site("prefer_server_cipher_suites: true")
        #expect(site.exporter.errors.contains("prefer_server_cipher_suites"), "that it has no effect is said")
        try site.set("")
        func cipher(_ offered: [String]) async throws -> String? {
            try await site.handshake(["-tls1_2", "-cipher", offered.joined(separator: ":")])?.cipher
        }
        // Without a list any of them will do.
        for suite in [Self.aes128, Self.aes256, Self.chacha] { #expect(try await cipher([suite]) == suite) }
        for preference in ["", ", prefer_server_cipher_suites: true"] {
            try site.set(
                "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"
                    + preference)
            for offered in [[Self.aes128, Self.aes256], [Self.aes256, Self.aes128]] {
                #expect(try await cipher(offered) == offered[0], "\(preference)")
                #expect(
                    try await cipher([Self.chacha] + offered) == offered[0], "one that is not listed is passed over")
            }
            #expect(try await cipher([Self.chacha]) == nil)
        }
        // Of TLS 1.3 every suite is on, whatever is listed.
        for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
            let found = try await site.handshake(["-tls1_3", "-ciphersuites", suite])
            #expect(found?.version == "TLSv1.3" && found?.cipher == suite)
        }
        #expect(await site.exporter.stop() == 0)
    }

    @Test func onlyVersionsBetweenTheLeastAndTheGreatestAreSpoken() async throws {
        let site = try await Site()
        let all = ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"]
        let table: [(setting: String, spoken: [String])] = [
            ("", ["-tls1_2", "-tls1_3"]), ("min_version: TLS13", ["-tls1_3"]),
            ("max_version: TLS12", ["-tls1_2"]), ("min_version: TLS12, max_version: TLS12", ["-tls1_2"]),
            ("min_version: TLS11", ["-tls1_1", "-tls1_2", "-tls1_3"]), ("min_version: TLS10", all),
        ]
        for item in table {
            try site.set(item.setting)
            for version in all {
                // OpenSSL offers the old versions only where it is told to be content with their hashes.
                let found = try await site.handshake([version, "-cipher", "DEFAULT:@SECLEVEL=0"])
                #expect((found != nil) == item.spoken.contains(version), "\(item.setting): \(version)")
                guard let found else { continue }
                let name = version == "-tls1" ? "TLSv1" : version.replacing("-tls1_", with: "TLSv1.")
                #expect(found.version == name, "\(item.setting)")
            }
        }
        #expect(await site.exporter.stop() == 0)
    }

    @Test func onlyTheCurvesThatAreListedAreUsed() async throws {
        let site = try await Site()
        let curves = [("P-256", "prime256v1"), ("P-384", "secp384r1"), ("P-521", "secp521r1"), ("X25519", "X25519")]
        for (setting, used) in [
            ("", ["P-256", "P-384", "X25519"]), ("curve_preferences: [CurveP384]", ["P-384"]),
            ("curve_preferences: [CurveP521, CurveP256]", ["P-521", "P-256"]),
            ("curve_preferences: [X25519]", ["X25519"]),
        ] {
            try site.set(setting)
            for (curve, name) in curves where !(setting.isEmpty && curve == "P-521") {
                // With TLS 1.2 the groups that a client offers have to hold the certificate's own curve as well.
                let found = try await site.handshake(["-tls1_3", "-groups", curve])
                #expect((found != nil) == used.contains(curve), "\(setting): \(curve)")
                if let found { #expect(found.group.contains(name), "\(setting): \(found.group)") }
            }
        }
        #expect(await site.exporter.stop() == 0)
    }
}
