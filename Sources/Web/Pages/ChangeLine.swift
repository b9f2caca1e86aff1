import Monitoring
import Watching

/// One line of a watch's change log: what was kept of its changes at Partoo, and what this run noticed besides.
struct ChangeLine: Sendable {
    var at: Double
    var sentence: String
    /// What is kept of a change at Partoo; nil for anything else.
    var change: ConfigurationChange?

    /// Newest first.
    static func lines(_ detail: WatchDetail) -> [ChangeLine] {
        let kept = detail.changes.map { ChangeLine(at: $0.at, sentence: $0.sentence, change: $0) }
        let noticed = detail.history.changes.filter { change in
            // The log says the same, and more of it.
            if case .configuration = change.kind { return kept.isEmpty }
            return true
        }.reversed().map { ChangeLine(at: $0.at, sentence: $0.sentence) }
        return (noticed + kept).sorted { $0.at > $1.at }
    }
}

extension ConfigurationChange {
    fileprivate var sentence: String {
        let what = header.map { "custom header \($0)" } ?? field.rawValue
        let text =
            switch (from, to) {
            case (nil, .some(let to)): "\(what) was added, \(to.shown)"
            case (.some(let from), nil): "\(what) was removed, \(from.shown)"
            case (.some(let from), .some(let to)): "\(what) went from \(from.shown) to \(to.shown)"
            case (nil, nil): "\(what) changed"
            }
        return "Changed at Partoo: \(text); noticed by \(noticedBy == .check ? "a check" : "discovery")."
    }
}

extension ConfigurationChange.Side {
    /// Like `FieldComparison` writes it, so that one can be found in the other.
    fileprivate var shown: String {
        fingerprint.map { text == "(redacted)" ? "value \($0)" : "\(text) (\($0))" } ?? text
    }
}
