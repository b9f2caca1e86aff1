import FoundationEssentials
import GRDB

/// The tables, from empty and from every older schema. A migration that was released is never changed.
enum StorageSchema {
    /// Marks the file as ours: "PwEx".
    static let applicationID: Int32 = 0x5077_4578

    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 baselines") { db in
            try db.execute(
                sql: """
                    PRAGMA application_id = \(applicationID);
                    CREATE TABLE storage (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
                    CREATE TABLE baseline (
                        account TEXT NOT NULL, webhook_id INTEGER NOT NULL, version INTEGER NOT NULL,
                        source TEXT NOT NULL, since REAL NOT NULL, body BLOB NOT NULL, tag BLOB NOT NULL,
                        PRIMARY KEY (account, webhook_id)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("2 observations") { db in
            try db.execute(
                sql: """
                    CREATE TABLE observation (
                        account TEXT NOT NULL, webhook_id INTEGER NOT NULL, sealed BLOB NOT NULL,
                        PRIMARY KEY (account, webhook_id)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("3 changes") { db in
            try db.execute(
                sql: """
                    CREATE TABLE change (
                        id INTEGER PRIMARY KEY, account TEXT NOT NULL, webhook_id INTEGER NOT NULL,
                        at REAL NOT NULL, body BLOB NOT NULL
                    ) STRICT;
                    CREATE INDEX change_watch ON change (account, webhook_id, id);
                    """)
        }
        return migrator
    }()

    /// Refuses a file that is another program's, or a newer version's of this one.
    static func vet(_ db: Database, path: String) throws {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        guard application == applicationID || (application == 0 && tables == 0) else {
            throw StorageFault(.unreadable, "\(path) is another program's database")
        }
        guard try !migrator.hasBeenSuperseded(db) else {
            throw StorageFault(.unreadable, "\(path) was written by a newer version of this program")
        }
        let verdict = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
        guard verdict == "ok" else { throw StorageFault(.unreadable, "\(path) is corrupt") }
    }

    static func migrate(_ writer: DatabaseQueue) throws {
        do {
            try migrator.migrate(writer)
        } catch {
            // Another process may have done it at the same moment.
            guard try writer.read(migrator.hasCompletedMigrations) else { throw error }
        }
    }

    /// Whether the database was made with this key; one that has none yet takes it.
    static func vetKey(_ db: Database, _ keys: StorageKeys, path: String, keyFile: String) throws {
        if !db.configuration.readonly {
            try db.execute(
                sql: "INSERT INTO storage (name, value) VALUES ('key_check', ?) ON CONFLICT DO NOTHING",
                arguments: [Data(keys.check)])
        }
        let kept = try Data.fetchOne(db, sql: "SELECT value FROM storage WHERE name = 'key_check'")
        guard let kept, Array(kept) == keys.check else {
            throw StorageFault(
                .unreadable,
                "the key file \(keyFile) does not belong to \(path): put the right one back and restart, or move the "
                    + "database away to learn every baseline anew")
        }
    }
}
