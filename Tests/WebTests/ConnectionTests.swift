import TestSupport
import Testing

@testable import Web

/// What goes over one connection, byte by byte.
@Suite(.timeLimit(.minutes(10))) struct ConnectionTests {
    private static let echo = ServerRig { .text(200, "\($0.method) \($0.path)") }

    /// What a server says to bytes after which the client sends nothing, until it closes. A connection that is kept open ends
    /// the exchange by a last request that has it closed.
    private func said(_ text: String, to rig: ServerRig = echo) async throws -> String {
        try await rig.run { try await $0.exchange(text) }
    }

    private func statuses(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("HTTP/1.") }.map {
            String($0.dropFirst(9).prefix(3))
        }
    }

    private static let close = "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    @Test func aConnectionIsKeptUnlessSomebodyWantsItClosed() async throws {
        let kept = try await said("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" + Self.close)
        #expect(statuses(kept) == ["200", "200"])
        #expect(kept.ranges(of: "Connection: close").count == 1, "only the last says so")
        let old = try await said("GET /1 HTTP/1.0\r\n\r\n")
        #expect(old.hasPrefix("HTTP/1.0 200 OK\r\n") && old.contains("Connection: close") && old.hasSuffix("GET /1\n"))
        let oldKept = try await said(
            "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\nConnection: close\r\n\r\n")
        #expect(statuses(oldKept) == ["200", "200"] && oldKept.contains("Connection: keep-alive"))
        #expect(oldKept.hasSuffix("GET /2\n"))
    }

    @Test func requestsSentAheadAreAnsweredInTheirOrderOneByOne() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: String.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let rig = ServerRig { request in
            enter.yield(request.path)
            if request.path == "/0" { for await _ in gate { break } }
            return .text(200, "<\(request.path)>")
        }
        let requests = (0..<20).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" }
        let answers = try await rig.run { server in
            async let answers = server.exchange(requests.joined() + Self.close)
            var paths = entered.makeAsyncIterator()
            #expect(await paths.next() == "/0")
            // Another connection is served meanwhile, and the next request of this one is not.
            #expect(try await server.request("GET", "/other").status == 200)
            #expect(await paths.next() == "/other")
            open.yield()
            #expect(await paths.next() == "/1")
            return try await answers
        }
        let bodies = answers.split(separator: "<").dropFirst().map { $0.prefix { $0 != ">" } }
        #expect(bodies == (0..<20).map { "/\($0)" } + ["/end"])
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", "\u{0}\u{1}\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ])
    func whatIsNoRequestIsToldSoAndEnded(bytes: String) async throws {
        // What comes after it is never answered.
        let answer = try await said(bytes + Self.close)
        #expect(statuses(answer) == ["400"] && answer.contains("Connection: close"), "\(answer)")
    }

    /// One that the parser does not know is not allowed like others; all else of it is broken.
    @Test func aMethodOfNobodysIsNotAllowed() async throws {
        for method in ["FOO", "get", "GETX", "M-FOO", "!", "Foo"] {
            for before in ["", "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"] {
                let answer = try await said("\(before)\(method) /a HTTP/1.1\r\nHost: a\r\n\r\n" + Self.close)
                #expect(statuses(answer) == (before.isEmpty ? ["405"] : ["200", "405"]), "\(answer)")
                #expect(answer.contains("\r\nAllow: GET, HEAD\r\n") && answer.contains("Connection: close"))
            }
        }
        for line in [
            "FOO", "FOO /a", "FOO /a HTTP/2.0", "F(O /a HTTP/1.1", "FOO /a b HTTP/1.1", "\u{16}\u{3}\u{1} a b",
        ] {
            let answer = try await said("\(line)\r\nHost: a\r\n\r\n" + Self.close)
            #expect(statuses(answer) == ["400"] && !answer.contains("Allow"), "\(line): \(answer)")
        }
    }

    @Test func whatIsBrokenWaitsForTheAnswerBefore() async throws {
        let answer = try await said("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
        #expect(statuses(answer) == ["200", "400"])
    }

    @Test func headersPastTheLimitAreTooLarge() async throws {
        var rig = Self.echo
        rig.limits = WebServer.Limits(maximumHeaderBytes: 4096)
        let long = String(repeating: "a", count: 5000)
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\nX-Long: \(long)\r\n\r\n", "GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\((0..<200).map { "X-\($0): a\r\n" }.joined())\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X-A: \(long.prefix(1000))\r\n", count: 5))\r\n",
        ] {
            #expect(statuses(try await said(head + Self.close, to: rig)) == ["431"], "\(head.prefix(60))")
        }
        let fitting = "GET / HTTP/1.1\r\nHost: a\r\nX-Long: \(long.prefix(2000))\r\nConnection: close\r\n\r\n"
        #expect(statuses(try await said(fitting, to: rig)) == ["200"])
    }

    @Test func bodiesPastTheLimitAreTooLarge() async throws {
        var rig = Self.echo
        rig.limits = WebServer.Limits(maximumBodyBytes: 1000)
        let body = String(repeating: "b", count: 1001)
        let chunked = "Transfer-Encoding: chunked\r\n\r\n3e8\r\n\(body.dropFirst())\r\n1\r\nb\r\n0\r\n\r\n"
        for rest in [
            "Content-Length: 1001\r\n\r\n\(body)", chunked, "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
        ] {
            let answer = try await said("POST / HTTP/1.1\r\nHost: a\r\n\(rest)", to: rig)
            #expect(statuses(answer) == ["413"], "\(rest.prefix(60)): \(answer)")
        }
        let fitting = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n\(body.dropFirst())" + Self.close
        #expect(statuses(try await said(fitting, to: rig)) == ["200", "200"])
    }

    /// A client that goes on sending what is refused gets the answer, too, and not a reset.
    @Test func aRefusalReachesAClientThatIsStillSending() async throws {
        let answer = try await Self.echo.run { server in
            try await onThread {
                let client = try RawClient(server.port)
                client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
                let piece = String(repeating: "b", count: 100_000)
                for _ in 0..<20 where !client.send(piece) { break }
                client.endSending()
                return try client.receiveAll()
            }
        }
        #expect(statuses(answer) == ["413"])
    }

    @Test func aClientThatAsksBeforeItSendsIsToldToGoOn() async throws {
        let text = try await Self.echo.run { server in
            try await onThread {
                let client = try RawClient(server.port)
                client.send("PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                let first = try client.receive(until: "\r\n\r\n")
                client.send("abc" + Self.close)
                return first + (try client.receiveAll())
            }
        }
        #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"))
        #expect(statuses(text) == ["100", "200", "200"])
    }

    /// The parser reads no further request after one that wants another protocol, so nobody must wait for an answer to one.
    @Test func aWishForAnotherProtocolIsAnsweredAndIsTheLast() async throws {
        let answer = try await said(
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n"
        )
        #expect(statuses(answer) == ["200"] && answer.contains("Connection: close"))
        #expect(statuses(try await said("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")) == ["200"])
    }

    @Test func aClientThatHasSaidAllIsAnswered() async throws {
        let answer = try await Self.echo.run { server in
            try await onThread {
                let client = try RawClient(server.port)
                client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
                client.endSending()
                return try client.receiveAll()
            }
        }
        #expect(statuses(answer) == ["200", "200"])
    }

    @Test func aHeadHasTheLengthAndNoBody() async throws {
        let answer = try await said("HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n" + Self.close)
        let heads = answer.split(separator: "\r\n\r\n")
        #expect(heads[0].contains("Content-Length: 8\r\n") && heads[1].hasPrefix("HTTP/1.1 200"))
    }

    @Test func noHeaderEndsItsLine() async throws {
        let rig = ServerRig { _ in
            WebResponse(
                status: 200,
                headers: [
                    ("X-A", "a\r\nX-Evil: 1"), ("X-B\r\nX-Evil", "1"), ("X C", "1"), ("", "1"), ("X-Good", "ä\t1"),
                ])
        }
        let answer = try await said(Self.close, to: rig)
        #expect(!answer.contains("Evil") && !answer.contains("X C") && answer.contains("\r\nX-Good: ä\t1\r\n"))
    }

    @Test(arguments: [204, 304])
    func statusesWithoutABodyHaveNone(status: Int) async throws {
        let answer = try await said(
            Self.close, to: ServerRig { _ in WebResponse(status: status, body: Array("body".utf8)) })
        #expect(statuses(answer) == ["\(status)"] && answer.hasSuffix("\r\n\r\n"))
    }

    @Test func theDateIsWhatEveryServerWrites() async throws {
        #expect(DateHeader.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(DateHeader.text(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        let answer = try await said(Self.close)
        #expect(answer.contains("\r\nDate: ") && answer.contains(" GMT\r\n"))
    }

    @Test func aLargeAnswerComesWholeWithAndWithoutHaste() async throws {
        let body = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) & 0x7f }
        let rig = ServerRig { _ in WebResponse(status: 200, body: body) }
        try await rig.run { server in
            let quick = try await server.request()
            #expect(quick.body == body)
            let slow = try await onThread {
                let client = try RawClient(server.port, receiveBuffer: 4096)
                client.send(Self.close)
                return try client.receiveAll()
            }
            #expect(slow.utf8.suffix(body.count).elementsEqual(body))
        }
    }
}
