package import ConfigurationFile
package import Logging
import Partoo
package import Probing
package import Transport
package import Watching

/// Runs the two hops: reads each webhook's configuration when its check is due, probes what it says when its probe is due,
/// and tells the observer what came of it. Decisions are `Schedule`'s and `WatchState`'s; this actor only carries them out.
package actor Monitor {
    /// What the monitor works with.
    package struct Parts: Sendable {
        package var time: any Timekeeper
        /// For the API: kept connections.
        package var apiTransport: any Transport
        package var prober: Prober
        package var userAgent: String
        package var observer: any MonitorObserver
        package var apiObserver: any APIObserver
        package var logger: Logger
        package var key: FingerprintKey
        package var baselines: any BaselineStore
        /// Which part of the watches is ours, from 0.
        package var shard: Int
        /// The request budget is divided by it; above 0.
        package var totalShards: Int

        package init(
            time: any Timekeeper, apiTransport: any Transport, prober: Prober, userAgent: String,
            observer: any MonitorObserver, apiObserver: any APIObserver, logger: Logger,
            key: FingerprintKey = FingerprintKey(), baselines: any BaselineStore = NoBaselineStore(),
            shard: Int = 0, totalShards: Int = 1
        ) {
            self.time = time
            self.apiTransport = apiTransport
            self.prober = prober
            self.userAgent = userAgent
            self.observer = observer
            self.apiObserver = apiObserver
            self.logger = logger
            self.key = key
            self.baselines = baselines
            self.shard = shard
            self.totalShards = totalShards
        }
    }

    let parts: Parts
    var configuration: ExporterConfiguration
    var states: [WatchID: WatchState] = [:]
    var accounts: [String: AccountMonitor] = [:]
    var organisations: [OrganisationID: Organisation] = [:]
    /// Those that have lost or won a watch since they were last adjusted.
    var changedOrganisations: Set<OrganisationID> = []
    /// Those whose calls nobody makes yet.
    var undriven: [OrganisationID] = []
    var discoveries: [String: Discovery] = [:]
    /// Those that were retired, and are still to be struck from what is kept.
    var leaving: [WatchID] = []
    var schedule = Schedule()
    var histories: [WatchID: WatchHistory] = [:]
    /// Turns that may start, in their order: checks at once, probes as far as the bound allows.
    private var readyChecks: [Schedule.Turn] = []
    private var readyProbes: [Schedule.Turn] = []
    var probesInFlight = 0
    var running: [Work: Running] = [:]
    var lastWork = 0
    /// Probes that somebody asked for: the last results, and those that run.
    var onDemand: [WatchID: OnDemandProbe] = [:]
    var onDemandInFlight: Set<WatchID> = []
    var waiters: [Waitable: [Int: CheckedContinuation<Void, Never>]] = [:]
    var lastWaiter = 0
    /// What each watch was last reported as, so that passing time can be noticed.
    var reported: [WatchID: ConfigurationState] = [:]
    /// No watch turns unknown by the mere passing of time before that, in seconds since 1970.
    private var nextStale = Double.infinity
    /// The wall clock at the last look.
    private var lastWall = -Double.infinity
    var missing: Set<WatchID> = []
    var pending = MonitorChanges()
    private let started: Duration
    private var nextSweep: Duration
    var unchecked: Set<WatchID> = []
    private let wakes: AsyncStream<Void>
    let waker: AsyncStream<Void>.Continuation

    private static let sweepInterval = Duration.seconds(1)
    private static let readyAfter = Duration.seconds(60)

    private var isPrepared = false

    package init(_ configuration: ExporterConfiguration, parts: Parts) {
        self.parts = parts
        self.configuration = configuration
        started = parts.time.now()
        nextSweep = started + Self.sweepInterval
        (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Running

    /// Puts the configuration into force, so that what is asked before `run()` is told of every watch.
    package func prepare() {
        guard !isPrepared else { return }
        isPrepared = true
        apply(configuration)
    }

    /// Runs until the task is cancelled.
    package func run() async {
        prepare()
        waker.yield()
        await withDiscardingTaskGroup { group in
            var timer: Task<Void, Never>?
            for await _ in wakes {
                takeDue()
                let nextCall = wakeOrganisations(at: parts.time.now())
                start(in: &group)
                publish()
                timer?.cancel()
                let next = min(schedule.nextDue ?? nextSweep, nextCall ?? nextSweep, nextSweep)
                timer = Task { [time = parts.time, waker] in
                    if (try? await time.sleep(until: next)) != nil { waker.yield() }
                }
            }
            timer?.cancel()
            group.cancelAll()
        }
    }

    /// Whether every enabled watch was checked once, or a minute has passed.
    package var isReady: Bool {
        isPrepared && (unchecked.isEmpty || parts.time.now() - started >= Self.readyAfter)
    }

    /// Puts another configuration into force. What is known of a watch that stays is kept.
    package func reload(_ configuration: ExporterConfiguration) {
        apply(configuration)
        waker.yield()
    }

    // MARK: Turns

    private func takeDue() {
        let now = parts.time.now()
        let due = schedule.takeDue(at: now)
        for (kind, count) in due.missed { parts.observer.turnsMissed(kind, count: count) }
        for turn in due.turns { enqueue(turn) }
        if now >= nextSweep {
            nextSweep = now + Self.sweepInterval
            sweep()
        }
    }

    /// Notices what the mere passing of time has made unknown.
    private func sweep() {
        let wall = parts.time.wallSeconds()
        retire(at: wall)
        if wall < lastWall {
            for id in Array(states.keys) { states[id]?.clockWasSetBack(to: wall) }
            nextStale = -.infinity
        }
        lastWall = wall
        guard wall > nextStale else { return }
        nextStale = .infinity
        for (id, state) in states {
            guard let known = reported[id] else { continue }
            let current = state.state(at: wall)
            noteStale(state, current)
            guard current != known else { continue }
            reportChange(id, from: known, at: wall)
        }
    }

    private func noteStale(_ state: WatchState, _ current: ConfigurationState) {
        guard state.watch.isEnabled, current != .unknown, let stale = state.knownUntil else { return }
        nextStale = min(nextStale, stale)
    }

    /// A change that no check of the watch has brought about.
    func noteStateChange(_ state: WatchState, from: ConfigurationState, to: ConfigurationState, at wall: Double) {
        logStateChange(state, from: from, to: to)
        histories[state.id, default: WatchHistory()].note(.state(from: from, to: to), at: wall)
    }

    func enqueue(_ turn: Schedule.Turn) {
        switch turn.key.kind {
        case .check: readyChecks.append(turn)
        case .probe: readyProbes.append(turn)
        }
    }

    private func start(in group: inout DiscardingTaskGroup) {
        for id in undriven {
            guard let wakes = organisations[id]?.wakes else { continue }
            group.addTask { await self.drive(id, wakes) }
        }
        undriven.removeAll()
        for id in leaving {
            group.addTask { [baselines = parts.baselines] in _ = await baselines.save(.leaving(id)) }
        }
        leaving.removeAll()
        for turn in readyChecks {
            group.addTask { await self.check(turn) }
        }
        readyChecks.removeAll(keepingCapacity: true)
        let free = max(0, configuration.maximumProbesInFlight - probesInFlight)
        for turn in readyProbes.prefix(free) {
            probesInFlight += 1
            group.addTask { await self.probe(turn) }
        }
        if free > 0, !readyProbes.isEmpty {
            readyProbes.removeFirst(min(free, readyProbes.count))
            parts.observer.probesInFlight(probesInFlight)
        }
    }

    func finished(_ key: Schedule.Key) {
        if let turn = schedule.finished(key, at: parts.time.now()) { enqueue(turn) }
        wake(.turn(key))
        publish()
        waker.yield()
    }

    // MARK: Reporting

    /// Reports a watch to which something other than a check has happened, and notes what that makes of its state.
    ///
    /// - Parameter before: what it was last reported as; nil: nothing is to be noted.
    func reportChange(_ id: WatchID, from before: ConfigurationState?, at wall: Double) {
        if let state = states[id], let before {
            let current = state.state(at: wall)
            if current != before { noteStateChange(state, from: before, to: current, at: wall) }
        }
        report(id, at: wall)
    }

    func report(_ id: WatchID, at wall: Double, probe: ProbeResult? = nil, probeID: ProbeID? = nil) {
        guard let state = states[id] else { return }
        let current = state.state(at: wall)
        // Nobody checks a disabled one, so nobody misses its checks.
        reported[id] = state.watch.isEnabled ? current : nil
        noteStale(state, current)
        if state.isMissing { missing.insert(id) } else { missing.remove(id) }
        pending.updated.append(WatchReport(state: state, now: wall, probe: probe, probeID: probeID))
    }

    func publish() {
        guard !pending.isEmpty else { return }
        parts.observer.apply(pending)
        pending = MonitorChanges()
    }
}
