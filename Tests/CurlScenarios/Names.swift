import Curl
import Synchronization
import TestSupport
import Transport

/// What becomes of names: which addresses are vetted, which are connected to, and how often the resolver is asked.
enum Names {
    /// Remembers which addresses it was asked about.
    final class Policy: Sendable {
        private let asked = Mutex<[String]>([])
        private let forbidden: Set<String>

        init(forbidding forbidden: String...) {
            self.forbidden = Set(forbidden)
        }

        func allows(_ address: IPAddress) -> Bool {
            asked.withLock { $0.append("\(address)") }
            return !forbidden.contains("\(address)")
        }

        var seen: String { asked.withLock { $0.sorted().joined(separator: " ") } }
    }

    static func run() async throws {
        let names = try NameServer()
        names.set("mixed.test", "127.0.0.1", "127.0.0.2", "::1")
        names.set("four.test", "127.0.0.1", "127.0.0.2")
        names.set("six.test", "::1")
        names.set("xn--bcher-kva.test", "127.0.0.2")
        let server = try RawServer(host: "127.0.0.2", answer)
        let six = try RawServer(host: "::1", answer)
        let port = server.port
        let transport = try CurlTransport(connections: .fresh)

        func show(_ title: String, _ url: String, _ policy: Policy, _ choice: IPProtocolChoice = .any) async {
            let transfer = await transport.get(url) {
                $0.isAddressAllowed = { policy.allows($0) }
                $0.ipProtocol = choice
            }
            let address = transfer.remoteAddress.map { " at \($0)" } ?? ""
            say("\(title): \(transfer.outcome)\(address); asked \(policy.seen)")
        }

        let all = "http://mixed.test:\(port)/"
        await show("all forbidden", all, Policy(forbidding: "127.0.0.1", "127.0.0.2", "::1"))
        await show(
            "all forbidden with TLS", "https://mixed.test:\(port)/", Policy(forbidding: "127.0.0.1", "127.0.0.2", "::1")
        )
        say("connections: \(server.connections)")
        await show("some forbidden", all, Policy(forbidding: "127.0.0.1", "::1"))
        await show("the good ones forbidden", all, Policy(forbidding: "127.0.0.2"))
        await show("IPv4 only", all, Policy(forbidding: "127.0.0.1", "127.0.0.2"), .ipv4)
        await show("IPv6 only", all, Policy(forbidding: "::1"), .ipv6)
        await show("IPv6", "http://six.test:\(six.port)/", Policy())
        for (name, choice) in [("four", IPProtocolChoice.ipv6), ("six", .ipv4), ("nowhere", .ipv6), ("nowhere", .any)] {
            let transfer = await transport.get("http://\(name).test:\(port)/") { $0.ipProtocol = choice }
            guard case .failure(let error) = transfer.result else { continue }
            say("\(name), \(choice): \(error.reason), \(error.message)")
        }
        await show("localhost", "http://localhost:\(port)/", Policy(forbidding: "127.0.0.1", "::1"))
        await show("no such name", "http://nowhere.test/", Policy())
        let dead = await transport.get("http://nowhere.test/")
        say("resolving only: \(dead.timings.resolve == dead.timings.total && dead.timings.connect == nil)")

        // The second answer is another one: what was good at first is no warrant.
        names.set("turns.test", "127.0.0.2")
        await show("first", "http://turns.test:\(port)/", Policy(forbidding: "127.0.0.1"))
        names.set("turns.test", "127.0.0.1")
        await show("then", "http://turns.test:\(port)/", Policy(forbidding: "127.0.0.1"))
        say("lookups of it: \(names.count("turns.test"))")

        let foreign = await transport.get("http://B\u{fc}cher.test:\(port)/")
        say("foreign: \(foreign.outcome)")
        say("foreign host: \(server.notes.last.map { $0.replacing("\(port)", with: "PORT") } ?? "none")")

        let unknownProxy = await transport.get("https://127.0.0.1/") { $0.proxy = Secret("http://nowhere.test:8080") }
        say("unknown proxy: \(unknownProxy.outcome)")
        names.hang("hang.test")
        let slowProxy = await transport.get("https://127.0.0.1/", timeout: .milliseconds(300)) {
            $0.proxy = Secret("http://hang.test:8080")
        }
        say("proxy that is not found in time: \(slowProxy.outcome)")
        names.release()
        transport.shutdown()
    }

    private static let answer: @Sendable (RawServer.Connection) -> Void = { connection in
        let host = connection.readRequest().split(separator: "\r\n").first { $0.hasPrefix("Host: ") }
        connection.keep(host.map(String.init) ?? "none")
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }
}
