import Glibc
import Synchronization
import TestSupport
import Transport

/// A name server at 127.0.0.1:53 of a network namespace: answers from a table, and lets the askers of some names wait.
final class NameServer: Sendable {
    private struct State {
        var addresses: [String: [IPAddress]] = [:]
        var waitingNames: Set<String> = []
        var waiting: [(query: [UInt8], peer: sockaddr_in)] = []
        var asked: [String] = []
    }

    private let descriptor: Int32
    private let state = Mutex(State())

    struct Failure: Error {}

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(53).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound else { throw Failure() }
        detachThread { self.serve() }
    }

    func set(_ name: String, _ addresses: String...) {
        state.withLock { $0.addresses[name] = addresses.compactMap { IPAddress($0) } }
    }

    /// Lets whoever asks for this name wait until `release`.
    func hang(_ name: String) {
        state.withLock { _ = $0.waitingNames.insert(name) }
    }

    /// Answers all that wait: there is no such name.
    func release() {
        let waiting = state.withLock { state in
            state.waitingNames = []
            defer { state.waiting = [] }
            return state.waiting
        }
        for (query, peer) in waiting { answer(query, peer) }
    }

    /// How often a name was asked for, for IPv4.
    func count(_ name: String) -> Int { state.withLock { $0.asked.filter { $0 == name }.count } }

    private func serve() {
        var buffer = [UInt8](repeating: 0, count: 512)
        while true {
            var peer = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length)
                }
            }
            guard count > 16 else { continue }
            let query = Array(buffer[..<count])
            guard let (name, type, _) = Self.question(query) else { continue }
            let waits = state.withLock { state in
                if type == 1 { state.asked.append(name) }
                guard state.waitingNames.contains(name) else { return false }
                state.waiting.append((query, peer))
                return true
            }
            if !waits { answer(query, peer) }
        }
    }

    private static func question(_ query: [UInt8]) -> (name: String, type: Int, end: Int)? {
        var labels: [String] = []
        var at = 12
        while at < query.count, query[at] != 0 {
            let end = at + 1 + Int(query[at])
            guard end < query.count else { return nil }
            labels.append(String(decoding: query[(at + 1)..<end], as: UTF8.self).lowercased())
            at = end
        }
        guard at + 5 <= query.count else { return nil }
        return (labels.joined(separator: "."), Int(query[at + 1]) << 8 | Int(query[at + 2]), at + 5)
    }

    private func answer(_ query: [UInt8], _ peer: sockaddr_in) {
        guard let (name, type, end) = Self.question(query) else { return }
        let known = state.withLock { $0.addresses[name] }
        let family: IPAddress.Family? = type == 1 ? .ipv4 : type == 28 ? .ipv6 : nil
        let addresses = (known ?? []).filter { $0.family == family }
        // Response, recursion available; 3 is "no such name".
        var bytes =
            Array(query[..<2]) + [0x81, known == nil ? 0x83 : 0x80, 0, 1, 0, UInt8(addresses.count), 0, 0, 0, 0]
        bytes += query[12..<end]
        for address in addresses {
            bytes += [0xc0, 12, 0, UInt8(type), 0, 1, 0, 0, 0, 0, 0, UInt8(address.bytes.count)] + address.bytes
        }
        var peer = peer
        withUnsafePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
