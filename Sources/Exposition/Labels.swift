/// An ordered set of labels, escaped and rendered once for every format.
///
/// What it writes is always well-formed: a name is brought into `[a-zA-Z_][a-zA-Z0-9_]*` (other characters become `_`), a value
/// may be any text. The order is as given. A name given twice keeps its place and takes the last value.
package struct Labels: Sendable {
    /// `a="1",b="2"`, without braces.
    private(set) var text: [UInt8] = []
    /// The same as field 1 (`label`) of a Metric or an Exemplar, one after another.
    private(set) var protobuf: [UInt8] = []
    /// A bit for each name, by its hash: no bit in common, no name in common.
    private var nameBits: UInt64 = 0

    package init() {}

    package init(_ pairs: [(String, String)]) {
        for (name, value) in pairs { set(name, value) }
    }

    package var isEmpty: Bool { text.isEmpty }

    /// These and one more.
    package func with(_ name: String, _ value: String) -> Labels {
        var result = self
        result.set(name, value)
        return result
    }

    /// These and more, sorted by name since a dictionary has no order.
    package func with(_ more: [String: String]) -> Labels {
        var result = self
        for (name, value) in more.sorted(by: { $0.key < $1.key }) { result.set(name, value) }
        return result
    }

    /// These, then the others; for a name in both, the other's value.
    package func with(_ others: Labels) -> Labels {
        if isEmpty { return others }
        if others.isEmpty { return self }
        var result = self
        if nameBits & others.nameBits == 0 {
            result.nameBits |= others.nameBits
            result.text.append(.comma)
            result.text += others.text
            result.protobuf += others.protobuf
        } else {
            for (name, value) in others.pairs { result.set(name, value) }
        }
        return result
    }

    /// Whether a text is a label name as it stands.
    package static func isValidName(_ name: String) -> Bool {
        !name.isEmpty && cleaned(name) == name
    }

    /// Names and values as they were given, unescaped.
    package var pairs: [(name: String, value: String)] {
        let text = { String(decoding: protobuf[$0], as: UTF8.self) }
        return fields.map { (text($0.name), text($0.value)) }
    }

    private mutating func set(_ givenName: String, _ value: String) {
        let name = Self.cleaned(givenName)
        let old = nameBits & Self.nameBit(name) == 0 ? [] : pairs
        if old.contains(where: { $0.name == name }) {
            self = Labels()
            for pair in old { append(pair.name, pair.name == name ? value : pair.value) }
        } else {
            append(name, value)
        }
    }

    private mutating func append(_ name: String, _ value: String) {
        nameBits |= Self.nameBit(name)
        if !text.isEmpty { text.append(.comma) }
        text.append(contentsOf: name.utf8)
        text.append(.equals)
        text.append(.quote)
        text.append(escaped: value, quotes: true)
        text.append(.quote)

        let nameCount = name.utf8.count
        let valueCount = value.utf8.count
        protobuf.append(
            field: 1, lengthOf: 2 + varintSize(nameCount) + nameCount + varintSize(valueCount) + valueCount)
        protobuf.append(field: 1, string: name)
        protobuf.append(field: 2, string: value)
    }

    private static func cleaned(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                bytes.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if bytes.isEmpty { bytes.append(UInt8(ascii: "_")) }
                bytes.append(byte)
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}

extension Labels {
    /// Where names and values lie in the protobuf bytes; walked, not kept, since labels live as long as what they describe.
    private var fields: [(name: Range<Int>, value: Range<Int>)] {
        var fields: [(name: Range<Int>, value: Range<Int>)] = []
        var position = 0
        while position < protobuf.count {
            _ = readLength(&position)
            let nameCount = readLength(&position)
            let name = position..<position + nameCount
            position = name.upperBound
            let valueCount = readLength(&position)
            fields.append((name, position..<position + valueCount))
            position += valueCount
        }
        return fields
    }

    /// Moves past a tag and the length behind it.
    private func readLength(_ position: inout Int) -> Int {
        position += 1
        var count = 0
        var shift = 0
        while protobuf[position] >= 0x80 {
            count |= Int(protobuf[position] & 0x7f) << shift
            shift += 7
            position += 1
        }
        count |= Int(protobuf[position]) << shift
        position += 1
        return count
    }

    private static func nameBit(_ name: String) -> UInt64 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return 1 << (hash >> 58)
    }
}

extension Labels: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements)
    }
}

extension Labels: Hashable {
    package static func == (left: Labels, right: Labels) -> Bool { left.text == right.text }

    package func hash(into hasher: inout Hasher) {
        text.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension Labels: CustomStringConvertible {
    /// As on the page, without braces.
    package var description: String { String(decoding: text, as: UTF8.self) }
}
