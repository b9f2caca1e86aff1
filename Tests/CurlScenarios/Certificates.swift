import Curl
import Simulator
import Transport

/// The second look at a server's certificates.
enum Certificates {
    /// It goes to the address of the first, whatever the name leads to by then.
    static func pinned() async throws {
        let names = try NameServer()
        names.set("cert.test", "127.0.0.1")
        let authority = try SimulatedCertificateAuthority()
        let server = try await LoopbackServer.start(identity: try authority.issue(.good)) { _ in .response(200) }
        let transport = try CurlTransport(connections: .fresh)
        let transfer = await transport.get("https://cert.test:\(server.port)/")
        say("first: \(transfer.outcome)")
        say("certificate seen: \(transfer.tls?.leafNotAfter != nil)")
        say("lookups: \(names.count("cert.test"))")
        transport.shutdown()
        await server.stop()
    }
}
