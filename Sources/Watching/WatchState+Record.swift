extension WatchState {
    /// What has to be written down since the last time it was asked for; nil where nothing moved.
    package mutating func takeRecord(
        at now: Double, noticedBy: ConfigurationChange.Notice = .check
    ) -> WatchRecord? {
        var current = KeptWatch(observation: observation, isMissing: isMissing, driftedSince: driftedSince)
        current.baseline = recorded.baseline
        if watch.source == .discovered, observation != nil || isMissing {
            current.discovery = DiscoveryOrigin(orgID: watch.orgID)
        }
        var changes: [ConfigurationChange] = []
        if let old = recorded.observation, let observation {
            changes = ConfigurationChange.between(old, observation, key: key, at: now, noticedBy: noticedBy)
        }
        guard proposal != nil || current != recorded || !changes.isEmpty else { return nil }
        recorded = current
        return WatchRecord(
            id: id, proposal: proposal, observation: observation, isMissing: isMissing, driftedSince: driftedSince,
            discovery: current.discovery, changes: changes)
    }
}
