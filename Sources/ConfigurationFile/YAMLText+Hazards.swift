extension YAMLText {
    /// Stands for `*` while the parser has the text: a noncharacter, which no file may hold.
    ///
    /// The parser would put a node in the place of each of its aliases. A text of aliases of aliases then keeps it busy for
    /// ever, or breaks its stack. So it sees none: they come out as plain scalars, and ``YAMLDocument`` looks them up.
    static let star: Unicode.Scalar = Unicode.Scalar(0xfdd0 as UInt32) ?? "*"

    /// Stand in for the first character of a key that is written twice, each for one.
    static let duplicateMarks: [Unicode.Scalar] = (0xfdd1...0xfdda).compactMap { Unicode.Scalar($0) }

    /// The text as it was meant.
    ///
    /// - Parameter isEscaped: In double quotes, where a backslash begins an escape; elsewhere it stands for itself.
    static func restored(_ text: String, isEscaped: Bool) -> String {
        guard text.utf8.contains(0xef) else { return text }
        var scalars = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.first {
            if scalar == backslash, isEscaped, let character = maskedPair(rest) {
                scalars.append(character)
                rest = rest.dropFirst(12)
                continue
            }
            scalars.append(scalar == star ? "*" : scalar == backslash && !isEscaped ? "\\" : scalar)
            rest = rest.dropFirst()
        }
        return String(scalars)
    }

    var hasStars: Bool { text.unicodeScalars.contains(Self.star) }

    /// The text of these bytes, every star replaced.
    static func masking(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard bytes.contains(UInt8(ascii: "*")) else { return Array(bytes) }
        var masked: [UInt8] = []
        masked.reserveCapacity(bytes.count + 1024)
        for byte in bytes {
            if byte == UInt8(ascii: "*") { masked += [0xef, 0xb7, 0x90] } else { masked.append(byte) }
        }
        return masked
    }

    private static let maximumValues = 2_000_000

    /// Refuses a text that would cost the parser much more memory or time than its length. The search is by bytes and
    /// counts what only looks like a value or a key.
    func checkCost() throws(Fault) {
        let bytes = Array(text.utf8)
        var values = 0
        var explicitKeys = 0
        var firstKey = 0
        for offset in bytes.indices {
            switch bytes[offset] {
            case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "{"), 0x0a: values += 1
            case UInt8(ascii: "-") where offset + 1 < bytes.count && bytes[offset + 1] == 0x20: values += 1
            case UInt8(ascii: "?") where Self.isExplicitKey(at: offset, in: bytes):
                if explicitKeys == 0 { firstKey = offset }
                explicitKeys += 1
            default: break
            }
        }
        guard values <= Self.maximumValues else {
            throw Fault(position: .start, message: "more than \(Self.maximumValues) values; split the file")
        }
        // A key is hashed whole, and keys in each other once for each.
        guard explicitKeys == 0 || explicitKeys <= (1 << 28) / bytes.count else {
            throw Fault(
                position: Self.position(of: firstKey, in: bytes),
                message: "too many explicit keys (`? `) for a file of this size; write them as `key: value`")
        }
    }

    private static func isExplicitKey(at offset: Int, in bytes: [UInt8]) -> Bool {
        (offset == 0 || isBlank(bytes[offset - 1]) || "[{,".utf8.contains(bytes[offset - 1]))
            && (offset + 1 == bytes.count || isBlank(bytes[offset + 1]))
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d || byte >= 0x80
    }
}
