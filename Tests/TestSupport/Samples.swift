/// The samples of a text exposition, read by rules of its own: series in their written form to value.
package struct Samples: Sendable {
    package private(set) var values: [String: Double] = [:]
    /// Lines that no rule of the format allows, and series that stand twice.
    package private(set) var faults: [String] = []
    package let text: String

    package init(_ text: String) {
        self.text = text
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") || line == "# EOF" { continue }
            guard let space = line.lastIndex(of: " "),
                let value = Self.number(line[line.index(after: space)...])
            else {
                faults.append("unreadable: \(line)")
                continue
            }
            let series = String(line[..<space])
            if values.updateValue(value, forKey: series) != nil { faults.append("twice: \(series)") }
        }
        if text.last != "\n" { faults.append("no newline at the end") }
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }

    /// The value of the one series of that name that carries these labels; nil where there is none or more than one.
    package subscript(_ name: String, _ labels: [String: String]) -> Double? {
        let found = series(name, labels)
        return found.count == 1 ? found.first.flatMap { values[$0] } : nil
    }

    package subscript(_ name: String) -> Double? { self[name, [:]] }

    package func series(_ name: String, _ labels: [String: String] = [:]) -> [String] {
        let wanted = labels.map { "\($0.key)=\"\($0.value)\"" }
        return values.keys.filter { key in
            guard key == name || key.hasPrefix(name + "{") else { return false }
            let pairs = Set(Self.pairs(key.dropFirst(name.count)))
            return wanted.allSatisfy { pairs.contains($0) }
        }.sorted()
    }

    /// The label of the one series of that name and these labels whose value is 1.
    package func label(_ label: String, of name: String, _ labels: [String: String]) -> String? {
        let found = series(name, labels).filter { values[$0] == 1 }
        guard found.count == 1 else { return nil }
        return Self.pairs(found[0].dropFirst(name.count)).first { $0.hasPrefix("\(label)=\"") }
            .map { String($0.dropFirst(label.count + 2).dropLast()) }
    }

    private static func pairs(_ block: Substring) -> [String] {
        var pairs: [String] = []
        var current = ""
        var isQuoted = false
        var isEscaped = false
        for character in block.dropFirst().dropLast() {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else if character == ",", !isQuoted {
                pairs.append(current)
                current = ""
                continue
            }
            current.append(character)
        }
        return current.isEmpty ? pairs : pairs + [current]
    }
}
