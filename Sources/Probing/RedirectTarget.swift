import Transport

/// Where a `Location` leads: RFC 3986, 5.2, for http and https.
package enum RedirectTarget {
    /// nil where it leads nowhere that can be read. A fragment is dropped, as it is never sent.
    package static func resolve(_ location: String, base: String) -> String? {
        // By bytes, as every other parser does it: a combining mark would hide a separator from Swift's characters.
        let reference = location.utf8.prefix { $0 != UInt8(ascii: "#") }
        guard !reference.contains(where: { $0 <= 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "\\") }) else { return nil }
        if scheme(of: reference) != nil { return String(reference) }
        guard let colon = base.utf8.firstRange(of: "://".utf8) else { return nil }
        let rest = base.utf8[colon.upperBound...]
        let authority = rest.prefix { !"/?#".utf8.contains($0) }
        let scheme = base.utf8[..<colon.lowerBound]
        if reference.starts(with: "//".utf8) { return joined(scheme, ":".utf8[...], reference) }
        let origin = base.utf8[..<authority.endIndex]
        let afterAuthority = rest[authority.endIndex...].prefix { $0 != UInt8(ascii: "#") }
        let basePath = afterAuthority.prefix { $0 != UInt8(ascii: "?") }
        if reference.isEmpty { return joined(origin, afterAuthority) }
        if reference.first == UInt8(ascii: "?") {
            return joined(origin, basePath.isEmpty ? "/".utf8[...] : basePath, reference)
        }
        let path = reference.prefix { $0 != UInt8(ascii: "?") }
        let query = reference[path.endIndex...]
        let folder = basePath.lastIndex(of: UInt8(ascii: "/")).map { basePath[...$0] } ?? "/".utf8[...]
        let merged = path.first == UInt8(ascii: "/") ? Array(path) : Array(folder) + Array(path)
        return String(validating: Array(origin) + withoutDots(merged) + Array(query), as: UTF8.self)
    }

    private static func joined(_ parts: Substring.UTF8View...) -> String? {
        String(validating: parts.flatMap { Array($0) }, as: UTF8.self)
    }

    /// In lower case; nil for what has none.
    package static func scheme(of url: String) -> String? { scheme(of: url.utf8[...]) }

    /// How a message calls the scheme of a redirect: what a receiver made up is never shown.
    package static func name(ofScheme scheme: String) -> String {
        isKnown(scheme) ? "the scheme \(scheme)" : "another scheme"
    }

    /// Whether a message may quote it.
    static func isKnown(_ scheme: String) -> Bool {
        ["http", "https", "ftp", "file", "ws", "wss"].contains(scheme)
    }

    /// The scheme in front of `://`, in lower case, where it is neither http nor https.
    static func foreignScheme(of url: String) -> String? {
        guard let scheme = scheme(of: url), scheme != "http", scheme != "https",
            url.utf8.dropFirst(scheme.utf8.count).starts(with: "://".utf8)
        else { return nil }
        return scheme
    }

    private static func scheme(of text: Substring.UTF8View) -> String? {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), text.first?.isASCIILetter == true,
            text[..<colon].allSatisfy({ $0.isASCIILetter || $0.isASCIIDigit || "+-.".utf8.contains($0) })
        else { return nil }
        return String(text[..<colon])?.lowercased()
    }

    private static func withoutDots(_ path: [UInt8]) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        let segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            if segment.elementsEqual(".".utf8) {
                if isLast { kept.append([]) }
            } else if segment.elementsEqual("..".utf8) {
                _ = kept.popLast()
                if isLast { kept.append([]) }
            } else {
                kept.append(segment)
            }
        }
        return kept.flatMap { [UInt8(ascii: "/")] + $0 } + (kept.isEmpty ? [UInt8(ascii: "/")] : [])
    }
}
