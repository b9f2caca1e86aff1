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

    static func sealedObservation(_ db: Database, _ id: WatchID) throws -> Data? {
        let statement = try db.cachedStatement(
            sql: "SELECT sealed FROM observation WHERE account = ? AND webhook_id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id.account, id.webhookID]) else { return nil }
        guard let sealed = Data.fromDatabaseValue(row["sealed"]) else { throw StoredRows.Undecodable() }
        return sealed
    }

    /// Writes a record, and leaves a baseline that is there alone.
    static func write(_ db: Database, _ record: WatchRecord, _ keys: StorageKeys) throws {
        let id = record.id
        if let proposal = record.proposal { try insert(db, proposal, for: id, replaces: false, keys) }
        try db.cachedStatement(
            sql: """
                INSERT INTO observation (account, webhook_id, sealed) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET sealed = excluded.sealed
                """
        ).execute(arguments: [id.account, id.webhookID, try StoredRows.sealed(record, keys)])
        guard !record.changes.isEmpty else { return }
        let insertion = try db.cachedStatement(
            sql: "INSERT INTO change (account, webhook_id, at, body) VALUES (?, ?, ?, ?)")
        for change in record.changes {
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
    static func isWhole(_ db: Database, _ keys: StorageKeys) throws -> Bool {
        let rows = try Row.fetchAll(db, sql: "SELECT account, webhook_id FROM baseline")
        for row in rows {
            guard let id = identity(row), let found = try baselineRow(db, id),
                StoredRows.isGenuine(found, of: id, keys)
            else { return false }
        }
        return rows.isEmpty ? try count(db, keys) ?? 0 == 0 : try count(db, keys) == Int64(rows.count)
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

    static func identities(_ db: Database) throws -> [WatchID] {
        try Row.fetchAll(
            db,
            sql: "SELECT account, webhook_id FROM baseline UNION SELECT account, webhook_id FROM observation"
        ).compactMap(identity).sorted()
    }
}
