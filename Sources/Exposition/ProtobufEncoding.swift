/// The protocol buffer wire format, as far as `io.prometheus.client.MetricFamily` (proto2) needs it.
extension [UInt8] {
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(field number: Int, varint value: UInt64) {
        append(varint: UInt64(number) << 3)
        append(varint: value)
    }

    /// sint32 and sint64: small magnitudes of either sign are short.
    mutating func append(field number: Int, zigzag value: Int64) {
        append(field: number, varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func append(field number: Int, double value: Double) {
        append(varint: UInt64(number) << 3 | 1)
        var bits = value.bitPattern
        for _ in 0..<8 {
            append(UInt8(truncatingIfNeeded: bits))
            bits >>= 8
        }
    }

    mutating func append(field number: Int, string value: String) {
        let utf8 = value.utf8
        append(field: number, lengthOf: utf8.count)
        append(contentsOf: utf8)
    }

    mutating func append(field number: Int, message: [UInt8]) {
        append(field: number, lengthOf: message.count)
        append(contentsOf: message)
    }

    /// Tag and length of a message whose bytes follow.
    mutating func append(field number: Int, lengthOf count: Int) {
        append(varint: UInt64(number) << 3 | 2)
        append(varint: UInt64(count))
    }
}

/// How many bytes a varint takes.
func varintSize(_ value: Int) -> Int {
    (70 - (UInt64(value) | 1).leadingZeroBitCount) / 7
}
