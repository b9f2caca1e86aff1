import Curl
import Simulator
import Synchronization
import TestSupport
import Testing
import Transport

/// Which requests share a connection.
@Suite struct ConnectionTests {
    private static let keepingServer: @Sendable (RawServer.Connection) -> Void = { connection in
        while true {
            let request = connection.readRequest()
            guard request.hasSuffix("\r\n\r\n"), connection.write(page("200 OK", [], "\(connection.index)")) else {
                return
            }
        }
    }

    @Test func freshConnectionsAreNeverShared() async throws {
        let fixture = try Fixture(.fresh)
        let server = try RawServer(Self.keepingServer)
        for _ in 0..<5 {
            let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/")
            #expect(transfer.response?.status == 200)
            #expect(transfer.timings.connect.map { $0 > .zero } == true)
        }
        // More than there are pooled handles, so that options are set again on used ones.
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask { _ = await fixture.perform("http://127.0.0.1:\(server.port)/") }
            }
        }
        #expect(server.connections == 105)
    }

    @Test func aFreshConnectionIsClosedAfterItsResponse() async throws {
        let fixture = try Fixture(.fresh)
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page())
            // Until the peer goes, which a kept connection would not.
            connection.hold()
            connection.keep("gone")
        }
        #expect(await fixture.perform("http://127.0.0.1:\(server.port)/").response?.status == 200)
        #expect(try await eventually(within: .seconds(30)) { server.notes.first } == "gone")
    }

    @Test func keptConnectionsAreShared() async throws {
        let fixture = try Fixture(.kept)
        let server = try RawServer(Self.keepingServer)
        for number in 0..<5 {
            let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/")
            #expect(transfer.text == "0")
            transfer.expectWholePhases()
            #expect((transfer.timings.connect == nil) == (number > 0), "only the first connects")
        }
        #expect(server.connections == 1)
    }

    @Test(arguments: ["http", "https"])
    func whatHangsOnAKeptConnectionHasNoPhaseOfConnecting(_ scheme: String) async throws {
        let fixture = try Fixture(.kept)
        let answered = Atomic(false)
        let respond: @Sendable () -> Reaction = {
            answered.exchange(true, ordering: .relaxed) ? .hang : .response(200)
        }
        let server = try await LoopbackServer.start(
            identity: scheme == "https" ? try fixture.authority.issue(.good) : nil, respond: { _ in respond() })
        let url = "\(scheme)://127.0.0.1:\(server.port)/"
        #expect(await fixture.perform(url).timings.connect != nil)
        let transfer = await fixture.perform(url, timeout: .milliseconds(400))
        #expect(transfer.reason == .responseTimeout, "\(transfer.result)")
        #expect(transfer.timings.processing == transfer.timings.total)
        #expect(transfer.phases.count == 1, "\(transfer.timings)")
        #expect(transfer.remoteAddress == IPAddress("127.0.0.1"))
        await server.stop()
    }

    @Test func aKeptConnectionThatThePeerClosedIsReplaced() async throws {
        let fixture = try Fixture(.kept)
        // Says nothing of it, and closes after the second answer.
        let server = try RawServer { connection in
            for _ in 0..<2 {
                guard !connection.readRequest().isEmpty else { return }
                connection.write(page("200 OK", [], "\(connection.index)"))
            }
        }
        for _ in 0..<10 {
            #expect(await fixture.perform("http://127.0.0.1:\(server.port)/").response?.status == 200)
        }
        #expect(server.connections >= 5 && server.connections < 10)
    }

    @Test func addressesAreVettedBeforeTheyAreConnectedTo() async throws {
        let fixture = try Fixture()
        for (host, address) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("127.0.0.77", "127.0.0.77")] {
            let server = try RawServer(host: host, Self.keepingServer)
            let shown = host.contains(":") ? "[\(host)]" : host
            for scheme in ["http", "https"] {
                let asked = Gathering<IPAddress>()
                let transfer = await fixture.perform("\(scheme)://\(shown):\(server.port)/") {
                    $0.isAddressAllowed = { address in
                        asked.add(address)
                        return false
                    }
                }
                #expect(transfer.reason == .addressForbidden, "\(transfer.result)")
                #expect(asked.values == [IPAddress(address)].compactMap { $0 })
                #expect(transfer.remoteAddress == nil)
                transfer.expectWholePhases()
            }
            #expect(server.connections == 0)
            let good = await fixture.perform("http://\(shown):\(server.port)/") {
                $0.isAddressAllowed = { $0 == IPAddress(address) }
            }
            #expect(good.response?.status == 200 && good.remoteAddress == IPAddress(address))
            #expect(server.connections == 1)
        }
    }

    @Test(
        arguments: [("::1", "[::1]", .ipv4, "IPv4"), ("127.0.0.1", "127.0.0.1", .ipv6, "IPv6")]
            as [(String, String, IPProtocolChoice, String)], ["http", "https"])
    func anAddressOfTheOtherFamilyIsNotConnectedTo(
        _ peer: (address: String, host: String, choice: IPProtocolChoice, family: String), _ scheme: String
    ) async throws {
        let server = try RawServer(host: peer.address, Self.keepingServer)
        let transfer = try await Fixture().perform("\(scheme)://\(peer.host):\(server.port)/") {
            $0.ipProtocol = peer.choice
            $0.isAddressAllowed = { _ in true }
        }
        let error = #expect(throws: TransferError.self) { try transfer.result.get() }
        #expect(error?.reason == .connect)
        #expect(error?.message == "the address is not an \(peer.family) address, as ip_protocol asks for")
        #expect(server.connections == 0)
        transfer.expectWholePhases()
    }
}
