/// Text that must reach no label, log line, page, error or file in clear: a header value, an API key, a URL.
///
/// Every way in which Swift turns a value into text (`description`, `debugDescription`, a `Mirror`) is redacted, so that a
/// secret cannot leak through string interpolation. The clear text is to be had by `reveal()` only, which is easy to search for.
package struct Secret: Sendable {
    private let text: String

    package init(_ text: String) {
        self.text = text
    }

    /// The clear text, for the one place that sends or compares it.
    package func reveal() -> String { text }

    package var isEmpty: Bool { text.isEmpty }
}

/// By bytes: Swift's own text comparison takes canonically equivalent texts for equal, but whoever receives them does not.
extension Secret: Hashable {
    package static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// One HTTP header: the name is public, the value is not.
package struct HeaderField: Sendable, Hashable {
    package var name: String
    package var value: Secret

    package init(name: String, value: Secret) {
        self.name = name
        self.value = value
    }

    package init(_ name: String, _ value: String) {
        self.init(name: name, value: Secret(value))
    }
}
