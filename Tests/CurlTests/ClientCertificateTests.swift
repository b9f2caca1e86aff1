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
        #expect(server.notes == ["no handshake", "certificate: false, request: false"])
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
        #expect(server.notes == ["certificate: true, request: true", "certificate: false, request: true"])
    }

    // MARK: Both sides

    private static func own(_ fixture: Fixture) throws -> (certificate: String, key: String) {
        let identity = try fixture.authority.issue(.good)
        return (
            try fixture.write(identity.certificatePEM, to: "own.pem"),
            try fixture.write(identity.keyPEM, to: "own-key.pem")
        )
    }

    /// A server that asks for a certificate, takes any or none, and notes whether it got one and a request.
    private static func asking(
        _ fixture: Fixture, _ kind: SimulatedCertificateAuthority.Kind, _ version: Int32
    ) throws -> @Sendable (RawServer.Connection) -> Void {
        let identity = try fixture.authority.issue(kind)
        let certificate = try fixture.write(identity.certificatePEM, to: "server.pem")
        let key = try fixture.write(identity.keyPEM, to: "server-key.pem")
        return { connection in
            let context = SSL_CTX_new(TLS_server_method())
            defer { SSL_CTX_free(context) }
            SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
            SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM)
            SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { _, _ in 1 }
            let session = SSL_new(context)
            defer { SSL_free(session) }
            SSL_set_fd(session, connection.number)
            guard SSL_accept(session) == 1 else { return connection.keep("no handshake") }
            let shown = SSL_get1_peer_certificate(session)
            defer { X509_free(shown) }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let hasRequest = SSL_read(session, &buffer, Int32(buffer.count)) > 0
            connection.keep("certificate: \(shown != nil), request: \(hasRequest)")
            let answer = Array(page().utf8)
            if hasRequest { SSL_write(session, answer, Int32(answer.count)) }
        }
    }
}
