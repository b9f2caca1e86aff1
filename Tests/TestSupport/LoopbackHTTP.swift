import Glibc

/// A small HTTP/1.1 client for loopback: one request, one connection, everything as received. Each request blocks a thread of
/// its own, so that no slow answer keeps the pool's few from other tests.
package enum LoopbackHTTP {
    package struct Answer: Sendable {
        package var status: Int
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }

        package func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// - Throws: `Failure` where no connection came about or the answer is not HTTP.
    package static func request(
        _ method: String = "GET", _ path: String, port: Int, headers: [String] = []
    ) async throws -> Answer {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: close"] + headers
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        return try parse(await exchange(bytes, port: port), isHead: method == "HEAD")
    }

    /// Sends bytes as they are and reads until the peer closes.
    package static func exchange(_ bytes: [UInt8], port: Int) async throws -> [UInt8] {
        try await onThread { try exchangeHere(bytes, port: port) }
    }

    private static func exchangeHere(_ bytes: [UInt8], port: Int) throws -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: \(errno)") }
        defer { close(descriptor) }
        // A stuck server must fail the test, not hang it.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "connect: \(errno)") }
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: \(errno)") }
            sent += count
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count == 0 { return received }
            guard count > 0 else { throw Failure(description: "recv: \(errno)") }
            received += buffer[..<count]
        }
    }

    private static func parse(_ bytes: [UInt8], isHead: Bool) throws -> Answer {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
            throw Failure(description: "no header block in \(bytes.count) bytes")
        }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, let status = Int(words[1]) else { throw Failure(description: "no status line") }
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            let sides = line.split(separator: ":", maxSplits: 1)
            guard sides.count == 2 else { return nil }
            return (String(sides[0]), String(sides[1].drop { $0 == " " }))
        }
        var answer = Answer(status: status, headers: headers, body: Array(bytes[end.upperBound...]))
        if answer.header("Transfer-Encoding")?.lowercased() == "chunked", !isHead {
            answer.body = try joinChunks(answer.body[...])
        }
        if let length = answer.header("Content-Length").flatMap(Int.init), !isHead, length != answer.body.count {
            throw Failure(description: "\(answer.body.count) body bytes instead of \(length)")
        }
        return answer
    }

    private static func joinChunks(_ bytes: ArraySlice<UInt8>) throws -> [UInt8] {
        var rest = bytes
        var body: [UInt8] = []
        while let end = rest.firstRange(of: Array("\r\n".utf8)),
            let size = Int(String(decoding: rest[..<end.lowerBound].prefix { $0 != 0x3b }, as: UTF8.self), radix: 16),
            rest.endIndex - end.upperBound >= size + 2
        {
            if size == 0 { return body }
            body += rest[end.upperBound..<(end.upperBound + size)]
            rest = rest[(end.upperBound + size + 2)...]
        }
        throw Failure(description: "a chunked body that is cut short")
    }
}
