import Curl
import TestSupport
import Testing
import Transport

/// What goes over the wire.
@Suite struct RequestTests {
    private let fixture: Fixture
    private let server: RawServer

    init() throws {
        fixture = try Fixture()
        server = try RawServer { connection in
            connection.keep(connection.readRequest())
            connection.write(page())
        }
    }

    private func sent(
        _ method: HTTPMethod = .get, path: String = "/", _ change: (inout Request) -> Void = { _ in }
    ) async throws -> [String] {
        let transfer = await fixture.perform("http://127.0.0.1:\(server.port)\(path)", method, change: change)
        #expect(transfer.response?.status == 200, "\(transfer.result)")
        return try #require(server.notes.last).split(separator: "\r\n", omittingEmptySubsequences: false).map(
            String.init)
    }

    @Test func headersAreSentAsTheyAre() async throws {
        let lines = try await sent {
            $0.headers = [
                HeaderField("X-My-Header", "my value"), HeaderField("x-lower", "a:b;c"), HeaderField("X-Empty", ""),
                HeaderField("X-Spaces", "   "), HeaderField("X-Tab", "\t \u{b}\u{c}"), HeaderField("X-Twice", "1"),
                HeaderField("X-Twice", "2"), HeaderField("X-Utf8", "h\u{e9}"), HeaderField("User-Agent", "agent/1.2"),
            ]
        }
        for line in ["X-My-Header: my value", "x-lower: a:b;c", "X-Twice: 1", "X-Twice: 2", "X-Utf8: h\u{e9}"] {
            #expect(lines.contains(line), "\(line)")
        }
        for name in ["X-Empty", "X-Spaces", "X-Tab"] { #expect(lines.contains("\(name):"), "\(name)") }
        #expect(lines.filter { $0.hasPrefix("User-Agent") } == ["User-Agent: agent/1.2"])
        #expect(lines.first == "GET / HTTP/1.1")
    }

    @Test(arguments: [1, 2, 5000])
    func everyHeaderIsSentOnceInItsPlace(count: Int) async throws {
        for _ in 0..<2 {
            let lines = try await sent { $0.headers = (0..<count).map { HeaderField("X-\($0)", "\($0)") } }
            #expect(lines.filter { $0.hasPrefix("X-") } == (0..<count).map { "X-\($0): \($0)" })
        }
    }

    @Test func nothingIsAddedUnasked() async throws {
        for method in HTTPMethod.allCases {
            let names = try await sent(method).dropFirst().compactMap { $0.split(separator: ":").first?.lowercased() }
            let expected: Set =
                method == .post || method == .put ? ["host", "accept", "content-length"] : ["host", "accept"]
            #expect(Set(names) == expected, "\(method)")
        }
    }

    /// Past a megabyte libcurl would ask first whether it may.
    @Test(arguments: [HTTPMethod.post, .put], [0, 5, 1_500_000])
    func aBodyBringsNoContentTypeAndNoExpectation(_ method: HTTPMethod, _ size: Int) async throws {
        let body = (0..<size).map { UInt8(ascii: "a") + UInt8($0 % 26) }
        let lines = try await sent(method) { $0.body = body }
        #expect(lines.first == "\(method.rawValue) / HTTP/1.1")
        #expect(lines.contains("Content-Length: \(size)"))
        #expect(!lines.contains { $0.lowercased().hasPrefix("content-type") || $0.lowercased().hasPrefix("expect") })
        #expect(lines.last.map { Array($0.utf8) } == body)
    }

    @Test func aContentTypeThatIsGivenIsSent() async throws {
        let lines = try await sent(.post) {
            $0.body = Array("{}".utf8)
            $0.headers = [HeaderField("content-TYPE", "application/json")]
        }
        #expect(lines.filter { $0.lowercased().hasPrefix("content-type") } == ["content-TYPE: application/json"])
    }

    @Test func aBodyGoesWithPostAndPutOnly() async throws {
        for method in [HTTPMethod.get, .head, .options] {
            let lines = try await sent(method) { $0.body = Array("body".utf8) }
            #expect(lines.last == "" && !lines.contains { $0.hasPrefix("Content-Length") }, "\(method)")
        }
    }

    @Test(arguments: [
        HeaderField("X-A", "b\r\nX-Smuggled: c"), HeaderField("X-A", "b\nX-Smuggled: c"), HeaderField("X-A", "b\rc"),
        HeaderField("X-A", "b\u{0}c"), HeaderField("X-A\r\nX-Smuggled", "b"), HeaderField("X-A\n", "b"),
        HeaderField("X\u{0}A", "b"), HeaderField("", "b"), HeaderField("X-A: b", "c"), HeaderField("X-A;", ""),
        HeaderField("X A", "b"), HeaderField(" X-A", "b"), HeaderField("X-\u{c4}", "b"),
    ])
    func aHeaderThatCannotBeSentAsItIsIsRefused(_ header: HeaderField) async throws {
        let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/") { $0.headers = [header] }
        #expect(transfer.reason == .headerInvalid)
        #expect(server.connections == 0)
        if case .failure(let error) = transfer.result { #expect(!error.message.contains("Smuggled")) }
    }

    @Test func aRedirectIsNotFollowed() async throws {
        let elsewhere = try RawServer { connection in
            connection.keep(connection.readRequest())
            connection.write(page())
        }
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            let server = try RawServer { connection in
                _ = connection.readRequest()
                connection.write(page(status, ["Location: http://127.0.0.1:\(elsewhere.port)/"]))
            }
            let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/") {
                $0.headers = [HeaderField("X-Secret", "canary")]
            }
            #expect(transfer.response.map { "\($0.status)" } == String(status.prefix(3)))
        }
        #expect(elsewhere.connections == 0)
    }

    // MARK: Responses

    @Test func theFinalResponseIsTheOneThatCounts() async throws {
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Which: interim\r\n\r\n")
            connection.write("HTTP/1.1 100 Continue\r\n\r\n")
            connection.write(
                "HTTP/1.1 200 OK\r\nX-Which: final\r\nHTTP/1.1 odd: line\r\nX-Folded: one\r\n  two\r\nX-Blank:  \r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: late\r\n\r\n")
        }
        let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/")
        let response = try #require(transfer.response)
        #expect(response.status == 200 && response.version == .http1_1)
        #expect(
            response.headers.map(\.name) == ["X-Which", "HTTP/1.1 odd", "X-Folded", "X-Blank", "Transfer-Encoding"])
        #expect(response.header("x-which") == "final" && response.header("X-Folded") == "one two")
        #expect(response.header("X-Blank") == "")
        #expect(transfer.text == "ok" && !response.isTruncated)
        transfer.expectWholePhases()
    }

    @Test func aResponseMayComeBeforeTheBodyIsSent() async throws {
        let server = try RawServer { connection in
            // A few bytes of many, and the answer; the rest is taken and thrown away.
            _ = connection.read(upTo: 10)
            connection.write(page("413 Too Large", [], "too much"))
            connection.hold()
        }
        let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/", .post) {
            $0.body = [UInt8](repeating: 0x61, count: 20_000_000)
        }
        #expect(transfer.response?.status == 413)
        #expect(transfer.text == "too much")
        transfer.expectWholePhases()
    }

    /// Past 64 KiB libcurl sends a body by itself; the receiver takes long with it, and its answer is short.
    @Test(arguments: [HTTPMethod.post, .put], [10, 200_000])
    func whatAReceiverDoesWithABodyIsProcessing(_ method: HTTPMethod, _ size: Int) async throws {
        let kept = try Fixture(.kept)
        let server = try RawServer { connection in
            while !connection.readRequest().isEmpty {
                connection.pause(milliseconds: 200)
                connection.write(page())
            }
        }
        for number in 0..<2 {
            let transfer = await kept.perform("http://127.0.0.1:\(server.port)/", method) {
                $0.body = [UInt8](repeating: 0x61, count: size)
            }
            #expect(transfer.response?.status == 200, "\(transfer.result)")
            #expect((transfer.timings.connect == nil) == (number > 0), "the second goes over the first's connection")
            #expect((transfer.timings.processing ?? .zero) >= .milliseconds(100), "\(transfer.timings)")
            transfer.expectWholePhases()
        }
    }

    @Test func aResponseMayComeBeforeTheRequest() async throws {
        let server = try RawServer { connection in
            connection.write(page("503 Busy"))
            connection.endWriting()
            connection.hold()
        }
        let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/")
        #expect(transfer.response?.status == 503)
        transfer.expectWholePhases()
    }

    @Test func versionsAndBodylessAnswersAreRead() async throws {
        func answer(_ text: String, _ method: HTTPMethod = .get) async throws -> Response? {
            let server = try RawServer { connection in
                _ = connection.readRequest()
                connection.write(text)
            }
            let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/", method)
            transfer.expectWholePhases(text)
            return transfer.response
        }
        #expect(try await answer("HTTP/1.0 200 OK\r\n\r\nbody")?.version == .http1_0)
        #expect(try await answer("HTTP/1.1 204 No Content\r\n\r\n")?.status == 204)
        #expect(try await answer("HTTP/1.1 304 Not Modified\r\n\r\n")?.status == 304)
        #expect(try await answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", .head)?.status == 200)
        #expect(try await answer("HTTP/1.1 999\r\n\r\n")?.status == 999)
        #expect(try await answer("HTTP/1.1 200 OK\n\n")?.status == 200)
    }

    @Test func aTraceHoldsNoSecretAndNoControl() async throws {
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page("200 OK", ["X-\u{1b}[31mName: canary-answer", "X-Plain: canary-answer"]))
        }
        let transfer = await fixture.perform("http://canary-user:canary-word@127.0.0.1:\(server.port)/canary?canary") {
            $0.wantsTrace = true
            $0.headers = [HeaderField("X-Token", "canary-value")]
        }
        let trace = transfer.trace.joined(separator: "\n")
        #expect(trace.contains("X-Token") && trace.contains("X-Plain") && trace.contains("127.0.0.1"))
        #expect(!trace.contains("canary") && !trace.contains("\u{1b}"))
        #expect(await fixture.perform("http://127.0.0.1:\(server.port)/").trace.isEmpty)
    }
}
