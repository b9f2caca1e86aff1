import Foundation

/// The built binary as a process of its own.
package struct ExporterProcess: Sendable {
    private let process: ChildProcess
    /// Whether it was told to log in JSON.
    private let isJSON: Bool

    /// The binary beside the test bundle.
    package static var binary: String {
        ProcessInfo.processInfo.environment["PARTOO_EXPORTER_BINARY"]
            ?? URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("partoo-webhook-exporter").path
    }

    /// A library that this package builds, for `LD_PRELOAD`.
    package static func library(_ name: String) -> String {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("lib\(name).so").path
    }

    package init(_ arguments: [String], environment: [String: String] = [:]) throws {
        process = try ChildProcess(Self.binary, arguments, environment: environment)
        isJSON = arguments.contains("json")
    }

    /// - Parameter wrapper: a command that takes the binary and its arguments at its end, and becomes it.
    package init(_ arguments: [String], wrappedIn wrapper: [String]) throws {
        process = try ChildProcess(wrapper[0], wrapper.dropFirst() + [Self.binary] + arguments)
        isJSON = arguments.contains("json")
    }

    package var processIdentifier: Int32 { process.processIdentifier }
    package var errors: String { process.errors }
    package var output: String { process.output }

    /// The processor time that it has spent so far, in the kernel's ticks of 10 ms.
    package var processorTicks: Int {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(processIdentifier)/stat", encoding: .utf8)
            // The name, in parentheses, may hold anything.
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            guard fields.count > 13, let user = Int(fields[12]), let system = Int(fields[13]) else {
                throw ChildProcess.Failure(description: "unreadable: \(text)")
            }
            return user + system
        }
    }

    package func line(containing needle: String) async -> String? { await process.line(containing: needle) }

    /// The port of the first address that the exporter says it listens on.
    package func port() async throws -> Int {
        guard let line = await line(containing: isJSON ? #""msg":"listening""# : "msg=listening"),
            let address = line.range(of: "address"),
            let port = line[address.upperBound...].split(whereSeparator: { !$0.isNumber }).last.flatMap({ Int($0) })
        else { throw ChildProcess.Failure(description: "the exporter does not listen: \(errors)") }
        return port
    }

    package func signal(_ number: Int32) { process.signal(number) }

    /// The exit status, once it has ended.
    package func exitStatus() async -> Int32 { await process.exitStatus() }

    /// SIGTERM, and the exit status.
    package func stop() async -> Int32 {
        signal(SIGTERM)
        return await exitStatus()
    }

    /// Runs it to its end.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await ChildProcess.run(binary, arguments, environment: environment)
    }

    /// The metrics as soon as the condition holds.
    ///
    /// - Throws: where it never does; with the last metrics.
    package func samples(_ condition: @escaping @Sendable (Samples) -> Bool = { _ in true }) async throws -> Samples {
        let port = try await port()
        let found = try await eventually { () -> Samples? in
            let samples = Samples(try await LoopbackHTTP.request("GET", "/metrics", port: port).text)
            return condition(samples) ? samples : nil
        }
        if let found { return found }
        let last = try await LoopbackHTTP.request("GET", "/metrics", port: port).text
        let own = last.split(separator: "\n").filter { $0.hasPrefix("partoo_webhook_") && !$0.contains("_bucket{") }
        throw ChildProcess.Failure(description: "what was waited for never came:\n\(own.joined(separator: "\n"))")
    }
}

/// Asks again until the condition holds; the deadline only ends a test that has failed.
package func eventually<Value: Sendable>(
    within limit: Duration = .seconds(60), _ condition: @Sendable () async throws -> Value?
) async throws -> Value? {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
        if let value = try await condition() { return value }
        try await clock.sleep(for: .milliseconds(20))
    }
    return try await condition()
}
