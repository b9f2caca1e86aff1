import CCurl
import Curl
import Glibc

/// What the libraries do to the process.
enum ProcessWide {
    static func run() throws {
        // Before OpenSSL begins by itself, as a transport is made early in the real program.
        let transport = try CurlTransport(connections: .fresh)
        var action = sigaction()
        sigaction(SIGPIPE, nil, &action)
        say("SIGPIPE ignored: \(unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1)")
        // OpenSSL calls these when its own exit handler runs.
        _ = OPENSSL_atexit { puts("OpenSSL tore itself down") }
        transport.shutdown()
        say("end")
    }
}
