package import Partoo

/// Keeps what a watch has to know again after a restart: its learned baseline, its last observation, how long it has
/// drifted, and what changed when.
package protocol BaselineStore: Sendable {
    /// What is kept of a watch. Blocks for one read of the database.
    func kept(of id: WatchID) -> KeptWatch
    /// What is kept of each of them. Blocks for one pass over the database, however many they are.
    func kept(of ids: [WatchID]) -> [WatchID: KeptWatch]
    /// The webhooks of an account that discovery had found, and that have not left since. Blocks like `kept`.
    func discovered(account: String) -> [Int: DiscoveryOrigin]
    /// The baseline that is in force now, where it is another than that of `version`: somebody else may have accepted one.
    ///
    /// - Parameter version: nil where none was read yet.
    /// - Returns: nil where nothing is new.
    func news(of id: WatchID, since version: Int64?) async -> KeptBaseline?
    /// Writes it down, and returns once it is on disk or cannot be put there.
    func save(_ record: WatchRecord) async -> SavedRecord
    /// The newest changes first.
    func changes(of id: WatchID, limit: Int) async -> [ConfigurationChange]
}

/// Where discovery found a webhook.
package struct DiscoveryOrigin: Sendable, Hashable {
    /// The organisation whose list showed it; nil: the one list without `org_id`.
    package var orgID: Int?

    package init(orgID: Int?) {
        self.orgID = orgID
    }
}

/// A learned baseline as it is kept. The version moves with every write, whoever writes.
package struct StoredBaseline: Sendable, Hashable {
    package var baseline: LearnedBaseline
    package var version: Int64

    package init(_ baseline: LearnedBaseline, version: Int64) {
        self.baseline = baseline
        self.version = version
    }
}

package enum KeptBaseline: Sendable, Hashable {
    case absent
    case pinned(StoredBaseline)
    /// There is one, or may be, that cannot be read: nothing is learned in its place until an operator decides.
    case unreadable
}

/// What is kept of a watch between two runs. A disabled watch keeps it, and so does one that is gone from the
/// configuration: it may come back, and what it was meant to be must not be learned anew then.
package struct KeptWatch: Sendable, Hashable {
    package var baseline: KeptBaseline
    package var observation: WebhookConfiguration?
    package var isMissing: Bool
    /// When drift or absence began, in seconds since 1970.
    package var driftedSince: Double?
    /// nil: it was not discovery that brought it in.
    package var discovery: DiscoveryOrigin?

    package init(
        baseline: KeptBaseline = .absent, observation: WebhookConfiguration? = nil, isMissing: Bool = false,
        driftedSince: Double? = nil, discovery: DiscoveryOrigin? = nil
    ) {
        self.baseline = baseline
        self.observation = observation
        self.isMissing = isMissing
        self.driftedSince = driftedSince
        self.discovery = discovery
    }
}

/// What is to be written down of a watch, at once or not at all.
package struct WatchRecord: Sendable, Hashable {
    package var id: WatchID
    /// To be pinned unless there is a baseline already.
    package var proposal: LearnedBaseline?
    /// nil: nothing was observed yet, and what is kept stays.
    package var observation: WebhookConfiguration?
    package var isMissing: Bool
    package var driftedSince: Double?
    package var discovery: DiscoveryOrigin?
    package var changes: [ConfigurationChange]
    /// The watch has left for good, and of what is kept only its baseline stays: should it come back against all odds,
    /// what it was meant to be is not learned anew.
    package private(set) var leaves = false

    package init(
        id: WatchID, proposal: LearnedBaseline? = nil, observation: WebhookConfiguration? = nil,
        isMissing: Bool = false, driftedSince: Double? = nil, discovery: DiscoveryOrigin? = nil,
        changes: [ConfigurationChange] = []
    ) {
        self.id = id
        self.proposal = proposal
        self.observation = observation
        self.isMissing = isMissing
        self.driftedSince = driftedSince
        self.discovery = discovery
        self.changes = changes
    }

    package static func leaving(_ id: WatchID) -> WatchRecord {
        var record = WatchRecord(id: id)
        record.leaves = true
        return record
    }
}

package struct SavedRecord: Sendable, Hashable {
    /// The baseline in force where one was proposed: that one, or the one that was there already.
    package var baseline: KeptBaseline
    /// false: it is held in memory only.
    package var isOnDisk: Bool

    package init(baseline: KeptBaseline, isOnDisk: Bool) {
        self.baseline = baseline
        self.isOnDisk = isOnDisk
    }
}

/// Keeps nothing: what is learned is gone when the program ends.
package struct NoBaselineStore: BaselineStore {
    package init() {}

    package func kept(of id: WatchID) -> KeptWatch { KeptWatch() }

    package func kept(of ids: [WatchID]) -> [WatchID: KeptWatch] { [:] }

    package func discovered(account: String) -> [Int: DiscoveryOrigin] { [:] }

    package func news(of id: WatchID, since version: Int64?) async -> KeptBaseline? { nil }

    package func save(_ record: WatchRecord) async -> SavedRecord {
        SavedRecord(
            baseline: record.proposal.map { .pinned(StoredBaseline($0, version: 0)) } ?? .absent, isOnDisk: false)
    }

    package func changes(of id: WatchID, limit: Int) async -> [ConfigurationChange] { [] }
}
