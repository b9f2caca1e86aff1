import CCurl
import Curl
import Glibc
import Synchronization
import TestSupport
import Transport

/// Memory that libcurl has freed and uses all the same. It is given memory that is never really freed, so that such a use
/// harms nothing and can be told.
enum FreedMemory {
    /// The size of every block that libcurl may use, by its address.
    private static let living = Mutex<[UInt: Int]>([:])
    private static let freed = Atomic(0)
    private static let usesOfFreed = Atomic(0)

    /// An answer whose first header goes on from a line that was never there: libcurl below 8.1.0 would add it to the last
    /// header of the answer before, on the same handle.
    static func foldedHeader() async throws {
        _ = curl_global_init_mem(
            Int(CURL_GLOBAL_DEFAULT), { FreedMemory.allocate($0) }, { _ = FreedMemory.free($0) },
            { FreedMemory.resize($0, $1) },
            { text in
                guard let text, let copy = FreedMemory.allocate(strlen(text) + 1) else { return nil }
                return strcpy(copy.assumingMemoryBound(to: CChar.self), text)
            }, { FreedMemory.allocate($0 * $1) })
        let server = try RawServer { connection in
            _ = connection.readRequest()
            let first = connection.index == 0 ? "X-First: a\r\n" : " folded: b\r\n"
            connection.write("HTTP/1.1 200 OK\r\n\(first)Content-Length: 0\r\n\r\n")
        }
        let transport = try CurlTransport(connections: .fresh)
        for _ in 0..<3 { say("a transfer: \(await transport.get("http://127.0.0.1:\(server.port)/").outcome)") }
        transport.shutdown()
        say("blocks were freed: \(freed.load(ordering: .relaxed) > 100)")
        say("uses of freed memory: \(usesOfFreed.load(ordering: .relaxed))")
    }

    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard let block = calloc(1, max(size, 1)) else { return nil }
        living.withLock { $0[UInt(bitPattern: block)] = size }
        return block
    }

    /// - Returns: its size.
    private static func free(_ block: UnsafeMutableRawPointer?) -> Int {
        guard let block else { return 0 }
        guard let size = living.withLock({ $0.removeValue(forKey: UInt(bitPattern: block)) }) else {
            usesOfFreed.add(1, ordering: .relaxed)
            return 0
        }
        freed.add(1, ordering: .relaxed)
        return size
    }

    private static func resize(_ block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
        guard let other = allocate(size) else { return nil }
        let kept = min(free(block), size)
        if let block, kept > 0 { other.copyMemory(from: block, byteCount: kept) }
        return other
    }
}
