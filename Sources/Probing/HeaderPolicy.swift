package import Transport

/// Which headers are never sent, because they would change the message instead of describing it.
package enum HeaderPolicy {
    private static let refusedNames: Set<String> = ["host", "content-length", "transfer-encoding", "connection"]

    /// More than any receiver takes: what is above is a fault of the configuration, and is not worth a connection.
    package static let maximumCount = 1000
    /// Names and values together.
    package static let maximumBytes = 256 << 10

    /// What is wrong with a webhook's custom headers, in a sentence; nil where they can be sent.
    package static func fault(in headers: [HeaderField]) -> String? {
        guard headers.count <= maximumCount else {
            return "there are \(headers.count) custom headers, and at most \(maximumCount) are sent"
        }
        let bytes = headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.reveal().utf8.count }
        guard bytes <= maximumBytes else {
            return "the custom headers have \(bytes) bytes, and at most \(maximumBytes) are sent"
        }
        return headers.lazy.compactMap { fault(in: $0) }.first
    }

    /// What is wrong with a header, in a sentence that names it only as far as it is printable and short; nil for a good one.
    package static func fault(in header: HeaderField) -> String? {
        guard header.name.isHTTPToken else { return "a header name is not an HTTP token" }
        let name = header.name.lowercased()
        guard !refusedNames.contains(name), !name.hasPrefix("proxy-") else {
            return "the header \(header.name.shortened()) is never sent"
        }
        guard !header.value.reveal().utf8.contains(where: { $0 == 0x0d || $0 == 0x0a || $0 == 0 }) else {
            return "the value of the header \(header.name.shortened()) holds a line break or NUL"
        }
        return nil
    }
}
