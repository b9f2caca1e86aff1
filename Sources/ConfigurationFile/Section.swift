/// The keys of one section of the configuration: the one list from which values are read, unknown keys are told, and the
/// nearest valid one is found.
protocol SectionKey: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    /// Where the section stands, with `*` for a list's index or a name; empty for the top.
    static var sectionPath: String { get }
}

/// A mapping whose keys are known. A key without a value (`null`) counts as left out.
struct Section<Key: SectionKey> {
    let position: Position
    private var values: [Key: YAMLNode] = [:]
    private var keyPositions: [Key: Position] = [:]
    /// Whether all that is written was understood. Otherwise a key that is lacking may be one of the unknown.
    private(set) var isWhole = true

    /// Reads the keys, with an error for each unknown one. Anything but a mapping is an error and reads as empty.
    ///
    /// - Parameter unknown: The error for an unknown key.
    init(_ node: YAMLNode, _ diagnostics: Diagnostics, unknown: (String) -> String = Self.unknown) {
        position = node.position
        let entries = diagnostics.entries(node)
        if entries == nil { isWhole = false }
        for entry in entries ?? [] {
            guard let key = Key(rawValue: entry.key) else {
                diagnostics.fail(entry.keyPosition, unknown(entry.key))
                isWhole = false
                continue
            }
            keyPositions[key] = entry.keyPosition
            if !entry.value.isNull { values[key] = entry.value }
        }
    }

    /// A section that is left out.
    init(position: Position) {
        self.position = position
    }

    subscript(key: Key) -> YAMLNode? { values[key] }

    /// The value of a key that must be there.
    func required(_ key: Key, _ diagnostics: Diagnostics) -> YAMLNode? {
        if let node = values[key] { return node }
        if let position = keyPositions[key] {
            diagnostics.fail(position, "`\(key.rawValue)` has no value")
        } else {
            diagnostics.fail(position, "`\(key.rawValue)` is missing")
        }
        return nil
    }

    /// The section below a key; empty where the key is left out.
    func section<Child: SectionKey>(_ key: Key, _ diagnostics: Diagnostics) -> Section<Child> {
        values[key].map { Section<Child>($0, diagnostics) } ?? Section<Child>(position: position)
    }

    private static func unknown(_ key: String) -> String {
        let known = Key.allCases.map(\.rawValue)
        let shown = Spelling.quotedKey(key, among: known) ?? "(not shown: it is no name and may be a secret)"
        return "unknown key \(shown)"
            + Spelling.suggestion(for: key, among: known)
    }
}
