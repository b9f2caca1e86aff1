import Curl
import Probing
import TestSupport
import Testing
import Transport

/// Redirects as they come over the wire, followed.
@Suite struct RedirectTests {
    /// - Returns: what the probe came to, and the first line of each request.
    private func follow(_ location: [UInt8]) async throws -> (result: ProbeResult?, lines: [String]) {
        let server = try RawServer { connection in
            connection.keep(String(connection.readRequest().prefix { $0 != "\r\n" }))
            let isFirst = connection.index == 0
            connection.write(
                Array("HTTP/1.1 \(isFirst ? 302 : 200) X\r\nContent-Length: 0\r\nlocation: ".utf8)
                    + (isFirst ? location : []) + Array("\r\n\r\n".utf8))
        }
        var module = ProbeModule(name: "m")
        module.method = .get
        module.followsRedirects = true
        module.allowedSchemes = ["http"]
        module.allowedNetworks = [IPNetwork("127.0.0.0/8")].compactMap { $0 }
        let fixture = try Fixture()
        let target = ProbeTarget(url: Secret("http://127.0.0.1:\(server.port)/a/b"))
        let result = await Prober(transport: fixture.transport, userAgent: "agent/1").probe(
            target: target, module: module)
        return (result, server.notes)
    }

    /// Every client asks for the bytes that the receiver wrote, whatever they are an encoding of.
    @Test(arguments: [
        (Array("/caf".utf8) + [0xe9], "/caf%E9"),
        ([0xe9, 0x2f, 0xff] + Array("?q=\u{e9}".utf8), "/a/%E9/%FF?q=%C3%A9"),
        (Array("/caf\u{e9}?\u{e9}".utf8), "/caf%C3%A9?%C3%A9"), (Array("/caf%E9".utf8), "/caf%E9"),
        (Array("/\u{fffd}".utf8), "/%EF%BF%BD"),
    ])
    func aLocationLeadsWhereItsBytesSay(_ location: [UInt8], _ path: String) async throws {
        let (result, lines) = try await follow(location)
        #expect(result?.isSuccess == true && result?.redirects == 1, "\(result?.message ?? "")")
        #expect(lines == ["GET /a/b HTTP/1.1", "GET \(path) HTTP/1.1"])
    }

    @Test func aHostIsUTF8() async throws {
        let (result, lines) = try await follow(Array("http://caf".utf8) + [0xe9] + Array(".example/".utf8))
        #expect(result?.failure == .httpProtocol && lines.count == 1)
    }
}
