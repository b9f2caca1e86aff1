import CLinux
import Glibc
import Synchronization

/// What other threads ask of the loop. Posting wakes it through an eventfd.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case start(Job)
        case cancel(Int)
    }

    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    /// Readable while there is something to take.
    let descriptor: Int32
    private let state = Mutex(State())

    init() throws(CurlError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else { throw CurlError(description: "no event descriptor (error \(errno))") }
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// false once closed: nobody will read it.
    func post(_ message: Message) -> Bool {
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            state.messages.append(message)
            return true
        }
        if isOpen { wake() }
        return isOpen
    }

    func close() {
        state.withLock { $0.isClosed = true }
        wake()
    }

    func take() -> (messages: [Message], isClosed: Bool) {
        var count: UInt64 = 0
        _ = read(descriptor, &count, MemoryLayout<UInt64>.size)
        return state.withLock { state in
            defer { state.messages = [] }
            return (state.messages, state.isClosed)
        }
    }

    private func wake() {
        var one: UInt64 = 1
        // A full counter is a wake already.
        _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
    }
}
