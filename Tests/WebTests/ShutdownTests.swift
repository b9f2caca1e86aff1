import TestSupport
import Testing
import Web

/// What a server does with its connections when it is told to stop.
@Suite(.timeLimit(.minutes(10))) struct ShutdownTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Connections that are accepted in the very moment of the end are closed like the others: nothing traps, nothing hangs.
    @Test func connectionsThatComeWhileItEndsAreEndedToo() async throws {
        for _ in 0..<300 {
            try await ServerRig { _ in .text(200, "ok") }.run { server in
                let port = server.port
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            try await onThread {
                                // One only comes and one asks, until nobody listens any more.
                                while (try? RawClient(port)) != nil, let client = try? RawClient(port) {
                                    client.send(Self.request)
                                    _ = try? client.receive(until: "ok\n")
                                }
                            }
                        }
                    }
                    _ = try await server.request()
                    await server.shutDown()
                    try await group.waitForAll()
                }
                await server.end()
            }
        }
    }

    @Test func anAnswerUnderWayIsFinishedAndTheIdleAreClosedAtOnce() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: 3 << 20)
        let rig = ServerRig { request in
            guard request.path == "/slow" else { return .text(200, "ok") }
            enter.yield()
            for await _ in gate { break }
            return WebResponse(status: 200, body: body)
        }
        try await rig.run { server in
            let silent = try RawClient(server.port)
            let kept = try RawClient(server.port)
            let asking = try RawClient(server.port)
            try await onThread {
                kept.send(Self.request)
                _ = try kept.receive(until: "ok\n")
                asking.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + Self.request)
            }
            for await _ in entered { break }
            await server.shutDown()
            // The idle are closed, and nobody listens, while the answer is still under way.
            #expect(try await onThread { try kept.receiveAll() + silent.receiveAll() }.isEmpty)
            let isRefused = try await eventually { (try? RawClient(server.port)) == nil ? true : nil }
            #expect(isRefused == true)
            open.yield()
            let answer = try await onThread { try asking.receiveAll() }
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("Connection: close"))
            #expect(answer.utf8.suffix(body.count).elementsEqual(body))
            #expect(answer.ranges(of: "HTTP/1.1").count == 1, "what was not begun is not begun any more")
            await server.end()
        }
    }

    @Test func aRequestThatHasBegunMayEndAndIsAnswered() async throws {
        let rig = ServerRig(limits: WebServer.Limits(readTimeout: .seconds(3600))) { _ in .text(200, "ok") }
        try await rig.run { server in
            let client = try RawClient(server.port)
            let idle = try RawClient(server.port)
            try await onThread {
                client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
                _ = try client.receive(until: "100 Continue\r\n\r\n")
            }
            await server.shutDown()
            let answer = try await onThread {
                _ = try idle.receiveAll()
                client.send("ab")
                return try client.receiveAll()
            }
            #expect(answer.hasPrefix("HTTP/1.1 200"))
            await server.end()
        }
    }

    /// Its time over, the server waits for nobody: not for a handler, not for a client that reads nothing.
    @Test func theLastAreCutWhenTheTimeIsOver() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (never, hold) = AsyncStream.makeStream(of: Void.self)
        var rig = ServerRig { request in
            enter.yield()
            // Ends when the task is cancelled.
            if request.path == "/slow" { for await _ in never { break } }
            return WebResponse(status: 200, body: [UInt8](repeating: 1, count: 16 << 20))
        }
        rig.timeToEnd = .milliseconds(50)
        try await rig.run { server in
            let asking = try RawClient(server.port)
            let stuck = try RawClient(server.port, receiveBuffer: 4096)
            asking.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            stuck.send(Self.request)
            var entries = entered.makeAsyncIterator()
            for _ in 0..<2 { await entries.next() }
            await server.shutDown()
            await server.end()
            #expect((try? await onThread { try asking.receiveAll() }) ?? "" == "")
            hold.finish()
            stuck.close()
        }
    }

    @Test func aHandlerIsToldWhenItsClientIsGone() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (ends, end) = AsyncStream.makeStream(of: Bool.self)
        let (never, hold) = AsyncStream.makeStream(of: Void.self)
        let rig = ServerRig { _ in
            enter.yield()
            for await _ in never { break }
            end.yield(Task.isCancelled)
            return .text(200, "ok")
        }
        try await rig.run { server in
            let client = try RawClient(server.port)
            client.send(Self.request)
            for await _ in entered { break }
            client.reset()
            for await isCancelled in ends {
                #expect(isCancelled)
                break
            }
            hold.finish()
        }
    }
}
