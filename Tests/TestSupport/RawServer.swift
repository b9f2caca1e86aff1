import CLinux
import Glibc
import Synchronization

/// A server on loopback that runs a script for every connection, byte by byte, each on a thread of its own: for peers that no
/// well-behaved server library would play.
package final class RawServer: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    package let port: Int
    private let descriptor: Int32
    private let isAccepting: Bool
    private let record = Record()

    private final class Record: Sendable {
        let count = Atomic<Int>(0)
        let texts = Mutex<[String]>([])
    }

    /// How many connections there were.
    package var connections: Int { record.count.load(ordering: .acquiring) }
    /// What the script noted, oldest first.
    package var notes: [String] { record.texts.withLock { $0 } }

    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address.
    ///   - backlog: how many connections wait to be accepted; nil: the script of each begins at once.
    ///   - script: the connection is closed when it returns.
    package init(host: String = "127.0.0.1", backlog: Int32? = nil, _ script: @escaping @Sendable (Connection) -> Void)
        throws
    {
        (descriptor, port) = try Self.listen(host, backlog ?? 128)
        isAccepting = backlog == nil
        guard isAccepting else { return }
        detachThread { [descriptor, record] in
            while true {
                let accepted = accept(descriptor, nil, nil)
                guard accepted >= 0 else {
                    if errno == EINTR || errno == ECONNABORTED || errno == EMFILE { continue }
                    // Not before: the number may be another server's at once, whose connections this script would get.
                    Glibc.close(descriptor)
                    return
                }
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                let index = record.count.add(1, ordering: .acquiringAndReleasing).oldValue
                let connection = Connection(accepted, index: index) { text in record.texts.withLock { $0.append(text) }
                }
                detachThread {
                    script(connection)
                    connection.close()
                }
            }
        }
    }

    deinit {
        // Wakes the thread that accepts, which then closes it.
        shutdown(descriptor, Int32(SHUT_RDWR))
        if !isAccepting { Glibc.close(descriptor) }
    }

    private static func listen(_ host: String, _ backlog: Int32) throws -> (Int32, Int) {
        let isIPv6 = host.contains(":")
        let descriptor = socket(
            isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var storage = sockaddr_storage()
        var length = socklen_t(isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        let port: Int? = withUnsafeMutableBytes(of: &storage) { bytes in
            guard let base = bytes.baseAddress else { return nil }
            if isIPv6 {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return nil }
                base.copyMemory(from: &address, byteCount: MemoryLayout<sockaddr_in6>.size)
            } else {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
                base.copyMemory(from: &address, byteCount: MemoryLayout<sockaddr_in>.size)
            }
            let address = base.assumingMemoryBound(to: sockaddr.self)
            guard bind(descriptor, address, length) == 0, Glibc.listen(descriptor, backlog) == 0,
                getsockname(descriptor, address, &length) == 0
            else { return nil }
            // The port lies at the same place in both.
            return Int(bytes[2]) << 8 | Int(bytes[3])
        }
        guard let port else {
            Glibc.close(descriptor)
            throw Failure(description: "cannot listen on \(host): error \(errno)")
        }
        return (descriptor, port)
    }
}

extension RawServer {
    /// One connection, blocking. Reading gives up after 60 s, so that a broken test ends.
    package final class Connection: Sendable {
        /// The first connection is 0.
        package let index: Int
        private let descriptor: Mutex<Int32>
        private let note: @Sendable (String) -> Void

        fileprivate init(_ descriptor: Int32, index: Int, note: @escaping @Sendable (String) -> Void) {
            self.index = index
            self.descriptor = Mutex(descriptor)
            self.note = note
            var limit = timeval(tv_sec: 60, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        /// The descriptor, for a library that reads and writes by itself.
        package var number: Int32 { descriptor.withLock { $0 } }

        /// Keeps a text for the test to look at.
        package func keep(_ text: String) { note(text) }

        /// Some bytes; none once the peer is gone.
        package func read(upTo count: Int = 65_536) -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: count)
            let read = recv(number, &buffer, count, 0)
            return read > 0 ? Array(buffer[..<read]) : []
        }

        /// A request with its body, as received; what came before the peer went where it is incomplete.
        package func readRequest() -> String {
            var bytes: [UInt8] = []
            while true {
                if let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                    let head = String(decoding: bytes[..<end.upperBound], as: UTF8.self)
                    let length =
                        head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                        .flatMap { Int($0.dropFirst("content-length:".count).drop { $0 == " " }) } ?? 0
                    if bytes.count - end.upperBound >= length { return String(decoding: bytes, as: UTF8.self) }
                }
                let more = read()
                if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
                bytes += more
            }
        }

        /// false once the peer is gone.
        @discardableResult
        package func write(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }

        @discardableResult
        package func write(_ text: String) -> Bool { write(Array(text.utf8)) }

        /// Waits until the peer has gone.
        package func hold() {
            while !read().isEmpty {}
        }

        /// No more bytes to the peer; what it sends can still be read.
        package func endWriting() {
            shutdown(number, Int32(SHUT_WR))
        }

        /// What a slow peer does; false as soon as the other side has gone.
        @discardableResult
        package func pause(milliseconds: Int) -> Bool {
            // The number that poll takes too; the C library's module lacks poll's own name for it.
            var own = pollfd(fd: number, events: Int16(EPOLLRDHUP.rawValue), revents: 0)
            return poll(&own, 1, Int32(milliseconds)) < 1
        }

        /// A close that the peer sees as a reset.
        package func reset() {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            close()
        }

        package func close() {
            descriptor.withLock { descriptor in
                if descriptor >= 0 { Glibc.close(descriptor) }
                descriptor = -1
            }
        }

        /// Pumps bytes to and from a port on 127.0.0.1 until one side ends.
        ///
        /// - Parameter change: what the peer gets instead of the bytes that came; the position is that of the first.
        package func relay(to port: Int, change: (inout [UInt8], _ position: Int) -> Void = { _, _ in }) {
            let backend = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            defer { Glibc.close(backend) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let isConnected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(backend, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard isConnected else { return }
            var descriptors = [number, backend].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var position = 0
            while poll(&descriptors, 2, 60_000) > 0 {
                for index in 0...1 where descriptors[index].revents != 0 {
                    let count = recv(descriptors[index].fd, &buffer, buffer.count, 0)
                    guard count > 0 else { return }
                    var bytes = Array(buffer[..<count])
                    if index == 1 {
                        change(&bytes, position)
                        position += count
                        guard write(bytes) else { return }
                    } else {
                        var sent = 0
                        while sent < count {
                            let more = bytes[sent...].withUnsafeBytes {
                                send(backend, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                            }
                            guard more > 0 else { return }
                            sent += more
                        }
                    }
                }
            }
        }
    }
}
