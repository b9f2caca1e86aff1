import Transport

/// Where a `Location` leads: RFC 3986, 5.2, for http and https.
package enum RedirectTarget {
    /// nil where it leads nowhere that can be read. A fragment is dropped, as it is never sent.
    package static func resolve(_ location: String, base: String) -> String? {
        let reference = location.prefix { $0 != "#" }
        guard !reference.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7f || $0 == "\\" }) else {
            return nil
        }
        if hasScheme(reference) { return String(reference) }
        guard let colon = base.firstRange(of: "://") else { return nil }
        let scheme = base[..<colon.lowerBound]
        if reference.hasPrefix("//") { return "\(scheme):\(reference)" }
        let rest = base[colon.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let afterAuthority = rest[authority.endIndex...].prefix { $0 != "#" }
        let basePath = afterAuthority.prefix { $0 != "?" }
        let origin = "\(scheme)://\(authority)"
        if reference.isEmpty { return origin + String(afterAuthority) }
        if reference.first == "?" { return origin + (basePath.isEmpty ? "/" : String(basePath)) + String(reference) }
        let path = reference.prefix { $0 != "?" }
        let query = reference[path.endIndex...]
        let merged: String
        if path.first == "/" {
            merged = String(path)
        } else {
            let folder = basePath.lastIndex(of: "/").map { basePath[...$0] } ?? "/"
            merged = String(folder) + String(path)
        }
        return origin + withoutDots(merged) + String(query)
    }

    private static func hasScheme(_ text: Substring) -> Bool {
        guard let colon = text.firstIndex(of: ":"), let first = text.utf8.first else { return false }
        return first.isASCIILetter
            && text[..<colon].utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "+-.".utf8.contains($0) }
    }

    private static func withoutDots(_ path: String) -> String {
        var kept: [Substring] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/")
    }
}
