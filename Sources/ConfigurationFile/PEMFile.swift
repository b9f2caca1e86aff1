/// What a PEM file holds, as far as that can be told without reading certificates and keys themselves.
struct PEMFile {
    /// The raw value is how the first line of a block ends.
    enum Kind: String {
        case certificate = "CERTIFICATE-----"
        case privateKey = "PRIVATE KEY-----"
    }

    enum Fault: Error {
        /// There is no such block.
        case absent
        /// A block has no end, or no DER in base64.
        case damaged
        case encrypted
    }

    private let lines: [ArraySlice<UInt8>]

    init(_ bytes: [UInt8]) {
        lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    }

    /// Looks for blocks of a kind, each of which must be sound.
    func check(for kind: Kind) throws(Fault) {
        var isThere = false
        var rest = lines[...]
        while let line = rest.popFirst() {
            guard line.starts(with: "-----BEGIN ".utf8) else { continue }
            let label = String(decoding: line, as: UTF8.self)
            guard label.contains(kind.rawValue) else { continue }
            isThere = true
            if label.contains("ENCRYPTED") { throw .encrypted }
            try Self.checkBlock(&rest)
        }
        guard isThere else { throw .absent }
    }

    private static func checkBlock(_ rest: inout ArraySlice<ArraySlice<UInt8>>) throws(Fault) {
        var body: [UInt8] = []
        while let line = rest.popFirst() {
            if line.starts(with: "-----END ".utf8) {
                guard base64(body).map(isDER) ?? false else { throw .damaged }
                return
            }
            if line.contains(UInt8(ascii: ":")) {
                if String(decoding: line, as: UTF8.self).contains("ENCRYPTED") { throw .encrypted }
            } else {
                body += line
            }
        }
        throw .damaged
    }

    /// Whether the bytes begin with a whole SEQUENCE, as certificates and keys of any kind do.
    private static func isDER(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 2, bytes[0] == 0x30 else { return false }
        guard bytes[1] > 0x80 else { return bytes[1] == 0x80 || 2 + Int(bytes[1]) <= bytes.count }
        let width = Int(bytes[1] & 0x7f)
        guard width <= 4, bytes.count >= 2 + width else { return false }
        let length = bytes[2..<2 + width].reduce(0) { $0 << 8 | Int($1) }
        return 2 + width + length <= bytes.count
    }

    private static func base64(_ text: [UInt8]) -> [UInt8]? {
        var digits = text.filter { $0 != 0x20 && $0 != 0x09 }
        guard !digits.isEmpty, digits.count.isMultiple(of: 4) else { return nil }
        for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var bits: UInt32 = 0
        for (index, digit) in digits.enumerated() {
            guard let value = value(of: digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            // A byte is full after the second, third and fourth digit of each four.
            if index % 4 > 0 { bytes.append(UInt8(truncatingIfNeeded: bits >> (6 - 2 * (index % 4)))) }
        }
        return bytes
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
