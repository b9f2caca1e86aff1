internal import Transport

extension YAMLText {
    /// Stands for the backslash of a character that is escaped in two halves, as JSON escapes it, while the parser has the
    /// text: YAML knows no halves. Only the style of a scalar tells whether the escape is one, or text as it stands.
    static let backslash: Unicode.Scalar = Unicode.Scalar(0xfddb as UInt32) ?? "\\"

    static func maskingSurrogates(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard bytes.contains(UInt8(ascii: "\\")) else { return bytes }
        var masked: [UInt8] = []
        masked.reserveCapacity(bytes.count)
        var offset = bytes.startIndex
        while offset < bytes.endIndex {
            let rest = bytes[offset...]
            guard bytes[offset] == UInt8(ascii: "\\") else {
                masked.append(bytes[offset])
                offset += 1
                continue
            }
            if pair(rest) != nil {
                for half in [rest.prefix(6), rest.dropFirst(6).prefix(6)] {
                    masked += Array(String(backslash).utf8)
                    masked += half.dropFirst()
                }
                offset += 12
            } else {
                // An escape goes over whole, so that the second of two backslashes begins none.
                masked += rest.prefix(2)
                offset += rest.prefix(2).count
            }
        }
        return masked[...]
    }

    /// The character of two masked escapes at the start of a text.
    static func maskedPair(_ scalars: Substring.UnicodeScalarView) -> Unicode.Scalar? {
        let masked = Array(scalars.prefix(12))
        guard masked.allSatisfy({ $0.isASCII || $0 == backslash }) else { return nil }
        return pair(masked.map { $0 == backslash ? UInt8(ascii: "\\") : UInt8(truncatingIfNeeded: $0.value) }[...])
    }

    /// The character of two escapes at the start of the bytes.
    private static func pair(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
        guard let high = unit(bytes), let low = unit(bytes.dropFirst(6)), UTF16.isLeadSurrogate(high),
            UTF16.isTrailSurrogate(low)
        else { return nil }
        return Unicode.Scalar(0x10000 + (UInt32(high & 0x3ff) << 10 | UInt32(low & 0x3ff)))
    }

    /// The code unit of an escape `\u` with its four digits, at the start of the bytes.
    private static func unit(_ bytes: ArraySlice<UInt8>) -> UInt16? {
        guard bytes.starts(with: [0x5c, 0x75]), bytes.count >= 6 else { return nil }
        let digits = bytes.dropFirst(2).prefix(4)
        guard digits.allSatisfy(\.isASCIIHexDigit) else { return nil }
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
