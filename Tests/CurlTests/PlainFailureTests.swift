import Simulator
import TestSupport
import Testing
import Transport

/// Receivers without TLS that fail in every phase: the reason, and phases that add up.
@Suite struct PlainFailureTests {
    typealias Script = @Sendable (RawServer.Connection) -> Void

    /// Reads the request, says this, and closes.
    private static func saying(_ text: String) -> Script {
        { connection in
            _ = connection.readRequest()
            connection.write(text)
        }
    }

    private static func resetting(after text: String) -> Script {
        { connection in
            _ = connection.readRequest()
            connection.write(text)
            connection.reset()
        }
    }

    private static func dripping(_ text: String, _ rest: String) -> Script {
        { connection in
            _ = connection.readRequest()
            connection.write(text)
            while connection.write(rest) { connection.pause(milliseconds: 50) }
        }
    }

    private static let head = "HTTP/1.1 200 OK\r\nX-A: b\r\n"
    private static let switching =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    private static let longLine = "X-Long: " + String(repeating: "a", count: 200_000) + "\r\n"
    private static let manyHeaders = String(repeating: "X-A: b\r\n", count: 2000)
    private static let bigHeaders = String(repeating: "X-A: \(String(repeating: "b", count: 1000))\r\n", count: 600)

    static let cases: [Row<(Script, TransferError.Reason)>] = [
        Row("resets at once", ({ $0.reset() }, .reset)),
        Row("resets after the request", (resetting(after: ""), .reset)),
        Row("resets in the status line", (resetting(after: "HTTP/1.1 2"), .reset)),
        Row("resets in the headers", (resetting(after: head), .reset)),
        Row("resets in the body", (resetting(after: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), .reset)),
        Row("closes at once", ({ _ = $0.readRequest() }, .emptyResponse)),
        Row("closes in the status line", (saying("HTTP/1.1 2"), .emptyResponse)),
        Row("closes in the headers", (saying(head), .httpProtocol)),
        Row("closes in a header line", (saying(head + "X-B: "), .httpProtocol)),
        Row("closes in the body", (saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), .httpProtocol)),
        Row("closes in a chunk", (saying(head + "Transfer-Encoding: chunked\r\n\r\n5\r\nab"), .httpProtocol)),
        Row("closes between chunks", (saying(head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), .httpProtocol)),
        Row("no chunk size", (saying(head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), .httpProtocol)),
        Row("undecodable", (saying(head + "Transfer-Encoding: gzip\r\n\r\nthis is no gzip at all"), .httpProtocol)),
        Row("no length", (saying("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nab"), .httpProtocol)),
        Row("negative length", (saying("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"), .httpProtocol)),
        Row("another protocol", (saying("220 mail.example ESMTP\r\n"), .httpProtocol)),
        Row("HTTP/0.9", (saying("<html>hello</html>\n"), .httpProtocol)),
        Row("noise", (saying("\u{0}\u{1}\u{2}\u{7f}\u{0}"), .httpProtocol)),
        Row("no status", (saying("HTTP/1.1 abc\r\n\r\n"), .httpProtocol)),
        Row("a version to come", (saying("HTTP/9.9 200 OK\r\n\r\n"), .httpProtocol)),
        Row("interim only", (saying("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), .httpProtocol)),
        Row("continue only", (saying("HTTP/1.1 100 Continue\r\n\r\n"), .httpProtocol)),
        Row("closes in an interim response", (saying("HTTP/1.1 100 Continue\r\nX-A: b\r\n"), .httpProtocol)),
        Row("another protocol from here", (saying(switching), .httpProtocol)),
        Row("another protocol from here, without a phrase", (saying("HTTP/1.1 101\r\n\r\n"), .httpProtocol)),
        Row("another protocol from here, and goes on", (saying(switching + "\u{81}\u{2}hi"), .httpProtocol)),
        Row("another protocol from here, and waits", (hanging(after: switching), .httpProtocol)),
        Row("calls itself HTTP/2", (saying("HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"), .httpProtocol)),
        Row("calls itself HTTP/2.0", (saying("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), .httpProtocol)),
        Row("one header line past the limit", (saying(head + longLine + "\r\n"), .httpProtocol)),
        Row("a status line past the limit", (saying("HTTP/1.1 200 \(longLine)\r\n"), .httpProtocol)),
        Row("headers past the limit", (saying(head + bigHeaders + "\r\n"), .httpProtocol)),
        Row("too many headers", (saying(head + manyHeaders + "\r\n"), .httpProtocol)),
        Row(
            "a value folded past the limit",
            (saying(head + String(repeating: " c\r\n", count: 2000) + "\r\n"), .httpProtocol)),
        Row("endless headers", (dripping("HTTP/1.1 200 OK\r\n", String(repeating: longLine, count: 2)), .httpProtocol)),
        Row("endless interim responses", (flooding("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), .httpProtocol)),
        Row("hangs", ({ $0.hold() }, .responseTimeout)),
        Row("hangs in the headers", (hanging(after: head), .responseTimeout)),
        Row("hangs in the body", (hanging(after: head + "Content-Length: 9\r\n\r\nab"), .responseTimeout)),
        Row("drips a status line", (dripping("HTTP/1.1 200 ", "a"), .responseTimeout)),
        Row("drips headers", (dripping(head, "X-C: d\r\n"), .responseTimeout)),
        Row("drips a body", (dripping(head + "Content-Length: 1000\r\n\r\n", "a"), .responseTimeout)),
        Row("drips interim responses", (dripping("", "HTTP/1.1 103 Early Hints\r\n\r\n"), .responseTimeout)),
    ]

    private static func hanging(after text: String) -> Script {
        { connection in
            _ = connection.readRequest()
            connection.write(text)
            connection.hold()
        }
    }

    private static func flooding(_ text: String) -> Script {
        { connection in
            _ = connection.readRequest()
            while connection.write(String(repeating: text, count: 100)) {}
        }
    }

    @Test(arguments: cases)
    func aFailureHasItsReasonAndWholePhases(_ row: Row<(Script, TransferError.Reason)>) async throws {
        let (script, reason) = row.value
        let fixture = try Fixture()
        let server = try RawServer(script)
        // Long enough that only what lasts for ever comes to it.
        let timeout: Duration = reason == .responseTimeout ? .milliseconds(400) : .seconds(30)
        let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/", timeout: timeout)
        #expect(transfer.reason == reason, "\(transfer.result)")
        transfer.expectWholePhases()
        #expect(transfer.timings.resolve == nil && transfer.timings.tls == nil && transfer.tls == nil)
        if reason == .responseTimeout {
            #expect(transfer.lasted(timeout))
            #expect((transfer.timings.connect ?? .zero) > .zero && transfer.timings.processing != nil)
            #expect(transfer.remoteAddress == IPAddress("127.0.0.1"))
        }
        #expect(server.connections == 1)
    }

    @Test func aPortThatNobodyListensOnRefuses() async throws {
        let refusing = try #require(RefusingPort())
        let transfer = try await Fixture().perform("http://127.0.0.1:\(refusing.port)/")
        #expect(transfer.reason == .connectRefused)
        transfer.expectWholePhases()
        #expect(transfer.timings.connect == transfer.timings.total)
        #expect(transfer.remoteAddress == nil)
    }

    /// A listener whose queue is full answers no further connection.
    @Test func aPeerThatAnswersNothingIsAConnectTimeout() async throws {
        let fixture = try Fixture()
        let full = try RawServer(backlog: 0) { _ in }
        let others = (0..<4).map { _ in
            Task { await fixture.perform("http://127.0.0.1:\(full.port)/", timeout: .seconds(30)) }
        }
        defer { for task in others { task.cancel() } }
        let transfer = try await eventually { () -> Transfer? in
            let transfer = await fixture.perform("http://127.0.0.1:\(full.port)/", timeout: .milliseconds(300))
            return transfer.reason == .connectTimeout ? transfer : nil
        }
        let timedOut = try #require(transfer)
        timedOut.expectWholePhases()
        #expect(timedOut.lasted(.milliseconds(300)))
        #expect(timedOut.timings.connect == timedOut.timings.total)
        #expect(timedOut.timings.processing == nil)
    }

    /// Our own limit, which lies below libcurl's: the same with every version of it.
    @Test(arguments: [(250, true), (270, false)])
    func aHeaderBlockMayHave256KiB(kilobytes: Int, isGood: Bool) async throws {
        let line = "X-A: \(String(repeating: "b", count: 1024 - 7))\r\n"
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: kilobytes) + "\r\n")
        }
        let transfer = try await Fixture().perform("http://127.0.0.1:\(server.port)/")
        #expect(transfer.response?.headers.count == (isGood ? kilobytes : nil))
        #expect(transfer.reason == (isGood ? nil : .httpProtocol), "\(transfer.result)")
        transfer.expectWholePhases()
    }

    @Test func aBodyPastTheLimitIsCutAndGood() async throws {
        let fixture = try Fixture()
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\n\r\n")
            // Without end, so that only the limit ends it.
            while connection.write(String(repeating: "x", count: 10_000)) {}
        }
        let cut = await fixture.perform("http://127.0.0.1:\(server.port)/") { $0.maximumResponseBytes = 12_345 }
        #expect(cut.response?.body.count == 12_345 && cut.response?.isTruncated == true)
        cut.expectWholePhases()
        let none = await fixture.perform("http://127.0.0.1:\(server.port)/") { $0.maximumResponseBytes = 0 }
        #expect(none.response?.body.isEmpty == true && none.response?.isTruncated == true)

        let exact = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page("200 OK", [], String(repeating: "x", count: 1000)))
        }
        let whole = await fixture.perform("http://127.0.0.1:\(exact.port)/") { $0.maximumResponseBytes = 1000 }
        #expect(whole.response?.body.count == 1000 && whole.response?.isTruncated == false)
        let short = await fixture.perform("http://127.0.0.1:\(exact.port)/") { $0.maximumResponseBytes = 999 }
        #expect(short.response?.body.count == 999 && short.response?.isTruncated == true)
    }

    @Test(arguments: ["Content-Length: 1000000\r\n", ""])
    func aBodyThatStopsAtTheLimitIsNotWaitedFor(length: String) async throws {
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\n\(length)\r\n" + String(repeating: "x", count: 100))
            // Holds the connection until the client ends it.
            _ = connection.readRequest()
        }
        let transfer = try await Fixture().perform("http://127.0.0.1:\(server.port)/") {
            $0.maximumResponseBytes = 100
        }
        #expect(transfer.response?.body.count == 100 && transfer.response?.isTruncated == true, "\(transfer.result)")
    }

    /// libcurl below 8.1.0 would write into memory that it has freed, were the handle used again.
    @Test func aFoldedLineDoesNotReachBackToTheAnswerBefore() async throws {
        let fixture = try Fixture()
        let server = try RawServer { connection in
            _ = connection.readRequest()
            let first = connection.index % 2 == 0 ? "X-A: b\r\n" : " \(String(repeating: "folded", count: 1000))\r\n"
            connection.write("HTTP/1.1 200 OK\r\n\(first)Content-Length: 0\r\n\r\n")
        }
        for number in 0..<40 {
            let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/")
            #expect(transfer.reason == (number % 2 == 0 ? nil : .httpProtocol), "\(transfer.result)")
        }
    }

    /// libcurl keeps the last system error of a handle, and handles are pooled.
    @Test func aFailureIsNotReadByTheOneBefore() async throws {
        let fixture = try Fixture()
        let resetting = try RawServer { $0.reset() }
        let closing = try RawServer { connection in
            _ = connection.read()
            connection.endWriting()
            connection.hold()
        }
        for _ in 0..<3 {
            let reset = await fixture.perform("https://127.0.0.1:\(resetting.port)/")
            #expect(reset.reason == .reset, "\(reset.result)")
            #expect(await fixture.perform("https://127.0.0.1:\(closing.port)/").reason == .tlsHandshake)
        }
    }
}
