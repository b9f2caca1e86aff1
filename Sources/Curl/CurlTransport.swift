import CCurl
import Glibc
import Synchronization
package import Transport

/// Why the layer could not be set up.
package struct CurlError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}

/// libcurl behind one thread of its own: it owns the multi handle, the easy handles and the table of transfers; everybody
/// else posts to its mailbox.
package final class CurlTransport: Transport {
    /// Whether connections are kept for the next request.
    package enum Connections: Sendable {
        /// A new connection, name lookup and TLS session for every request, so that each is measured: for probes.
        case fresh
        /// For the API.
        case kept
    }

    /// What all requests have in common.
    struct Settings: Sendable {
        var connections: Connections
        /// How long a bundle of certificates is used before it is read again.
        var bundleLifetime: Duration
    }

    private let mailbox: Mailbox
    private let thread: LoopThread
    private let lastID = Atomic<Int>(0)

    /// - Parameter bundleLifetime: how long a bundle of certificates is used before it is read again; whole seconds.
    /// - Throws: where the machine has no descriptor or thread left.
    package init(connections: Connections, bundleLifetime: Duration = .seconds(600)) throws(CurlError) {
        try Self.setUp()
        mailbox = try Mailbox()
        let settings = Settings(connections: connections, bundleLifetime: bundleLifetime)
        thread = try LoopThread(mailbox: mailbox, settings: settings)
    }

    package func perform(_ request: Request) async -> Transfer {
        let ticket = Ticket(id: lastID.add(1, ordering: .relaxed).newValue)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let job = Job(ticket: ticket, request: request, continuation: continuation)
                if !mailbox.post(.start(job)) { job.finish(.cancelled) }
            }
        } onCancel: {
            // The mark comes first: a cancel that overtakes its start is seen by the start.
            ticket.cancel()
            _ = mailbox.post(.cancel(ticket.id))
        }
    }

    deinit {
        mailbox.close()
    }

    /// Ends every transfer with `cancelled`, and the thread. Later requests are `cancelled` at once.
    package func shutdown() {
        mailbox.close()
        thread.join()
    }

    // MARK: The library

    private static let initialisation: CURLcode = {
        // OpenSSL's own handler would free what other threads still use while the process exits.
        _ = partoo_ssl_without_atexit()
        signal(SIGPIPE, SIG_IGN)
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT))
    }()

    private static func setUp() throws(CurlError) {
        guard initialisation == CURLE_OK else { throw CurlError(description: "libcurl cannot be initialised") }
    }

    /// As in `7.88.1`.
    package static var libcurlVersion: String {
        curl_version_info(CURLVERSION_TENTH).pointee.version.map { String(cString: $0) } ?? "unknown"
    }

    /// As in `OpenSSL/3.0.17`.
    package static var tlsLibrary: String {
        curl_version_info(CURLVERSION_TENTH).pointee.ssl_version.map { String(cString: $0) } ?? "none"
    }
}

extension Transfer {
    static let cancelled = Transfer(result: .failure(TransferError(.cancelled, "the transfer was cancelled")))
}

/// What a request is called, and whether it is wanted any longer.
final class Ticket: Sendable {
    let id: Int
    private let cancelled = Atomic(false)

    init(id: Int) {
        self.id = id
    }

    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    func cancel() {
        cancelled.store(true, ordering: .releasing)
    }
}

/// One request on its way, resumed exactly once.
final class Job: Sendable {
    private let ticket: Ticket
    let request: Request
    private let continuation: Mutex<CheckedContinuation<Transfer, Never>?>

    var id: Int { ticket.id }
    var isCancelled: Bool { ticket.isCancelled }

    init(ticket: Ticket, request: Request, continuation: CheckedContinuation<Transfer, Never>) {
        self.ticket = ticket
        self.request = request
        self.continuation = Mutex(continuation)
    }

    func finish(_ transfer: Transfer) {
        let waiting = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        waiting?.resume(returning: transfer)
    }
}
