import TestSupport
import Testing
import Web

/// More clients than there is room for.
@Suite(.timeLimit(.minutes(10))) struct CrowdTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private func rig(_ limit: Int, handler: @escaping WebServer.Handler = { _ in .text(200, "ok") }) -> ServerRig {
        ServerRig(limits: WebServer.Limits(maximumRequests: 0, maximumConnections: limit), handler: handler)
    }

    @Test(arguments: ["", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"])
    func theOldestMakesRoomForOneThatComes(hoard: String) async throws {
        try await rig(16).run { server in
            try await onThread {
                let hoarders = try (0..<30).map { _ in
                    let client = try RawClient(server.port)
                    // Answered once, so that they are taken in one after the other.
                    client.send(Self.request)
                    _ = try client.receive(until: "ok\n")
                    client.send(hoard)
                    return client
                }
                let late = try RawClient(server.port)
                late.send(Self.request)
                #expect(try late.receive(until: "ok\n").hasPrefix("HTTP/1.1 200"))
                // The last fifteen are within the limit together with the late one.
                for client in hoarders.dropLast(15) {
                    #expect(try client.receiveAll(orReset: true).isEmpty)
                }
            }
        }
    }

    @Test func thoseWithinTheLimitAreKept() async throws {
        try await rig(3).run { server in
            try await onThread {
                let clients = try (0..<3).map { _ in try RawClient(server.port) }
                for _ in 0..<3 {
                    for client in clients {
                        client.send(Self.request)
                        #expect(try client.receive(until: "ok\n").hasPrefix("HTTP/1.1 200"))
                    }
                }
            }
        }
    }

    /// The oldest leaves after its answer; where nobody can leave, one that comes is turned away until somebody has.
    @Test func nobodyLosesTheAnswerThatIsUnderWay() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let rig = rig(2) { request in
            guard request.path == "/slow" else { return .text(200, "ok") }
            enter.yield()
            for await _ in gate { break }
            return .text(200, "slow")
        }
        try await rig.run { server in
            var busy: [RawClient] = []
            var arrivals = entered.makeAsyncIterator()
            for _ in 0..<4 {
                let client = try RawClient(server.port)
                client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
                await arrivals.next()
                busy.append(client)
            }
            let turnedAway = try await onThread {
                let client = try RawClient(server.port)
                client.send(Self.request)
                return try client.receiveAll(orReset: true)
            }
            #expect(turnedAway.isEmpty, "twice the limit are open")
            open.finish()
            for (number, client) in busy.enumerated() {
                let answer = try await onThread { try client.receive(until: "slow\n") }
                #expect(answer.hasPrefix("HTTP/1.1 200"))
                #expect(answer.contains("Connection: close") == (number < 2), "the oldest two were asked to leave")
            }
            let answered = try await eventually { try? await server.request() }
            #expect(answered?.status == 200)
        }
    }
}
