import Curl
import Foundation
import Simulator
import TestSupport
import Testing
import Transport

/// Receivers that answer anything: one result for each request, never a fault of ours, and a loop that goes on.
@Suite struct FuzzTests {
    private static let pieces = [
        "HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\n", "HTTP/2 200\r\n", "HTTP/1.1 103 Hints\r\n\r\n",
        "HTTP/1.1 100 C\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "HTTP/1.1 ", "HTTP/", "\r\n",
        "\n",
        "\r", "\r\n\r\n", "Content-Length: 5\r\n", "Content-Length: 99999999999999999999\r\n", "Content-Length: -5\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: br\r\n",
        "Content-Encoding: gzip\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "Connection: close\r\n",
        "Location: http://127.0.0.1:1/\r\n", "Set-Cookie: a=b\r\n", "WWW-Authenticate: Basic, Digest, Negotiate\r\n",
        "Proxy-Authenticate: Basic\r\n", "Retry-After: 1\r\n", "X-A: b\r\n c\r\n", "\u{0}", "hello", ":", ": \r\n", " ",
        "Alt-Svc: h3=\":443\"\r\n", "Strict-Transport-Security: max-age=1\r\n", "\u{1f}\u{8b}\u{8}", "401 No\r\n",
    ]

    private static func answer(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = Bool.random(using: &generator) ? Array("HTTP/1.1 200 OK\r\n".utf8) : []
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            if Int.random(in: 0..<8, using: &generator) == 0 {
                bytes += (0..<Int.random(in: 1...40, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
            } else {
                bytes += Array((pieces.randomElement(using: &generator) ?? "").utf8)
            }
        }
        for _ in 0..<Int.random(in: 0...2, using: &generator) where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        return bytes
    }

    @Test func anyAnswerGivesOneResult() async throws {
        let fixture = try Fixture()
        let server = try RawServer { connection in
            var generator = SeededGenerator(seed: UInt64(connection.index))
            let answer = Self.answer(&generator)
            _ = connection.readRequest()
            let cut = Int.random(in: 0...answer.count, using: &generator)
            connection.write(Array(answer[..<cut]))
            if Bool.random(using: &generator) { connection.pause(milliseconds: 1) }
            connection.write(Array(answer[cut...]))
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: connection.reset()
            case 1: connection.hold()
            default: break
            }
        }
        let ends = try await endings(of: 600, fixture) { number in
            let method = HTTPMethod.allCases[number % HTTPMethod.allCases.count]
            return await fixture.perform("http://127.0.0.1:\(server.port)/", method, timeout: .milliseconds(500)) {
                $0.maximumResponseBytes = 100
                $0.wantsTrace = true
                $0.httpVersion = number % 10 == 0 ? .http2 : .automatic
                $0.body = number % 2 == 0 ? [] : Array("body".utf8)
            }
        }
        // Varied enough to show something.
        #expect(ends.count >= 5, "\(ends)")
    }

    @Test func anyBytesInTheHandshakeGiveOneResult() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server(respond: { _ in .response(200, "hello") })
        let relay = try RawServer { connection in
            var generator = SeededGenerator(seed: UInt64(connection.index))
            if connection.index % 4 == 0 {
                _ = connection.read()
                connection.write(
                    (0..<Int.random(in: 1...600, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    })
                return
            }
            let place = Int.random(in: 0..<1600, using: &generator)
            let value = UInt8.random(in: 1...255, using: &generator)
            connection.relay(to: server.port) { bytes, position in
                if (position..<(position + bytes.count)).contains(place) { bytes[place - position] ^= value }
            }
        }
        let ends = try await endings(of: 200, fixture) { _ in
            await fixture.perform("https://127.0.0.1:\(relay.port)/", timeout: .seconds(2))
        }
        #expect(ends.count >= 2, "\(ends)")
        await server.stop()
    }

    /// Runs them a few at a time, looks at each result, and shows that the transport still works.
    private func endings(
        of count: Int, _ fixture: Fixture, _ run: @escaping @Sendable (Int) async -> Transfer
    ) async throws -> Set<String> {
        let all = await withTaskGroup(of: [(Int, Transfer)].self, returning: [(Int, Transfer)].self) { group in
            for worker in 0..<16 {
                group.addTask {
                    var own: [(Int, Transfer)] = []
                    for number in stride(from: worker, to: count, by: 16) { own.append((number, await run(number))) }
                    return own
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(all.map(\.0)).count == count && all.count == count)
        var ends: Set<String> = []
        for (number, transfer) in all {
            transfer.expectWholePhases("\(number)")
            ends.insert(transfer.reason?.rawValue ?? "response")
            switch transfer.reason {
            case .internal, .cancelled, .proxy, .dns, .urlInvalid, .headerInvalid, .schemeForbidden, .addressForbidden:
                Issue.record("\(number): \(transfer.result)")
            default: break
            }
            if let response = transfer.response {
                #expect(response.status >= 200, "\(number)")
                #expect(response.body.count <= 1 << 20)
            }
        }
        let good = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page())
        }
        #expect(await fixture.perform("http://127.0.0.1:\(good.port)/").response?.status == 200)
        return ends
    }
}
