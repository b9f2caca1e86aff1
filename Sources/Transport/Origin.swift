/// Scheme, host and port of a URL: the part that may be shown, and the unit of trust.
///
/// Stricter than libcurl on purpose: what this type accepts, every parser reads the same way, so that what is vetted and
/// shown is what is connected to. User-info, path, query and fragment are not kept.
package struct Origin: Sendable, Hashable {
    /// Lower case.
    package let scheme: String
    /// Lower case; an IPv6 literal without its brackets.
    package let host: String
    /// The scheme's own port where the URL has none.
    package let port: Int

    package static func defaultPort(of scheme: String) -> Int? {
        switch scheme {
        case "https": 443
        case "http": 80
        default: nil
        }
    }

    /// nil where the text is no absolute URL with a scheme and a host that every parser reads alike. Any scheme is read.
    package init?(url text: String) {
        let scalars = text.unicodeScalars
        // Spaces and controls, and the backslash that some parsers take for a slash, make parsers disagree.
        guard scalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f && $0 != "\\" }),
            let colon = text.firstRange(of: "://")
        else { return nil }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard let first = scheme.utf8.first, first.isASCIILetter, scheme.utf8.allSatisfy(Self.isSchemeByte)
        else { return nil }
        var authority = text[colon.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let at = authority.lastIndex(of: "@") {
            guard authority[..<at].firstIndex(of: "@") == nil else { return nil }
            authority = authority[authority.index(after: at)...]
        }
        let hostText: Substring
        let portText: Substring
        if authority.first == "[" {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            hostText = authority[authority.index(after: authority.startIndex)..<close]
            portText = authority[authority.index(after: close)...]
            guard let address = IPAddress(hostText), address.family == .ipv6 else { return nil }
            host = address.description
        } else {
            hostText = authority.prefix { $0 != ":" }
            portText = authority[hostText.endIndex...]
            let forbidden = Set("[]<>|^`{}\"%!$&'()*+,;=~".unicodeScalars)
            guard !hostText.isEmpty, hostText.utf8.count <= 253,
                hostText.unicodeScalars.allSatisfy({ !forbidden.contains($0) })
            else { return nil }
            host = hostText.lowercased()
        }
        if portText.isEmpty {
            port = Self.defaultPort(of: scheme) ?? 0
        } else {
            let digits = portText.dropFirst()
            guard portText.first == ":", (1...5).contains(digits.utf8.count),
                digits.utf8.allSatisfy(\.isASCIIDigit), let number = UInt16(digits), number > 0
            else { return nil }
            port = Int(number)
        }
        self.scheme = scheme
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
