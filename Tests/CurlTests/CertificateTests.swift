import Curl
import Foundation
import Simulator
import Synchronization
import TestSupport
import Testing
import Transport

/// Certificates that do not verify: the right reason, and what they say of themselves all the same.
@Suite struct CertificateTests {
    private typealias Kind = SimulatedCertificateAuthority.Kind

    static let reasons: [Row<(SimulatedCertificateAuthority.Kind, TransferError.Reason)>] = [
        Row("expired", (.expired, .tlsExpired)), Row("not yet valid", (.notYetValid, .tlsNotYetValid)),
        Row("wrong host", (.wrongHost, .tlsHostname)), Row("untrusted", (.untrusted, .tlsUntrusted)),
    ]

    @Test(arguments: reasons)
    func aCertificateThatDoesNotVerifyIsStillSeen(
        _ row: Row<(SimulatedCertificateAuthority.Kind, TransferError.Reason)>
    ) async throws {
        let (kind, reason) = row.value
        let fixture = try Fixture()
        let identity = try fixture.authority.issue(kind)
        let connections = Atomic(0)
        let requests = Atomic(0)
        let server = try await LoopbackServer.start(
            identity: identity,
            onConnect: {
                connections.add(1, ordering: .relaxed)
                return nil
            },
            respond: { _ in
                requests.add(1, ordering: .relaxed)
                return .response(200)
            })
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/secret") {
            $0.headers = [HeaderField("X-Token", "canary")]
        }
        #expect(transfer.reason == reason, "\(transfer.result)")
        let end = Int64(identity.notAfter.timeIntervalSince1970)
        #expect(transfer.tls?.leafNotAfter == end && transfer.tls?.earliestNotAfter == end)
        #expect(transfer.tls?.isVerified == false)
        #expect(transfer.tls?.version == "TLS 1.3" && transfer.tls?.cipher?.isEmpty == false)
        #expect(transfer.remoteAddress == IPAddress("127.0.0.1"))
        transfer.expectWholePhases()
        #expect((transfer.timings.connect ?? .zero) > .zero && (transfer.timings.tls ?? .zero) > .zero)
        #expect(transfer.timings.processing == nil)
        #expect(connections.load(ordering: .relaxed) == 2)
        #expect(requests.load(ordering: .relaxed) == 0, "nothing is sent over a connection that was not verified")
        await server.stop()
    }

    /// An authority of the same name whose key is another one, as after its renewal.
    @Test func aSignatureOfAnotherKeyIsUntrusted() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        _ = try fixture.write(try SimulatedCertificateAuthority().pem, to: "ca.pem")
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/")
        #expect(transfer.reason == .tlsUntrusted, "\(transfer.result)")
        #expect(transfer.tls?.leafNotAfter != nil)
        await server.stop()
    }

    /// A name that goes on after a NUL has always been a trick, and is no fault of the chain or of our own certificate.
    @Test(arguments: ["127.0.0.1", "127.0.0.1\u{0}.evil.example", "evil.example", ""])
    func aNameInTheSubjectHasToBeTheHosts(_ name: String) async throws {
        let fixture = try Fixture()
        let key = try fixture.authority.issue(.good).keyPEM
        let certificate = try fixture.write(
            OpenSSLPeer.certificate(named: Array(name.utf8), key: key), to: "named.pem")
        let keyFile = try fixture.write(key, to: "named-key.pem")
        let server = try RawServer { OpenSSLPeer.serve($0, certificate: certificate, key: keyFile) }
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") { $0.tls.caFile = certificate }
        if name == "127.0.0.1" {
            #expect(transfer.response?.status == 200, "\(transfer.result)")
        } else {
            #expect(transfer.reason == .tlsHostname && transfer.tls?.leafNotAfter != nil, "\(transfer.result)")
        }
    }

    @Test func aGoodCertificateTakesOneHandshake() async throws {
        let fixture = try Fixture()
        let connections = Atomic(0)
        let identity = try fixture.authority.issue(.good)
        let server = try await LoopbackServer.start(
            identity: identity,
            onConnect: {
                connections.add(1, ordering: .relaxed)
                return nil
            }, respond: { _ in .response(200) })
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/")
        #expect(transfer.response?.status == 200)
        #expect(transfer.tls?.isVerified == true)
        #expect(transfer.tls?.leafNotAfter == Int64(identity.notAfter.timeIntervalSince1970))
        transfer.expectWholePhases()
        #expect(transfer.timings.tls != nil && transfer.timings.resolve == nil)
        #expect(connections.load(ordering: .relaxed) == 1)
        await server.stop()
    }

    @Test func verificationCanBeLeftOut() async throws {
        let fixture = try Fixture()
        for kind in [Kind.expired, .notYetValid, .wrongHost, .untrusted] {
            let server = try await fixture.server(kind)
            let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") {
                $0.tls.insecureSkipVerify = true
            }
            #expect(transfer.response?.status == 200 && transfer.tls?.isVerified == false, "\(kind)")
            #expect(transfer.tls?.leafNotAfter != nil)
            await server.stop()
        }
    }

    /// The second handshake hangs. Another transfer, begun after it with a timeout between one and two of its own, tells
    /// whether it got what was left of the first timeout or a whole new one.
    @Test func theSecondHandshakeStaysInsideTheTimeout() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server(.expired)
        // Where the machine is too busy for the first handshake to come to its end in time, there is no second one to look at.
        for unit in [100, 200, 400, 800, 1600] {
            // In which they ended, as the servers see it.
            let order = Gathering<String>()
            let relay = try RawServer { connection in
                guard connection.index == 0 else {
                    connection.hold()
                    return order.add("certificate")
                }
                connection.pause(milliseconds: 8 * unit)
                connection.relay(to: server.port)
            }
            let silent = try RawServer { connection in
                connection.hold()
                order.add("other")
            }
            async let first = fixture.perform("https://127.0.0.1:\(relay.port)/", timeout: .milliseconds(12 * unit))
            _ = try await eventually { relay.connections > 0 ? true : nil }
            async let second = fixture.perform("http://127.0.0.1:\(silent.port)/", timeout: .milliseconds(16 * unit))
            let (transfer, other) = await (first, second)
            guard relay.connections > 1 else { continue }
            _ = try await eventually { order.values.count == 2 ? true : nil }
            #expect(order.values == ["certificate", "other"])
            #expect(other.reason == .responseTimeout)
            #expect(transfer.reason == .tlsExpired, "\(transfer.result)")
            #expect(transfer.tls?.isVerified == false && transfer.tls?.leafNotAfter == nil)
            transfer.expectWholePhases()
            #expect(transfer.timings.total < .milliseconds(12 * unit), "the second handshake is outside the phases")
            #expect(relay.connections == 2)
            await server.stop()
            return
        }
        Issue.record("the first handshake never came to its end")
    }

    @Test func theSecondHandshakeGoesToTheSameAddress() async throws {
        let fixture = try Fixture()
        let asked = Gathering<IPAddress>()
        let server = try await fixture.server(.untrusted)
        // `localhost` has two addresses, and nothing listens on the first or second of them.
        let transfer = await fixture.perform("https://localhost:\(server.port)/") {
            $0.isAddressAllowed = { address in
                asked.add(address)
                return true
            }
        }
        #expect(transfer.reason == .tlsUntrusted, "\(transfer.result)")
        #expect(asked.values.last == IPAddress("127.0.0.1") && transfer.tls?.leafNotAfter != nil)
        await server.stop()
    }

    /// What libcurl has read of a bundle it uses again, which it does without a CA path only; and not for its usual day.
    @Test func aBundleIsReadAgainAfterItsLifetimeOnly() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        let request = fixture.request("https://127.0.0.1:\(server.port)/")
        let shortlived = try CurlTransport(connections: .fresh, bundleLifetime: .seconds(1))
        for transport in [fixture.transport, shortlived] {
            #expect(await transport.perform(request).response?.status == 200)
        }
        _ = try fixture.write(try fixture.authority.issue(.good).certificatePEM, to: "ca.pem")
        #expect(await fixture.transport.perform(request).response?.status == 200)
        let untrusted = try await eventually { () -> Transfer? in
            let transfer = await shortlived.perform(request)
            return transfer.response == nil ? transfer : nil
        }
        #expect(untrusted?.reason == .tlsUntrusted)
        #expect(await fixture.transport.perform(request).response?.status == 200)
        shortlived.shutdown()
        await server.stop()
    }

    /// The name goes into the URL, and the connection to where the URL led before.
    @Test func aServerNameMayBeAnAddressOfTheOtherFamily() async throws {
        let fixture = try Fixture()
        let server = try await LoopbackServer.start(identity: try fixture.authority.issue(.good, address: "::1")) { _ in
            .response(200)
        }
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") { $0.tls.serverName = "::1" }
        #expect(transfer.response?.status == 200 && transfer.tls?.isVerified == true, "\(transfer.result)")
        #expect(transfer.remoteAddress == IPAddress("127.0.0.1"))
        await server.stop()
    }

    /// To verify the URL's host instead would be something else than what was configured.
    @Test func aServerNameThatIsNoneIsOurFault() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        for name in ["no name", "a/b", "a:b"] {
            let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") { $0.tls.serverName = name }
            #expect(transfer.reason == .internal, "\(name): \(transfer.result)")
        }
        await server.stop()
    }

    // MARK: Handshakes that fail otherwise

    typealias Script = @Sendable (RawServer.Connection) -> Void

    static let handshakes: [Row<(Script, TransferError.Reason)>] = [
        Row("hangs", ({ $0.hold() }, .tlsTimeout)),
        Row(
            "drips",
            (
                { connection in
                    connection.write([0x16, 0x03, 0x03, 0x40, 0x00])
                    while connection.write([0]) { connection.pause(milliseconds: 50) }
                }, .tlsTimeout
            )),
        Row(
            "resets",
            (
                { connection in
                    _ = connection.read()
                    connection.reset()
                }, .reset
            )),
        Row("closes", ({ _ = $0.read() }, .tlsHandshake)),
        Row(
            "speaks HTTP",
            (
                { connection in
                    _ = connection.read()
                    connection.write(page("400 Bad Request"))
                    connection.hold()
                }, .tlsHandshake
            )),
        Row(
            "answers with an alert",
            (
                { connection in
                    _ = connection.read()
                    connection.write([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28])
                    connection.hold()
                }, .tlsHandshake
            )),
    ]

    @Test(arguments: handshakes)
    func aHandshakeThatFailsHasItsReason(_ row: Row<(Script, TransferError.Reason)>) async throws {
        let (script, reason) = row.value
        let fixture = try Fixture()
        let server = try RawServer(script)
        let timeout: Duration = reason == .tlsTimeout ? .milliseconds(400) : .seconds(30)
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/", timeout: timeout)
        #expect(transfer.reason == reason, "\(transfer.result)")
        transfer.expectWholePhases()
        #expect((transfer.timings.connect ?? .zero) > .zero, "connecting is told from the handshake")
        #expect((transfer.timings.tls ?? .zero) > .zero && transfer.timings.processing == nil)
        #expect(transfer.remoteAddress == IPAddress("127.0.0.1"))
        if reason == .tlsTimeout { #expect(transfer.lasted(timeout)) }
        #expect(server.connections == 1)
    }

    static let answers: [Row<(Reaction, TransferError.Reason)>] = [
        Row("hangs", (.hang, .responseTimeout)), Row("resets", (.reset, .reset)),
        Row("closes", (.close, .emptyResponse)),
        Row("noise", (.answer(Array("220 mail\r\n\r\n".utf8), closes: true), .httpProtocol)),
        Row(
            "closes in the headers", (.answer(Array("HTTP/1.1 200 OK\r\nX-A: b\r\n".utf8), closes: true), .httpProtocol)
        ),
        Row(
            "closes in the body",
            (.answer(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab".utf8), closes: true), .httpProtocol)),
        Row(
            "floods headers",
            (.flood(Array(("X-A: " + String(repeating: "b", count: 2000) + "\r\n").utf8)), .httpProtocol)),
        Row(
            "drips",
            (
                .drip(Array("HTTP/1.1 200 OK\r\nX-A: ".utf8), Array(repeating: 0x61, count: 30), every: .seconds(1)),
                .responseTimeout
            )),
    ]

    @Test(arguments: answers)
    func anAnswerInsideTLSThatFailsHasItsReason(_ row: Row<(Reaction, TransferError.Reason)>) async throws {
        let (reaction, reason) = row.value
        let fixture = try Fixture()
        let identity = try fixture.authority.issue(.good)
        let server = try await LoopbackServer.start(identity: identity) { _ in reaction }
        let timeout: Duration = reason == .responseTimeout ? .milliseconds(1500) : .seconds(30)
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/", timeout: timeout)
        #expect(transfer.reason == reason, "\(transfer.result)")
        transfer.expectWholePhases()
        #expect(transfer.timings.tls != nil && transfer.timings.processing != nil)
        #expect(transfer.tls?.isVerified == true)
        #expect(transfer.tls?.leafNotAfter == Int64(identity.notAfter.timeIntervalSince1970))
        if reason == .responseTimeout { #expect(transfer.lasted(timeout)) }
        await server.stop()
    }

    @Test func filesThatCannotBeReadAreOurFault() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        let url = "https://127.0.0.1:\(server.port)/"
        #expect(await fixture.perform(url) { $0.tls.caFile = "/nonexistent/ca.pem" }.reason == .internal)
        #expect(await fixture.perform(url) { $0.tls.certificateFile = "/nonexistent/own.pem" }.reason == .internal)
        let nonsense = try fixture.write("nonsense", to: "nonsense.pem")
        #expect(await fixture.perform(url) { $0.tls.certificateFile = nonsense }.reason == .internal)
        #expect(await fixture.perform(url) { $0.tls.caFile = nonsense }.reason == .internal)
        // Without a file it is the system's bundle, which does not hold ours.
        #expect(await fixture.perform(url) { $0.tls.caFile = nil }.reason == .tlsUntrusted)
        #expect(await fixture.perform(url).response?.status == 200)
        await server.stop()
    }
}
