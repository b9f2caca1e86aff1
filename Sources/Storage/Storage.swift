import Dispatch
import GRDB
import Synchronization
package import Watching

/// Learned baselines, observations and the change log, on SQLite.
///
/// Writing never stops the exporter: what cannot be put on disk is held in memory and tried again. Reading is strict: a
/// baseline that is there and cannot be read is `unreadable`, never absent, so that nothing is learned in its place.
package final class Storage: BaselineStore {
    /// What `path` says for a database that is gone when the program ends.
    package static let memoryPath = ":memory:"

    struct State {
        var database: DatabaseFile?
        /// What kept it from being opened for writing.
        var fault: StorageFault.Kind?
        var queue: [(record: WatchRecord, done: CheckedContinuation<SavedRecord, Never>)] = []
        var isWriting = false
        /// What could not be written, the newest of each watch.
        var held: [WatchID: WatchRecord] = [:]
        /// Set while something cannot be written.
        var retryAt: Duration?
        /// When the database is looked at again; set while it is damaged.
        var inspectAt: Duration?
        /// Set from the first fault until something is written again.
        var isFailing = false
        var unreadable: Set<WatchID> = []
        var waitsForEnd: [CheckedContinuation<Void, Never>] = []
    }

    static let retryInterval = Duration.seconds(10)
    /// Longer, since it takes a pass over every baseline.
    static let inspectionInterval = Duration.seconds(60)

    let path: String
    let keyFile: String
    let keys: StorageKeys
    let now: @Sendable () -> Duration
    let tell: @Sendable (StorageEvent) -> Void
    let state: Mutex<State>
    var isOnDisk: Bool { path != Self.memoryPath }

    /// Opens the database, makes it where there is none, and goes on in memory where that fails.
    ///
    /// - Parameters:
    ///   - path: absolute, or ":memory:".
    ///   - keyFile: absolute, or ":memory:" for a key that is gone when the program ends.
    ///   - now: monotonic; for how long to wait before trying again.
    ///   - tell: called from any thread.
    package init(
        path: String, keyFile: String, now: @escaping @Sendable () -> Duration = Storage.uptime,
        tell: @escaping @Sendable (StorageEvent) -> Void
    ) {
        self.path = path
        self.keyFile = keyFile
        self.now = now
        self.tell = tell
        var state = State()
        let (keys, keyFault) = Self.keys(path: path, keyFile: keyFile, makes: true)
        self.keys = keys
        if let keyFault { tell(.failed(keyFault.description, isNew: true)) }
        do throws(StorageFault) {
            state.database = try Self.open(path: path, keyFile: keyFile, keys: keys)
        } catch {
            tell(.failed("\(error); going on in memory", isNew: true))
            state.fault = error.kind
            state.isFailing = true
            state.retryAt = now() + Self.retryInterval
            if error.kind == .readOnly { state.openForReading(path: path, keyFile: keyFile, keys: keys, tell: tell) }
        }
        if state.database?.isWhole == false {
            state.inspectAt = now() + Self.inspectionInterval
            tell(.failed(Self.damage(path), isNew: true))
        }
        self.state = Mutex(state)
    }

    /// Opens what is there for a command.
    ///
    /// - Returns: nil where no database is there.
    package init?(existing path: String, keyFile: String, isWritten: Bool) throws(StorageFault) {
        guard path != Self.memoryPath else { return nil }
        self.path = path
        self.keyFile = keyFile
        now = Self.uptime
        tell = { _ in }
        let (keys, fault) = Self.keys(path: path, keyFile: keyFile, makes: false)
        self.keys = keys
        var state = State()
        guard let reading = try DatabaseFile.openReadOnly(path: path, keyFile: keyFile, keys: keys) else {
            return nil
        }
        if let fault { throw fault }
        state.database = reading
        if isWritten {
            reading.close()
            state.database = try DatabaseFile.open(path: path, keyFile: keyFile, keys: keys)
        }
        self.state = Mutex(state)
    }

    /// The key under which baselines are kept, for whoever compares with them.
    package var fingerprintKey: FingerprintKey { keys.fingerprints }

    package static let uptime: @Sendable () -> Duration = {
        .nanoseconds(Int64(DispatchTime.now().uptimeNanoseconds))
    }

    /// Without a readable key file a key for this run; whether there ought to be one turns out when the database is opened.
    ///
    /// - Parameter makes: a key file where there is neither one nor a database. Of several processes that start together one
    ///   makes it, and all have the same.
    private static func keys(path: String, keyFile: String, makes: Bool) -> (StorageKeys, StorageFault?) {
        var generator = SystemRandomNumberGenerator()
        let random = (0..<KeyFile.length).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
        guard keyFile != memoryPath else { return (StorageKeys(master: random), nil) }
        do throws(KeyFile.Failure) {
            do throws(KeyFile.Failure) {
                return (StorageKeys(master: try KeyFile.read(keyFile)), nil)
            } catch .missing where path == memoryPath || makes && (try? DatabaseFile.hasContent(path)) == false {
                SystemError.makeFolder(of: keyFile)
                return (StorageKeys(master: try KeyFile.make(keyFile, random)), nil)
            }
        } catch {
            let fault = path == memoryPath ? StorageFault(.absent, error.text) : nil
            return (StorageKeys(master: random), fault)
        }
    }

    static func open(path: String, keyFile: String, keys: StorageKeys) throws(StorageFault) -> DatabaseFile {
        guard path == memoryPath else { return try DatabaseFile.open(path: path, keyFile: keyFile, keys: keys) }
        do {
            return try DatabaseFile.inMemory(keys)
        } catch {
            throw StorageFault(.absent, StorageFault.text(error))
        }
    }

    // MARK: Reading

    package func kept(of id: WatchID) -> KeptWatch {
        kept(of: [id])[id] ?? KeptWatch(baseline: .unreadable)
    }

    package func kept(of ids: [WatchID]) -> [WatchID: KeptWatch] {
        guard !ids.isEmpty else { return [:] }
        let (database, fault, held) = state.withLock { ($0.database, $0.fault, $0.held) }
        let kept = database.map { read(ids, from: $0) } ?? [:]
        // Without a database, what it would say of a watch depends on why there is none.
        let unknown = KeptWatch(baseline: database == nil && fault != .unreadable ? .absent : .unreadable)
        return Dictionary(
            ids.map { id in (id, (kept[id] ?? unknown).with(held[id])) }, uniquingKeysWith: { first, _ in first })
    }

    private func read(_ ids: [WatchID], from database: DatabaseFile) -> [WatchID: KeptWatch] {
        do {
            let rows = try database.reader.read { try StorageStatements.rows($0, of: ids) }
            return Dictionary(
                ids.map { id in (id, kept(rows[id] ?? StorageStatements.WatchRows(), of: id, database)) },
                uniquingKeysWith: { first, _ in first })
        } catch {
            failed("\(path) cannot be read: \(StorageFault.text(error))")
            return [:]
        }
    }

    private func kept(_ rows: StorageStatements.WatchRows, of id: WatchID, _ database: DatabaseFile) -> KeptWatch {
        var kept = observation(rows.observation, of: id) ?? KeptWatch()
        kept.baseline = rows.baseline.map { baseline($0, of: id) } ?? (database.isWhole ? .absent : .unreadable)
        return kept
    }

    private func observation(_ sealed: StorageStatements.Sealed?, of id: WatchID) -> KeptWatch? {
        guard let sealed else { return nil }
        do {
            return try StoredRows.observation(sealed.get(), of: id, keys)
        } catch {
            failedRow(id, "the observation of \(id) cannot be read")
            return nil
        }
    }

    package func discovered(account: String) -> [Int: DiscoveryOrigin] {
        let held = state.withLock { $0.held }
        var discovered: [Int: DiscoveryOrigin] = [:]
        do throws(StorageFault) {
            discovered = try readDiscovered(account: account)
        } catch {
            failed("\(error)")
        }
        for (id, record) in held where id.account == account { discovered[id.webhookID] = record.discovery }
        return discovered
    }

    /// Like `discovered`, for a command.
    package func readDiscovered(account: String) throws(StorageFault) -> [Int: DiscoveryOrigin] {
        guard let database = state.withLock({ $0.database }) else { return [:] }
        do {
            var discovered: [Int: DiscoveryOrigin] = [:]
            for (id, sealed) in try database.reader.read({ try StorageStatements.observations($0, of: account) }) {
                discovered[id.webhookID] = observation(sealed, of: id)?.discovery
            }
            return discovered
        } catch {
            throw StorageFault(.unreadable, "\(path) cannot be read: \(StorageFault.text(error))")
        }
    }

    private func baseline(_ row: StoredRows.BaselineRow, of id: WatchID) -> KeptBaseline {
        do {
            return .pinned(try StoredRows.baseline(row, of: id, keys))
        } catch {
            failedRow(id, "the baseline of \(id) cannot be read; `baseline accept` puts another in its place")
            return .unreadable
        }
    }

    package func news(of id: WatchID, since version: Int64?) async -> KeptBaseline? {
        retryIfDue()
        let (database, fault, isRetried) = state.withLock { ($0.database, $0.fault, $0.retryAt != nil) }
        if let database, !isRetried { failsWithout(database) }
        guard let database else {
            guard version == nil else { return nil }
            return fault == .unreadable ? .unreadable : KeptBaseline.absent
        }
        do {
            guard let row = try await database.reader.read({ try StorageStatements.baselineRow($0, id) }) else {
                guard version == nil else { return nil }
                return database.isWhole ? .absent : .unreadable
            }
            if let version, row.version == version { return nil }
            return baseline(row, of: id)
        } catch is CancellationError {
            return nil
        } catch {
            failed("\(path) cannot be read: \(StorageFault.text(error))")
            return version == nil ? .unreadable : nil
        }
    }

    package func changes(of id: WatchID, limit: Int) async -> [ConfigurationChange] {
        let (database, held) = state.withLock { ($0.database, $0.held[id]?.changes ?? []) }
        let kept = try? await database?.reader.read { try StorageStatements.changes($0, id, limit: limit) }
        return Array((held.reversed() + (kept ?? [])).prefix(limit))
    }

    /// Puts a baseline in force, whatever was there. It is on disk when this returns.
    package func accept(_ baseline: LearnedBaseline, for id: WatchID) throws(StorageFault) {
        guard let writer = state.withLock({ $0.database?.writer }) else {
            throw StorageFault(.readOnly, "\(path) cannot be written")
        }
        do {
            try writer.write { [keys] in
                try StorageStatements.insert($0, baseline, for: id, replaces: true, keys)
            }
            writer.writeWithoutTransaction(DatabaseFile.drainLog)
        } catch {
            throw StorageFault(.readOnly, "\(path) cannot be written: \(StorageFault.text(error))")
        }
    }
}

extension KeptWatch {
    /// With what could not be written yet.
    fileprivate func with(_ held: WatchRecord?) -> KeptWatch {
        guard let held else { return self }
        var kept = KeptWatch(
            baseline: baseline, observation: held.leaves ? nil : held.observation ?? observation,
            isMissing: held.isMissing, driftedSince: held.driftedSince, discovery: held.discovery)
        if baseline == .absent, let proposal = held.proposal {
            kept.baseline = .pinned(StoredBaseline(proposal, version: 0))
        }
        return kept
    }
}

extension Storage.State {
    /// On a disk that cannot be written, what is there is in force all the same.
    mutating func openForReading(
        path: String, keyFile: String, keys: StorageKeys, tell: (StorageEvent) -> Void
    ) {
        do throws(StorageFault) {
            database = try DatabaseFile.openReadOnly(path: path, keyFile: keyFile, keys: keys)
        } catch {
            fault = error.kind
            tell(.failed("\(error)", isNew: true))
        }
    }
}
