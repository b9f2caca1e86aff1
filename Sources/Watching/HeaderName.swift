/// A header's name as names are compared: without case, in ASCII only, and by its bytes, as values are.
///
/// Made once for each header, it is looked up instead of searched for: whoever controls the API chooses how many there are.
package struct HeaderName: Sendable, Hashable, Comparable {
    private let bytes: [UInt8]

    package init(_ text: String) {
        bytes = text.utf8.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
    }

    package static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

extension Sequence {
    /// Every header of each name, in their order.
    func byHeader(_ name: (Element) -> String) -> [HeaderName: [Element]] {
        Dictionary(grouping: self) { HeaderName(name($0)) }
    }

    /// The first header of each name.
    package func firstByHeader(_ name: (Element) -> String) -> [HeaderName: Element] {
        Dictionary(map { (HeaderName(name($0)), $0) }) { first, _ in first }
    }
}
