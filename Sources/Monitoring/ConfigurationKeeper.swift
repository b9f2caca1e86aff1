package import ConfigurationFile
import Watching

/// The configuration in force, and what has changed on disk since: decisions only, reading is the loader's.
///
/// The configuration file is read again when somebody asks, or when a file that its values came from (a key) has another
/// content. Each watch file is read again when it has, and keeps its last good list while it is bad.
package struct ConfigurationKeeper: Sendable {
    /// What is to be put into force.
    package struct Change: Sendable {
        package var configuration: ExporterConfiguration
        package var warnings: [ConfigurationIssue] = []
        /// What is wrong with watch files, and was not a moment ago.
        package var newFaults: [ConfigurationIssue] = []
        /// Bad files that are good again.
        package var recovered: [String] = []
    }

    package enum Poll: Sendable {
        case unchanged
        case configuration(Result<Change, ConfigurationErrors>)
        case watchFiles(Change)
    }

    private struct WatchFile: Sendable {
        var watches: [Watch] = []
        var faults: [ConfigurationIssue] = []
        var records: [FileRecord] = []
    }

    private let path: String
    private let loader: ConfigurationLoader
    private var configuration: ExporterConfiguration
    private var staticWatches: [Watch]
    /// Of the files that the configuration's values came from, as last looked at.
    private var records: [FileRecord]
    private var watchFiles: [String: WatchFile] = [:]
    /// Paths that `watch_files` did not match at the last look. One that is being replaced is away for a moment.
    private var vanished: Set<String> = []

    /// - Parameter loaded: what `path` held at the start, without a bad watch file.
    package init(path: String, loader: ConfigurationLoader, loaded: LoadedConfiguration) {
        self.path = path
        self.loader = loader
        configuration = loaded.configuration
        staticWatches = loaded.staticWatches
        records = Self.values(loaded)
        _ = absorb(loaded.watchFiles)
    }

    /// The watch files that are bad now, sorted.
    package var badWatchFiles: [String] { watchFiles.filter { !$0.value.faults.isEmpty }.keys.sorted() }

    /// Reads everything again: whole or not at all, but for the watch files, each of which stands for itself.
    package mutating func reload() -> Result<Change, ConfigurationErrors> {
        let (patterns, known) = (configuration.watchFiles, Set(watchFiles.keys))
        return loader.load(path: path, known: { $0.watchFiles == patterns ? known : [] }).map { loaded in
            configuration = loaded.configuration
            staticWatches = loaded.staticWatches
            records = Self.values(loaded)
            vanished = []
            var change = absorb(loaded.watchFiles)
            change.warnings = loaded.warnings
            return change
        }
    }

    /// Looks whether anything has changed.
    package mutating func poll() -> Poll {
        let now = loader.current(records)
        if now != records {
            // What cannot be loaded is not tried again before it changes again.
            records = now
            return .configuration(reload())
        }
        let known = Set(watchFiles.keys)
        let paths = Set(loader.watchFilePaths(for: configuration, known: known))
        let gone = known.subtracting(paths)
        let isGoneForGood = !gone.isEmpty && gone == vanished
        vanished = gone
        let isNew = !paths.isSubset(of: watchFiles.keys)
        let isChanged = watchFiles.contains { path, file in
            paths.contains(path) && !loader.isCurrent(file.records)
        }
        guard isNew || isChanged || isGoneForGood else { return .unchanged }
        let results = loader.loadWatchFiles(for: configuration, known: known)
        var change = absorb(results, keeping: isGoneForGood ? [] : gone)
        change.warnings = results.flatMap(\.warnings)
        return .watchFiles(change)
    }

    private mutating func absorb(_ results: [WatchFileResult], keeping kept: Set<String> = []) -> Change {
        var change = Change(configuration: configuration)
        let accounts = Set(configuration.accounts.map(\.name))
        var files = watchFiles.filter { kept.contains($0.key) }
        for result in results {
            let before = watchFiles[result.path] ?? WatchFile()
            var file = WatchFile(records: result.files)
            switch result.watches {
            case .success(let watches):
                file.watches = watches
                if !before.faults.isEmpty { change.recovered.append(result.path) }
            case .failure(let errors):
                file.faults = errors.issues
                // Another configuration may have no place any more for what was good under the one before.
                file.watches = before.watches.filter {
                    accounts.contains($0.id.account) && configuration.modules[$0.module] != nil
                }
                if file.faults != before.faults { change.newFaults += file.faults }
            }
            files[result.path] = file
        }
        watchFiles = files
        let lists = files.sorted { $0.key < $1.key }.map(\.value.watches)
        configuration.watches = WatchFileResult.merge(staticWatches, with: lists)
        change.configuration = configuration
        return change
    }

    /// The files of the values, without the configuration file itself: an edit of that takes effect when somebody asks.
    private static func values(_ loaded: LoadedConfiguration) -> [FileRecord] {
        Array(loaded.files.dropFirst())
    }
}
