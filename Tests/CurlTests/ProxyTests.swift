import Curl
import Simulator
import TestSupport
import Testing
import Transport

/// Proxies, well and badly behaved.
@Suite struct ProxyTests {
    typealias Script = @Sendable (RawServer.Connection) -> Void

    private static func saying(_ text: String) -> Script {
        { connection in
            connection.keep(connection.readRequest())
            connection.write(text)
        }
    }

    private static func tunnel(to port: Int) -> Script {
        { connection in
            connection.keep(connection.readRequest())
            connection.write("HTTP/1.1 200 Connected\r\nX-Proxy: yes\r\n\r\n")
            connection.relay(to: port)
        }
    }

    static let refusals: [Row<Script>] = [
        Row("403", saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")),
        Row("407", saying("HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")),
        Row("502", saying("HTTP/1.1 502 Bad Gateway\r\n\r\n")),
        Row("closes", saying("")), Row("noise", saying("what do you want\r\n\r\n")),
        Row(
            "resets",
            { connection in
                _ = connection.readRequest()
                connection.reset()
            }), Row("resets at once", { $0.reset() }), Row("hangs", { $0.hold() }),
        Row("cut header", saying("HTTP/1.1 200 Connected\r\nX-A:")),
        Row(
            "endless header",
            { connection in
                _ = connection.readRequest()
                connection.write("HTTP/1.1 200 Connected\r\n")
                while connection.write("X-A: " + String(repeating: "b", count: 1000) + "\r\n") {}
            }),
    ]

    @Test(arguments: refusals, ["http", "https"])
    func aProxyThatDoesNotDoItsPartIsToBlame(_ row: Row<Script>, _ target: String) async throws {
        // Without TLS there is no tunnel: what the proxy says is the answer, a demand for credentials excepted.
        guard target == "https" || row.name == "407" else { return }
        let fixture = try Fixture()
        let proxy = try RawServer(row.value)
        let timeout: Duration = row.name == "hangs" ? .milliseconds(400) : .seconds(30)
        let transfer = await fixture.perform("\(target)://127.0.0.1:1/", timeout: timeout) {
            $0.proxy = Secret("http://canary:canary@127.0.0.1:\(proxy.port)")
            $0.headers = [HeaderField("X-Token", "canary")]
            $0.wantsTrace = true
        }
        #expect(transfer.reason == .proxy, "\(transfer.result)")
        #expect(!"\(transfer.result) \(transfer.trace)".contains("canary"))
        transfer.expectWholePhases(row.name)
        #expect(transfer.tls == nil)
    }

    @Test(arguments: ["http", "https"])
    func aProxyThatIsNotThereIsToBlame(_ scheme: String) async throws {
        let refusing = try #require(RefusingPort())
        let transfer = try await Fixture().perform("\(scheme)://127.0.0.1:1/") {
            $0.proxy = Secret("http://127.0.0.1:\(refusing.port)")
        }
        #expect(transfer.reason == .proxy)
        transfer.expectWholePhases()
    }

    @Test(arguments: ["http", "https"])
    func aProxyWhoseCertificateIsNotTrustedIsToBlame(_ scheme: String) async throws {
        let fixture = try Fixture()
        let proxy = try await fixture.server()
        let transfer = await fixture.perform("\(scheme)://127.0.0.1:1/") {
            $0.proxy = Secret("https://127.0.0.1:\(proxy.port)")
            $0.tls.caFile = nil
        }
        #expect(transfer.reason == .proxy && transfer.tls == nil, "\(transfer.result)")
        transfer.expectWholePhases()
        await proxy.stop()
    }

    @Test func thePrivateAuthorityHoldsForTheProxyToo() async throws {
        let fixture = try Fixture()
        let proxy = try await fixture.server()
        let transfer = await fixture.perform("http://127.0.0.1:1/") {
            $0.proxy = Secret("https://127.0.0.1:\(proxy.port)")
        }
        #expect(transfer.response?.status == 200, "\(transfer.result)")
        transfer.expectWholePhases()
        await proxy.stop()
    }

    /// It is the proxy that is looked up, and the target only by the proxy or while it is asked.
    @Test(
        arguments: [
            ("127.0.0.1", false), ("http://127.0.0.1", false), ("http://u:p@127.0.0.1", false),
            ("http://127.1", false), ("socks5h://127.0.0.1", false), ("socks5://127.0.0.1", false),
            ("localhost", true), ("http://localhost", true), ("socks5h://localhost", true),
        ], ["http://127.0.0.1:1/", "http://localhost:1/", "https://127.0.0.1:1/"])
    func aProxyIsLookedUpWhereItHasAName(_ proxy: (String, Bool), _ target: String) async throws {
        let server = try RawServer { connection in
            _ = connection.read()
            connection.write(page("403 Forbidden"))
        }
        let transfer = try await Fixture().perform(target) { $0.proxy = Secret("\(proxy.0):\(server.port)") }
        #expect((transfer.timings.resolve != nil) == proxy.1, "\(transfer.timings)")
        #expect(transfer.timings.connect != nil && server.connections == 1)
        transfer.expectWholePhases()
    }

    @Test func aTunnelLeadsToTheTarget() async throws {
        let fixture = try Fixture()
        let requests = Gathering<SimulatedRequest>()
        let server = try await fixture.server(respond: { request in
            requests.add(request)
            return .response(200, headers: ["X-Target: yes"])
        })
        let proxy = try RawServer(Self.tunnel(to: server.port))
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") {
            $0.proxy = Secret("http://user:word@127.0.0.1:\(proxy.port)")
            $0.headers = [HeaderField("X-Token", "for the target only")]
            // The proxy's address is the operator's choice, and the target's is not known here.
            $0.isAddressAllowed = { _ in false }
        }
        #expect(transfer.response?.status == 200 && transfer.tls?.isVerified == true, "\(transfer.result)")
        #expect(transfer.response?.header("X-Target") == "yes" && transfer.response?.header("X-Proxy") == nil)
        transfer.expectWholePhases()
        #expect(transfer.timings.tls != nil && transfer.timings.processing != nil)
        let connect = try #require(proxy.notes.first)
        #expect(connect.hasPrefix("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n"))
        #expect(connect.contains("Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n") && !connect.contains("X-Token"))
        let request = try #require(requests.values.first)
        #expect(request.header("X-Token") == "for the target only")
        #expect(request.header("Proxy-Authorization") == nil)
        await server.stop()
    }

    @Test func whatAReceiverBehindATunnelDoesWithABodyIsProcessing() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server(respond: { _ in .response(200, after: .milliseconds(200)) })
        let proxy = try RawServer(Self.tunnel(to: server.port))
        let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/", .post) {
            $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
            $0.body = [UInt8](repeating: 0x61, count: 200_000)
        }
        #expect(transfer.response?.status == 200, "\(transfer.result)")
        #expect((transfer.timings.processing ?? .zero) >= .milliseconds(100), "\(transfer.timings)")
        transfer.expectWholePhases()
        await server.stop()
    }

    @Test func whatFailsBehindTheTunnelIsTheTargetsFault() async throws {
        let fixture = try Fixture()
        let expired = try await fixture.server(.expired)
        let proxy = try RawServer(Self.tunnel(to: expired.port))
        let transfer = await fixture.perform("https://127.0.0.1:\(expired.port)/") {
            $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
        }
        #expect(transfer.reason == .tlsExpired && transfer.tls?.leafNotAfter != nil, "\(transfer.result)")
        #expect(proxy.connections == 2, "the certificates are looked at through the proxy too")
        transfer.expectWholePhases()

        let silent = try RawServer { $0.hold() }
        let way = try RawServer(Self.tunnel(to: silent.port))
        let hanging = await fixture.perform("https://127.0.0.1:\(silent.port)/", timeout: .milliseconds(500)) {
            $0.proxy = Secret("http://127.0.0.1:\(way.port)")
        }
        #expect(hanging.reason == .tlsTimeout, "\(hanging.result)")
        hanging.expectWholePhases()
        await expired.stop()
    }

    @Test func theServerNameIsNotWhatATunnelLeadsTo() async throws {
        let fixture = try Fixture()
        let expired = try await fixture.server(.expired)
        let proxy = try RawServer(Self.tunnel(to: expired.port))
        let transfer = await fixture.perform("https://127.0.0.1:\(expired.port)/") {
            $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
            $0.tls.serverName = "localhost"
        }
        #expect(transfer.reason == .tlsExpired && transfer.tls?.leafNotAfter != nil, "\(transfer.result)")
        #expect(proxy.notes.count == 2)
        for note in proxy.notes { #expect(note.hasPrefix("CONNECT 127.0.0.1:\(expired.port) "), "\(note)") }
        await expired.stop()
    }

    @Test func aFileThatCannotBeReadIsNotTheProxysFault() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        let proxy = try RawServer(Self.tunnel(to: server.port))
        let nonsense = try fixture.write("nonsense", to: "nonsense.pem")
        let changes: [(inout TLSOptions) -> Void] = [{ $0.certificateFile = nonsense }, { $0.caFile = nonsense }]
        for change in changes {
            let transfer = await fixture.perform("https://127.0.0.1:\(server.port)/") {
                $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
                change(&$0.tls)
            }
            #expect(transfer.reason == .internal, "\(transfer.result)")
        }
        await server.stop()
    }

    @Test func withoutTLSTheProxyIsAskedForTheWholeURL() async throws {
        let proxy = try RawServer(Self.saying(page("404 Not Found")))
        let transfer = try await Fixture().perform("http://127.0.0.1:1/x") {
            $0.proxy = Secret("127.0.0.1:\(proxy.port)")
        }
        #expect(transfer.response?.status == 404)
        #expect(proxy.notes.first?.hasPrefix("GET http://127.0.0.1:1/x HTTP/1.1\r\n") == true)
    }

    @Test func aProxysTextIsNoHTTP2() async throws {
        let proxy = try RawServer(Self.saying("HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"))
        let transfer = try await Fixture().perform("http://127.0.0.1:1/") {
            $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
        }
        #expect(transfer.reason == .httpProtocol, "\(transfer.result)")
        #expect(proxy.notes.count == 1 && proxy.notes.allSatisfy { $0.hasPrefix("GET ") })
    }

    /// Without a tunnel it would be asked in HTTP/1.1.
    @Test(arguments: ["http://", "https://", ""])
    func whoWantsHTTP2AsksNoProxyWithoutATunnel(_ scheme: String) async throws {
        let fixture = try Fixture()
        let (plain, secure) = (try RawServer(Self.saying(page())), try await fixture.server())
        let transfer = await fixture.perform("http://127.0.0.1:1/") {
            $0.proxy = Secret("\(scheme)127.0.0.1:\(scheme == "https://" ? secure.port : plain.port)")
            $0.httpVersion = .http2
            $0.headers = [HeaderField("X-Token", "canary")]
        }
        #expect(transfer.reason == .httpProtocol, "\(transfer.result)")
        transfer.expectWholePhases()
        #expect(plain.notes.allSatisfy { $0.isEmpty })
        await secure.stop()
    }

    /// IDNA makes addresses and other authorities of them, which the proxy would be asked for.
    @Test(arguments: [
        "\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}", "127.0.0.\u{ad}1", "127\u{3002}0\u{3002}0\u{3002}1",
        "\u{ff11}\u{ff16}\u{ff19}.254.169.254", "\u{2460}", "0\u{ff58}7f000001", "127.0.0.1\u{200d}",
        "\u{ff3b}\u{ff1a}\u{ff1a}1\u{ff3d}", "169.254.169.254\u{ff0f}.example.com", "169.254.169.254\u{ff1a}80",
        "a\u{ff20}169.254.169.254", "169.254.169.254\u{ff03}a", "169.254.169.254\u{ff1f}a.b", "a\u{ff05}2e.b", "\u{ad}",
    ])
    func noSpellingHidesAnAddressFromUs(_ host: String) async throws {
        let fixture = try Fixture()
        let proxy = try RawServer(Self.saying(page()))
        for url in ["http://\(host)/", "https://\(host)/", "https://\(host):8443/"] {
            let transfer = await fixture.perform(url) {
                $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
                $0.headers = [HeaderField("X-Token", "canary")]
            }
            #expect(transfer.reason == .urlInvalid, "\(url): \(transfer.result)")
            let named = await fixture.perform(url) {
                $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
                $0.tls.serverName = "localhost"
            }
            #expect(named.reason == .urlInvalid, "\(url): \(named.result)")
        }
        #expect(proxy.connections == 0)
    }

    @Test func aProxyIsAskedForTheASCIIFormOfAName() async throws {
        let fixture = try Fixture()
        let proxy = try RawServer(Self.saying(page()))
        for scheme in ["http", "https"] {
            _ = await fixture.perform("\(scheme)://B\u{fc}cher.example/x") {
                $0.proxy = Secret("http://127.0.0.1:\(proxy.port)")
            }
        }
        #expect(
            proxy.notes.map { $0.prefix { $0 != "\r\n" } } == [
                "GET http://xn--bcher-kva.example/x HTTP/1.1", "CONNECT xn--bcher-kva.example:443 HTTP/1.1",
            ])
    }

    @Test func aSOCKSProxyIsToBlameToo() async throws {
        let fixture = try Fixture()
        // No method of authentication is good enough.
        let refusing = try RawServer { connection in
            _ = connection.read()
            connection.write([5, 0xff])
            connection.hold()
        }
        let silent = try RawServer { $0.hold() }
        for target in ["http", "https"] {
            let refused = await fixture.perform("\(target)://127.0.0.1:1/") {
                $0.proxy = Secret("socks5h://127.0.0.1:\(refusing.port)")
            }
            #expect(refused.reason == .proxy, "\(refused.result)")
            refused.expectWholePhases()
        }
        let hanging = await fixture.perform("https://127.0.0.1:1/", timeout: .milliseconds(400)) {
            $0.proxy = Secret("socks5h://127.0.0.1:\(silent.port)")
        }
        #expect(hanging.reason == .proxy, "\(hanging.result)")
        hanging.expectWholePhases()

        let server = try await fixture.server()
        let good = try RawServer { connection in
            _ = connection.read()
            connection.write([5, 0])
            _ = connection.read()
            connection.write([5, 0, 0, 1, 127, 0, 0, 1, 0, 0])
            connection.relay(to: server.port)
        }
        let through = await fixture.perform("https://127.0.0.1:\(server.port)/") {
            $0.proxy = Secret("socks5h://127.0.0.1:\(good.port)")
        }
        #expect(through.response?.status == 200, "\(through.result)")
        through.expectWholePhases()
        await server.stop()
    }
}
