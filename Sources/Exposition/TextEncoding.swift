/// The bytes that the text formats are made of.
extension UInt8 {
    static let newline = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
    static let comma = UInt8(ascii: ",")
    static let quote = UInt8(ascii: "\"")
    static let equals = UInt8(ascii: "=")
    static let backslash = UInt8(ascii: "\\")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
}

extension [UInt8] {
    /// Backslash and newline always, the double quote where asked: label values and OpenMetrics' help escape it, 0.0.4's help does not.
    mutating func append(escaped text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case .backslash:
                append(.backslash)
                append(.backslash)
            case .newline:
                append(.backslash)
                append(UInt8(ascii: "n"))
            case .quote where quotes:
                append(.backslash)
                append(.quote)
            default: append(byte)
            }
        }
    }

    /// The shortest decimal that reads back as the same number; whole numbers without a fraction. The same in both text formats.
    mutating func append(number value: Double) {
        if value.isNaN {
            append(contentsOf: "NaN".utf8)
        } else if value.isInfinite {
            append(contentsOf: (value > 0 ? "+Inf" : "-Inf").utf8)
        } else if let whole = Int64(exactly: value), whole.magnitude < 1 << 53, whole != 0 || value.sign == .plus {
            append(contentsOf: String(whole).utf8)
        } else {
            let text = value.description
            append(contentsOf: text.hasSuffix(".0") ? text.utf8.dropLast(2) : text.utf8[...])
        }
    }

    /// As Prometheus and client_golang write an `le`: always with a fraction or an exponent, the latter from a million on and
    /// below 0.0001, so that a series keeps its name whatever format or client it came through.
    mutating func append(bound value: Double) {
        guard value.isFinite else { return append(number: value) }
        let magnitude = value.magnitude
        guard magnitude >= 1e6 else { return append(contentsOf: value.description.utf8) }
        // Swift writes this magnitude either in full (`1500000.0`) or with an exponent already (`1e+16`).
        let text = magnitude.description
        let mantissa = text.prefix { $0 != "e" }
        let point = mantissa.firstIndex(of: ".") ?? mantissa.endIndex
        let exponent = (Int(text.dropFirst(mantissa.count + 1)) ?? 0) + mantissa[..<point].count - 1
        var digits = mantissa.filter { $0 != "." }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let fraction = digits.dropFirst()
        let sign = value < 0 ? "-" : ""
        let padding = exponent < 10 ? "0" : ""
        let dot = fraction.isEmpty ? "" : "."
        append(contentsOf: "\(sign)\(digits.prefix(1))\(dot)\(fraction)e+\(padding)\(exponent)".utf8)
    }
}
