import CLinux
import Glibc
import Synchronization

/// A program as a process of its own, its output and errors kept.
///
/// Foundation's `Process` is not used: on Linux its end, or that of its pipes, now and then goes unnoticed, and the test hangs.
package final class ChildProcess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// What is known of it; the thread that reads holds this and not the process, so that a forgotten one is killed.
    private final class Record: Sendable {
        struct State {
            var output: [UInt8] = []
            var errors: [UInt8] = []
            /// The exit status, or 128 and the signal's number.
            var status: Int32?
            /// How many wait for something; the deadline runs as long as there is one.
            var waits = 0
            /// Whether it was given up, since what was waited for did not come. Its status then is that of a kill, also where only
            /// what it left behind held its output open.
            var wasKilled = false
            var waiters: [CheckedContinuation<Int32, Never>] = []
            var lineWaiters: [(needle: String, continuation: CheckedContinuation<String?, Never>)] = []
        }

        let state = Mutex(State())
        /// A timer.
        let deadline = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC))
        /// A counter that the end of the process moves.
        let ended = eventfd(0, Int32(EFD_CLOEXEC))

        init() throws {
            guard deadline >= 0, ended >= 0 else { throw Failure(description: "no descriptor is left") }
        }

        deinit {
            close(deadline)
            close(ended)
        }

        /// - Parameter limit: from now on; nil: none.
        func setDeadline(_ limit: Duration?) {
            let (seconds, attoseconds) = (limit ?? .zero).components
            var time = itimerspec()
            time.it_value = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
            timerfd_settime(deadline, 0, &time, nil)
        }
    }

    package let processIdentifier: Int32
    private let record: Record

    /// - Parameters:
    ///   - executable: a path.
    ///   - environment: what is set besides this process's own.
    ///   - input: a file for standard input; nil: nothing.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String? = nil
    ) throws {
        (processIdentifier, record) = try Self.spawn(executable, arguments, environment, input)
    }

    private static func spawn(
        _ executable: String, _ arguments: [String], _ own: [String: String], _ input: String?
    ) throws -> (pid_t, Record) {
        let record = try Record()
        let output = try Self.pipe()
        let errors = try Self.pipe()
        defer {
            close(output.write)
            close(errors.write)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input ?? "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO)
        // What other tests have open is none of a program's, and would count against its limit. Closed in the child, since
        // others open more at any moment; to close what is not open is no error there.
        for number in STDERR_FILENO + 1..<4096 { posix_spawn_file_actions_addclose(&actions, number) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Self.freeSignals(&attributes)
        let variables = environment.merging(own) { _, own in own }.map { "\($0.key)=\($0.value)" }
        var identifier: pid_t = 0
        let code = Self.withPointers([executable] + arguments) { arguments in
            Self.withPointers(variables) { posix_spawn(&identifier, executable, &actions, &attributes, arguments, $0) }
        }
        guard code == 0 else {
            close(output.read)
            close(errors.read)
            throw Failure(description: "cannot start \(executable): error \(code)")
        }
        startReading(identifier, output: output.read, errors: errors.read, record)
        return (identifier, record)
    }

    deinit {
        signal(SIGKILL)
    }

    /// Runs it to its end.
    ///
    /// - Throws: where it does not end by itself.
    package static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String? = nil,
        within limit: Duration = patience
    ) async throws -> (status: Int32, output: String, errors: String) {
        let process = try ChildProcess(executable, arguments, environment: environment, input: input)
        let status = await process.exitStatus(within: limit)
        guard !process.record.state.withLock(\.wasKilled) else {
            throw Failure(description: "\(executable) \(arguments) did not end: \(process.errors)")
        }
        return (status, process.output, process.errors)
    }

    /// Longer than whatever is waited for takes.
    package static let patience = Duration.seconds(240)

    package var output: String { record.state.withLock { String(decoding: $0.output, as: UTF8.self) } }
    package var errors: String { record.state.withLock { String(decoding: $0.errors, as: UTF8.self) } }

    /// Does nothing once it has ended.
    package func signal(_ number: Int32) {
        // Under the lock, so that the number is still this process's.
        record.state.withLock { if $0.status == nil { kill(processIdentifier, number) } }
    }

    /// The exit status once it has ended and all that it wrote was read; 128 and the signal's number where one ended it, which
    /// is SIGKILL where it does not end by itself.
    package func exitStatus(within limit: Duration = patience) async -> Int32 {
        await waiting(within: limit) { await end() }
    }

    /// Kills it where what is waited for does not come; a test that has failed must not hold up the others.
    private func waiting<Value>(within limit: Duration, for wait: () async -> Value) async -> Value {
        record.state.withLock { state in
            state.waits += 1
            record.setDeadline(limit)
        }
        defer {
            record.state.withLock { state in
                state.waits -= 1
                if state.waits == 0 { record.setDeadline(nil) }
            }
        }
        return await wait()
    }

    private func end() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = record.state.withLock { state in
                if state.status == nil { state.waiters.append(continuation) }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// The first whole line of standard error that holds the text, as soon as it is there; nil where the process ends before,
    /// or is killed since the line does not come.
    package func line(containing needle: String) async -> String? {
        await waiting(within: Self.patience) { await nextLine(containing: needle) }
    }

    private func nextLine(containing needle: String) async -> String? {
        await withCheckedContinuation { continuation in
            let known = record.state.withLock { state -> String?? in
                if let line = Self.line(of: state.errors, with: needle) { return .some(line) }
                if state.status != nil { return .some(nil) }
                state.lineWaiters.append((needle, continuation))
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    // MARK: Reading

    private static func startReading(_ identifier: pid_t, output: Int32, errors: Int32, _ record: Record) {
        detachThread {
            var information = siginfo_t()
            // Only looked at: its number is its own until the other thread, which knows the status then, takes it.
            while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            eventfd_write(record.ended, 1)
        }
        detachThread {
            var reader = Reader(identifier, output, errors, record)
            reader.read()
        }
    }

    private struct Reader {
        private let identifier: pid_t
        private let record: Record
        /// Output, errors, the end, the deadline.
        private var descriptors: [pollfd]

        init(_ identifier: pid_t, _ output: Int32, _ errors: Int32, _ record: Record) {
            self.identifier = identifier
            self.record = record
            descriptors = [output, errors, record.ended, record.deadline].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
        }

        mutating func read() {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while descriptors[..<3].contains(where: { $0.fd >= 0 }) {
                guard poll(&descriptors, nfds_t(descriptors.count), -1) > 0 else { continue }
                for index in 0...1 where descriptors[index].fd >= 0 && descriptors[index].revents != 0 {
                    let count = Glibc.read(descriptors[index].fd, &buffer, buffer.count)
                    if count > 0 {
                        take(buffer[..<count], isError: index == 1)
                    } else if count == 0 || errno != EINTR {
                        closeOutput(index)
                    }
                }
                if descriptors[2].revents != 0 { descriptors[2].fd = -1 }
                if descriptors[3].revents != 0 { giveUp() }
            }
            end()
        }

        private mutating func closeOutput(_ index: Int) {
            if descriptors[index].fd >= 0 { close(descriptors[index].fd) }
            descriptors[index].fd = -1
        }

        /// Waits no longer than for the process itself: what it started may hold its output open.
        private mutating func giveUp() {
            descriptors[3].fd = -1
            record.state.withLock { $0.wasKilled = true }
            kill(identifier, SIGKILL)
            closeOutput(0)
            closeOutput(1)
        }

        private func take(_ bytes: ArraySlice<UInt8>, isError: Bool) {
            let found = record.state.withLock { state -> [(CheckedContinuation<String?, Never>, String)] in
                guard isError else {
                    state.output += bytes
                    return []
                }
                state.errors += bytes
                var found: [(CheckedContinuation<String?, Never>, String)] = []
                state.lineWaiters.removeAll { waiter in
                    guard let line = ChildProcess.line(of: state.errors, with: waiter.needle) else { return false }
                    found.append((waiter.continuation, line))
                    return true
                }
                return found
            }
            for (continuation, line) in found { continuation.resume(returning: line) }
        }

        private func end() {
            let (status, waiters, lineWaiters) = record.state.withLock { [identifier] state in
                var status: Int32 = 0
                while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
                status = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
                if state.wasKilled { status = 128 + SIGKILL }
                state.status = status
                defer { (state.waiters, state.lineWaiters) = ([], []) }
                return (status, state.waiters, state.lineWaiters)
            }
            for waiter in waiters { waiter.resume(returning: status) }
            for waiter in lineWaiters { waiter.continuation.resume(returning: nil) }
        }
    }

    private static func line(of bytes: [UInt8], with needle: String) -> String? {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .first { $0.contains(needle) }.map(String.init)
    }

    // MARK: C

    /// A program takes over what the thread that starts it blocks, and what this process ignores: threads of a pool block
    /// SIGTERM, which would then not end it, and CurlTransport ignores SIGPIPE.
    private static func freeSignals(_ attributes: inout posix_spawnattr_t) {
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var descriptors: [Int32] = [0, 0]
        guard Glibc.pipe(&descriptors) == 0 else { throw Failure(description: "no pipe: error \(errno)") }
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return (descriptors[0], descriptors[1])
    }

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }

    private static func withPointers<Value>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
    ) -> Value {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
