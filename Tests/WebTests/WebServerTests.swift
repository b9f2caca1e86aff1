import Glibc
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import Web

/// The server over a real socket.
@Suite(.timeLimit(.minutes(10))) struct WebServerTests {
    /// Runs a server for as long as the body does.
    private func serving(
        _ limits: WebServer.Limits = WebServer.Limits(), _ handler: @escaping WebServer.Handler,
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let (ports, announce) = AsyncStream.makeStream(of: Int.self)
        let server = WebServer(
            limits: limits, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, handler: handler)
        let address = try #require(ListenAddress("127.0.0.1:0"))
        let service = try server.service(on: address) { announce.yield($0) }
        let group = ServiceGroup(services: [service], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            do {
                try await body(port)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// Blocking calls get a thread of their own.
    private static func request(_ method: String, _ path: String, port: Int, headers: [String] = []) async throws
        -> LoopbackHTTP.Answer
    {
        try await onThread { try LoopbackHTTP.request(method, path, port: port, headers: headers) }
    }

    private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            let work = Unmanaged.passRetained(Work { continuation.resume(with: Result(catching: body)) })
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
                    return nil
                }, work.toOpaque())
            pthread_detach(thread)
        }
    }

    private final class Work: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private static let body = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)

    @Test func answersWhatTheHandlerSays() async throws {
        try await serving { request in
            WebResponse(
                status: 418,
                headers: [
                    ("X-Method", request.method), ("X-Path", request.path),
                    ("X-Accept", request.header("accept") ?? ""),
                ], body: Self.body)
        } _: { port in
            let answer = try await Self.request("GET", "/a%20b?c", port: port, headers: ["Accept: q"])
            #expect(answer.status == 418 && answer.body == Self.body)
            #expect(
                answer.header("x-method") == "GET" && answer.header("x-path") == "/a b"
                    && answer.header("x-accept") == "q")
        }
    }

    @Test func aHeadHasTheLengthAndNoBody() async throws {
        try await serving { _ in
            WebResponse(status: 200, body: Self.body)
        } _: { port in
            let answer = try await Self.request("HEAD", "/", port: port)
            #expect(answer.status == 200 && answer.body.isEmpty)
            #expect(answer.headers.filter { $0.name.lowercased() == "content-length" }.map(\.value) == ["100000"])
        }
    }

    @Test func moreThanTheLimitAtOnceIsUnavailable() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        try await serving(WebServer.Limits(maximumRequests: 1, limitedPaths: ["/", "/slow"])) { request in
            if request.path == "/slow" {
                enter.yield()
                for await _ in gate { break }
            }
            return .text(200, "done")
        } _: { port in
            async let slow = Self.request("GET", "/slow", port: port)
            for await _ in entered { break }
            let refused = try await Self.request("GET", "/", port: port)
            #expect(refused.status == 503)
            open.yield()
            #expect(try await slow.status == 200)
            #expect(try await Self.request("GET", "/", port: port).status == 200)
        }
    }

    @Test func withoutALimitAllAreAnswered() async throws {
        try await serving(WebServer.Limits(maximumRequests: 0)) { _ in
            .text(200, "ok")
        } _: { port in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 { group.addTask { try await Self.request("GET", "/", port: port).status } }
                for try await status in group { #expect(status == 200) }
            }
        }
    }

    @Test func aSlowClientHoldsUpNobody() async throws {
        try await serving(WebServer.Limits(maximumRequests: 1)) { _ in
            WebResponse(status: 200, body: [UInt8](repeating: 1, count: 8 << 20))
        } _: { port in
            // Some never finish their request, some never read their answer.
            let clients = try (0..<20).map {
                try Self.connect(
                    port, sending: $0 % 2 == 0 ? "GET / HTTP/1.1\r\nHo" : "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            defer { for client in clients { close(client) } }
            // The limit is one, so an answer that is not taken must not count.
            let status = try await eventually { () -> Int? in
                let status = try await Self.request("HEAD", "/", port: port).status
                return status == 200 ? status : nil
            }
            #expect(status == 200)
        }
    }

    @Test func headersPastTheLimitEndTheConnection() async throws {
        try await serving(WebServer.Limits(maximumHeaderBytes: 4096)) { request in
            .text(200, "\(request.header("x-long")?.utf8.count ?? 0)")
        } _: { port in
            let long = { (count: Int) in ["X-Long: " + String(repeating: "a", count: count)] }
            let fitting = try await Self.request("GET", "/", port: port, headers: long(2000))
            #expect(fitting.text == "2000\n")
            let crowded = (0..<200).map { "X-\($0): a" }
            for headers in [long(5000), long(1 << 20), crowded] {
                // A status that says so, or no answer at all.
                let status = try? await Self.request("GET", "/", port: port, headers: headers).status
                #expect(status != 200)
            }
            let after = try await Self.request("GET", "/", port: port)
            #expect(after.status == 200)
        }
    }

    @Test(arguments: [
        "", "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}",
        "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func whatIsNoHTTPHarmsNobody(bytes: String) async throws {
        try await serving { _ in
            .text(200, "ok")
        } _: { port in
            close(try Self.connect(port, sending: bytes))
            #expect(try await Self.request("GET", "/", port: port).status == 200)
        }
    }

    private struct NoConnection: Error {
        var code: Int32
    }

    private static func connect(_ port: Int, sending text: String) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard descriptor >= 0, connected == 0 else { throw NoConnection(code: errno) }
        let bytes = Array(text.utf8)
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        return descriptor
    }
}
