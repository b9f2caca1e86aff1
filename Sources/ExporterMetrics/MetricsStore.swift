package import Exposition
package import Monitoring
package import Partoo
import Probing
import Synchronization
import Transport
import Watching

/// The rendered series of every watch and the exporter's own numbers. A scrape joins what is there and waits for nobody.
package final class MetricsStore: MonitorObserver, APIObserver {
    /// What was built, for `build_info`.
    package struct BuildInfo: Sendable {
        package var version: String
        package var revision: String
        package var swiftVersion: String
        package var libcurlVersion: String
        package var tlsLibrary: String

        package init(
            version: String, revision: String, swiftVersion: String, libcurlVersion: String, tlsLibrary: String
        ) {
            self.version = version
            self.revision = revision
            self.swiftVersion = swiftVersion
            self.libcurlVersion = libcurlVersion
            self.tlsLibrary = tlsLibrary
        }
    }

    private struct Entry {
        var id: WatchID
        var source: WatchSource
        var latency: Histogram
    }

    private struct State {
        /// Sorted by identity, `blocks` in step.
        var entries: [Entry] = []
        var blocks: [SeriesBlock] = []
        var buckets: BucketBounds
        var numbers = ExporterNumbers()

        func insertionIndex(of id: WatchID) -> Int {
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].id < id { low = middle + 1 } else { high = middle }
            }
            return low
        }

        /// - Returns: whether it was there.
        mutating func remove(_ id: WatchID) -> Bool {
            guard let index = index(of: id) else { return false }
            entries.remove(at: index)
            blocks.remove(at: index)
            return true
        }

        func index(of id: WatchID) -> Int? {
            let position = insertionIndex(of: id)
            return position < entries.count && entries[position].id == id ? position : nil
        }
    }

    private let families: MetricCatalogue
    private let build: BuildInfo
    private let shard: (number: Int, total: Int)
    private let state: Mutex<State>

    package init(
        families: MetricCatalogue, build: BuildInfo, shard: Int = 0, totalShards: Int = 1,
        latencyBuckets: [Double] = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    ) {
        self.families = families
        self.build = build
        self.shard = (shard, totalShards)
        state = Mutex(State(buckets: BucketBounds(latencyBuckets)))
    }

    // MARK: Monitor

    package func apply(_ changes: MonitorChanges) {
        state.withLock { state in
            if let buckets = changes.latencyBuckets.map(BucketBounds.init), buckets != state.buckets {
                state.buckets = buckets
                // Other buckets are another histogram; it begins anew, as after a restart.
                for index in state.entries.indices { state.entries[index].latency = Histogram(buckets) }
            }
            if let accounts = changes.accounts { state.numbers.set(accounts) }
            for (account, report) in changes.discoveries ?? [:] { state.numbers.accounts[account]?.discovery = report }
            for id in changes.removed where state.remove(id) { state.numbers.removedByReload += 1 }
            for id in changes.retired where state.remove(id) { state.numbers.removedByRetention += 1 }
            for report in changes.updated { update(report, &state) }
        }
    }

    private func update(_ report: WatchReport, _ state: inout State) {
        let id = report.state.id
        let position = state.insertionIndex(of: id)
        let isKnown = position < state.entries.count && state.entries[position].id == id
        let latency = isKnown ? state.entries[position].latency : Histogram(state.buckets)
        if let probe = report.probe, probe.isReachable {
            let exemplar = report.probeID.flatMap {
                Exemplar(
                    labels: ["probe_id": $0.description], value: probe.timings.total.inSeconds, timestamp: report.now)
            }
            latency.observe(probe.timings.total, exemplar: exemplar)
        }
        let block = WatchRendering(
            families: families, state: report.state, now: report.now, latency: latency.snapshot
        ).block()
        let entry = Entry(id: id, source: report.state.watch.source, latency: latency)
        if isKnown {
            state.entries[position] = entry
            state.blocks[position] = block
        } else {
            state.entries.insert(entry, at: position)
            state.blocks.insert(block, at: position)
        }
    }

    package func turnStarted(_ kind: TurnKind, lateness: Duration) {
        state.withLock { $0.numbers.lateness[kind]?.observe(lateness) }
    }

    package func turnsMissed(_ kind: TurnKind, count: Int) {
        state.withLock { $0.numbers.missed[kind, default: 0] += count }
    }

    package func probesInFlight(_ count: Int) {
        state.withLock { $0.numbers.probesInFlight = count }
    }

    // MARK: API

    package func called(account: String, _ call: APICall) {
        state.withLock { $0.numbers.accounts[account]?.record(call) }
    }

    package func waitedForBudget(account: String, _ duration: Duration) {
        state.withLock { $0.numbers.accounts[account]?.waited += duration }
    }

    // MARK: Exporter

    /// A load of the configuration has ended.
    ///
    /// - Parameter now: seconds since 1970.
    package func reloaded(success: Bool, at now: Double) {
        state.withLock {
            $0.numbers.lastReloadSuccessful = success
            if success { $0.numbers.lastReloadSuccess = now }
        }
    }

    /// Something could not be read from the storage, or written to it.
    package func storageFailed() {
        state.withLock { $0.numbers.storageErrors += 1 }
    }

    /// The watch files that cannot be read now, whose last good lists are in force.
    package func watchFiles(bad: [String]) {
        state.withLock { $0.numbers.badWatchFiles = bad }
    }

    package func scrapeBegan() {
        state.withLock { $0.numbers.scrapesInFlight += 1 }
    }

    package func scrapeEnded(status: Int) {
        state.withLock {
            $0.numbers.scrapesInFlight -= 1
            $0.numbers.scrapes[status, default: 0] += 1
        }
    }

    /// A scrape found no place (503).
    package func scrapeRefused() {
        state.withLock { $0.numbers.scrapes[503, default: 0] += 1 }
    }

    /// One watch's series alone, as a report shows it and not as it is kept.
    package func page(of report: WatchReport) -> ExpositionPage {
        let latency = state.withLock { state in
            state.index(of: report.state.id).map { state.entries[$0].latency } ?? Histogram(state.buckets)
        }
        let block = WatchRendering(
            families: families, state: report.state, now: report.now, latency: latency.snapshot
        ).block()
        return ExpositionPage(families.catalogue, blocks: [block])
    }

    /// Everything as it is at this moment.
    package func page() -> ExpositionPage {
        let (blocks, numbers, sources) = state.withLock { state in
            (state.blocks, state.numbers, Dictionary(grouping: state.entries, by: \.source).mapValues(\.count))
        }
        let own = ExporterRendering(
            families: families, numbers: numbers, sources: sources, build: build, shard: shard
        ).block()
        return ExpositionPage(families.catalogue, blocks: blocks + [own])
    }
}
