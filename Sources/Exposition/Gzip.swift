internal import CZlib

/// Compresses a body piece by piece, at zlib's level 1: on metrics, higher levels take twice the time and gain nothing.
///
/// For one task at a time. Holds about 256 KiB until it goes away.
package final class Gzip {
    private let stream: UnsafeMutablePointer<z_stream>
    private static let bufferSize = 64 << 10
    /// zlib counts its input in 32 bits.
    private static let largestTurn = 1 << 30

    /// Throws where zlib has no memory for its state.
    package init() throws(GzipError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = czlib_deflate_init_gzip(stream, 1)
        guard code == Z_OK else {
            stream.deallocate()
            throw GzipError(code: code)
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Takes the next bytes; returns what is ready to be sent, often nothing.
    package func compress(_ bytes: [UInt8]) throws(GzipError) -> [UInt8] {
        try deflate(bytes, flush: Z_NO_FLUSH)
    }

    /// Ends the stream; returns the last bytes. Nothing may be compressed after it.
    package func finish() throws(GzipError) -> [UInt8] {
        try deflate([], flush: Z_FINISH)
    }

    /// A whole body at once.
    package static func compress(_ bytes: [UInt8]) throws(GzipError) -> [UInt8] {
        let gzip = try Gzip()
        return try gzip.compress(bytes) + gzip.finish()
    }

    private func deflate(_ bytes: [UInt8], flush: CInt) throws(GzipError) -> [UInt8] {
        var output: [UInt8] = []
        var code = Z_OK
        bytes.withUnsafeBufferPointer { input in
            // zlib takes a pointer to mutable bytes but never writes to them.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            var left = input.count
            repeat {
                let turn = min(left, Self.largestTurn)
                left -= turn
                stream.pointee.avail_in = uInt(turn)
                repeat {
                    output += [UInt8](unsafeUninitializedCapacity: Self.bufferSize) { buffer, count in
                        stream.pointee.next_out = buffer.baseAddress
                        stream.pointee.avail_out = uInt(buffer.count)
                        code = CZlib.deflate(stream, flush)
                        count = buffer.count - Int(stream.pointee.avail_out)
                    }
                    // A full buffer means that there may be more.
                } while stream.pointee.avail_out == 0 && code == Z_OK
            } while left > 0 && (code == Z_OK || code == Z_BUF_ERROR)
            stream.pointee.next_in = nil
        }
        // Z_BUF_ERROR only says that there was nothing left to do.
        guard code == (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || (code == Z_BUF_ERROR && flush == Z_NO_FLUSH) else {
            throw GzipError(code: code)
        }
        return output
    }
}

/// zlib's return code: out of memory, or used after `finish`.
package struct GzipError: Error, Sendable, Hashable {
    package let code: CInt
}
