import Curl
import Glibc
import TestSupport
import Transport

enum Descriptors {
    /// Some hundreds of transfers that end in every way; what they opened must be closed.
    static func mixedFates() async throws {
        let names = try NameServer()
        names.hang("hang.test")
        let server = try RawServer { connection in
            _ = connection.readRequest()
            switch connection.index % 5 {
            case 0: connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            case 1: connection.reset()
            case 2: connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            case 3: connection.write("nonsense\r\n\r\n")
            default: connection.hold()
            }
        }
        let silent = try RawServer { $0.hold() }
        let transport = try CurlTransport(connections: .fresh)
        // Threads, libraries and pools come into being first.
        await pass(transport, server, silent)
        names.release()
        let before = try await settled()
        for _ in 0..<8 { await pass(transport, server, silent) }
        let after = try await settled()
        say("transfers: \(9 * 60)")
        // The pool of handles may have grown; a leak would be one descriptor for each transfer.
        say("grown by less than 20: \(after - before < 20)")
        transport.shutdown()
    }

    private static func pass(_ transport: CurlTransport, _ server: RawServer, _ silent: RawServer) async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let url =
                        switch number % 6 {
                        case 0: "https://127.0.0.1:\(silent.port)/"
                        case 1: "http://127.0.0.1:9/"
                        case 2: "http://hang.test/"
                        default: "http://127.0.0.1:\(server.port)/"
                        }
                    let task = Task { await transport.get(url, timeout: .milliseconds(150)) }
                    if number % 4 == 0 { task.cancel() }
                    if number % 4 == 1 {
                        await Task.yield()
                        task.cancel()
                    }
                    _ = await task.value
                }
            }
        }
    }

    /// The count once it stays the same, with no lookup under way.
    private static func settled() async throws -> Int {
        let clock = ContinuousClock()
        var last = -1
        for _ in 0..<600 {
            let now = Descriptor.count
            if now == last, Descriptor.lookups == 0 { return now }
            last = now
            try await clock.sleep(for: .milliseconds(50))
        }
        return last
    }

    /// With no descriptor left, the fault is ours and not the receiver's.
    static func exhausted() async throws {
        let server = try RawServer { $0.hold() }
        let transport = try CurlTransport(connections: .fresh)
        let good = await transport.get("http://127.0.0.1:\(server.port)/", timeout: .milliseconds(100))
        say("with descriptors: \(good.outcome)")
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var none = rlimit(rlim_cur: 3, rlim_max: limit.rlim_max)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
        say("address: \(await transport.get("http://127.0.0.1:\(server.port)/").outcome)")
        say("name: \(await transport.get("http://some.test/").outcome)")
        for (title, host) in [("address", "127.0.0.1"), ("name", "some.test")] {
            let transfer = await transport.get("https://127.0.0.1:\(server.port)/") {
                $0.proxy = Secret("http://\(host):\(server.port)")
            }
            say("proxy's \(title): \(transfer.outcome)")
        }
        do {
            _ = try CurlTransport(connections: .fresh)
            say("another transport: made")
        } catch {
            say("another transport: refused")
        }
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let again = await transport.get("http://127.0.0.1:\(server.port)/", timeout: .milliseconds(100))
        say("with descriptors again: \(again.outcome)")
    }
}
