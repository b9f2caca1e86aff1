import ArgumentParser
import ConfigurationFile
import ExporterMetrics
import Glibc
import Logging
import Storage
import Watching

/// `--storage.path`
struct StorageFlags: ParsableArguments {
    @Option(
        name: .customLong("storage.path"),
        help: "The database of learned baselines, in place of the configuration's storage.path.")
    var path: String?

    func validate() throws {
        guard path?.isEmpty != true else { throw ValidationError("--storage.path: must not be empty") }
    }

    /// What the configuration says, with what the command line says in its place.
    func settings(_ configured: StorageSettings) -> StorageSettings {
        guard let path else { return configured }
        if path == StorageSettings.memoryPath {
            return StorageSettings(path: path, keyFile: StorageSettings.memoryPath)
        }
        let absolute = path.hasPrefix("/") ? path : "\(LocalFileSystem().currentDirectory)/\(path)"
        // A key file that is not named lies beside the database, wherever that is.
        let isNamed = configured.keyFile != configured.path + ".key" && configured.keyFile != StorageSettings.memoryPath
        return StorageSettings(path: absolute, keyFile: isNamed ? configured.keyFile : absolute + ".key")
    }
}

enum StoredState {
    /// The exporter's own: faults are counted, and told once each.
    static func forExporter(_ settings: StorageSettings, store: MetricsStore, logger: Logger) -> Storage {
        Storage(path: settings.path, keyFile: settings.keyFile) { event in
            switch event {
            case .failed(let detail, let isNew):
                store.storageFailed()
                logger.log(level: isNew ? .error : .debug, "storage", metadata: ["detail": "\(detail)"])
            case .recovered: logger.info("storage: all is on disk again")
            }
        }
    }

    /// What is there already, for a command; nil where there is none.
    static func existing(_ settings: StorageSettings, isWritten: Bool = false) throws -> Storage? {
        do {
            return try Storage(existing: settings.path, keyFile: settings.keyFile, isWritten: isWritten)
        } catch {
            throw Failure("error: \(error)")
        }
    }
}
