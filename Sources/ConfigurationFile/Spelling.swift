/// How names are shown in errors, and which one was meant.
enum Spelling {
    /// The name in backquotes where it looks like one; otherwise `fallback`. What has other characters or is very long is
    /// more likely a value in the wrong place, and may be a secret.
    static func quoted(_ name: String, or fallback: String) -> String {
        isName(name) ? "`\(name)`" : fallback
    }

    /// The name as ``quoted(_:or:)`` shows it, behind `prefix`; nothing for what is not shown.
    static func quoted(_ name: String, prefix: String) -> String {
        isName(name) ? "\(prefix)`\(name)`" : ""
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                ($0 >= 0x61 && $0 <= 0x7a) || ($0 >= 0x41 && $0 <= 0x5a) || ($0 >= 0x30 && $0 <= 0x39)
                    || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }

    /// The key in backquotes where it looks like a name, or is no more than a slip away from one that is known.
    static func quotedKey(_ key: String, among known: [String]) -> String? {
        isName(key) || slip(key, among: known) != nil ? "`\(key)`" : nil
    }

    /// Which name was meant, where the text is no more than a slip of the pen away from one: two edits, and less than half
    /// of the name.
    static func slip(_ text: String, among known: [String]) -> String? {
        guard text.unicodeScalars.allSatisfy({ (" "..."~").contains($0) || $0.properties.isAlphabetic }),
            let name = nearest(to: text, among: known)
        else { return nil }
        let distance = editDistance(Array(text.lowercased().utf8), Array(name.lowercased().utf8))
        return distance <= 2 && distance * 2 < name.utf8.count ? name : nil
    }

    /// The candidate with the fewest edits (one inserted, dropped, replaced or swapped with its neighbour); the first of
    /// several. nil without candidates or for a text too long to be a slip of the pen.
    static func nearest(to text: String, among candidates: some Sequence<String>) -> String? {
        guard text.utf8.count <= 64 else { return nil }
        let wanted = Array(text.lowercased().utf8)
        var best: (candidate: String, distance: Int)?
        for candidate in candidates where candidate.utf8.count <= 64 {
            let other = Array(candidate.lowercased().utf8)
            if let best, abs(other.count - wanted.count) >= best.distance { continue }
            let distance = editDistance(wanted, other)
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// "; did you mean `x`?", or nothing.
    static func suggestion(for text: String, among candidates: some Sequence<String>) -> String {
        nearest(to: text, among: candidates).map { "; did you mean `\($0)`?" } ?? ""
    }

    /// Optimal string alignment distance.
    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for column in right.indices {
                let substitution = last[column] + (left[row] == right[column] ? 0 : 1)
                var distance = min(last[column + 1] + 1, current[column] + 1, substitution)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    distance = min(distance, beforeLast[column - 1] + 1)
                }
                current.append(distance)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
