import Foundation
import Simulator
import TestSupport

/// What a TLS handshake costs in CPU time with a bundle of one certificate, with one of 140, and with libcurl's default CA
/// path left on: `swift run -c release CurlBenchmark [handshakes a round]`. The variants take turns in each round, so that
/// what else the machine does weighs on all alike; the peer is a process of its own and not counted.
let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "serve", let folder = arguments.dropFirst().first {
    try await serve(in: URL(fileURLWithPath: folder))
}
let handshakes = arguments.first.flatMap { Int($0) } ?? 20
let rounds = 5

let folder = FileManager.default.temporaryDirectory.appendingPathComponent("curl-benchmark-\(UUID().uuidString)")
try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
let peer = try ChildProcess(CommandLine.arguments[0], ["serve", folder.path])
guard let port = await peer.line(containing: "port ").flatMap({ Int($0.dropFirst("port ".count)) }) else {
    print("no peer: \(peer.errors)")
    exit(1)
}
let workload = try HandshakeWorkload(folder: folder, port: port)
print("\(rounds) rounds of \(handshakes) handshakes each, bundle of \(workload.certificates) certificates")
var costs: [HandshakeWorkload.Variant: [Double]] = [:]
for variant in HandshakeWorkload.Variant.allCases { _ = try await workload.cost(of: variant, handshakes: 5) }
for _ in 0..<rounds {
    for variant in HandshakeWorkload.Variant.allCases {
        costs[variant, default: []].append(try await workload.cost(of: variant, handshakes: handshakes))
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func line(_ title: String, _ own: [Double]?, over base: [Double]?, _ baseName: String) -> String {
    let ratio = median(zip(own ?? [], base ?? []).map { $0 / $1 })
    let cost = (median(own ?? []) * 1e5).rounded() / 100
    return "\(title): \(cost) ms a handshake, \((ratio * 100).rounded() / 100) times \(baseName)"
}

print(line("ours, one certificate", costs[.one], over: costs[.one], "itself"))
print(line("ours, the bundle", costs[.many], over: costs[.one], "one certificate"))
print(line("libcurl, the bundle", costs[.libcurl], over: costs[.libcurl], "itself"))
print(line("libcurl, the bundle and a CA path", costs[.path], over: costs[.libcurl], "without the path"))
peer.signal(SIGKILL)
try? FileManager.default.removeItem(at: folder)
exit(0)

func serve(in folder: URL) async throws -> Never {
    let authority = try SimulatedCertificateAuthority()
    try authority.pem.write(to: folder.appendingPathComponent("one.pem"), atomically: true, encoding: .utf8)
    let server = try await LoopbackServer.start(identity: try authority.issue(.good)) { _ in .response(200) }
    FileHandle.standardError.write(Data("port \(server.port)\n".utf8))
    // Until it is killed.
    while true { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
}
