/// An IP address as it goes into a socket: 4 or 16 bytes in network order. Without a zone.
package struct IPAddress: Sendable, Hashable {
    package enum Family: Sendable, Hashable { case ipv4, ipv6 }

    package let bytes: [UInt8]
    package var family: Family { bytes.count == 4 ? .ipv4 : .ipv6 }

    /// nil unless there are 4 or 16 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = Array(bytes)
    }
}

extension IPAddress {
    /// Strict: four decimal numbers, or RFC 4291 text (with `::` and a dotted tail). No zone, no octal, no shorthand.
    package init?(_ text: some StringProtocol) {
        if let bytes = Self.parseIPv4(text) ?? Self.parseIPv6(text) {
            self.bytes = bytes
        } else {
            return nil
        }
    }

    private static func parseIPv4(_ text: some StringProtocol) -> [UInt8]? {
        let parts = String(text).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(\.isASCIIDigit),
                part.utf8.count == 1 || part.utf8.first != 0x30, let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Every form in which resolvers take an IPv4 address: the strict one, and the old shorthands with fewer parts, in octal
    /// or hexadecimal (`0x7f.1`, `2130706433`, `017700000001`). nil for a name.
    package init?(resolverText text: some StringProtocol) {
        let parts = String(text).split(separator: ".", omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        let numbers = parts.compactMap { Self.resolverNumber($0) }
        guard numbers.count == parts.count, numbers.dropLast().allSatisfy({ $0 <= 0xff }), let last = numbers.last,
            last < UInt64(1) << (8 * UInt64(5 - parts.count))
        else { return nil }
        var value = last
        for (index, number) in numbers.dropLast().enumerated() {
            value |= number << UInt64(24 - 8 * index)
        }
        bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt64($0)) }
    }

    private static func resolverNumber(_ text: Substring) -> UInt64? {
        let isHexadecimal = text.hasPrefix("0x") || text.hasPrefix("0X")
        let digits = isHexadecimal ? text.dropFirst(2) : text
        guard !digits.isEmpty, digits.utf8.allSatisfy(\.isASCIIHexDigit) else { return nil }
        if isHexadecimal { return UInt64(digits, radix: 16) }
        return UInt64(digits, radix: digits.count > 1 && digits.first == "0" ? 8 : 10)
    }

    private static func parseIPv6(_ text: some StringProtocol) -> [UInt8]? {
        guard text.contains(":") else { return nil }
        var parts = String(text).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        // A leading or trailing "::" leaves two empty parts at that end; one of them is the gap.
        if parts.first == "" {
            guard parts.count > 2, parts[1] == "" else { return nil }
            parts.removeFirst()
        }
        if parts.last == "" {
            guard parts.count > 1, parts[parts.count - 2] == "" else { return nil }
            parts.removeLast()
        }
        var head: [UInt8] = []
        var tail: [UInt8] = []
        var sawGap = false
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                guard !sawGap else { return nil }
                sawGap = true
                continue
            }
            var bytes: [UInt8]
            if part.contains(".") {
                guard index == parts.count - 1, let dotted = parseIPv4(part) else { return nil }
                bytes = dotted
            } else {
                guard part.utf8.count <= 4, part.utf8.allSatisfy(\.isASCIIHexDigit), let group = UInt16(part, radix: 16)
                else { return nil }
                bytes = [UInt8(group >> 8), UInt8(group & 0xff)]
            }
            if sawGap { tail += bytes } else { head += bytes }
        }
        let missing = 16 - head.count - tail.count
        guard sawGap ? missing >= 2 : missing == 0 else { return nil }
        return head + [UInt8](repeating: 0, count: missing) + tail
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952 text.
    package var description: String {
        if family == .ipv4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = Swift.max(end, start + 1)
        }
        let hex = { (range: Range<Int>) in groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
        return best.isEmpty ? hex(0..<8) : hex(0..<best.lowerBound) + "::" + hex(best.upperBound..<8)
    }
}
