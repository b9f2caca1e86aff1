extension ValueReader {
    /// A shell pattern, absolute, with a warning where it matches nothing now; the folder of the file itself is meant as it
    /// is.
    func glob(_ node: YAMLNode) -> String? {
        guard !diagnostics.isFault(node.position), let path = path(node), let text = node.text else { return nil }
        let isAbsolute = text.hasPrefix("/")
        let folder =
            isAbsolute ? "" : path.dropLast(text.count).map { "*?[\\".contains($0) ? "\\\($0)" : String($0) }.joined()
        let pattern = Self.withoutDots(folder + text)
        if fileSystem.glob(pattern).isEmpty {
            diagnostics.warn(
                node.position, "`\(node.name)`: no file matches \(Self.shown(text)) now\(Self.advice(text))")
        }
        return pattern
    }

    /// The path without the parts that change nothing (`.`, a second slash), so that one file has one path.
    private static func withoutDots(_ path: String) -> String {
        "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    private static func advice(_ pattern: String) -> String {
        let isTree = pattern.contains("**")
        let isChoice = pattern.contains("{")
        guard isTree || isChoice else { return "" }
        let marks = isTree && isChoice ? "`**` and `{}`" : isTree ? "`**`" : "`{}`"
        return "; \(marks) cannot be used here, write a pattern for each \(isTree ? "folder" : "name")"
    }

    /// The pattern, where it looks like one for watch files; anything else may be a secret in the wrong place.
    private static func shown(_ pattern: String) -> String {
        let isPlain = pattern.unicodeScalars.allSatisfy {
            (" "..."~").contains($0) && $0 != "`" || $0.properties.isAlphabetic
        }
        let hasEnding = [".yml", ".yaml", ".json"].contains { pattern.lowercased().hasSuffix($0) }
        return isPlain && hasEnding && pattern.utf8.count <= 256 ? "`\(pattern)`" : "this pattern"
    }
}
