import FoundationEssentials
import GRDB
import Watching

/// What is read and written, each in one transaction of its caller's.
enum StorageStatements {
    /// So many changes of a watch are kept.
    static let maximumChanges = 100

    static func baselineRow(_ db: Database, _ id: WatchID) throws -> StoredRows.BaselineRow? {
        let statement = try db.cachedStatement(
            sql: "SELECT version, source, since, body, tag FROM baseline WHERE account = ? AND webhook_id = ?")
        return try Row.fetchOne(statement, arguments: [id.account, id.webhookID]).map(StoredRows.BaselineRow.init)
    }

    /// A failure where the column is not of its type, which a fault of the disk can bring about.
    typealias Sealed = Result<Data, StoredRows.Undecodable>

    /// What there is of one watch.
    struct WatchRows: Sendable {
        var baseline: StoredRows.BaselineRow?
        var observation: Sealed?
    }

    /// Above so many watches a pass over all rows is quicker than looking each of them up.
    private static let fewWatches = 50

    static func rows(_ db: Database, of ids: [WatchID]) throws -> [WatchID: WatchRows] {
        var rows: [WatchID: WatchRows] = [:]
        guard ids.count > fewWatches else {
            let statement = try db.cachedStatement(
                sql: "SELECT sealed FROM observation WHERE account = ? AND webhook_id = ?")
            for id in ids {
                rows[id] = WatchRows(
                    baseline: try baselineRow(db, id),
                    observation: try Row.fetchOne(statement, arguments: [id.account, id.webhookID]).map(sealed))
            }
            return rows
        }
        let wanted = Set(ids)
        let baselines = try Row.fetchCursor(db, sql: everyBaseline)
        while let row = try baselines.next() {
            guard let id = identity(row), wanted.contains(id) else { continue }
            rows[id, default: WatchRows()].baseline = StoredRows.BaselineRow(row)
        }
        let observations = try Row.fetchCursor(db, sql: "SELECT account, webhook_id, sealed FROM observation")
        while let row = try observations.next() {
            guard let id = identity(row), wanted.contains(id) else { continue }
            rows[id, default: WatchRows()].observation = sealed(row)
        }
        return rows
    }

    static func observations(_ db: Database, of account: String) throws -> [(WatchID, Sealed)] {
        try Row.fetchAll(
            db, sql: "SELECT account, webhook_id, sealed FROM observation WHERE account = ?", arguments: [account]
        ).compactMap { row in identity(row).map { ($0, sealed(row)) } }
    }

    private static func sealed(_ row: Row) -> Sealed {
        Data.fromDatabaseValue(row["sealed"]).map { .success($0) } ?? .failure(StoredRows.Undecodable())
    }

    private static let everyBaseline =
        "SELECT account, webhook_id, version, source, since, body, tag FROM baseline"

    /// Writes a record, and leaves a baseline that is there alone.
    static func write(_ db: Database, _ record: WatchRecord, _ keys: StorageKeys) throws {
        let id = record.id
        if let proposal = record.proposal { try insert(db, proposal, for: id, replaces: false, keys) }
        guard !record.leaves else {
            for table in ["observation", "change"] {
                try db.cachedStatement(sql: "DELETE FROM \(table) WHERE account = ? AND webhook_id = ?")
                    .execute(arguments: [id.account, id.webhookID])
            }
            return
        }
        try db.cachedStatement(
            sql: """
                INSERT INTO observation (account, webhook_id, sealed) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET sealed = excluded.sealed
                """
        ).execute(arguments: [id.account, id.webhookID, try StoredRows.sealed(record, keys)])
        guard !record.changes.isEmpty else { return }
        let insertion = try db.cachedStatement(
            sql: "INSERT INTO change (account, webhook_id, at, body) VALUES (?, ?, ?, ?)")
        for change in record.changes.suffix(maximumChanges) {
            try insertion.execute(arguments: [id.account, id.webhookID, change.at, try StoredRows.body(change)])
        }
        try db.cachedStatement(
            sql: """
                DELETE FROM change WHERE account = ?1 AND webhook_id = ?2 AND id <= (
                    SELECT id FROM change WHERE account = ?1 AND webhook_id = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)
                """
        ).execute(arguments: [id.account, id.webhookID, maximumChanges])
    }

    static func insert(
        _ db: Database, _ baseline: LearnedBaseline, for id: WatchID, replaces: Bool, _ keys: StorageKeys
    ) throws {
        let replacing = """
            UPDATE SET version = version + 1, source = excluded.source, since = excluded.since, body = excluded.body,
                tag = excluded.tag
            """
        let isNew = try baselineRow(db, id) == nil
        let body = try StoredRows.body(baseline)
        let source = baseline.source.rawValue
        try db.cachedStatement(
            sql: """
                INSERT INTO baseline (account, webhook_id, version, source, since, body, tag)
                VALUES (?, ?, 1, ?, ?, ?, ?) ON CONFLICT DO \(replaces ? replacing : "NOTHING")
                """
        ).execute(
            arguments: [
                id.account, id.webhookID, source, baseline.since, body,
                StoredRows.tag(id, source: source, since: baseline.since, body: body, keys),
            ])
        if isNew, db.changesCount == 1 { try setCount(db, (try count(db, keys) ?? 0) + 1, keys) }
    }

    // MARK: Whether all is there

    /// How many baselines there ought to be; nil where that cannot be told.
    private static func count(_ db: Database, _ keys: StorageKeys) throws -> Int64? {
        let statement = try db.cachedStatement(sql: "SELECT value FROM storage WHERE name = 'baselines'")
        guard let value = try Data.fetchOne(statement), value.count > 32 else { return nil }
        guard value.prefix(32) == keys.tag([Data("baselines".utf8), Data(value.dropFirst(32))]) else { return nil }
        return Int64(String(decoding: value.dropFirst(32), as: UTF8.self))
    }

    private static func setCount(_ db: Database, _ count: Int64, _ keys: StorageKeys) throws {
        let text = Data(String(count).utf8)
        try db.cachedStatement(
            sql: """
                INSERT INTO storage (name, value) VALUES ('baselines', ?)
                ON CONFLICT DO UPDATE SET value = excluded.value
                """
        ).execute(arguments: [keys.tag([Data("baselines".utf8), text]) + text])
    }

    /// Whether every baseline that was ever written is there, as it was written, and is found by its name. SQLite's own
    /// check does not see a key that became another one, and takes a row that is not found for one that never was.
    ///
    /// One pass: the table lies in the order of its key, so that whatever comes in that order is found by it too.
    static func isWhole(_ db: Database, _ keys: StorageKeys) throws -> Bool {
        var last: WatchID?
        var found: Int64 = 0
        let rows = try Row.fetchCursor(db, sql: everyBaseline)
        while let row = try rows.next() {
            guard let id = identity(row), last.map({ precedes($0, id) }) ?? true,
                StoredRows.isGenuine(StoredRows.BaselineRow(row), of: id, keys)
            else { return false }
            last = id
            found += 1
        }
        return found == 0 ? try count(db, keys) ?? 0 == 0 : try count(db, keys) == found
    }

    /// In SQLite's order: texts go byte by byte.
    private static func precedes(_ left: WatchID, _ right: WatchID) -> Bool {
        left.account == right.account
            ? left.webhookID < right.webhookID : left.account.utf8.lexicographicallyPrecedes(right.account.utf8)
    }

    private static func identity(_ row: Row) -> WatchID? {
        guard let account = String.fromDatabaseValue(row["account"]),
            let webhookID = Int.fromDatabaseValue(row["webhook_id"])
        else { return nil }
        return WatchID(account: account, webhookID: webhookID)
    }

    /// The newest first.
    static func changes(_ db: Database, _ id: WatchID, limit: Int) throws -> [ConfigurationChange] {
        try Row.fetchAll(
            db,
            sql: "SELECT at, body FROM change WHERE account = ? AND webhook_id = ? ORDER BY id DESC LIMIT ?",
            arguments: [id.account, id.webhookID, limit]
        ).compactMap(StoredRows.change)
    }
}
