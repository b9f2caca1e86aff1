import ConfigurationFile
import ExporterMetrics
import Logging
import Monitoring
import Web

/// Puts a changed configuration into force: whole or not at all, but for the watch files, each of which stands for itself.
///
/// A load may come while an earlier one is put into force, which takes a while: both are told of, and put into force, in the
/// order in which they were loaded.
actor Reloader {
    private var keeper: ConfigurationKeeper
    /// The storage in force; another one takes a restart.
    private let storage: StorageSettings
    private let apply: @Sendable (ExporterConfiguration) async -> Void
    private let store: MetricsStore
    private let time: any Timekeeper
    private let logger: Logger
    /// What was loaded last is put into force.
    private var lastPut: Task<Void, Never>?

    /// How often files are looked at.
    private static let interval = Duration.seconds(3)

    /// - Parameter apply: puts a configuration into force.
    init(
        _ keeper: ConfigurationKeeper, storage: StorageSettings, store: MetricsStore, time: any Timekeeper,
        logger: Logger, apply: @escaping @Sendable (ExporterConfiguration) async -> Void
    ) {
        self.keeper = keeper
        self.storage = storage
        self.store = store
        self.time = time
        self.logger = logger
        self.apply = apply
    }

    func reload() async -> Result<Void, Routes.ReloadRefused> {
        await take(keeper.reload())
    }

    /// Looks for changed files until the task is cancelled.
    func follow() async {
        while (try? await time.sleep(until: time.now() + Self.interval)) != nil {
            switch keeper.poll() {
            case .unchanged: break
            case .configuration(let result): _ = await take(result)
            case .watchFiles(let change):
                await put(change)
                logger.info(
                    "watch files read again", metadata: ["watches": "\(change.configuration.watches.count)"])
            }
        }
    }

    private func take(
        _ result: Result<ConfigurationKeeper.Change, ConfigurationErrors>
    ) async -> Result<Void, Routes.ReloadRefused> {
        switch result {
        case .failure(let errors):
            store.reloaded(success: false, at: time.wallSeconds())
            let lines = errors.issues.map { "error: \($0)" }
            for line in lines { logger.error("configuration not reloaded", metadata: ["detail": "\(line)"]) }
            return .failure(
                Routes.ReloadRefused("Not reloaded, nothing was changed.\n" + lines.joined(separator: "\n")))
        case .success(let change):
            if change.configuration.storage != storage {
                logger.warning("configuration", metadata: ["detail": "another storage is used from the next start on"])
            }
            store.reloaded(success: true, at: time.wallSeconds())
            await put(change)
            logger.info("configuration reloaded", metadata: ["watches": "\(change.configuration.watches.count)"])
            return .success(())
        }
    }

    private func put(_ change: ConfigurationKeeper.Change) async {
        for warning in change.warnings { logger.warning("configuration", metadata: ["detail": "\(warning)"]) }
        for fault in change.newFaults {
            logger.error("watch file not read, \(Self.remains(fault.kept))", metadata: ["detail": "\(fault.issue)"])
        }
        for departure in change.departures {
            logger.warning(
                "watches of a bad watch file have left: their account is not configured any more",
                metadata: [
                    "file": "\(departure.file)", "account": "\(departure.account)", "watches": "\(departure.watches)",
                ])
        }
        for file in change.recovered { logger.info("watch file is good again", metadata: ["file": "\(file)"]) }
        store.watchFiles(bad: keeper.badWatchFiles)
        let put = Task { [before = lastPut, apply] in
            await before?.value
            await apply(change.configuration)
        }
        lastPut = put
        await put.value
    }

    private static func remains(_ kept: ConfigurationKeeper.Kept) -> String {
        switch kept {
        case .all: "its last good list stays"
        case .part: "a part of its last good list stays"
        case .nothing: "it has no good list yet"
        }
    }
}
