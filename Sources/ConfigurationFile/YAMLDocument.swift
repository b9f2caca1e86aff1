internal import Yams

/// One YAML (or JSON) text as a tree with positions, with every fault of its form found.
struct YAMLDocument {
    /// nil: the text is empty or nothing but comments, or it could not be read at all.
    private(set) var root: Node?
    private(set) var faults: [YAMLText.Fault] = []

    /// What each alias stands for, by its place.
    private(set) var aliases: [Position: Node] = [:]

    /// Whether a key is the first of two, which the composer took under another name.
    static func isDuplicate(_ key: String) -> Bool {
        key.unicodeScalars.first.map(YAMLText.duplicateMarks.contains) ?? false
    }

    init(bytes: [UInt8]) {
        do throws(YAMLText.Fault) {
            var source = try YAMLText(bytes: bytes)
            try source.checkCost()
            try compose(&source)
        } catch {
            faults.append(error)
        }
    }

    /// The composer stops at the first mapping with a key that is there twice. To find them all, and what else is wrong,
    /// the first of the two is renamed in place and the text composed again.
    private mutating func compose(_ source: inout YAMLText) throws(YAMLText.Fault) {
        var renamed: [(position: Position, key: String)] = []
        defer { report(renamed) }
        while true {
            do {
                // Without resolver rules: types are read from the text by this module, and much faster.
                let parser = try Parser(yaml: source.text, resolver: .basic, encoding: .utf8)
                root = try parser.singleRoot()
                // The nodes hold their anchors weakly, the parser owns them.
                if source.hasStars { withExtendedLifetime(parser) { resolveAliases() } }
                return
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let position = Position(line: context.mark.line, column: context.mark.column)
                let key = keys.first ?? ""
                let fault = Self.duplicate(key, at: position, first: nil)
                guard renamed.count < YAMLText.duplicateMarks.count,
                    let index = Self.firstCharacter(at: position, of: source)
                else { throw fault }
                source.replaceScalar(at: index, with: YAMLText.duplicateMarks[renamed.count])
                renamed.append((position, key))
            } catch {
                // What follows from the renaming is no fault of the text.
                guard renamed.isEmpty else { return }
                throw Self.fault(error, in: source)
            }
        }
    }

    /// Finds what every alias stands for, in the order of the text: an anchor counts from the end of its node on.
    private mutating func resolveAliases() {
        guard let root else { return }
        var resolver = AliasResolver()
        resolver.visit(root)
        aliases = resolver.aliases
        faults += resolver.faults
    }

    private static func firstCharacter(at position: Position, of source: YAMLText) -> String.Index? {
        guard let index = source.index(of: position) else { return nil }
        let scalars = source.text.unicodeScalars
        switch scalars[index] {
        case "\"", "'":
            let next = scalars.index(after: index)
            return next < scalars.endIndex && scalars[next] != scalars[index] && scalars[next] != "\\" ? next : nil
        case "&", "!", "|", ">", "[", "{", YAMLText.star: return nil
        default: return index
        }
    }

    private static func duplicate(_ key: String, at position: Position, first: Position?) -> YAMLText.Fault {
        let isMerge = key == "<<"
        let name = isMerge ? " `<<`" : Spelling.quoted(key, prefix: " ")
        let place = first.map { "it is already written in line \($0.line)" } ?? "it is written again below"
        let advice = isMerge ? "write one, with a list" : "keep one"
        return YAMLText.Fault(position: position, message: "duplicate key\(name): \(place); \(advice)")
    }

    /// Names the second place of each key rather than the first, where it can be found.
    private mutating func report(_ renamed: [(position: Position, key: String)]) {
        guard !renamed.isEmpty else { return }
        var seconds: [Position: Position] = [:]
        if let root { Self.findSeconds(in: root, of: renamed, budget: 1_000_000, into: &seconds) }
        for (position, key) in renamed {
            if let second = seconds[position] {
                faults.append(Self.duplicate(key, at: second, first: position))
            } else {
                faults.append(Self.duplicate(key, at: position, first: nil))
            }
        }
    }

    private static func findSeconds(
        in root: Node, of renamed: [(position: Position, key: String)], budget: Int,
        into seconds: inout [Position: Position]
    ) {
        var pending = [root]
        var visited = 0
        while let node = pending.popLast(), visited < budget {
            visited += 1
            if case .sequence(let sequence) = node { pending.append(contentsOf: sequence) }
            guard case .mapping(let mapping) = node else { continue }
            for (key, value) in mapping {
                pending.append(value)
                guard let first = renamed.first(where: { $0.position == Position(key.mark) }) else { continue }
                let second = mapping.first { $0.key.scalar?.string == first.key }
                // A key that is there three times is renamed twice; the next one is then the second renamed.
                let next = renamed.first { $0.key == first.key && $0.position > first.position }
                seconds[first.position] =
                    next.flatMap { contains(mapping, $0.position) ? $0.position : nil }
                    ?? second.map { Position($0.key.mark) }
            }
        }
    }

    private static func contains(_ mapping: Node.Mapping, _ position: Position) -> Bool {
        mapping.contains { Position($0.key.mark) == position }
    }

    /// The parser's own sentences are fixed; its description is not used, since it quotes the text.
    private static func fault(_ error: any Error, in source: YAMLText) -> YAMLText.Fault {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _):
            let position = Position(line: mark.line, column: mark.column)
            if source.scalar(at: position) == "\t" {
                return YAMLText.Fault(position: position, message: "a tab; YAML is indented with spaces")
            }
            // The rest is a hint for programmers.
            let sentence = problem.contains("yaml_set_max_nest_level") ? "nested too deep" : problem
            return YAMLText.Fault(position: position, message: "not valid YAML: \(sentence)")
        case YamlError.composer(_, let problem, let mark, _):
            let position = Position(line: mark.line, column: mark.column)
            if problem.contains("another document") {
                return YAMLText.Fault(position: position, message: "a second YAML document; one file holds one")
            }
            return YAMLText.Fault(position: position, message: "not valid YAML: \(problem)")
        default:
            return YAMLText.Fault(position: .start, message: "not valid YAML")
        }
    }
}

extension Position {
    init(_ mark: Mark?) {
        self.init(line: mark?.line ?? 1, column: mark?.column ?? 1)
    }
}
