import CZlib
import Exposition
import TestSupport
import Testing

@Suite(.ownThread) struct GzipTests {
    @Test(arguments: [0, 1, 100, 65_536, 3_000_000], [1, 1000, 262_144, 5_000_000])
    func comesBack(count: Int, piece: Int) throws {
        guard count / piece < 10_000 else { return }
        var random = SeededGenerator(seed: UInt64(count))
        // Half noise, so that the output fills more than one buffer.
        let body = (0..<count).map { $0 % 2 == 0 ? UInt8(truncatingIfNeeded: random.next()) : 0x61 }
        let gzip = try Gzip()
        var compressed: [UInt8] = []
        for start in stride(from: 0, to: count, by: piece) {
            compressed += try gzip.compress(Array(body[start..<min(start + piece, count)]))
        }
        compressed += try gzip.finish()
        #expect(compressed.starts(with: [0x1f, 0x8b]))
        #expect(inflated(compressed, expecting: count) == body)
    }

    @Test func afterTheEndIsAnError() throws {
        let gzip = try Gzip()
        _ = try gzip.finish()
        #expect(throws: GzipError.self) { try gzip.compress([1]) }
    }

    @Test func aPage() throws {
        let page = Array(try SamplePage().text(.text).utf8)
        #expect(inflated(try Gzip.compress(page), expecting: page.count) == page)
    }

    /// nil unless the bytes are exactly one whole gzip stream (the checksum in its trailer included).
    private func inflated(_ bytes: [UInt8], expecting count: Int) -> [UInt8]? {
        var stream = z_stream()
        var input = bytes
        var output = [UInt8](repeating: 0, count: count + 1)
        return input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target -> [UInt8]? in
                let size = Int32(MemoryLayout<z_stream>.size)
                guard inflateInit2_(&stream, 16 + 15, ZLIB_VERSION, size) == Z_OK else { return nil }
                defer { inflateEnd(&stream) }
                stream.next_in = source.baseAddress
                stream.avail_in = uInt(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = uInt(target.count)
                guard inflate(&stream, Z_FINISH) == Z_STREAM_END, stream.avail_in == 0 else { return nil }
                return Array(target.prefix(Int(stream.total_out)))
            }
        }
    }
}
