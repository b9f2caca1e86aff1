package import ConfigurationFile
import Probing
import Watching

/// The configuration in force, and what has changed on disk since: decisions only, reading is the loader's.
///
/// The configuration file is read again when somebody asks, or when a file that its values came from (a key) has another
/// content. Each watch file is read again when it has, and keeps its last good list while it is bad.
package struct ConfigurationKeeper: Sendable {
    /// What is to be put into force.
    package struct Change: Sendable {
        /// Its modules are those of the configuration file, and the ones that only a kept list still has.
        package var configuration: ExporterConfiguration
        package var warnings: [ConfigurationIssue] = []
        /// What is wrong with watch files, and was not a moment ago.
        package var newFaults: [Fault] = []
        /// The watches of kept lists that have lost their account since the last look.
        package var departures: [Departure] = []
        /// Bad files that are good again.
        package var recovered: [String] = []
    }

    /// One thing that is wrong with a watch file.
    package struct Fault: Sendable, Hashable {
        package let issue: ConfigurationIssue
        /// What stays in force of the file.
        package let kept: Kept
    }

    /// What stays in force of a bad watch file.
    package enum Kept: Sendable, Hashable {
        /// Its last good list.
        case all
        /// That list without the watches whose account is not configured any more.
        case part
        /// It was never good.
        case nothing
    }

    /// Watches of one bad file that have no place any more, since their account is not configured.
    package struct Departure: Sendable, Hashable {
        package let file: String
        package let account: String
        package let watches: Int
    }

    package enum Poll: Sendable {
        case unchanged
        case configuration(Result<Change, ConfigurationErrors>)
        case watchFiles(Change)
    }

    private struct WatchFile: Sendable {
        /// The last good list, whole; nil: there was none yet.
        var watches: [Watch]?
        /// What probes them, by name, as it was last defined: a list that is kept may outlive its modules.
        var modules: [String: ProbeModule] = [:]
        var faults: [ConfigurationIssue] = []
        var records: [FileRecord] = []
        /// How many watches of the list have an account that is not configured, by its name.
        var strays: [String: Int] = [:]

        /// What is left of the list.
        var kept: Kept { watches == nil ? .nothing : strays.isEmpty ? .all : .part }
    }

    private let path: String
    private let loader: ConfigurationLoader
    /// As the files say: what is only kept is not in it, so that nothing that is read anew can find it.
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
        var files = watchFiles.filter { kept.contains($0.key) }
        for result in results {
            let before = watchFiles[result.path] ?? WatchFile()
            let file = file(result, before: before)
            files[result.path] = file
            if file.faults.isEmpty {
                if !before.faults.isEmpty { change.recovered.append(result.path) }
            } else if file.faults != before.faults {
                change.newFaults += file.faults.map { Fault(issue: $0, kept: file.kept) }
            }
            change.departures += file.strays.sorted { $0.key < $1.key }
                .filter { before.strays[$0.key] == nil }
                .map { Departure(file: result.path, account: $0.key, watches: $0.value) }
        }
        watchFiles = files
        let sorted = files.sorted { $0.key < $1.key }.map(\.value)
        let lists = sorted.map { file in
            (file.watches ?? []).filter { file.strays[$0.id.account] == nil }
        }
        configuration.watches = WatchFileResult.merge(staticWatches, with: lists)
        change.configuration.watches = configuration.watches
        for watch in configuration.watches where change.configuration.modules[watch.module] == nil {
            change.configuration.modules[watch.module] = sorted.lazy.compactMap { $0.modules[watch.module] }.first
        }
        return change
    }

    /// A watch file after a look at it.
    private func file(_ result: WatchFileResult, before: WatchFile) -> WatchFile {
        var file = WatchFile(records: result.files)
        switch result.watches {
        case .success(let watches): file.watches = watches
        case .failure(let errors):
            file.faults = errors.issues
            file.watches = before.watches
        }
        let accounts = Set(configuration.accounts.map(\.name))
        for watch in file.watches ?? [] {
            if !accounts.contains(watch.id.account) { file.strays[watch.id.account, default: 0] += 1 }
            file.modules[watch.module] = configuration.modules[watch.module] ?? before.modules[watch.module]
        }
        return file
    }

    /// The files of the values, without the configuration file itself: an edit of that takes effect when somebody asks.
    private static func values(_ loaded: LoadedConfiguration) -> [FileRecord] {
        Array(loaded.files.dropFirst())
    }
}
