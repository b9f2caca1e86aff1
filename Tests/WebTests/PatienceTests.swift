import Foundation
import Simulator
import TestSupport
import Testing
import Web

/// How long a server waits for a client, and that nobody else waits with it.
@Suite(.timeLimit(.minutes(10))) struct PatienceTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let long = Duration.seconds(3600)

    private func rig(
        header: Duration = long, idle: Duration = long, read: Duration = long, send: Duration = long,
        _ answer: WebResponse = .text(200, "ok")
    ) -> ServerRig {
        ServerRig(
            limits: WebServer.Limits(
                maximumRequests: 1, limitedPaths: [["/"]], headerTimeout: header, idleTimeout: idle,
                readTimeout: read, sendTimeout: send)
        ) { _ in answer }
    }

    @Test(arguments: ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n"])
    func aHeaderBlockThatDoesNotEndIsNotWaitedFor(text: String) async throws {
        let answer = try await rig(header: .milliseconds(100)).run { try await $0.exchange(text, orReset: true) }
        #expect(answer.isEmpty)
    }

    @Test func anIdleConnectionIsClosedAfterItsLastAnswer() async throws {
        let answer = try await rig(idle: .seconds(1)).run { try await $0.exchange(Self.request + Self.request) }
        #expect(answer.ranges(of: "HTTP/1.1 200").count == 2)
        #expect(!answer.contains("Connection: close"), "it was kept, and then closed")
    }

    /// A connection that has had an answer. On a busy machine a first request may come too late, so it is tried again.
    private func answered(_ text: String, port: Int) throws -> RawClient {
        for _ in 0..<100 {
            let client = try RawClient(port)
            client.send(text)
            if let answer = try? client.receive(until: "ok\n"), answer.hasSuffix("ok\n") { return client }
        }
        throw ChildProcess.Failure(description: "no request comes in time")
    }

    /// Also where it comes along with the request before, or after its answer.
    @Test(arguments: ["G", "GET / HTTP/1.1\r\nX-A: b", "\r\nGET / HTTP/1.1\r\n"])
    func aLaterHeaderBlockIsWaitedForNoLonger(text: String) async throws {
        try await rig(header: .milliseconds(100)).run { server in
            try await onThread {
                let together = try answered(Self.request + text, port: server.port)
                #expect(try together.receiveAll(orReset: true).isEmpty)
                let apart = try answered(Self.request, port: server.port)
                apart.send(text)
                #expect(try apart.receiveAll(orReset: true).isEmpty)
            }
        }
    }

    /// A connection that is kept waits longer for its next request than others for a header block that has begun.
    @Test func aKeptConnectionHasMoreTime() async throws {
        try await rig(header: .milliseconds(100)).run { server in
            try await onThread {
                let kept = try answered(Self.request, port: server.port)
                for _ in 0..<3 {
                    // One that begins later and says nothing has had its time.
                    #expect(try RawClient(server.port).receiveAll(orReset: true).isEmpty)
                    kept.send(Self.request)
                    #expect(try kept.receive(until: "ok\n").hasPrefix("HTTP/1.1 200"))
                }
            }
        }
        let limits = WebServer.Limits()
        #expect(limits.headerTimeout == .seconds(60) && limits.idleTimeout >= .seconds(90), "scrapes come each minute")
    }

    /// Bytes that trickle in are no reason to wait longer.
    @Test func aTrickleOfHeadersIsNoProgress() async throws {
        try await rig(header: .milliseconds(100)).run { server in
            try await onThread {
                let client = try RawClient(server.port)
                client.send("GET / HTTP/1.1\r\n")
                // Until the server has gone; a minute of it ends the test.
                while client.send("X-A: b\r\n") {}
            }
        }
    }

    @Test func aBodyThatDoesNotEndIsNotWaitedFor() async throws {
        let answer = try await rig(read: .milliseconds(100)).run {
            try await $0.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", orReset: true)
        }
        #expect(answer.isEmpty)
    }

    /// It holds a place until it is cut, and others get it then.
    @Test func aClientThatTakesNothingIsCut() async throws {
        let large = WebResponse(status: 200, body: [UInt8](repeating: UInt8(ascii: "x"), count: 32 << 20))
        try await rig(send: .milliseconds(300), large).run { server in
            let stuck = try RawClient(server.port, receiveBuffer: 4096)
            let first = try await onThread {
                stuck.send(Self.request)
                return try stuck.receive(until: "\r\n\r\n")
            }
            #expect(first.hasPrefix("HTTP/1.1 200"))
            let answered = try await eventually { () -> Bool? in
                try await server.request("HEAD").status == 200 ? true : nil
            }
            #expect(answered == true)
            let rest = try? await onThread { try stuck.receiveAll() }
            #expect((rest?.utf8.count ?? 0) < large.body.count)
        }
    }

    /// A client that reads steadily has the whole answer, also where that takes longer than one that reads nothing is waited
    /// for. Over TLS nothing counts as not taken yet before it is encrypted.
    @Test func overTLSTooAClientIsCutOnlyWhereItTakesNothing() async throws {
        let large = WebResponse(status: 200, body: [UInt8](repeating: UInt8(ascii: "x"), count: 24 << 20))
        let authority = try SimulatedCertificateAuthority()
        let identity = try authority.issue(.good)
        try await withFiles([
            "ca.pem": authority.pem, "server.crt": identity.certificatePEM, "server.key": identity.keyPEM,
            "web.yml": "tls_server_config: {cert_file: server.crt, key_file: server.key}",
        ]) { folder in
            let (asked, ask) = AsyncStream.makeStream(of: Void.self)
            let limits = WebServer.Limits(
                maximumRequests: 1, limitedPaths: [["/"], ["/stuck"]], sendTimeout: .seconds(3))
            let security = try WebSecurity(path: "\(folder)/web.yml", logger: ServerRig.quiet)
            try await ServerRig(limits: limits, security: security) { request in
                if request.path == "/stuck" { ask.yield() }
                return large
            }.run { server in
                let curl = { @Sendable (options: [String], path: String) in
                    ["-s", "-o", "/dev/null", "--cacert", "\(folder)/ca.pem"] + options
                        + ["https://127.0.0.1:\(server.port)\(path)"]
                }
                // It takes twelve seconds. On a busy machine it may be held up for too long, so it is tried again.
                var read: [String] = []
                while read.count < 10, read.last != "200 \(large.body.count)" {
                    let run = try await ChildProcess.run(
                        "/usr/bin/curl", curl(["--limit-rate", "2M", "-w", "%{http_code} %{size_download}"], "/"))
                    read.append(run.output)
                }
                #expect(read.last == "200 \(large.body.count)", "\(read)")
                // It reads a first piece, and then sleeps for hours. It has the place when it is answered.
                let stuck = try ChildProcess("/usr/bin/curl", curl(["--limit-rate", "1"], "/stuck"))
                for await _ in asked { break }
                let isFree = try await eventually { () -> Bool? in
                    let run = try await ChildProcess.run(
                        "/usr/bin/curl", curl(["-I", "-w", "%{http_code}"], "/stuck"))
                    return run.output == "200" ? true : nil
                }
                #expect(isFree == true)
                stuck.signal(SIGKILL)
                #expect(await stuck.exitStatus() == 128 + SIGKILL, "its place came back before it had read all")
            }
        }
    }

    @Test func stuckClientsHoldUpNobody() async throws {
        let large = WebResponse(status: 200, body: [UInt8](repeating: 1, count: 8 << 20))
        try await ServerRig { request in
            request.path == "/large" ? large : .text(200, "ok")
        }.run { server in
            // Some never finish their header block, some their body, some never read their answer.
            let clients = try (0..<60).map { number in
                let client = try RawClient(server.port, receiveBuffer: 4096)
                switch number % 3 {
                case 0: client.send("GET /large HTTP/1.1\r\nHo")
                case 1: client.send("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
                default: client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                }
                return client
            }
            for _ in 0..<20 { #expect(try await server.request().status == 200) }
            for client in clients { client.close() }
        }
    }

    @Test func everyAddressIsServedAndTheLimitIsOne() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        var rig = ServerRig(limits: WebServer.Limits(maximumRequests: 1, limitedPaths: [["/"]])) { request in
            if request.header("X-Slow") != nil {
                enter.yield()
                for await _ in gate { break }
            }
            return .text(200, "ok")
        }
        rig.hosts = ["127.0.0.1", "127.0.0.2", "[::1]", ""]
        try await rig.run { server in
            let ask = { @Sendable (host: String, port: Int, path: String, header: String) in
                try await onThread {
                    let client = try RawClient(port, host: host)
                    client.send("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(header)\r\n")
                    return String(try client.receiveAll().dropFirst(9).prefix(3))
                }
            }
            let places = zip(["127.0.0.1", "127.0.0.2", "::1", "127.0.0.3", "::1"], server.ports + [server.ports[3]])
            for (host, port) in places {
                let status = try await ask(host, port, "/free", "")
                #expect(status == "200", "\(host)")
            }
            async let slow = ask("::1", server.ports[2], "/", "X-Slow: 1\r\n")
            for await _ in entered { break }
            for (host, port) in places {
                let status = try await ask(host, port, "/", "")
                #expect(status == "503", "\(host)")
            }
            open.yield()
            let last = try await slow
            #expect(last == "200")
        }
    }
}
