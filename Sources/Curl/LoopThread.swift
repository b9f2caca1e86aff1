import Glibc
import Synchronization

/// The POSIX thread that a loop lives on.
final class LoopThread: Sendable {
    private let thread: Mutex<pthread_t?>

    /// What the new thread gets; it makes the loop itself, so that nothing of it is ever on another thread.
    private final class Start: Sendable {
        let mailbox: Mailbox
        let connections: CurlTransport.Connections

        init(mailbox: Mailbox, connections: CurlTransport.Connections) {
            self.mailbox = mailbox
            self.connections = connections
        }
    }

    init(mailbox: Mailbox, connections: CurlTransport.Connections) throws(CurlError) {
        let start = Unmanaged.passRetained(Start(mailbox: mailbox, connections: connections))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                CurlLoop(mailbox: start.mailbox, connections: start.connections)?.run()
                // Without a loop, or after it, whoever waits must not wait for ever.
                start.mailbox.close()
                for case .start(let job) in start.mailbox.take().messages { job.finish(.cancelled) }
                return nil
            }, start.toOpaque())
        guard status == 0 else {
            start.release()
            throw CurlError(description: "no thread for libcurl (error \(status))")
        }
        self.thread = Mutex(thread)
    }

    /// Waits for its end, once.
    func join() {
        let waiting = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let waiting { pthread_join(waiting, nil) }
    }
}
