import ConfigurationFile
import Foundation
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Web

/// A web configuration before the server's handler.
@Suite(.timeLimit(.minutes(5))) struct WebSecurityTests {
    private static let hash = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
    private static let web = """
        basic_auth_users: {alice: "\(hash)"}
        http_server_config: {headers: {X-Frame-Options: deny}}
        """

    /// A `web.yml` of its own for as long as the body runs.
    private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
        try await withFiles(["web.yml": text]) { try await body("\($0)/web.yml") }
    }

    private static func authorization(_ password: String) -> String {
        "Authorization: Basic " + Data("alice:\(password)".utf8).base64EncodedString()
    }

    @Test func aWrongPasswordTakesNoPlaceFromAScrape() async throws {
        let (checking, check) = AsyncStream.makeStream(of: Void.self)
        let (verdict, decide) = AsyncStream.makeStream(of: Void.self)
        try await withFile(Self.web) { file in
            let security = try WebSecurity(path: file, logger: ServerRig.quiet) { password, _ in
                guard password == Array("wrong".utf8) else { return true }
                check.yield()
                for await _ in verdict { break }
                return false
            }
            let limits = WebServer.Limits(maximumRequests: 1, limitedPaths: [["/"]])
            try await ServerRig(limits: limits, security: security) { _ in .text(200, "ok") }.run { server in
                let ask = { @Sendable (password: String) in
                    try await server.request(headers: [Self.authorization(password)]).status
                }
                #expect(try await ask("right") == 200)
                async let refused = ask("wrong")
                for await _ in checking { break }
                // The place is given back when the answer is taken, which the client may see a moment before the server.
                let scraped = try await eventually(within: .seconds(5)) { try await ask("right") == 200 ? true : nil }
                #expect(scraped == true)
                decide.yield()
                #expect(try await refused == 401)
            }
        }
    }

    @Test func onlyWhoMayAskIsToldOfTheLimit() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        try await withFile(Self.web) { file in
            let security = try WebSecurity(path: file, logger: ServerRig.quiet) { password, _ in
                password == Array("right".utf8)
            }
            let limits = WebServer.Limits(maximumRequests: 1, limitedPaths: [["/"]])
            try await ServerRig(limits: limits, security: security) { _ in
                enter.yield()
                for await _ in gate { break }
                return .text(200, "ok")
            }.run { server in
                async let first = server.request(headers: [Self.authorization("right")])
                for await _ in entered { break }
                for (headers, status) in [([], 401), (["wrong"], 401), (["right"], 503)] {
                    let answer = try await server.request(headers: headers.map(Self.authorization))
                    #expect(answer.status == status && answer.header("X-Frame-Options") == "deny")
                }
                open.yield()
                #expect(try await first.status == 200)
            }
        }
    }

    @Test func aCrowdOfWrongPasswordsTakesNeitherRoomNorTurnsFromOthers() async throws {
        let (verdict, decide) = AsyncStream.makeStream(of: Void.self)
        try await withFile(Self.web) { file in
            let security = try WebSecurity(path: file, logger: ServerRig.quiet) { password, _ in
                guard password == Array("wrong".utf8) else { return true }
                for await _ in verdict {}
                return false
            }
            let limits = WebServer.Limits(maximumConnections: 20)
            var rig = ServerRig(limits: limits, security: security) { _ in .text(200, "ok") }
            rig.hosts = ["127.0.0.1", "[::1]"]
            try await rig.run { server in
                #expect(try await server.request(headers: [Self.authorization("right")]).status == 200)
                let crowd = try await onThread {
                    try (0..<60).map { _ in
                        let client = try RawClient(server.port)
                        client.send("GET / HTTP/1.1\r\nHost: a\r\n\(Self.authorization("wrong"))\r\n\r\n")
                        return client
                    }
                }
                // Some of them may still be on their way out.
                let answer = try await eventually(within: .seconds(5)) {
                    try? await server.request(headers: [Self.authorization("right")])
                }
                #expect(answer?.status == 200)
                // From another address, with a right password that is not known.
                let guest = try await onThread {
                    let guest = try RawClient(server.ports[1], host: "::1")
                    guest.send("GET / HTTP/1.1\r\nHost: a\r\n\(Self.authorization("other"))\r\n\r\n")
                    return guest
                }
                #expect(try await server.request(headers: [Self.authorization("right")]).status == 200)
                decide.finish()
                let admitted = try await onThread { try guest.receive(until: "\r\n") }
                #expect(admitted.hasPrefix("HTTP/1.1 200 "))
                withExtendedLifetime(crowd) {}
            }
        }
    }

    /// Replaces a file as soon as it was read.
    private final class Replacing: ConfigurationFileSystem {
        private let local = LocalFileSystem()
        private let text: Mutex<String?>

        init(by text: String) { self.text = Mutex(text) }

        func read(_ path: String, limit: Int) -> Result<FileContents, FileFailure> {
            defer {
                let text = text.withLock { text in
                    defer { text = nil }
                    return text
                }
                if let text { try? Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) }
            }
            return local.read(path, limit: limit)
        }

        func resolve(_ path: String) -> String? { local.resolve(path) }
        func glob(_ pattern: String) -> [String] { local.glob(pattern) }
        var currentDirectory: String { local.currentDirectory }
    }

    @Test func aFileThatIsReplacedRightAfterItWasReadIsNoticed() async throws {
        try await withFile("{}") { file in
            let loader = WebConfigurationLoader(fileSystem: Replacing(by: Self.web))
            let security = try WebSecurity(path: file, logger: ServerRig.quiet, loader: loader) { _, _ in false }
            let answer = await security.guarded(WebRequest(method: "GET", target: "/"), from: nil) { _ in
                .text(200, "ok")
            }
            #expect(answer.status == 401)
        }
    }
}
