import ConfigurationFile
import Logging
import Monitoring
import Partoo
import Probing
import Synchronization
import TestSupport
import Transport
import Watching

/// An API and receivers that do as a test says, and remember who came when.
final class ScriptedWorld: Sendable {
    /// A request, and when it came.
    struct Call: Sendable {
        var at: Duration
        var id: Int
        var orgID: Int?
        var url: String
        var timeout: Duration
    }

    struct State: Sendable {
        /// What the API answers for a webhook; without an entry, a good configuration.
        var answers: [Int: Transfer] = [:]
        /// What all webhooks answer that have no answer of their own.
        var answer: Transfer?
        var urls: [Int: String] = [:]
        /// Answered only once the hold lets them through.
        var heldChecks: [Int: Hold] = [:]
        var heldProbes: Hold?
        /// What receivers answer; nil: 200.
        var probeAnswer: Transfer?
        var calls: [Call] = []
        var probes: [Call] = []
    }

    static let ownError = Transfer.answer(404, #"{"error": {"json": "Resource not found"}}"#)

    private let time: VirtualTimekeeper
    private let state = Mutex(State())

    init(_ time: VirtualTimekeeper) {
        self.time = time
    }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    var calls: [Call] { state.withLock { $0.calls } }
    var probes: [Call] { state.withLock { $0.probes } }

    func calls(of id: Int) -> [Duration] { calls.filter { $0.id == id }.map(\.at) }
    func probes(of id: Int) -> [Duration] { probes.filter { $0.id == id }.map(\.at) }

    var api: ScriptedTransport {
        ScriptedTransport { [self] request in
            let url = request.url.reveal()
            let parts = url.split(separator: "?")
            let id = parts.first?.split(separator: "/").last.flatMap { Int($0) } ?? 0
            let orgID = parts.count > 1 ? parts[1].split(separator: "=").last.flatMap { Int($0) } : nil
            let hold = state.withLock { state in
                state.calls.append(Call(at: time.now(), id: id, orgID: orgID, url: url, timeout: request.timeout))
                return state.heldChecks[id]
            }
            if let hold, !(await hold.wait()) { return .failure(.cancelled) }
            return state.withLock { $0.answers[id] ?? $0.answer ?? Self.good(id, url: $0.urls[id]) }
        }
    }

    /// The webhook's id is its URL's path.
    var receivers: ScriptedTransport {
        ScriptedTransport { [self] request in
            let url = request.url.reveal()
            let id = url.split(separator: "/").last.flatMap { Int($0) } ?? 0
            let hold = state.withLock { state in
                state.probes.append(Call(at: time.now(), id: id, orgID: nil, url: url, timeout: request.timeout))
                return state.heldProbes
            }
            if let hold, !(await hold.wait()) { return .failure(.cancelled) }
            return state.withLock { $0.probeAnswer } ?? .answer(200)
        }
    }

    static func good(_ id: Int, url: String? = nil) -> Transfer {
        .answer(
            200,
            """
            {"id": \(id), "url": "\(url ?? "https://receiver.example/\(id)")", "event_type": "lead_received", "org_id": 1,
             "created_at": "2024-11-27T16:10:44Z", "updated_at": "2024-11-27T16:10:44Z"}
            """)
    }
}

/// Remembers what the monitor tells.
final class MonitorRecorder: MonitorObserver, APIObserver {
    struct State: Sendable {
        var reports: [WatchID: WatchReport] = [:]
        var removed: [WatchID] = []
        var retired: [WatchID] = []
        var discoveries: [String: DiscoveryReport] = [:]
        var missed: [TurnKind: Int] = [:]
        var inFlight = 0
        var mostInFlight = 0
        var lateness: [TurnKind: [Duration]] = [:]
        var waited: [String: Duration] = [:]
    }

    private let state = Mutex(State())
    var seen: State { state.withLock { $0 } }

    func apply(_ changes: MonitorChanges) {
        state.withLock { state in
            for id in changes.removed {
                state.reports[id] = nil
                state.removed.append(id)
            }
            for id in changes.retired {
                state.reports[id] = nil
                state.retired.append(id)
            }
            state.discoveries = changes.discoveries ?? state.discoveries
            for report in changes.updated { state.reports[report.state.id] = report }
        }
    }

    func turnStarted(_ kind: TurnKind, lateness: Duration) {
        state.withLock { $0.lateness[kind, default: []].append(lateness) }
    }
    func turnsMissed(_ kind: TurnKind, count: Int) { state.withLock { $0.missed[kind, default: 0] += count } }
    func probesInFlight(_ count: Int) {
        state.withLock { state in
            state.inFlight = count
            state.mostInFlight = max(state.mostInFlight, count)
        }
    }
    func called(account: String, _ call: APICall) {}
    func waitedForBudget(account: String, _ duration: Duration) {
        state.withLock { $0.waited[account, default: .zero] += duration }
    }
}

/// A monitor on a virtual clock.
final class MonitorRig: Sendable {
    let time = VirtualTimekeeper()
    let world: ScriptedWorld
    let observer = MonitorRecorder()
    let monitor: Monitor
    let start: Duration
    private let running: Task<Void, Never>

    init(
        _ configuration: ExporterConfiguration, shard: Int = 0, totalShards: Int = 1,
        isRunning: Bool = true, _ prepare: (ScriptedWorld) -> Void = { _ in }
    ) async {
        world = ScriptedWorld(time)
        prepare(world)
        start = time.now()
        let monitor = Monitor(
            configuration,
            parts: Monitor.Parts(
                time: time, apiTransport: world.api, prober: Prober(transport: world.receivers, userAgent: "agent"),
                userAgent: "agent", observer: observer, apiObserver: observer,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, shard: shard,
                totalShards: totalShards))
        self.monitor = monitor
        running = Task(executorPreference: time.executor) { if isRunning { await monitor.run() } }
        await time.settle(hasTimer: isRunning)
    }

    deinit {
        running.cancel()
    }

    func advance(by duration: Duration) async { await time.advance(by: duration) }

    /// After `seconds` from the start.
    func advance(to seconds: Int) async { await time.advance(by: start + .seconds(seconds) - time.now()) }

    func prepare() async {
        await Task(executorPreference: time.executor) { [monitor] in await monitor.prepare() }.value
    }

    func reload(_ configuration: ExporterConfiguration) async {
        await Task(executorPreference: time.executor) { [monitor] in await monitor.reload(configuration) }.value
        await time.settle()
    }

    var isReady: Bool {
        get async { await Task(executorPreference: time.executor) { [monitor] in await monitor.isReady }.value }
    }

    /// As last told to the observer.
    func state(_ id: Int, account: String = "a") -> ConfigurationState? {
        observer.seen.reports[WatchID(account: account, webhookID: id)].map { $0.state.state(at: $0.now) }
    }

    func watchState(_ id: Int, account: String = "a") -> WatchState? {
        observer.seen.reports[WatchID(account: account, webhookID: id)]?.state
    }

    /// What its page shows of what was noticed about its configuration, oldest first.
    func noticed(_ id: Int, account: String = "a") async -> [WatchHistory.Change.Kind] {
        await Task(executorPreference: time.executor) { [monitor] in
            await monitor.detail(WatchID(account: account, webhookID: id))?.history.changes.map(\.kind) ?? []
        }.value
    }

    /// Stops the monitor and waits for it.
    func stop() async {
        running.cancel()
        await running.value
    }

    // MARK: Configurations

    static func configuration(
        _ watches: [Watch], accounts: [Account] = [account("a")], inFlight: Int = 256
    ) -> ExporterConfiguration {
        ExporterConfiguration(
            accounts: accounts, modules: ["http": ProbeModule(name: "http")], watches: watches,
            storage: StorageSettings(path: ":memory:", keyFile: ":memory:"), maximumProbesInFlight: inFlight)
    }

    static func account(_ name: String, perMinute: Int = 100_000, key: String = "key") -> Account {
        Account(name: name, baseURL: "https://\(name).example/v2", apiKey: Secret(key), requestsPerMinute: perMinute)
    }

    static func watch(
        _ id: Int, account: String = "a", org: Int? = nil, check: Int = 60, probe: Int = 30, enabled: Bool = true
    ) -> Watch {
        Watch(
            id: WatchID(account: account, webhookID: id), orgID: org, checkInterval: .seconds(check),
            probeInterval: .seconds(probe), isEnabled: enabled)
    }
}
