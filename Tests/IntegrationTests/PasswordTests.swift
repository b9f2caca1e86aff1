import Foundation
import TestSupport
import Testing

/// What a password costs the built binary, and what whoever has none is told.
@Suite struct PasswordTests {
    private static let password = "correct horse"
    /// At a cost that outweighs the rest of a request by far.
    private static let hash = "$2b$10$abcdefghijklmnopqrstuu23JPZtHcGhwXSF41f93o/7vBdDut3Xu"

    private struct Site {
        let world: World
        let exporter: ExporterProcess
        let port: Int

        init() async throws {
            world = try await World()
            exporter = try world.start(webConfiguration: Self.configuration(hash))
            port = try await exporter.port()
        }

        static func configuration(_ hash: String) -> String {
            "basic_auth_users: {alice: \"\(hash)\", bob: \"\(hash)\"}"
        }

        func ask(
            _ user: String, _ password: String, _ path: String = "/-/healthy"
        ) async throws -> LoopbackHTTP.Answer {
            let credentials = Data("\(user):\(password)".utf8).base64EncodedString()
            return try await LoopbackHTTP.request(
                "GET", path, port: port, headers: ["Authorization: Basic \(credentials)"])
        }

        /// The processor time that the exporter spends on so many requests, in the kernel's ticks.
        func ticks(
            _ count: Int, _ request: (Int) async throws -> LoopbackHTTP.Answer, status: Int
        ) async throws -> Int {
            let before = try exporter.processorTicks
            for number in 0..<count { #expect(try await request(number).status == status) }
            return try exporter.processorTicks - before
        }
    }

    @Test func anUnknownUserCostsAsMuchAsAWrongPasswordAndARightOneNextToNothing() async throws {
        let site = try await Site()
        #expect(try await site.ask("alice", Self.password).status == 200)
        let count = 12
        let wrong = try await site.ticks(count, { try await site.ask("alice", "wrong \($0)") }, status: 401)
        let unknown = try await site.ticks(count, { try await site.ask("carol\($0)", Self.password) }, status: 401)
        let right = try await site.ticks(count, { _ in try await site.ask("alice", Self.password) }, status: 200)
        let again = try await site.ticks(count, { _ in try await site.ask("carol", Self.password) }, status: 401)
        let text = "ticks: wrong \(wrong), unknown \(unknown), the same unknown one \(again), right \(right)"
        // Each costs tens of milliseconds: far more than one tick.
        #expect(wrong > count, "\(text)")
        #expect(wrong < 2 * unknown && unknown < 2 * wrong, "\(text)")
        #expect(wrong < 2 * again && again < 2 * wrong, "\(text)")
        #expect(5 * right < wrong, "\(text)")
        #expect(await site.exporter.stop() == 0)
    }

    /// More wrong passwords at once than may be worked through, and than there are places for scrapes.
    @Test func aCrowdOfWrongPasswordsShutsNoScrapeOut() async throws {
        let site = try await Site()
        #expect(try await site.ask("alice", Self.password).status == 200)
        let credentials = "Authorization: Basic \(Data("alice:wrong".utf8).base64EncodedString())"
        let crowd = try await onThread { [port = site.port] in
            try (0..<200).map { _ in
                let client = try RawClient(port)
                client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\(credentials)\r\nConnection: close\r\n\r\n")
                return client
            }
        }
        #expect(try await site.ask("alice", Self.password, "/metrics").status == 200)
        // From another address, and not known yet.
        let bob = try await ChildProcess.run(
            "/usr/bin/curl",
            [
                "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--interface", "127.0.0.2", "--max-time", "60",
                "-u", "bob:\(Self.password)", "http://127.0.0.1:\(site.port)/metrics",
            ])
        #expect(bob.output == "200", "\(bob.errors)")
        let answers = try await onThread { try crowd.map { try $0.receiveAll() } }
        let refused = answers.count { $0.hasPrefix("HTTP/1.1 401 ") }
        let crowded = answers.count { $0.hasPrefix("HTTP/1.1 429 ") && $0.lowercased().contains("\r\nretry-after: ") }
        #expect(refused > 0 && crowded > 0 && refused + crowded == 200, "\(refused) and \(crowded)")
        #expect(await site.exporter.stop() == 0)
    }

    @Test func whoeverIsNotLetInIsToldTheSame() async throws {
        let site = try await Site()
        var answers = [
            try await site.ask("alice", "wrong"), try await site.ask("carol", Self.password),
            try await site.ask("", ""),
            try await LoopbackHTTP.request("GET", "/-/healthy", port: site.port),
            try await LoopbackHTTP.request("GET", "/nope", port: site.port, headers: ["Authorization: Bearer a"]),
        ]
        let first = answers.removeFirst()
        #expect(first.status == 401 && first.header("WWW-Authenticate") == "Basic")
        func said(_ answer: LoopbackHTTP.Answer) -> [String] {
            answer.headers.filter { $0.name != "Date" }.map { "\($0.name): \($0.value)" }
        }
        for answer in answers {
            #expect(answer.status == 401 && answer.body == first.body)
            #expect(said(answer) == said(first))
        }
        #expect(await site.exporter.stop() == 0)
    }

    @Test func aChangedFileHoldsFromTheNextRequestOnAndForWhoeverIsRemembered() async throws {
        let site = try await Site()
        for _ in 0..<2 { #expect(try await site.ask("alice", Self.password).status == 200) }
        // Another salt: nobody's password.
        try site.world.write(Site.configuration(Self.hash.replacing("abcdef", with: "abcdeg")), to: "web.yml")
        #expect(try await site.ask("alice", Self.password).status == 401)
        try site.world.write("basic_auth_users: {bob: \"\(Self.hash)\"}", to: "web.yml")
        #expect(try await site.ask("alice", Self.password).status == 401)
        #expect(try await site.ask("bob", Self.password).status == 200)
        #expect(await site.exporter.stop() == 0)
    }
}
