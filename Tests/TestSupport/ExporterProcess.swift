package import Foundation
import Synchronization

/// The built binary as a process of its own, its standard error kept.
package final class ExporterProcess: Sendable {
    private struct State {
        var errors = ""
        var output = ""
        var waiters: [(needle: String, continuation: CheckedContinuation<String?, Never>)] = []
        var hasEnded = false
    }

    private let process: Process
    private let state = Mutex(State())
    private let exit: AsyncStream<Int32>

    /// The binary beside the test bundle.
    package static var binary: URL {
        let here = ProcessInfo.processInfo.environment["PARTOO_EXPORTER_BINARY"].map { URL(fileURLWithPath: $0) }
        return here
            ?? URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("partoo-webhook-exporter")
    }

    package init(_ arguments: [String], environment: [String: String] = [:], folder: URL? = nil) throws {
        process = Process()
        process.executableURL = Self.binary
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.currentDirectoryURL = folder
        let errors = Pipe()
        let output = Pipe()
        process.standardError = errors
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        exit = stream
        errors.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                self?.ended()
            } else {
                self?.received(String(decoding: data, as: UTF8.self), isError: true)
            }
        }
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
            } else {
                self?.received(String(decoding: data, as: UTF8.self), isError: false)
            }
        }
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    package var processIdentifier: Int32 { process.processIdentifier }
    package var errors: String { state.withLock { $0.errors } }
    package var output: String { state.withLock { $0.output } }

    private func received(_ text: String, isError: Bool) {
        let found = state.withLock { state -> [(CheckedContinuation<String?, Never>, String)] in
            guard isError else {
                state.output += text
                return []
            }
            state.errors += text
            var found: [(CheckedContinuation<String?, Never>, String)] = []
            state.waiters.removeAll { waiter in
                guard let line = Self.line(of: state.errors, with: waiter.needle) else { return false }
                found.append((waiter.continuation, line))
                return true
            }
            return found
        }
        for (continuation, line) in found { continuation.resume(returning: line) }
    }

    private func ended() {
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    private static func line(of text: String, with needle: String) -> String? {
        text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .first { $0.contains(needle) }.map(String.init)
    }

    /// The first line of standard error that holds the text, as soon as it is there; nil where the process ends before.
    package func line(containing needle: String) async -> String? {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> String?? in
                if let line = Self.line(of: state.errors, with: needle) { return .some(line) }
                if state.hasEnded { return .some(nil) }
                state.waiters.append((needle, continuation))
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// The port of the first address that the exporter says it listens on.
    package func port() async throws -> Int {
        guard let line = await line(containing: "msg=listening"),
            let field = line.split(separator: " ").first(where: { $0.hasPrefix("address=") }),
            let port = field.split(separator: ":").last.flatMap({ Int($0) })
        else { throw LoopbackHTTP.Failure(description: "the exporter does not listen: \(errors)") }
        return port
    }

    package func signal(_ number: Int32) {
        if process.isRunning { kill(process.processIdentifier, number) }
    }

    /// The exit status, once it has ended.
    package func exitStatus() async -> Int32 {
        for await status in exit { return status }
        return process.terminationStatus
    }

    /// Runs it to its end.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], folder: URL? = nil
    ) async throws -> (status: Int32, output: String, errors: String) {
        let process = try ExporterProcess(arguments, environment: environment, folder: folder)
        let status = await process.exitStatus()
        await process.drained()
        return (status, process.output, process.errors)
    }

    private func drained() async {
        _ = await line(containing: "\u{0}never\u{0}")
    }
}

/// Asks again until the condition holds; the deadline only ends a test that has failed.
package func eventually<Value: Sendable>(
    within limit: Duration = .seconds(30), _ condition: @Sendable () async throws -> Value?
) async throws -> Value? {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
        if let value = try await condition() { return value }
        try await clock.sleep(for: .milliseconds(20))
    }
    return try await condition()
}
