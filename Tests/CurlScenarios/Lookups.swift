import Curl
import TestSupport
import Transport

/// A name lookup that hangs must delay nobody but its own transfer.
enum Lookups {
    private static let page = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    private static func hangingLookup() throws -> (NameServer, RawServer) {
        let names = try NameServer()
        names.hang("hang.test")
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page)
        }
        return (names, server)
    }

    private static func lookupBegins(_ names: NameServer) async throws {
        _ = try await eventually { names.count("hang.test") > 0 && Descriptor.lookups > 0 ? true : nil }
    }

    private static func end(_ names: NameServer) async throws {
        names.release()
        _ = try await eventually { Descriptor.lookups == 0 ? true : nil }
        say("lookups at the end: \(Descriptor.lookups)")
    }

    static func cancel() async throws {
        let (names, server) = try hangingLookup()
        let transport = try CurlTransport(connections: .fresh)
        let hanging = Task { await transport.get("http://hang.test/") }
        try await lookupBegins(names)
        hanging.cancel()
        say("the one that looks up: \(await hanging.value.outcome)")
        say("another: \(await transport.get("http://127.0.0.1:\(server.port)/").outcome)")
        say("lookups after it: \(Descriptor.lookups)")
        try await end(names)
    }

    static func timeOut() async throws {
        let (names, server) = try hangingLookup()
        let transport = try CurlTransport(connections: .fresh)
        let transfer = await transport.get("http://hang.test/", timeout: .milliseconds(300))
        say("the one that looks up: \(transfer.outcome)")
        say("another: \(await transport.get("http://127.0.0.1:\(server.port)/").outcome)")
        say("lookups after it: \(Descriptor.lookups)")
        say("all of it resolving: \(transfer.timings.resolve == transfer.timings.total)")
        say("at least the timeout: \(transfer.timings.total > .milliseconds(299))")
        say("no further phase: \(transfer.timings.connect == nil && transfer.timings.processing == nil)")
        try await end(names)
    }

    static func shutDown() async throws {
        let (names, _) = try hangingLookup()
        let transport = try CurlTransport(connections: .fresh)
        let hanging = (0..<5).map { _ in Task { await transport.get("http://hang.test/") } }
        _ = try await eventually { names.count("hang.test") >= 5 ? true : nil }
        transport.shutdown()
        say("lookups after it: \(Descriptor.lookups)")
        for task in hanging { say("one: \(await task.value.outcome)") }
        try await end(names)
    }
}
