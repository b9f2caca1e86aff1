import Synchronization
import TestSupport

/// How many probes a receiver answers; the others wait until there are more, or until whoever probes has gone.
final class ReceiverGate: Sendable {
    /// The module `patient`: it waits for as long as a test may take.
    static let module =
        "retries: 0\n  patient: {timeout: 10m, allowed_schemes: [http], allowed_networks: [127.0.0.0/8]}"

    private let count = Atomic<Int>(0)

    var wanted: Int {
        get { count.load(ordering: .acquiring) }
        set { count.store(newValue, ordering: .releasing) }
    }

    /// A receiver without TLS; each probe is a connection of its own.
    func server() throws -> RawServer {
        try RawServer { connection in
            _ = connection.readRequest()
            while connection.index >= self.wanted {
                guard connection.pause(milliseconds: 5) else { return }
            }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
    }
}
