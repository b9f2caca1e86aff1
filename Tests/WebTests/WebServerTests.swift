import TestSupport
import Testing
import Web

/// The server over a real socket.
@Suite(.timeLimit(.minutes(10))) struct WebServerTests {
    @Test func answersWhatTheHandlerSays() async throws {
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)
        try await ServerRig { request in
            WebResponse(
                status: 418,
                headers: [
                    ("X-Method", request.method), ("X-Path", request.path),
                    ("X-Accept", request.header("accept") ?? ""),
                ], body: body)
        }.run { server in
            let answer = try await server.request("GET", "/a%20b?c", headers: ["Accept: q"])
            #expect(answer.status == 418 && answer.body == body)
            #expect(
                answer.header("x-method") == "GET" && answer.header("x-path") == "/a b"
                    && answer.header("x-accept") == "q")
        }
    }

    @Test func moreThanTheLimitAtOnceIsUnavailable() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let limits = WebServer.Limits(maximumRequests: 1, limitedPaths: [["/", "/slow"], ["/apart"]])
        try await ServerRig(limits: limits) { request in
            if request.path == "/slow" {
                enter.yield()
                for await _ in gate { break }
            }
            return .text(200, "done")
        }.run { server in
            async let slow = server.request("GET", "/slow")
            for await _ in entered { break }
            #expect(try await server.request().status == 503)
            #expect(try await server.request("GET", "/other").status == 200, "only those paths are limited")
            #expect(try await server.request("GET", "/apart").status == 200, "each group has places of its own")
            open.yield()
            #expect(try await slow.status == 200)
            // The place is given back when the answer is taken, which the client may see a moment before the server.
            let again = try await eventually { try await server.request().status == 200 ? true : nil }
            #expect(again == true)
        }
    }

    /// However a request ends, its place is had again.
    @Test func noPlaceIsLost() async throws {
        let (never, hold) = AsyncStream.makeStream(of: Void.self)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let limits = WebServer.Limits(maximumRequests: 1, limitedPaths: [["/", "/slow"]])
        try await ServerRig(limits: limits) { request in
            guard request.path == "/slow" else {
                return WebResponse(status: 200, body: [UInt8](repeating: 1, count: 4 << 20))
            }
            enter.yield()
            for await _ in never { break }
            return .text(200, "late")
        }.run { server in
            let isFree = { @Sendable () async throws -> Bool? in
                try await server.request("HEAD").status == 200 ? true : nil
            }
            for _ in 0..<10 {
                // Gone before the answer, and amid it.
                let waiting = try RawClient(server.port)
                waiting.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
                for await _ in entered { break }
                waiting.reset()
                #expect(try await eventually(isFree) == true)
                let reading = try RawClient(server.port, receiveBuffer: 4096)
                reading.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await onThread { try reading.receive(until: "\r\n\r\n") }
                reading.reset()
                #expect(try await eventually(isFree) == true)
            }
            hold.finish()
        }
    }

    @Test func withoutALimitAllAreAnswered() async throws {
        try await ServerRig(limits: WebServer.Limits(maximumRequests: 0)) { _ in .text(200, "ok") }.run { server in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 { group.addTask { try await server.request().status } }
                for try await status in group { #expect(status == 200) }
            }
        }
    }
}
