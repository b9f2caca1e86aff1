package import ConfigurationFile
package import Partoo
package import Watching

/// The webhooks that one account's lists have brought in: a pure state machine.
///
/// A webhook is admitted when a page shows it, and leaves only when it is forgotten, by whoever asked for it by its id. So
/// no list that is partial, shifted or failed takes anything away.
package struct Discovery: Sendable {
    private struct Admitted {
        /// The organisation whose list showed it.
        var organisation: Int?
    }

    private let account: String
    private var settings: DiscoverySettings
    private var defaults: WatchDefaults
    /// What the operator watches by name: it needs no adopting, and takes nobody's place.
    private var configured: Set<Int> = []
    /// Those of other shards included, so that all shards count alike.
    private var admitted: [Int: Admitted] = [:]
    private var lastComplete: [Int?: Double] = [:]
    /// Organisations of which a webhook was left out, in the listing that runs and in the last complete one.
    private var leavesOut: Set<Int?> = []
    private var leftOut: Set<Int?> = []
    private var failures = 0

    /// - Parameter known: what was found before a restart. It is watched again without a list, the missing included:
    ///   only the API's own word, and time, make one leave.
    package init(
        account: String, settings: DiscoverySettings, defaults: WatchDefaults, known: [Int: DiscoveryOrigin] = [:]
    ) {
        self.account = account
        self.settings = settings
        self.defaults = defaults
        let listed = Set(organisations)
        admitted = known.filter { listed.contains($0.value.orgID) }.mapValues { Admitted(organisation: $0.orgID) }
    }

    /// What is listed one by one; nil: one list without `org_id`.
    package var organisations: [Int?] { settings.orgIDs.isEmpty ? [nil] : settings.orgIDs.map { $0 } }

    package var missingRetention: Duration { settings.missingRetention }

    /// The operator's definition changed. Webhooks of organisations that are not listed any more leave.
    ///
    /// - Parameter configured: the ids of the account's webhooks that are watched by name.
    package mutating func redefine(
        _ settings: DiscoverySettings, defaults: WatchDefaults, configured: Set<Int> = []
    ) {
        self.settings = settings
        self.defaults = defaults
        self.configured = configured
        let listed = Set(organisations)
        admitted = admitted.filter { listed.contains($0.value.organisation) }
        lastComplete = lastComplete.filter { listed.contains($0.key) }
        leavesOut.formIntersection(listed)
        leftOut.formIntersection(listed)
    }

    /// A page of an organisation's list.
    ///
    /// - Parameter isMissing: whether the API has said of a webhook that is watched that it is gone.
    /// - Returns: the webhooks that are new and wanted, and those that are gone from another organisation: they have moved.
    package mutating func listed(
        _ entries: [WebhookList.Entry], in organisation: Int?, isMissing: (Int) -> Bool = { _ in false }
    ) -> [Int] {
        // Other lists only save reads.
        guard organisations.contains(organisation) else { return [] }
        var new: [Int] = []
        var adopted = configured.isEmpty ? admitted.count : admitted.keys.count { !configured.contains($0) }
        for entry in entries {
            if let known = admitted[entry.id] {
                guard known.organisation != organisation, isMissing(entry.id) else { continue }
            } else {
                guard wants(entry) else { continue }
                if !configured.contains(entry.id) {
                    guard adopted < settings.maximumWebhooks else {
                        leavesOut.insert(organisation)
                        continue
                    }
                    adopted += 1
                }
            }
            admitted[entry.id] = Admitted(organisation: organisation)
            new.append(entry.id)
        }
        return new
    }

    /// An id that no configuration could name is none; a type that is not told is not one that was asked for.
    private func wants(_ entry: WebhookList.Entry) -> Bool {
        guard entry.id > 0 else { return false }
        return settings.eventTypes.isEmpty || entry.eventType.map(settings.eventTypes.contains) ?? false
    }

    /// The list of an organisation was read whole.
    ///
    /// - Parameters:
    ///   - ids: all that it holds.
    ///   - isOurs: whether this shard looks after a webhook; those of others leave with the list, since nobody here asks
    ///     for them by id.
    package mutating func completed(_ organisation: Int?, ids: Set<Int>, at now: Double, isOurs: (Int) -> Bool) {
        guard organisations.contains(organisation) else { return }
        lastComplete[organisation] = now
        if leavesOut.remove(organisation) != nil {
            leftOut.insert(organisation)
        } else {
            leftOut.remove(organisation)
        }
        admitted = admitted.filter { id, entry in
            entry.organisation != organisation || ids.contains(id) || isOurs(id)
        }
    }

    package mutating func failed() {
        failures += 1
    }

    /// A webhook that was missing for long enough.
    package mutating func forget(_ id: Int) {
        admitted[id] = nil
    }

    /// All webhooks as watches, sorted by id.
    package var watches: [Watch] { admitted.keys.sorted().compactMap(watch) }

    package func watch(_ id: Int) -> Watch? {
        guard let entry = admitted[id] else { return nil }
        return Watch(
            id: WatchID(account: account, webhookID: id), source: .discovered, orgID: entry.organisation,
            module: settings.module, checkInterval: defaults.checkInterval, probeInterval: defaults.probeInterval,
            labels: settings.labels)
    }

    package var report: DiscoveryReport {
        let times = organisations.map { lastComplete[$0] }
        let isWhole = !times.contains { $0 == nil }
        return DiscoveryReport(
            lastSuccess: isWhole ? times.compactMap { $0 }.min() : nil,
            isTruncated: !leftOut.isEmpty || !leavesOut.isEmpty, failures: failures)
    }
}

/// How an account's discovery does.
package struct DiscoveryReport: Sendable, Hashable {
    /// Seconds since 1970 when the last of its lists was read whole, nil before each was.
    package var lastSuccess: Double?
    package var isTruncated: Bool
    package var failures: Int

    package init(lastSuccess: Double? = nil, isTruncated: Bool = false, failures: Int = 0) {
        self.lastSuccess = lastSuccess
        self.isTruncated = isTruncated
        self.failures = failures
    }
}
