import Curl
import Foundation
import Simulator
import TestSupport
import Testing
import Transport

/// TLS options and HTTP versions against nginx.
@Suite struct RealServerTests {
    @Test func theVersionIsWhatWasAskedForAndToBeHad() async throws {
        let fixture = try Fixture()
        let nginx = try await Nginx(fixture)
        let chosen = await fixture.perform(nginx.url(.both))
        #expect(chosen.response?.version == .http2 && chosen.seen.httpVersion == "HTTP/2.0")
        chosen.expectWholePhases()
        let older = await fixture.perform(nginx.url(.both)) { $0.httpVersion = .http1_1 }
        #expect(older.response?.version == .http1_1 && older.seen.httpVersion == "HTTP/1.1")
        let only = await fixture.perform(nginx.url(.http1))
        #expect(only.response?.version == .http1_1)
        let asked = await fixture.perform(nginx.url(.both)) { $0.httpVersion = .http2 }
        #expect(asked.response?.version == .http2)
        let clear = await fixture.perform(nginx.url(.clear)) { $0.httpVersion = .http2 }
        #expect(clear.response?.version == .http2)
        let automatic = await fixture.perform(nginx.url(.clear))
        #expect(automatic.response == nil, "without TLS nothing offers HTTP/2, and this site speaks nothing else")

        let before = nginx.log.count
        let refused = await fixture.perform(nginx.url(.http1), .post) {
            $0.httpVersion = .http2
            $0.body = Array("body".utf8)
        }
        #expect(refused.reason == .httpProtocol, "\(refused.result)")
        #expect(refused.tls?.isVerified == true && refused.tls?.leafNotAfter != nil)
        refused.expectWholePhases()
        #expect(nginx.log.count == before, "nothing is sent to a server that does not offer the version")
    }

    @Test func anHTTP1ServerIsNoHTTP2Server() async throws {
        let server = try RawServer { connection in
            _ = connection.read()
            connection.write(page("400 Bad Request"))
            connection.hold()
        }
        let transfer = try await Fixture().perform("http://127.0.0.1:\(server.port)/") { $0.httpVersion = .http2 }
        #expect(transfer.reason == .httpProtocol, "\(transfer.result)")
        transfer.expectWholePhases()
    }

    @Test(arguments: ["HTTP/2", "HTTP/2.0"])
    func aNameInAStatusLineIsNoVersion(_ name: String) async throws {
        let fixture = try Fixture()
        let server = try await fixture.server(respond: { _ in
            .answer(Array("\(name) 200 OK\r\nContent-Length: 0\r\n\r\n".utf8))
        })
        for choice in [HTTPVersionChoice.automatic, .http1_1] {
            let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") { $0.httpVersion = choice }
            #expect(transfer.reason == .httpProtocol, "\(transfer.result)")
            transfer.expectWholePhases()
        }
        await server.stop()
    }

    @Test func limitsAndMethodsHoldForHTTP2() async throws {
        let fixture = try Fixture()
        let nginx = try await Nginx(fixture)
        let cut = await fixture.perform(nginx.url(.both, "/big")) { $0.maximumResponseBytes = 1000 }
        #expect(cut.response?.body.count == 1000 && cut.response?.isTruncated == true)
        cut.expectWholePhases()
        let whole = await fixture.perform(nginx.url(.both, "/big")) { $0.maximumResponseBytes = 3_000_000 }
        #expect(whole.response?.body.count == 3_000_000 && whole.response?.isTruncated == false)
        let head = await fixture.perform(nginx.url(.both, "/big"), .head)
        #expect(head.response?.status == 200 && head.response?.body.isEmpty == true)
        #expect(head.response?.header("content-length") == "3000000")
        let long = await fixture.perform(nginx.url(.both, "/header"))
        #expect(long.response?.header("X-Long")?.utf8.count == 3000)
        for method in [HTTPMethod.post, .put, .options] {
            let transfer = await fixture.perform(nginx.url(.both), method) {
                $0.headers = [HeaderField("X-Empty", ""), HeaderField("X-Filled", "v")]
            }
            #expect(transfer.seen.method == method.rawValue && transfer.seen.contentType.isEmpty, "\(transfer.result)")
            #expect(transfer.seen.filledHeader == "v" && transfer.seen.emptyHeader.isEmpty)
        }
    }

    /// Over HTTP/2 libcurl sends every body by itself.
    @Test func whatAReceiverDoesWithABodyIsProcessing() async throws {
        let fixture = try Fixture()
        let slow = try RawServer { connection in
            _ = connection.readRequest()
            connection.pause(milliseconds: 200)
            connection.write(page())
        }
        let nginx = try await Nginx(fixture, backend: slow.port)
        for site in [Nginx.Site.both, .clear] {
            for (method, body) in [(HTTPMethod.get, ""), (.post, "{}"), (.put, "{}"), (.post, "")] {
                let transfer = await fixture.perform(nginx.url(site, "/backend"), method) {
                    $0.httpVersion = .http2
                    $0.body = Array(body.utf8)
                }
                #expect(transfer.response?.status == 200 && transfer.response?.version == .http2, "\(transfer.result)")
                #expect((transfer.timings.processing ?? .zero) >= .milliseconds(100), "\(method) \(transfer.timings)")
                transfer.expectWholePhases()
            }
        }
    }

    @Test func sessionsAreNotResumedOnFreshConnections() async throws {
        let fixture = try Fixture(.fresh)
        let nginx = try await Nginx(fixture)
        for _ in 0..<3 {
            let transfer = await fixture.perform(nginx.url(.both)) { $0.httpVersion = .http1_1 }
            #expect(transfer.response?.status == 200 && !transfer.seen.isResumed)
        }
    }

    /// Over HTTP/2 a request could join another one's connection while that still runs.
    @Test func aConnectionInUseIsNotJoined() async throws {
        let fixture = try Fixture(.fresh)
        let nginx = try await Nginx(fixture)
        let slow = Task {
            await fixture.perform(nginx.url(.clear, "/slow")) {
                $0.httpVersion = .http2
                $0.maximumResponseBytes = 3_000_000
            }
        }
        var connections: Set<String> = []
        for _ in 0..<20 {
            let transfer = await fixture.perform(nginx.url(.clear)) { $0.httpVersion = .http2 }
            #expect(transfer.response?.version == .http2)
            connections.insert(transfer.seen.connection)
        }
        #expect(connections.count == 20)
        slow.cancel()
        #expect(await slow.value.reason == .cancelled)
    }

    @Test func theOldestVersionIsTheOneThatIsConfigured() async throws {
        let fixture = try Fixture()
        let nginx = try await Nginx(fixture)
        func version(_ site: Nginx.Site, _ minimum: TLSOptions.Version) async -> String {
            let transfer = await fixture.perform(nginx.url(site)) { $0.tls.minimumVersion = minimum }
            transfer.expectWholePhases()
            return transfer.tls?.version ?? transfer.reason?.rawValue ?? "none"
        }
        #expect(await version(.http1, .v1_2) == "TLS 1.3")
        #expect(await version(.tls1_2, .v1_2) == "TLS 1.2")
        #expect(await version(.tls1_2, .v1_3) == "tlsHandshake")
        #expect(await version(.tls1_1, .v1_2) == "tlsHandshake")
        #expect(await version(.tls1_1, .v1_1) == "TLS 1.1")
        #expect(await version(.tls1_1, .v1_0) == "TLS 1.1")
    }

    @Test func anotherServerNameIsAskedForAndVerified() async throws {
        let fixture = try Fixture()
        let nginx = try await Nginx(fixture, named: true)
        #expect(await fixture.perform(nginx.url(.http1)).reason == .tlsHostname)
        for site in [Nginx.Site.http1, .both] {
            let transfer = await fixture.perform(nginx.url(site)) { $0.tls.serverName = "another.example" }
            #expect(transfer.response?.status == 200 && transfer.tls?.isVerified == true, "\(transfer.result)")
            #expect(transfer.seen.serverName == "another.example")
            #expect(transfer.seen.host == nginx.origin(site), "the Host header stays the URL's")
            #expect(transfer.remoteAddress == IPAddress(nginx.address))
            transfer.expectWholePhases()
        }
        let wrong = await fixture.perform(nginx.url(.http1)) { $0.tls.serverName = "third.example" }
        #expect(wrong.reason == .tlsHostname && wrong.tls?.leafNotAfter != nil, "\(wrong.result)")
        // The connection goes where the URL says, whatever the name: so does the vetting.
        let vetted = await fixture.perform(nginx.url(.http1)) {
            $0.tls.serverName = "another.example"
            $0.isAddressAllowed = { $0 != IPAddress(nginx.address) }
        }
        #expect(vetted.reason == .addressForbidden)
    }

    @Test func theClientCertificateIsPresented() async throws {
        let fixture = try Fixture()
        let nginx = try await Nginx(fixture)
        let own = try fixture.authority.issue(.good)
        let certificate = try fixture.write(own.certificatePEM, to: "own.pem")
        let key = try fixture.write(own.keyPEM, to: "own.key")
        let both = try fixture.write(own.certificatePEM + "\n" + own.keyPEM, to: "both.pem")
        #expect(await fixture.perform(nginx.url(.clientCertificate)).seen.clientVerdict == "NONE")
        let shown = await fixture.perform(nginx.url(.clientCertificate)) {
            $0.tls.certificateFile = certificate
            $0.tls.keyFile = key
        }
        // The simulated authority issues certificates for servers; that it was shown is what counts.
        #expect(shown.response != nil && shown.seen.clientVerdict != "NONE", "\(shown.result) \(shown.text)")
        let together = await fixture.perform(nginx.url(.clientCertificate)) { $0.tls.certificateFile = both }
        #expect(together.seen.clientVerdict == shown.seen.clientVerdict)
    }

    /// With TLS 1.3 the alert comes when the client thinks that all is well.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func aServerThatInsistsOnACertificateRefusesTheHandshake(_ version: String) async throws {
        let fixture = try Fixture()
        let identity = try fixture.authority.issue(.good)
        let certificate = try fixture.write(identity.certificatePEM, to: "server.pem")
        let key = try fixture.write(identity.keyPEM, to: "server.key")
        let process = try ChildProcess(
            "/usr/bin/openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-CAfile",
                fixture.caFile,
                "-Verify", "1", "-verify_return_error", version, "-www",
            ])
        let port = try await eventually { try #/ACCEPT 127\.0\.0\.1:(\d+)\n/#.firstMatch(in: process.output)?.1 }
        let transfer = await fixture.perform("https://127.0.0.1:\(try #require(port))/")
        #expect(transfer.reason == .tlsHandshake, "\(transfer.result) \(process.errors)")
        transfer.expectWholePhases()
        process.signal(SIGTERM)
    }

    @Test func theEarliestEndOfTheChainIsKept() async throws {
        let fixture = try Fixture()
        let soon = try fixture.authority.issue(.good, now: Date().addingTimeInterval(-30 * 86_400))
        let late = try fixture.authority.issue(.good)
        let nginx = try await Nginx(fixture, chain: [soon.certificatePEM, late.certificatePEM])
        let transfer = await fixture.perform(nginx.url(.http1))
        #expect(transfer.response?.status == 200, "\(transfer.result)")
        let tls = try #require(transfer.tls)
        #expect(tls.earliestNotAfter == Int64(soon.notAfter.timeIntervalSince1970))
        #expect((tls.leafNotAfter ?? 0) > (tls.earliestNotAfter ?? 0))
        // The second handshake sees the same.
        let failed = await fixture.perform(nginx.url(.http1)) { $0.tls.caFile = nil }
        #expect(failed.reason == .tlsUntrusted)
        #expect(failed.tls?.earliestNotAfter == tls.earliestNotAfter && failed.tls?.leafNotAfter == tls.leafNotAfter)
    }
}
