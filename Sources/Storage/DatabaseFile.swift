import Glibc
import GRDB

/// The database, opened and found good.
struct DatabaseFile: Sendable {
    /// nil: it can be read only.
    let writer: DatabaseQueue?
    let reader: DatabaseQueue
    /// false: something is damaged, so that what it does not hold may have been there.
    var isWhole: Bool
    /// Which file that is, whatever its path leads to later; nil in memory.
    var identity: FileIdentity?

    private static let busyTimeout = 5.0

    /// In memory: gone when the program ends.
    static func inMemory(_ keys: StorageKeys) throws -> DatabaseFile {
        let queue = try DatabaseQueue()
        try StorageSchema.migrate(queue)
        return DatabaseFile(writer: queue, reader: queue, isWhole: true)
    }

    /// Opens what is there; makes it where nothing is.
    ///
    /// - Throws: `StorageFault`; of the kind `readOnly` never: see `openReadOnly`.
    static func open(path: String, keyFile: String, keys: StorageKeys) throws(StorageFault) -> DatabaseFile {
        let isThere = try hasContent(path)
        try vetKeyFile(keyFile, path: path, keys: keys, isThere: isThere, makes: true)
        SystemError.makeFolder(of: path)
        if isThere {
            // Not opened to find out: closing it again would drop the locks of a connection that has it open.
            guard access(path, W_OK) == 0, access(SystemError.folder(of: path), W_OK) == 0 else {
                throw StorageFault(.readOnly, "\(path) cannot be written: \(SystemError.text())")
            }
        } else {
            let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o600)
            guard descriptor >= 0 else {
                throw StorageFault(.absent, "\(path) cannot be made: \(SystemError.text())")
            }
            Glibc.close(descriptor)
        }
        do {
            return try connect(path: path, keyFile: keyFile, keys: keys)
        } catch let fault as StorageFault {
            throw fault
        } catch {
            throw StorageFault(isThere ? .unreadable : .absent, "\(path): \(StorageFault.text(error))")
        }
    }

    /// Opens what is there without changing it.
    ///
    /// - Returns: nil where nothing is there.
    static func openReadOnly(
        path: String, keyFile: String, keys: StorageKeys
    ) throws(StorageFault) -> DatabaseFile? {
        guard try hasContent(path) else { return nil }
        try vetKeyFile(keyFile, path: path, keys: keys, isThere: true, makes: false)
        do {
            let reader = try readingQueue(path)
            let isWhole = try reader.read { db in
                try StorageSchema.vet(db, path: path)
                guard try StorageSchema.migrator.hasCompletedMigrations(db) else {
                    throw StorageFault(
                        .unreadable, "\(path) has an older schema: start the exporter, which brings it up to date")
                }
                try StorageSchema.vetKey(db, keys, path: path, keyFile: keyFile)
                return try StorageStatements.isWhole(db, keys)
            }
            return DatabaseFile(writer: nil, reader: reader, isWhole: isWhole, identity: FileIdentity(path))
        } catch let fault as StorageFault {
            throw fault
        } catch {
            throw StorageFault(.unreadable, "\(path): \(StorageFault.text(error))")
        }
    }

    /// Takes what was written from the log into the file itself.
    ///
    /// SQLite takes a damaged log for one that ends there: whatever was written after it would be gone in silence, and a
    /// baseline learned anew. In the file every row answers for itself, and they are counted. So nothing is acknowledged
    /// before it is there, unless somebody else is just reading; then it goes along with the next write.
    static func drainLog(_ db: Database) {
        func wait(_ seconds: Double) {
            try? db.execute(sql: "PRAGMA busy_timeout = \(Int(seconds * 1000))")
        }
        wait(0.2)
        // What cannot be moved is on the disk all the same.
        _ = try? Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        wait(busyTimeout)
    }

    /// Whether the file is still the one that its path leads to. What is written to one that was taken away is found by
    /// nobody after a restart, and what others write meanwhile is not in it.
    func isInPlace(_ path: String) -> Bool {
        identity.map { $0 == FileIdentity(path) } ?? true
    }

    func close() {
        try? reader.close()
        try? writer?.close()
    }

    // MARK: Connections

    private static func connect(path: String, keyFile: String, keys: StorageKeys) throws -> DatabaseFile {
        let writer = try DatabaseQueue(path: path, configuration: configuration("storage writer"))
        try writer.read { try StorageSchema.vet($0, path: path) }
        // Only now: another program's file is left as it is. Those beside it are made with its mode.
        for file in [path, path + "-wal", path + "-shm"] { chmod(file, 0o600) }
        try writer.writeWithoutTransaction { db in
            guard try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") == "wal" else {
                throw StorageFault(.unreadable, "\(path) cannot be put into WAL mode")
            }
            // A transaction is acknowledged when it is on the disk, not when it is on its way there.
            try db.execute(sql: "PRAGMA synchronous = FULL")
        }
        try StorageSchema.migrate(writer)
        let isWhole = try writer.write { db in
            try StorageSchema.vetKey(db, keys, path: path, keyFile: keyFile)
            return try StorageStatements.isWhole(db, keys)
        }
        writer.writeWithoutTransaction(drainLog)
        SystemError.syncFolder(of: path)
        var reading = configuration("storage reader")
        reading.readonly = true
        return DatabaseFile(
            writer: writer, reader: try DatabaseQueue(path: path, configuration: reading), isWhole: isWhole,
            identity: FileIdentity(path))
    }

    private static func readingQueue(_ path: String) throws -> DatabaseQueue {
        var reading = configuration("storage reader")
        reading.readonly = true
        do {
            let queue = try DatabaseQueue(path: path, configuration: reading)
            // Opening is lazy: what lies beside the file is looked for only now.
            _ = try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
            return queue
        } catch {
            // A WAL database cannot be read where its shared memory cannot be made. On a disk that nobody writes it need
            // not be, unless the log holds something that the file does not.
            guard let size = try SystemError.size(path + "-wal") ?? .some(0), size == 0,
                access(SystemError.folder(of: path), W_OK) != 0
            else { throw error }
            return try DatabaseQueue(path: immutable(path), configuration: reading)
        }
    }

    /// SQLite's URI for a file that nobody changes.
    private static func immutable(_ path: String) -> String {
        let escaped = path.utf8.map { byte -> String in
            let isPlain = byte > 0x20 && byte < 0x7f && !"%?#".utf8.contains(byte)
            let digits = String(byte, radix: 16)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (digits.utf8.count == 1 ? "0" : "") + digits
        }
        return "file:\(escaped.joined())?immutable=1"
    }

    private static func configuration(_ label: String) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.busyMode = .timeout(busyTimeout)
        return configuration
    }

    // MARK: Files

    /// Whether anything was ever written there; what lies in the write-ahead log only counts too.
    static func hasContent(_ path: String) throws(StorageFault) -> Bool {
        let size = try SystemError.size(path) ?? 0
        let log = try SystemError.size(path + "-wal") ?? 0
        return size > 0 || log > 0
    }

    private static func vetKeyFile(
        _ keyFile: String, path: String, keys: StorageKeys, isThere: Bool, makes: Bool
    ) throws(StorageFault) {
        let kind: StorageFault.Kind = isThere ? .unreadable : .absent
        let found: [UInt8]
        do throws(KeyFile.Failure) {
            found = try KeyFile.read(keyFile)
        } catch .missing {
            guard !isThere else {
                throw StorageFault(
                    .unreadable,
                    "the key file \(keyFile) is missing: put it back and restart, or move the database \(path) away "
                        + "to learn every baseline anew")
            }
            guard makes else { throw StorageFault(.absent, "the key file \(keyFile) is missing") }
            SystemError.makeFolder(of: keyFile)
            do throws(KeyFile.Failure) {
                found = try KeyFile.make(keyFile, keys.master)
            } catch {
                throw StorageFault(.absent, error.text)
            }
        } catch {
            throw StorageFault(kind, error.text)
        }
        guard found == keys.master else {
            throw StorageFault(kind, "the key file \(keyFile) is another one than at the start; restart to use it")
        }
    }
}

/// A file by itself, and not by its name.
struct FileIdentity: Sendable, Hashable {
    private let device: dev_t
    private let number: ino_t

    /// nil where none can be found.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = status.st_dev
        number = status.st_ino
    }
}
