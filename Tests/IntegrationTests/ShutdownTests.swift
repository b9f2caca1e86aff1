import Foundation
import Glibc
import Simulator
import TestSupport
import Testing

/// A scrape that is under way when SIGTERM comes. It has three seconds from then on, so whoever reads on must not be held up.
@Suite(.ownThread) struct ShutdownTests {
    private static let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Nobody is let in any more.
    private func isDeaf(_ port: Int) async throws -> Bool {
        try await eventually { (try? RawClient(port)) == nil ? true : nil } == true
    }

    @Test func aScrapeUnderWayIsFinished() async throws {
        let world = try await World()
        let (exporter, port) = try await world.startWithLargeMetrics()
        let scraper = try RawClient(port, receiveBuffer: 256 << 10)
        scraper.send(Self.request)
        let head = try await onThread { try scraper.receive(until: "\r\n\r\n") }
        exporter.signal(SIGTERM)
        #expect(try await isDeaf(port))
        let count = try #require(length(head))
        // And not a byte more: then it is closed.
        #expect(try await onThread { try scraper.receiveAll().utf8.count } == count && count > 10_000_000)
        #expect(await exporter.exitStatus() == 0)
    }

    @Test func aScrapeUnderWayIsFinishedOverTLS() async throws {
        let world = try await World()
        try world.writeIdentity(try world.authority.issue(.good))
        try world.write("tls_server_config: {cert_file: server.crt, key_file: server.key}", to: "web.yml")
        // No more than has to be: it is encrypted and read within the 3 s that the end may take, whatever runs beside.
        let (exporter, port) = try await world.startWithLargeMetrics(
            ["--web.config.file", world.path("web.yml")], scheme: "https", watches: 400)
        // curl takes from the connection what it can write to the pipe, and nobody reads that yet.
        let pipe = world.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let scraper = try ChildProcess(
            "/usr/bin/curl",
            ["-sS", "-i", "-N", "--cacert", world.path("ca.pem"), "-o", pipe, "https://127.0.0.1:\(port)/metrics"])
        let reader = try await onThread { try Reader(pipe) }
        let head = try await onThread { reader.head() }
        #expect(head.hasPrefix("HTTP/1.1 200"))
        exporter.signal(SIGTERM)
        #expect(try await isDeaf(port))
        let count = try #require(length(head))
        #expect(try await onThread { reader.count() } == count && count > 10_000_000)
        #expect(await scraper.exitStatus() == 0, "\(scraper.errors)")
        #expect(await exporter.exitStatus() == 0)
    }

    private func length(_ head: String) -> Int? {
        head.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Content-Length: ") }
            .flatMap { Int($0.dropFirst("Content-Length: ".count)) }
    }

    /// The reading end of a pipe; opening it waits for whoever writes.
    private final class Reader: Sendable {
        private let descriptor: Int32

        init(_ path: String) throws {
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw ChildProcess.Failure(description: "no pipe: error \(errno)") }
        }

        deinit { close(descriptor) }

        func head() -> String {
            var text = ""
            var byte: UInt8 = 0
            while !text.hasSuffix("\r\n\r\n"), read(descriptor, &byte, 1) == 1 {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            }
            return text
        }

        /// How many bytes come until the writer has closed.
        func count() -> Int {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var sum = 0
            while case let count = read(descriptor, &buffer, buffer.count), count > 0 { sum += count }
            return sum
        }
    }
}
