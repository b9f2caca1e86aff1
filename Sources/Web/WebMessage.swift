/// A request as the routes see it.
package struct WebRequest: Sendable {
    package var method: String
    /// Percent-decoded, without the query; as it came where that is not ASCII, as no path of ours is.
    package var path: String
    /// Percent-decoded, in order; as it came where that is a long text that is not ASCII.
    package var query: [(name: String, value: String)]
    package var headers: [(name: String, value: String)]

    package init(
        method: String, target: String, headers: [(name: String, value: String)] = []
    ) {
        self.method = method
        self.headers = headers
        // By bytes: a combining mark after a separator would hide it from Swift's characters.
        let withoutFragment = Self.originForm(target.utf8[...]).prefix { $0 != UInt8(ascii: "#") }
        let isAbsolute = withoutFragment.startIndex != target.utf8.startIndex
        let parts = withoutFragment.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first.map { Self.decode($0, plusIsSpace: false, other: 0) } ?? ""
        self.path = path.isEmpty && isAbsolute ? "/" : path
        query =
            parts.count < 2
            ? []
            : parts[1].split(separator: UInt8(ascii: "&")).map { pair in
                let sides = pair.split(
                    separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                return (
                    Self.decode(sides[0], plusIsSpace: true, other: 0),
                    sides.count > 1 ? Self.decode(sides[1], plusIsSpace: true, other: Self.maximumOther) : ""
                )
            }
    }

    /// The values of a header in their order, joined as RFC 9110 joins them; nil where there is none.
    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        let values = headers.filter { $0.name.lowercased() == wanted }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    package func parameters(_ name: String) -> [String] {
        query.filter { $0.name == name }.map(\.value)
    }

    /// A target as clients send it to proxies, and may send to servers (RFC 9112, 3.2.2), without its scheme and authority.
    /// Without a path, it is `/`.
    private static func originForm(_ target: Substring.UTF8View) -> Substring.UTF8View {
        guard target.first != UInt8(ascii: "/"), let scheme = target.firstRange(of: "://".utf8) else { return target }
        return target[scheme.upperBound...].drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
    }

    /// Swift compares text in its canonical form, which takes long where many combining marks stand in a row.
    private static let maximumOther = 512

    /// Broken escapes are kept as they are, and bytes that are no UTF-8 are replaced: nothing is refused, nothing crashes.
    ///
    /// - Parameter limit: what is not ASCII may be so long, in bytes; what is longer stays as it came.
    private static func decode(_ text: Substring.UTF8View, plusIsSpace: Bool, other limit: Int) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                bytes.append(UInt8(digits[0] << 4 | digits[1]))
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return bytes.count <= limit || bytes.allSatisfy({ $0 < 0x80 })
            ? String(decoding: bytes, as: UTF8.self) : String(decoding: text, as: UTF8.self)
    }
}

/// A response of the routes.
package struct WebResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Plain text with a newline at its end.
    package static func text(_ status: Int, _ text: String, headers: [(name: String, value: String)] = []) -> Self {
        Self(
            status: status,
            headers: headers + [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")],
            body: Array("\(text)\n".utf8))
    }

    /// Of whatever is only read.
    static let methodNotAllowed = text(405, "Method not allowed.", headers: [("Allow", "GET, HEAD")])
}
