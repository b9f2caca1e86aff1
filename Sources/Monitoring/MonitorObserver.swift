package import Probing
package import Watching

/// What the monitor tells to whoever renders it. Called from the monitor, one call at a time; must not block.
package protocol MonitorObserver: Sendable {
    /// Applies all at once: a reader sees everything before or everything after.
    func apply(_ changes: MonitorChanges)
    /// A turn started `lateness` after it was due: a probe is sent, or a check is made, once it has waited for the budget,
    /// which is no part of that.
    func turnStarted(_ kind: TurnKind, lateness: Duration)
    func turnsMissed(_ kind: TurnKind, count: Int)
    func probesInFlight(_ count: Int)
}

/// A set of changes that belongs together.
package struct MonitorChanges: Sendable {
    package var updated: [WatchReport] = []
    /// Went with a reload.
    package var removed: [WatchID] = []
    /// Discovered, and missing for longer than they are kept.
    package var retired: [WatchID] = []
    /// nil: unchanged.
    package var accounts: [AccountReport]?
    package var latencyBuckets: [Double]?
    /// Of every account that discovers; nil: unchanged.
    package var discoveries: [String: DiscoveryReport]?

    package init() {}

    package var isEmpty: Bool {
        updated.isEmpty && removed.isEmpty && retired.isEmpty && accounts == nil && latencyBuckets == nil
            && discoveries == nil
    }
}

/// One watch at a moment.
package struct WatchReport: Sendable {
    package var state: WatchState
    /// Seconds since 1970.
    package var now: Double
    /// The probe that brought the change about, to be counted in the histogram.
    package var probe: ProbeResult?
    /// That probe's, for the exemplar.
    package var probeID: ProbeID?

    package init(state: WatchState, now: Double, probe: ProbeResult? = nil, probeID: ProbeID? = nil) {
        self.state = state
        self.now = now
        self.probe = probe
        self.probeID = probeID
    }
}

/// An account that is in force.
package struct AccountReport: Sendable, Hashable {
    package var name: String
    package var discovers: Bool

    package init(name: String, discovers: Bool) {
        self.name = name
        self.discovers = discovers
    }
}
