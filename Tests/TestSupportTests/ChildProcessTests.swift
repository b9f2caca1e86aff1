import Glibc
import TestSupport
import Testing

@Suite struct ChildProcessTests {
    /// Whoever starts it: a thread that blocks signals in a process that ignores some.
    @Test func aProgramBeginsWithNoSignalBlockedOrIgnored() async throws {
        let run = try startingWithoutSignals {
            try ChildProcess("/bin/grep", ["-E", "^Sig(Blk|Ign):", "/proc/self/status"])
        }
        #expect(await run.exitStatus() == 0, "\(run.errors)")
        let masks = run.output.split(separator: "\n").compactMap { UInt64($0.suffix(16), radix: 16) }
        // The two that are the C library's own are not looked at.
        #expect(masks.map { $0 & 0x7fff_ffff } == [0, 0], "\(run.output)")
    }

    @Test func aProgramEndsBySIGTERMWhoeverStartsIt() async throws {
        let run = try startingWithoutSignals { try ChildProcess("/bin/sleep", ["60"]) }
        run.signal(SIGTERM)
        #expect(await run.exitStatus() == 128 + SIGTERM)
    }

    private func startingWithoutSignals(_ start: () throws -> ChildProcess) throws -> ChildProcess {
        var blocked = sigset_t()
        var before = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGTERM)
        sigaddset(&blocked, SIGUSR1)
        pthread_sigmask(SIG_BLOCK, &blocked, &before)
        let handler = signal(SIGUSR2, SIG_IGN)
        defer {
            signal(SIGUSR2, handler)
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
        return try start()
    }

    /// The test fails, and does not hold up the others.
    @Test(arguments: ["exec sleep 600", "exec >&- 2>&-; exec sleep 600"])
    func aProgramThatDoesNotEndIsKilledAndThatIsTold(_ script: String) async {
        let failure = await #expect(throws: ChildProcess.Failure.self) {
            try await ChildProcess.run("/bin/sh", ["-c", script], within: .milliseconds(50))
        }
        #expect(failure?.description == "/bin/sh \(["-c", script]) did not end: ")
    }

    /// Nor does what it leaves behind, with its output open; though it ended well, it counts as killed.
    @Test func whatAProgramLeavesBehindIsNotWaitedForLonger() async throws {
        let run = try ChildProcess("/bin/sh", ["-c", "sleep 600 & echo $! >&2"])
        let left = try #require(await run.line(containing: "").flatMap { Int32($0) })
        #expect(await run.exitStatus(within: .milliseconds(50)) == 128 + SIGKILL)
        #expect(kill(left, SIGKILL) == 0)
    }

    @Test func aProgramInheritsNoDescriptor() async throws {
        // None of these is marked to be closed.
        let own = (0..<20).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        defer { for descriptor in own { close(descriptor) } }
        let run = try await ChildProcess.run("/bin/ls", ["/proc/self/fd"])
        // The fourth is the folder that it lists.
        #expect(run.output == "0\n1\n2\n3\n", "\(run.errors)")
    }
}
