internal import Transport
internal import Watching

/// Which label names a watch may have of its own.
package enum LabelRules {
    /// Every label of the exporter's own families, and those that Prometheus sets.
    package static let reserved: Set<String> = [
        "account", "webhook_id", "event_type", "org_id", "target", "module", "state", "field", "change", "source",
        "rule",
        "reason", "phase", "certificate", "version", "cipher", "outlook", "revision", "swift_version",
        "libcurl_version",
        "tls_library", "file", "endpoint", "code", "kind", "job", "instance", "le", "quantile",
    ]

    /// Of a watch. Each of them stands in every series of it.
    static let maximumCount = 64

    package static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, first.isASCIILetter || first == UInt8(ascii: "_") else { return false }
        return name.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "_") }
    }

    package static func isReserved(_ name: String) -> Bool {
        reserved.contains(name) || name.hasPrefix("exported_") || name.hasPrefix("__")
    }
}

extension ValueReader {
    /// `labels`, over those of `base`; sorted by name.
    func labels(_ node: YAMLNode?, over base: [Label] = []) -> [Label] {
        guard let node else { return base }
        var values = Dictionary(base.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        for entry in diagnostics.entries(node) ?? [] {
            guard LabelRules.isValid(entry.key) else {
                let name = Spelling.quoted(entry.key, prefix: " ")
                fail(entry.keyPosition, "label name\(name) must be letters, digits and `_`, and not begin with a digit")
                continue
            }
            guard !LabelRules.isReserved(entry.key) else {
                fail(entry.keyPosition, "label name \(Spelling.quoted(entry.key, or: "")) is reserved; choose another")
                continue
            }
            guard !entry.value.isNull else {
                fail(entry.keyPosition, "label \(Spelling.quoted(entry.key, or: "")) has no value")
                continue
            }
            if let value = text(entry.value) { values[entry.key] = value }
        }
        if values.count > LabelRules.maximumCount {
            fail(node.position, "a watch may have at most \(LabelRules.maximumCount) labels of its own")
        }
        return values.map { Label(name: $0.key, value: $0.value) }.sorted { $0.name < $1.name }
    }
}
