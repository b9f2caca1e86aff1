package import Transport

/// Which headers are never sent, because they would change the message instead of describing it.
package enum HeaderPolicy {
    private static let refusedNames: Set<String> = ["host", "content-length", "transfer-encoding", "connection"]

    /// What is wrong with a header, in a sentence that names it only as far as it is printable; nil for a good one.
    package static func fault(in header: HeaderField) -> String? {
        guard header.name.isHTTPToken else { return "a header name is not an HTTP token" }
        let name = header.name.lowercased()
        guard !refusedNames.contains(name), !name.hasPrefix("proxy-") else {
            return "the header \(header.name) is never sent"
        }
        guard !header.value.reveal().utf8.contains(where: { $0 == 0x0d || $0 == 0x0a || $0 == 0 }) else {
            return "the value of the header \(header.name) holds a line break or NUL"
        }
        return nil
    }
}
