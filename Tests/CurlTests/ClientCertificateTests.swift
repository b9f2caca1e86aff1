import CCurl
import Curl
import Simulator
import TestSupport
import Testing
import Transport

/// Who gets to see our own certificate.
@Suite struct ClientCertificateTests {
    static let versions = [TLS1_2_VERSION, TLS1_3_VERSION]

    /// The second handshake looks at the certificates of a peer that was found false. It shows ours no more than the first.
    @Test(arguments: versions)
    func aPeerThatDoesNotVerifyIsShownNone(_ version: Int32) async throws {
        let fixture = try Fixture()
        let server = try RawServer(try Self.asking(fixture, .untrusted, version))
        let own = try Self.own(fixture)
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/", .post) {
            $0.tls.certificateFile = own.certificate
            $0.tls.keyFile = own.key
            $0.headers = [HeaderField("X-Token", "canary")]
            $0.body = Array("canary".utf8)
        }
        #expect(transfer.reason == .tlsUntrusted, "\(transfer.result)")
        #expect(transfer.tls?.leafNotAfter != nil)
        _ = try await eventually { server.notes.count >= 2 ? true : nil }
        // Sorted: each connection has a thread of its own.
        #expect(server.notes.sorted() == ["certificate: false, request: false", "no handshake"])
    }

    @Test(arguments: versions)
    func aPeerThatVerifiesIsShownOurs(_ version: Int32) async throws {
        let fixture = try Fixture()
        let server = try RawServer(try Self.asking(fixture, .good, version))
        let own = try Self.own(fixture)
        for isConfigured in [true, false] {
            let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") {
                $0.tls.certificateFile = isConfigured ? own.certificate : nil
                $0.tls.keyFile = isConfigured ? own.key : nil
            }
            #expect(transfer.response?.status == 200, "\(transfer.result)")
        }
        _ = try await eventually { server.notes.count >= 2 ? true : nil }
        #expect(server.notes.sorted() == ["certificate: false, request: true", "certificate: true, request: true"])
    }

    // MARK: Both sides

    private static func own(_ fixture: Fixture) throws -> (certificate: String, key: String) {
        let identity = try fixture.authority.issue(.good)
        return (
            try fixture.write(identity.certificatePEM, to: "own.pem"),
            try fixture.write(identity.keyPEM, to: "own-key.pem")
        )
    }

    private static func asking(
        _ fixture: Fixture, _ kind: SimulatedCertificateAuthority.Kind, _ version: Int32
    ) throws -> @Sendable (RawServer.Connection) -> Void {
        let identity = try fixture.authority.issue(kind)
        let certificate = try fixture.write(identity.certificatePEM, to: "server.pem")
        let key = try fixture.write(identity.keyPEM, to: "server-key.pem")
        return { OpenSSLPeer.serve($0, certificate: certificate, key: key, version: version) }
    }
}
