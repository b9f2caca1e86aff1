internal import Yams

/// A place in the tree: the value, where it stands and under which key, for the errors.
struct YAMLNode {
    /// The nearest key above, as errors name it.
    let name: String
    let position: Position
    let content: Node

    private let aliases: [Position: Node]

    /// - Parameter aliases: Of the document. A node that is one reads as what it stands for, and says where it is itself.
    init(_ content: Node, name: String, aliases: [Position: Node]) {
        self.name = name
        self.aliases = aliases
        position = Position(content.mark)
        if case .scalar(let scalar) = content, AliasResolver.isAlias(scalar), let target = aliases[position] {
            self.content = target
        } else {
            self.content = content
        }
    }

    func child(_ content: Node, name: String) -> YAMLNode {
        YAMLNode(content, name: name, aliases: aliases)
    }

    /// A value that is left out: nothing, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let scalar) = content, scalar.style == .plain, !isTagged else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// The text of a scalar as it is written, whatever type YAML would make of it; nil for lists, mappings and null.
    var text: String? {
        guard case .scalar(let scalar) = content, !isNull else { return nil }
        return YAMLText.restored(scalar.string, isEscaped: scalar.style == .doubleQuoted)
    }

    /// The text of a scalar that stands without quotes, as booleans and numbers do.
    var plainText: String? {
        guard case .scalar(let scalar) = content, scalar.style == .plain, !isTagged else { return nil }
        return YAMLText.restored(scalar.string, isEscaped: false)
    }

    var isMapping: Bool {
        if case .mapping = content { return true }
        return false
    }

    /// Whether the value has a tag of its own that is more than YAML's own kinds (`!!int`, `!secret`).
    var hasForeignTag: Bool {
        ![Tag.Name.implicit, .nonSpecific, .str, .seq, .map].map(\.rawValue).contains(tag)
    }

    private var isTagged: Bool { tag != Tag.Name.implicit.rawValue }

    private var tag: String {
        switch content {
        case .scalar(let scalar): scalar.tag.description
        case .mapping(let mapping): mapping.tag.description
        case .sequence(let sequence): sequence.tag.description
        case .alias(let alias): alias.tag.description
        }
    }
}

/// One pair of a mapping.
struct YAMLEntry {
    let key: String
    let keyPosition: Position
    let value: YAMLNode
}

extension Diagnostics {
    private static let maximumMergeDepth = 32

    /// The items of a list; nil, with an error, for anything else.
    func list(_ node: YAMLNode) -> [YAMLNode]? {
        guard case .sequence(let sequence) = node.content, !node.hasForeignTag else {
            fail(node.position, "`\(node.name)` must be a list")
            return nil
        }
        guard visit(sequence.count + 1, at: node.position) else { return nil }
        return sequence.map { node.child($0, name: node.name) }
    }

    /// The pairs of a mapping, merge keys (`<<`) resolved; nil, with an error, for anything else.
    func entries(_ node: YAMLNode) -> [YAMLEntry]? {
        entries(node, depth: 0)
    }

    private func entries(_ node: YAMLNode, depth: Int) -> [YAMLEntry]? {
        guard case .mapping(let mapping) = node.content, !node.hasForeignTag else {
            fail(node.position, "\(Spelling.quoted(node.name, or: "this")) must be a mapping of keys and values")
            return nil
        }
        guard visit(mapping.count + 1, at: node.position) else { return nil }
        var entries: [YAMLEntry] = []
        entries.reserveCapacity(mapping.count)
        var merges: [YAMLNode] = []
        for (key, value) in mapping {
            let position = Position(key.mark)
            guard case .scalar(let scalar) = key else {
                fail(position, "a list or a mapping as a key; a key must be plain text")
                continue
            }
            if hasErrors, YAMLDocument.isDuplicate(scalar.string) { continue }
            if scalar.string == "<<", scalar.style == .plain {
                merges.append(node.child(value, name: "<<"))
            } else {
                let name = YAMLText.restored(scalar.string, isEscaped: scalar.style == .doubleQuoted)
                entries.append(YAMLEntry(key: name, keyPosition: position, value: node.child(value, name: name)))
            }
        }
        return merges.isEmpty ? entries : merged(entries, with: merges, depth: depth + 1)
    }

    /// Keys written in the mapping itself win, then those of the earlier merged mapping.
    private func merged(_ own: [YAMLEntry], with merges: [YAMLNode], depth: Int) -> [YAMLEntry] {
        var result = own
        var keys = Set(own.map(\.key))
        for merge in merges {
            guard depth <= Self.maximumMergeDepth else {
                fail(merge.position, "`<<` of a `<<` of a `<<` and so on; merge fewer at once")
                break
            }
            let sources: [YAMLNode]
            if case .sequence(let sequence) = merge.content {
                guard visit(sequence.count, at: merge.position) else { break }
                sources = sequence.map { merge.child($0, name: "<<") }
            } else {
                sources = [merge]
            }
            for source in sources {
                guard source.isMapping else {
                    fail(source.position, "`<<` must name a mapping, or a list of mappings")
                    continue
                }
                for entry in entries(source, depth: depth) ?? [] where keys.insert(entry.key).inserted {
                    result.append(entry)
                }
            }
        }
        return result
    }
}
