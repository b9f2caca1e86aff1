internal import Transport

/// A place in a text: both from 1, the column in Unicode scalars.
struct Position: Hashable, Comparable {
    var line: Int
    var column: Int

    static let start = Position(line: 1, column: 1)

    static func < (left: Self, right: Self) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// What has to be known of a YAML text before a parser sees it.
struct YAMLText {
    private(set) var text: String

    struct Fault: Error {
        let position: Position
        let message: String
    }

    /// Checks encoding and characters; a leading byte order mark is dropped.
    init(bytes: [UInt8]) throws(Fault) {
        let body = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
        guard String(validating: body, as: UTF8.self) != nil else {
            let isUTF16 = bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff])
            throw Fault(
                position: isUTF16 ? .start : Self.firstInvalidByte(of: Array(body)),
                message: "the file is not UTF-8; save it in this encoding")
        }
        if let offset = Self.forbiddenCharacter(in: Array(body)) {
            throw Fault(
                position: Self.position(of: offset, in: Array(body)),
                message: "a control character; YAML does not allow it, write it as an escape in double quotes")
        }
        text = String(decoding: Self.masking(Self.maskingSurrogates(of: body)), as: UTF8.self)
    }

    /// The character at a place; nil past the end of its line.
    func scalar(at position: Position) -> Unicode.Scalar? {
        index(of: position).map { text.unicodeScalars[$0] }
    }

    mutating func replaceScalar(at index: String.Index, with scalar: Unicode.Scalar) {
        let end = text.unicodeScalars.index(after: index)
        text.unicodeScalars.replaceSubrange(index..<end, with: CollectionOfOne(scalar))
    }

    /// Where a place is in the text, counted as libyaml does.
    func index(of position: Position) -> String.Index? {
        let scalars = text.unicodeScalars
        var line = 1
        var column = 1
        var index = scalars.startIndex
        while index < scalars.endIndex {
            if line == position.line, column == position.column { return index }
            let scalar = scalars[index]
            index = scalars.index(after: index)
            switch scalar {
            case "\r" where index < scalars.endIndex && scalars[index] == "\n": continue
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
                line += 1
                column = 1
                if line > position.line { return nil }
            default: column += 1
            }
        }
        return nil
    }

    private static func firstInvalidByte(of bytes: [UInt8]) -> Position {
        // A prefix that ends inside a character is invalid too, so the longest valid one ends before the fault.
        var low = 0
        var high = bytes.count
        while low < high {
            let middle = (low + high + 1) / 2
            var end = middle
            while end > low, end < bytes.count, bytes[end] & 0xc0 == 0x80, middle - end < 3 { end -= 1 }
            if String(validating: bytes[..<end], as: UTF8.self) != nil { low = middle } else { high = middle - 1 }
        }
        // Half a character counts from its start.
        while low > 0, low < bytes.count, bytes[low] & 0xc0 == 0x80 { low -= 1 }
        return position(of: low, in: bytes)
    }

    static func position(of offset: Int, in bytes: [UInt8]) -> Position {
        var position = Position.start
        for byte in bytes[..<offset] {
            if byte == 0x0a {
                position.line += 1
                position.column = 1
            } else if byte & 0xc0 != 0x80 {
                position.column += 1
            }
        }
        return position
    }

    /// The offset of the first character outside YAML's printable set, in bytes that are UTF-8.
    private static func forbiddenCharacter(in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            for offset in bytes.indices {
                let byte = bytes[offset]
                if byte < 0x20 {
                    if byte != 0x09, byte != 0x0a, byte != 0x0d { return offset }
                } else if byte == 0x7f {
                    return offset
                } else if byte == 0xc2 {
                    // U+0080 to U+009F without U+0085.
                    if bytes[offset + 1] < 0xa0, bytes[offset + 1] != 0x85 { return offset }
                } else if byte == 0xef, bytes[offset + 1] == 0xbb, bytes[offset + 2] == 0xbf {
                    return offset
                } else if byte == 0xef, bytes[offset + 1] == 0xbf, bytes[offset + 2] >= 0xbe {
                    return offset
                } else if byte == 0xef, bytes[offset + 1] == 0xb7, (0x90...0xaf).contains(bytes[offset + 2]) {
                    return offset
                }
            }
            return nil
        }
    }
}
