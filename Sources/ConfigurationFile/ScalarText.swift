internal import Transport

/// Values that are written as text, read without regard to where they stand. nil: not of that form.
enum ScalarText {
    /// A duration as Prometheus writes it: `1m30s`, `500ms`, `7d`, `0`. Units y (365 d), w, d, h, m, s, ms, each at most
    /// once, in this order.
    static func duration(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        let units: [(name: String, milliseconds: Int64)] = [
            ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000),
            ("s", 1000), ("ms", 1),
        ]
        var rest = text.utf8[...]
        guard !rest.isEmpty else { return nil }
        var nextUnit = 0
        var total: Int64 = 0
        while !rest.isEmpty {
            let digits = rest.prefix(while: \.isASCIIDigit)
            rest = rest[digits.endIndex...]
            let letters = rest.prefix(while: \.isASCIILetter)
            rest = rest[letters.endIndex...]
            guard let amount = Int64(String(Substring(digits))),
                let unit = units[nextUnit...].firstIndex(where: { $0.name.utf8.elementsEqual(letters) })
            else { return nil }
            nextUnit = unit + 1
            let (product, overflow) = amount.multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, carry) = total.addingReportingOverflow(product)
            // Prometheus counts nanoseconds in 64 bits; what it refuses is refused here too.
            guard !overflow, !carry, sum <= Int64.max / 1_000_000 else { return nil }
            total = sum
        }
        return .milliseconds(total)
    }

    /// Bytes: `65536`, `64KiB`, `1MiB`, `1GiB`, and with powers of ten `kB`, `KB`, `MB`, `GB`.
    static func byteSize(_ text: String) -> Int? {
        let digits = text.utf8.prefix(while: \.isASCIIDigit)
        guard let amount = Int(String(Substring(digits))) else { return nil }
        let unit = String(text.dropFirst(digits.count)).drop { $0 == " " }
        let factor: Int
        switch unit {
        case "", "B": factor = 1
        case "kB", "KB": factor = 1000
        case "MB": factor = 1_000_000
        case "GB": factor = 1_000_000_000
        case "KiB": factor = 1 << 10
        case "MiB": factor = 1 << 20
        case "GiB": factor = 1 << 30
        default: return nil
        }
        let (bytes, overflow) = amount.multipliedReportingOverflow(by: factor)
        return overflow ? nil : bytes
    }

    /// `204`, `2xx` or `200-299`, within 100 to 599.
    static func statusCodes(_ text: String) -> ClosedRange<Int>? {
        let lowered = text.lowercased()
        if lowered.utf8.count == 3, lowered.hasSuffix("xx"), let hundreds = Int(lowered.prefix(1)) {
            return (1...5).contains(hundreds) ? hundreds * 100...hundreds * 100 + 99 : nil
        }
        let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map(statusCode)
        guard bounds.count <= 2, let first = bounds.first, let lower = first, let last = bounds.last, let upper = last,
            lower <= upper
        else { return nil }
        return lower...upper
    }

    private static func statusCode(_ text: Substring) -> Int? {
        guard text.utf8.count == 3, text.utf8.allSatisfy(\.isASCIIDigit), let code = Int(text),
            (100...599).contains(code)
        else { return nil }
        return code
    }

    /// A decimal whole number, as YAML 1.2 and JSON write it; no leading zeros, no underscores.
    static func integer(_ text: String) -> Int? {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit), digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { return nil }
        return Int(text)
    }

    /// A decimal number; no hexadecimal, infinity or NaN.
    static func number(_ text: String) -> Double? {
        guard let first = text.utf8.first, first.isASCIIDigit || "-.".utf8.contains(first),
            text.utf8.allSatisfy({ $0.isASCIIDigit || "+-.eE".utf8.contains($0) }), let number = Double(text),
            number.isFinite
        else { return nil }
        return number
    }

    /// Pairs of hexadecimal digits, either case.
    static func hexadecimal(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2), digits.allSatisfy(\.isASCIIHexDigit) else { return nil }
        let value = { (digit: UInt8) -> UInt8 in digit.isASCIIDigit ? digit & 0x0f : (digit & 0x0f) + 9 }
        return stride(from: 0, to: digits.count, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
    }
}
