import Foundation

/// Programs in a network namespace of their own, where only loopback exists and a resolver of the test's own can be at port 53.
package enum PrivateNetwork {
    /// Namespaces take root.
    package static var isPossible: Bool { geteuid() == 0 }

    /// Runs it to its end, with `options` for the resolver at 127.0.0.1.
    package static func run(
        _ executable: String, _ arguments: [String], options: String = "timeout:5 attempts:2"
    ) async throws -> (status: Int32, output: String, errors: String) {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("resolv-\(UUID().uuidString).conf")
        try "nameserver 127.0.0.1\noptions \(options)\n".write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let script = #"ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@""#
        return try await ChildProcess.run(
            "/usr/bin/unshare", ["-n", "-m", "--", "/bin/sh", "-c", script, "sh", file.path, executable] + arguments)
    }
}
