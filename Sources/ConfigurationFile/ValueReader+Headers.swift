internal import Transport
internal import Watching

extension ValueReader {
    /// `headers` of a module: sent as they are, so what could not be sent is an error here.
    func headerFields(_ node: YAMLNode?) -> [HeaderField] {
        headerEntries(node).compactMap { entry in
            guard entry.key.isHTTPToken else {
                fail(entry.keyPosition, "`headers`: a header name must be letters, digits and hyphens")
                return nil
            }
            guard !Self.isReserved(entry.key) else {
                fail(entry.keyPosition, "`headers`: `\(entry.key)` is set by the HTTP client; leave it out")
                return nil
            }
            guard !entry.value.isNull else {
                fail(entry.keyPosition, "header `\(entry.key)` has no value; write \"\" for an empty one")
                return nil
            }
            guard let value = secret(entry.value) else { return nil }
            guard Self.isSendable(value) else {
                fail(
                    entry.value.position,
                    "header `\(entry.key)`: the value holds a line break or NUL and cannot be sent")
                return nil
            }
            return HeaderField(name: entry.key, value: value)
        }
    }

    /// `expect.custom_headers`: the whole set.
    func expectedHeaders(_ node: YAMLNode) -> [ExpectedHeader] {
        headerEntries(node).compactMap { entry in
            guard !entry.key.isEmpty else {
                fail(entry.keyPosition, "`custom_headers`: a header name must not be empty")
                return nil
            }
            guard !entry.value.isNull else {
                let name = Spelling.quoted(entry.key, prefix: " ")
                fail(entry.keyPosition, "header\(name) has no value; write \"\" for an empty one")
                return nil
            }
            return expectedValue(entry.value, isHeader: true).map { ExpectedHeader(name: entry.key, value: $0) }
        }
    }

    private func headerEntries(_ node: YAMLNode?) -> [YAMLEntry] {
        var lines: [String: Int] = [:]
        let entries = node.flatMap(diagnostics.entries) ?? []
        for entry in entries {
            if let line = lines.updateValue(entry.keyPosition.line, forKey: entry.key.lowercased()) {
                let name = Spelling.quoted(entry.key, prefix: " ")
                fail(
                    entry.keyPosition,
                    "duplicate header\(name): names differ by more than case; the other is in line \(line)")
            }
        }
        return entries
    }

    /// Names that a request never carries from a configuration.
    private static func isReserved(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["host", "content-length", "transfer-encoding", "connection"].contains(name) || name.hasPrefix("proxy-")
    }

    static func isSendable(_ value: Secret) -> Bool {
        value.reveal().utf8.allSatisfy { $0 != 0 && $0 != 0x0a && $0 != 0x0d }
    }
}
