internal import Yams

/// Looks up the aliases of a tree in which they stand as plain scalars. No deeper than the parser lets a text nest.
struct AliasResolver {
    private(set) var aliases: [Position: Node] = [:]
    private(set) var faults: [YAMLText.Fault] = []
    private var anchors: [String: Node] = [:]

    mutating func visit(_ node: Node) {
        switch node {
        case .scalar(let scalar):
            if Self.isAlias(scalar) { resolve(scalar) }
        case .sequence(let sequence):
            for item in sequence { visit(item) }
        case .mapping(let mapping):
            for (key, value) in mapping {
                if case .scalar(let scalar) = key, Self.isAlias(scalar) {
                    fail(scalar, "an alias as a key; a key must be plain text")
                } else {
                    visit(key)
                }
                visit(value)
            }
        case .alias: break
        }
        if let anchor = node.anchor { anchors[anchor.rawValue] = node }
    }

    /// No plain scalar can begin with a star, so one that does was an alias.
    static func isAlias(_ scalar: Node.Scalar) -> Bool {
        scalar.style == .plain && scalar.string.unicodeScalars.first == YAMLText.star
    }

    private mutating func resolve(_ scalar: Node.Scalar) {
        let name = String(scalar.string.unicodeScalars.dropFirst())
        if scalar.anchor != nil {
            fail(scalar, "an alias with an anchor of its own; write one of them")
        } else if let target = anchors[name] {
            aliases[Position(scalar.mark)] = target
        } else {
            fail(scalar, "an alias without an anchor of its name above it; text that begins with `*` needs quotes")
        }
    }

    private mutating func fail(_ scalar: Node.Scalar, _ message: String) {
        faults.append(YAMLText.Fault(position: Position(scalar.mark), message: message))
    }
}
