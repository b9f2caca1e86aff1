import ConfigurationFile
import Logging
import Partoo
import Watching

/// Watches that lists bring in, and their leaving.
extension Monitor {
    /// A first listing comes within so long.
    private static let firstListing = Duration.seconds(10)

    /// Puts `discover` of every account into force.
    func applyDiscovery(_ new: ExporterConfiguration) {
        for name in discoveries.keys where !new.accounts.contains(where: { $0.name == name && $0.discovery != nil }) {
            discoveries[name] = nil
        }
        let now = parts.time.now()
        var listed: Set<OrganisationID> = []
        for account in new.accounts {
            guard let settings = account.discovery else { continue }
            var discovery =
                discoveries[account.name]
                ?? Discovery(
                    account: account.name, settings: settings, defaults: new.defaults,
                    known: parts.baselines.discovered(account: account.name))
            let named = new.watches.filter { $0.id.account == account.name }.map(\.id.webhookID)
            discovery.redefine(settings, defaults: new.defaults, configured: Set(named))
            discoveries[account.name] = discovery
            for orgID in discovery.organisations {
                let id = OrganisationID(account: account.name, orgID: orgID)
                listed.insert(id)
                ensure(id)
                let spread = min(settings.interval, Self.firstListing)
                organisations[id]?.planner.discover(
                    every: settings.interval, phase: id.phase(in: settings.interval, kind: "list"),
                    first: now + id.phase(in: spread, kind: "first list"))
            }
        }
        for id in organisations.keys where !listed.contains(id) { organisations[id]?.planner.discover(every: nil) }
        reportDiscovery()
    }

    /// The watches of a configuration and of its lists that are ours: the configuration's own win.
    func wantedWatches(_ configuration: ExporterConfiguration) -> [Watch] {
        var known = Set(configuration.watches.map(\.id))
        let discovered = discoveries.sorted { $0.key < $1.key }.flatMap(\.value.watches)
        return (configuration.watches + discovered.filter { known.insert($0.id).inserted }).filter { isOurs($0.id) }
    }

    /// Watches what a page shows, where it is new there.
    func adopt(_ entries: [WebhookList.Entry], of id: OrganisationID) {
        let new = discoveries[id.account]?.listed(entries, in: id.orgID) { webhookID in
            states[WatchID(account: id.account, webhookID: webhookID)]?.isMissing ?? false
        }
        guard let new else { return }
        var count = 0
        for webhookID in new {
            let watchID = WatchID(account: id.account, webhookID: webhookID)
            guard isOurs(watchID), states[watchID].map({ $0.watch.source == .discovered }) ?? true,
                let watch = discoveries[id.account]?.watch(webhookID)
            else { continue }
            put(watch)
            count += 1
        }
        if count > 0 {
            var metadata = Self.identity(id)
            metadata["watches"] = "\(count)"
            parts.logger.info("webhooks discovered", metadata: metadata)
            waker.yield()
        }
        reportDiscovery()
    }

    func listingCompleted(_ id: OrganisationID, _ sighting: CheckPlanner.Sighting) {
        let wall = parts.time.wallSeconds()
        // That one is still gone is confirmed as well; that it went, only the answer to its own GET can say.
        for webhookID in sighting.absent {
            let watchID = WatchID(account: id.account, webhookID: webhookID)
            guard states[watchID]?.isMissing == true else { continue }
            states[watchID]?.absenceConfirmed(at: wall)
            reportChange(watchID, from: reported[watchID], at: wall)
        }
        discoveries[id.account]?.completed(id.orgID, ids: sighting.ids, at: wall) { webhookID in
            isOurs(WatchID(account: id.account, webhookID: webhookID))
        }
        reportDiscovery()
    }

    func listingFailed(_ id: OrganisationID, _ failure: APIFailure) {
        let isDiscovered = discoveries[id.account]?.organisations.contains(id.orgID) ?? false
        if isDiscovered { discoveries[id.account]?.failed() }
        var metadata = Self.identity(id)
        metadata["reason"] = "\(failure.reason.rawValue)"
        metadata["detail"] = "\(failure.message)"
        parts.logger.log(level: isDiscovered ? .warning : .debug, "listing failed", metadata: metadata)
        reportDiscovery()
    }

    /// Discovered watches leave once they were missing for long enough, by the API's own word.
    func retire(at wall: Double) {
        for id in missing.sorted() {
            guard let state = states[id], state.watch.source == .discovered, state.state(at: wall) == .missing,
                let discovery = discoveries[id.account], let since = state.driftedSince,
                wall - since >= discovery.missingRetention.seconds
            else { continue }
            discoveries[id.account]?.forget(id.webhookID)
            remove(id)
            pending.retired.append(id)
            leaving.append(id)
            parts.logger.info(
                "watch removed: it was missing for too long",
                metadata: ["account": "\(id.account)", "webhook_id": "\(id.webhookID)"])
        }
        adjustOrganisations()
    }

    private func reportDiscovery() {
        pending.discoveries = discoveries.mapValues(\.report)
    }
}
