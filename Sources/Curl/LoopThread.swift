import Glibc
import Synchronization

/// The POSIX thread that a loop lives on.
final class LoopThread: Sendable {
    private let thread: Mutex<pthread_t?>

    /// - Throws: where the machine has no descriptor or thread left.
    init(mailbox: Mailbox, settings: CurlTransport.Settings) throws(CurlError) {
        // Made here, so that a failure is known here; then handed over whole, and only touched by its thread.
        let handed = Unmanaged.passRetained(try CurlLoop(mailbox: mailbox, settings: settings))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                // Names beyond ASCII are read in the locale's encoding, which may be C; it is changed for this thread only.
                let locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)
                if let locale { uselocale(locale) }
                Unmanaged<CurlLoop>.fromOpaque(argument).takeRetainedValue().run()
                uselocale(UnsafeMutablePointer(bitPattern: -1))
                if let locale { freelocale(locale) }
                return nil
            }, handed.toOpaque())
        guard status == 0 else {
            handed.release()
            throw CurlError(description: "no thread (error \(status))")
        }
        self.thread = Mutex(thread)
    }

    deinit {
        thread.withLock { thread in
            if let thread { pthread_detach(thread) }
        }
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
