import Glibc
import Synchronization

/// A client that a test leads byte by byte, over a socket of its own. Its calls block, so they belong on a thread: `onThread`.
package final class RawClient: Sendable {
    private let socket: Mutex<Int32>

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address.
    ///   - receiveBuffer: bytes that the kernel takes for a client that does not read; nil: as many as it likes.
    ///   - patience: seconds after which receiving fails.
    package init(
        _ port: Int, host: String = "127.0.0.1", receiveBuffer: Int32? = nil, patience: Int = 60
    ) throws {
        let isIPv6 = host.contains(":")
        let descriptor = Glibc.socket(
            isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        // A stuck server must fail the test, not hang it.
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard descriptor >= 0, Self.connect(descriptor, host, port, isIPv6: isIPv6) else {
            let code = errno
            Glibc.close(descriptor)
            throw Failure(description: "no connection: error \(code)")
        }
        socket = Mutex(descriptor)
    }

    deinit { close() }

    private var descriptor: Int32 { socket.withLock { $0 } }

    package func close() {
        socket.withLock { descriptor in
            if descriptor >= 0 { Glibc.close(descriptor) }
            descriptor = -1
        }
    }

    private static func connect(_ descriptor: Int32, _ host: String, _ port: Int, isIPv6: Bool) -> Bool {
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = UInt16(port).bigEndian
            guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return false }
            return connect(descriptor, to: address)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return false }
        return connect(descriptor, to: address)
    }

    private static func connect<Address>(_ descriptor: Int32, to address: Address) -> Bool {
        withUnsafeBytes(of: address) { bytes in
            guard let start = bytes.bindMemory(to: sockaddr.self).baseAddress else { return false }
            return Glibc.connect(descriptor, start, socklen_t(bytes.count)) == 0
        }
    }

    /// false once the server is gone.
    @discardableResult
    package func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// What the server sends until the text has come; all that it sent where it closes before.
    package func receive(until end: String) throws -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !String(decoding: bytes.suffix(end.utf8.count), as: UTF8.self).hasSuffix(end) {
            let count = recv(descriptor, &byte, 1, 0)
            if count == 0 { break }
            guard count > 0 else { throw Failure(description: "recv: error \(errno)") }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// All that the server sends until it closes.
    ///
    /// - Parameter orReset: a reset, which comes where the server closed before it had read all, is an end, too.
    /// - Throws: where it does not close, or resets the connection.
    package func receiveAll(orReset: Bool = false) throws -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 || (count < 0 && orReset && errno == ECONNRESET) {
                return String(decoding: bytes, as: UTF8.self)
            }
            guard count > 0 else { throw Failure(description: "recv: error \(errno) after \(bytes.count) bytes") }
            bytes += buffer[..<count]
        }
    }

    /// No more bytes to the server; what it sends can still be read.
    package func endSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// A close that the server sees as a reset.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}
