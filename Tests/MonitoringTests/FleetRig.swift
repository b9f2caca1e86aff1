import ConfigurationFile
import Logging
import Monitoring
import Partoo
import Probing
import Synchronization
import TestSupport
import Transport
import Watching

/// Keeps what a monitor writes down, over as many monitors as a test starts.
final class KeptInMemory: BaselineStore {
    struct Noticed: Sendable {
        var id: WatchID
        var change: ConfigurationChange
    }

    private struct State {
        var kept: [WatchID: KeptWatch] = [:]
        var noticed: [Noticed] = []
        var left: [WatchID] = []
    }

    private let state = Mutex(State())

    /// In the order in which they were noticed.
    var noticed: [Noticed] { state.withLock { $0.noticed } }
    var left: [WatchID] { state.withLock { $0.left } }

    func kept(of id: WatchID) -> KeptWatch { state.withLock { $0.kept[id] ?? KeptWatch() } }

    func kept(of ids: [WatchID]) -> [WatchID: KeptWatch] {
        state.withLock { state in Dictionary(uniqueKeysWithValues: ids.map { ($0, state.kept[$0] ?? KeptWatch()) }) }
    }

    func discovered(account: String) -> [Int: DiscoveryOrigin] {
        state.withLock { state in
            var found: [Int: DiscoveryOrigin] = [:]
            for (id, kept) in state.kept where id.account == account { found[id.webhookID] = kept.discovery }
            return found
        }
    }

    func news(of id: WatchID, since version: Int64?) async -> KeptBaseline? { nil }

    func save(_ record: WatchRecord) async -> SavedRecord {
        state.withLock { state in
            var kept = state.kept[record.id] ?? KeptWatch()
            if kept.baseline == .absent, let proposal = record.proposal {
                kept.baseline = .pinned(StoredBaseline(proposal, version: 1))
            }
            (kept.observation, kept.isMissing) = (record.observation, record.isMissing)
            (kept.driftedSince, kept.discovery) = (record.driftedSince, record.discovery)
            state.kept[record.id] = kept
            state.noticed += record.changes.map { Noticed(id: record.id, change: $0) }
            if record.leaves { state.left.append(record.id) }
            return SavedRecord(baseline: kept.baseline, isOnDisk: true)
        }
    }

    func changes(of id: WatchID, limit: Int) async -> [ConfigurationChange] { [] }
}

/// A monitor over a fleet, on a virtual clock.
final class FleetRig: Sendable {
    let time: VirtualTimekeeper
    let world: FleetWorld
    let store: KeptInMemory
    let observer = MonitorRecorder()
    let monitor: Monitor
    private let running: Task<Void, Never>

    init(
        _ configuration: ExporterConfiguration, _ world: FleetWorld, _ time: VirtualTimekeeper, _ store: KeptInMemory,
        shard: Int = 0, totalShards: Int = 1
    ) async {
        self.time = time
        self.world = world
        self.store = store
        let receivers = ScriptedTransport { _ in .answer(200) }
        let monitor = Monitor(
            configuration,
            parts: Monitor.Parts(
                time: time, apiTransport: world.api, prober: Prober(transport: receivers, userAgent: "agent"),
                userAgent: "agent", observer: observer, apiObserver: observer,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, baselines: store, shard: shard,
                totalShards: totalShards))
        self.monitor = monitor
        running = Task(executorPreference: time.executor) { await monitor.run() }
        await time.settle()
    }

    deinit {
        running.cancel()
    }

    func advance(by duration: Duration) async { await time.advance(by: duration) }

    func reload(_ configuration: ExporterConfiguration) async {
        await Task(executorPreference: time.executor) { [monitor] in await monitor.reload(configuration) }.value
        await time.settle()
    }

    /// As its page would show them now.
    func states() async -> [WatchID: ConfigurationState] {
        let details = await Task(executorPreference: time.executor) { [monitor] in await monitor.details }.value
        return Dictionary(
            uniqueKeysWithValues: details.map { ($0.report.state.id, $0.report.state.state(at: $0.report.now)) })
    }

    /// What was noticed last about each configuration.
    func lastNoticed() async -> [WatchID: WatchHistory.Change.Kind] {
        let details = await Task(executorPreference: time.executor) { [monitor] in await monitor.details }.value
        return details.reduce(into: [:]) { $0[$1.report.state.id] = $1.history.changes.last?.kind }
    }

    func stop() async {
        running.cancel()
        await running.value
    }
}
