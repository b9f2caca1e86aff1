import GRDB
import Synchronization

/// What is wrong for long counts for long: whoever only reads and writes may not come by for hours, and of a damaged
/// database no single operation fails.
extension Storage {
    static func damage(_ path: String) -> String {
        "\(path) is damaged: what it does not hold is unknown; restore it, or move it away and restart"
    }

    /// Tries again what could not be done, and counts what is still wrong, each once its time has come. To be called every
    /// second or so, by one caller.
    package func tend() async {
        retryIfDue()
        await writingEnds()
        let (database, isRetried) = state.withLock { ($0.database, $0.retryAt != nil) }
        // What is tried again counts at each try.
        guard let database, !isRetried, !failsWithout(database), !database.isWhole else { return }
        await inspect(database)
    }

    /// A damaged database again: `baseline accept` may have put it right.
    private func inspect(_ database: DatabaseFile) async {
        let time = now()
        let isDue = state.withLock { state in state.inspectAt.map { time >= $0 } ?? true }
        guard isDue else { return }
        let isWhole = try? await database.reader.read { [keys] in try StorageStatements.isWhole($0, keys) }
        guard !Task.isCancelled else { return }
        let isNew = state.withLock { state in
            defer { state.inspectAt = isWhole == true ? nil : time + Self.inspectionInterval }
            if isWhole == true, state.database?.reader === database.reader { state.database?.isWhole = true }
            return state.inspectAt == nil
        }
        tell(isWhole == true ? .recovered : .failed(Self.damage(path), isNew: isNew))
    }
}
