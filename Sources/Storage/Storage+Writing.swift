import GRDB
import Synchronization
package import Watching

/// Writing: whoever comes while a transaction is on its way to the disk shares the next one.
extension Storage {
    package func save(_ record: WatchRecord) async -> SavedRecord {
        await withCheckedContinuation { continuation in
            let begins = state.withLock { state in
                state.queue.append((record, continuation))
                defer { state.isWriting = true }
                return !state.isWriting
            }
            if begins { startWriting() }
        }
    }

    /// Returns once all that was asked for is written or held; then closes the files.
    package func close() async {
        await writingEnds()
        state.withLock { state in
            defer { state.database = nil }
            return state.database
        }?.close()
    }

    /// Returns once all that was asked for is written or held.
    func writingEnds() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isWriting { state.waitsForEnd.append(continuation) }
                return !state.isWriting
            }
            if isIdle { continuation.resume() }
        }
    }

    /// Tries again what could not be done, once its time has come.
    func retryIfDue() {
        let time = now()
        let begins = state.withLock { state in
            guard let retryAt = state.retryAt, time >= retryAt, !state.isWriting else { return false }
            state.isWriting = true
            return true
        }
        if begins { startWriting() }
    }

    private func startWriting() {
        // Not a child of whoever asked: its end must not take the others' writes along.
        Task.detached { await self.writeAll() }
    }

    private func writeAll() async {
        var isFirst = true
        while true {
            let batch = state.withLock { state in
                defer { state.queue = [] }
                return state.queue
            }
            if !batch.isEmpty || isFirst {
                let saved = await write(batch.map(\.record))
                for (item, saved) in zip(batch, saved) { item.done.resume(returning: saved) }
            }
            isFirst = false
            let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
                guard state.queue.isEmpty else { return nil }
                state.isWriting = false
                defer { state.waitsForEnd = [] }
                return state.waitsForEnd
            }
            if let waiting {
                for continuation in waiting { continuation.resume() }
                return
            }
        }
    }

    /// - Returns: one result for each record.
    private func write(_ records: [WatchRecord]) async -> [SavedRecord] {
        let time = now()
        let (isWaiting, isFailing) = state.withLock { state in
            (state.retryAt.map { time < $0 } ?? false, state.retryAt != nil)
        }
        guard !isWaiting else { return hold(records) }
        if isFailing { reopen() }
        let (database, held) = state.withLock { ($0.database, $0.held) }
        if let database, failsWithout(database) { return hold(records) }
        guard let writer = database?.writer else {
            // The attempt to open it was the failure, and was told.
            return hold(records)
        }
        do {
            let all = held.values.sorted { $0.id < $1.id } + records
            let rows = try await writer.writeWithoutTransaction { [keys, isOnDisk] db in
                var rows: [StoredRows.BaselineRow?] = []
                try db.inTransaction {
                    for record in all { try StorageStatements.write(db, record, keys) }
                    rows = try records.map { record in
                        try record.proposal.flatMap { _ in try StorageStatements.baselineRow(db, record.id) }
                    }
                    return .commit
                }
                if isOnDisk { DatabaseFile.drainLog(db) }
                return rows
            }
            let hasRecovered = state.withLock { state in
                defer {
                    state.held = [:]
                    state.retryAt = nil
                    state.isFailing = false
                }
                return state.retryAt != nil
            }
            if hasRecovered { tell(.recovered) }
            return zip(records, rows).map { record, row in
                SavedRecord(
                    baseline: row.map { Self.inForce($0, of: record.id, keys) } ?? .absent, isOnDisk: isOnDisk)
            }
        } catch {
            failed("\(path) cannot be written: \(StorageFault.text(error))")
            state.withLock { $0.retryAt = time + Self.retryInterval }
            return hold(records)
        }
    }

    private static func inForce(_ row: StoredRows.BaselineRow, of id: WatchID, _ keys: StorageKeys) -> KeptBaseline {
        (try? StoredRows.baseline(row, of: id, keys)).map(KeptBaseline.pinned) ?? .unreadable
    }

    /// Opens what could not be opened before: an operator may have moved it away, or the disk have room again.
    private func reopen() {
        let isWritable = state.withLock { $0.database?.writer != nil }
        guard !isWritable else { return }
        do throws(StorageFault) {
            let database = try Self.open(path: path, keyFile: keyFile, keys: keys)
            state.withLock { state in
                defer {
                    state.database = database
                    state.fault = nil
                    state.unreadable = []
                    if database.isWhole { state.inspectAt = nil }
                }
                return state.database
            }?.close()
        } catch {
            let isUnread = state.withLock { $0.database == nil }
            let found = isUnread && error.kind == .readOnly ? openForReading() : .failure(error)
            let time = now()
            state.withLock { state in
                state.retryAt = time + Self.retryInterval
                guard isUnread else { return }
                switch found {
                case .success(let database): state.database = database
                // Whatever took its place meanwhile is as little to be learned over.
                case .failure(let fault): state.fault = fault.kind
                }
            }
            tell(.failed("\(error)", isNew: false))
        }
    }

    /// On a disk that cannot be written, what is there decides all the same.
    private func openForReading() -> Result<DatabaseFile?, StorageFault> {
        do throws(StorageFault) {
            return .success(try DatabaseFile.openReadOnly(path: path, keyFile: keyFile, keys: keys))
        } catch {
            return .failure(error)
        }
    }

    /// Whether the file was taken away; that is told, and looked at again later.
    @discardableResult
    func failsWithout(_ database: DatabaseFile) -> Bool {
        guard !database.isInPlace(path) else { return false }
        failed("\(path) is not the file in use any more: put that one back, or restart to use what is there now")
        state.withLock { $0.retryAt = now() + Self.retryInterval }
        return true
    }

    private func hold(_ records: [WatchRecord]) -> [SavedRecord] {
        state.withLock { state in
            for record in records {
                var newest = record
                if let held = state.held[record.id] {
                    newest.proposal = held.proposal ?? record.proposal
                    if !record.leaves {
                        newest.observation = record.observation ?? held.observation
                        newest.changes = (held.changes + record.changes).suffix(StorageStatements.maximumChanges)
                    }
                }
                state.held[record.id] = newest
            }
            if state.retryAt == nil { state.retryAt = now() + Self.retryInterval }
        }
        return records.map { record in
            SavedRecord(
                baseline: record.proposal.map { .pinned(StoredBaseline($0, version: 0)) } ?? .absent, isOnDisk: false)
        }
    }

    // MARK: Faults

    func failed(_ text: String) {
        let isNew = state.withLock { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        tell(.failed(text, isNew: isNew))
    }

    /// One row that cannot be read is told once, and counted whenever it is met.
    func failedRow(_ id: WatchID, _ text: String) {
        let isNew = state.withLock { $0.unreadable.insert(id).inserted }
        tell(.failed(text, isNew: isNew))
    }
}
