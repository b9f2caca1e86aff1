import CCurl
import Curl
import Glibc
import Synchronization
import TestSupport
import Transport

/// What the libraries do to the process.
enum ProcessWide {
    static func run() async throws {
        // Before OpenSSL begins by itself, as a transport is made early in the real program.
        let transport = try CurlTransport(connections: .fresh)
        say("SIGPIPE ignored: \(isPipeIgnored)")
        // Without NOSIGNAL libcurl would change it for the whole process while it works, under other threads' feet.
        signal(SIGPIPE, SIG_DFL)
        let isChanged = Atomic(true)
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let transfer = await transport.get("http://127.0.0.1:\(server.port)/") {
            $0.isAddressAllowed = { _ in
                isChanged.store(isPipeIgnored, ordering: .relaxed)
                return true
            }
        }
        say("a transfer: \(transfer.outcome), SIGPIPE changed within: \(isChanged.load(ordering: .relaxed))")
        // OpenSSL calls these when its own exit handler runs.
        _ = OPENSSL_atexit { puts("OpenSSL tore itself down") }
        transport.shutdown()
        say("end")
    }

    private static var isPipeIgnored: Bool {
        var action = sigaction()
        sigaction(SIGPIPE, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
