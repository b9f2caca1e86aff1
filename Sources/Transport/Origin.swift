/// Scheme, host and port of a URL: the part that may be shown, and the unit of trust.
///
/// Stricter than libcurl on purpose: what this type accepts, every parser reads the same way, so that what is vetted and
/// shown is what is connected to. User-info, path, query and fragment are not kept.
package struct Origin: Sendable, Hashable {
    /// Lower case.
    package let scheme: String
    /// An IPv4 address in its dotted form, an IPv6 one without its brackets. A name's ASCII letters are small; its other
    /// characters are as written, since IDNA alone knows which spellings are one name.
    package let host: String
    /// The scheme's own port where the URL has none.
    package let port: Int

    /// Longer than any that is in use; a label and a log line hold it.
    private static let maximumSchemeLength = 32

    package static func defaultPort(of scheme: String) -> Int? {
        switch scheme {
        case "https": 443
        case "http": 80
        default: nil
        }
    }

    /// nil where the text is no absolute URL with a scheme and a host that every parser reads alike. Any scheme is read.
    package init?(url text: String) {
        // Spaces and controls, and the backslash that some parsers take for a slash, make parsers disagree.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") }),
            let colon = text.utf8.firstRange(of: "://".utf8),
            text.utf8[..<colon.lowerBound].count <= Self.maximumSchemeLength
        else { return nil }
        let scheme = String(text.utf8[..<colon.lowerBound])?.withSmallASCIILetters ?? ""
        guard let first = scheme.utf8.first, first.isASCIILetter, scheme.utf8.allSatisfy(Self.isSchemeByte)
        else { return nil }
        // By bytes: a combining mark after a separator would hide it from Swift's characters, but from no other parser.
        var authority = text.utf8[colon.upperBound...].prefix { !"/?#".utf8.contains($0) }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            guard !authority[..<at].contains(UInt8(ascii: "@")) else { return nil }
            authority = authority[authority.index(after: at)...]
        }
        let portText: Substring.UTF8View
        if authority.first == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            portText = authority[authority.index(after: close)...]
            guard let literal = String(authority[authority.index(after: authority.startIndex)..<close]),
                let address = IPAddress(literal), address.family == .ipv6
            else { return nil }
            host = address.description
        } else {
            let hostText = authority.prefix { $0 != UInt8(ascii: ":") }
            portText = authority[hostText.endIndex...]
            guard !hostText.isEmpty, hostText.count <= 253,
                !hostText.contains(where: { "[]<>|^`{}\"%!$&'()*+,;=~".utf8.contains($0) }),
                let name = String(hostText)
            else { return nil }
            // What resolvers take for an address is shown as that address; what only looks like one each reads as it likes.
            if let address = IPAddress(resolverText: name) {
                host = address.description
            } else {
                guard !Self.endsInNumber(name), name.unicodeScalars.allSatisfy(Self.isKeptByIDNA) else { return nil }
                host = name.withSmallASCIILetters
            }
        }
        if portText.isEmpty {
            port = Self.defaultPort(of: scheme) ?? 0
        } else {
            let digits = portText.dropFirst()
            guard portText.first == UInt8(ascii: ":"), (1...5).contains(digits.count),
                digits.allSatisfy(\.isASCIIDigit), let number = String(digits).flatMap({ UInt16($0) }), number > 0
            else { return nil }
            port = Int(number)
        }
        self.scheme = scheme
    }

    private static func endsInNumber(_ host: String) -> Bool {
        let name = host.hasSuffix(".") ? host.dropLast() : host[...]
        guard let last = name.split(separator: ".", omittingEmptySubsequences: false).last else { return false }
        if last.hasPrefix("0x") || last.hasPrefix("0X") { return last.dropFirst(2).utf8.allSatisfy(\.isASCIIHexDigit) }
        return !last.isEmpty && last.utf8.allSatisfy(\.isASCIIDigit)
    }

    /// Whether a name has it in its ASCII form too, its case apart. IDNA (UTS 46) makes ASCII of much that looks like it, and
    /// drops what is not seen: `１２７。０。０。１` would come to an address, which a parser without IDNA does not see.
    private static func isKeptByIDNA(_ scalar: Unicode.Scalar) -> Bool {
        // Letters of their own since 2010, and no longer ss and σ.
        guard !scalar.isASCII, scalar != "ß", scalar != "ς" else { return true }
        // A dot to IDNA; and what is not assigned yet may become anything.
        guard scalar != "\u{3002}", scalar.properties.generalCategory != .unassigned else { return false }
        let small = scalar.properties.lowercaseMapping.unicodeScalars
        return !small.allSatisfy(\.isASCII) && !small.contains(where: \.properties.changesWhenNFKCCaseFolded)
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || "+-.".utf8.contains(byte)
    }
}

extension Origin: CustomStringConvertible {
    /// `scheme://host`, with `:port` where it is not the scheme's own.
    package var description: String {
        let shownHost = host.contains(":") ? "[\(host)]" : host
        return port == (Self.defaultPort(of: scheme) ?? 0)
            ? "\(scheme)://\(shownHost)" : "\(scheme)://\(shownHost):\(port)"
    }
}
