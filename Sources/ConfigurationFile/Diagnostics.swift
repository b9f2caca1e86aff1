/// Collects what is wrong with one file.
final class Diagnostics {
    let file: String
    private(set) var errors: [ConfigurationIssue] = []
    private(set) var warnings: [ConfigurationIssue] = []
    private var omitted = 0
    private var visits = 0
    private var faultPositions: Set<Position> = []

    /// More than anybody reads; past it errors are only counted.
    private static let maximumErrors = 1000
    /// Far beyond the largest file without aliases; a text that gets there multiplies itself.
    private static let maximumVisits = 4_000_000

    init(file: String) {
        self.file = file
    }

    var hasErrors: Bool { !errors.isEmpty }

    /// Whether the text itself is at fault, so that what is read of it may not be all that is written.
    var hasFaults: Bool { !faultPositions.isEmpty }

    /// Whether the text has a fault there, so that what is read there is nothing that somebody wrote.
    func isFault(_ position: Position) -> Bool { faultPositions.contains(position) }

    /// A fault of the text itself: what is read at the same place is no error of its own.
    func fail(_ fault: YAMLText.Fault) {
        fail(fault.position, fault.message)
        faultPositions.insert(fault.position)
    }

    func fail(_ position: Position?, _ message: @autoclosure () -> String) {
        if let position, faultPositions.contains(position) { return }
        guard errors.count < Self.maximumErrors else {
            omitted += 1
            return
        }
        errors.append(issue(position, message()))
    }

    func warn(_ position: Position?, _ message: String) {
        guard warnings.count < Self.maximumErrors else { return }
        warnings.append(issue(position, message))
    }

    /// Counts what is read; false, with an error once, where aliases make it too much.
    func visit(_ count: Int, at position: Position) -> Bool {
        guard visits <= Self.maximumVisits else { return false }
        visits += count
        if visits > Self.maximumVisits { fail(position, "aliases make this file too large; write fewer") }
        return visits <= Self.maximumVisits
    }

    /// The errors in the order of the file.
    func sortedErrors() -> [ConfigurationIssue] {
        let rest = omitted == 0 ? [] : [ConfigurationIssue(file: file, message: "and \(omitted) more errors")]
        return errors.sorted() + rest
    }

    private func issue(_ position: Position?, _ message: String) -> ConfigurationIssue {
        ConfigurationIssue(file: file, line: position?.line ?? 0, column: position?.column ?? 0, message: message)
    }
}
