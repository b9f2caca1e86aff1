import ConfigurationFile
import Watching

/// Which watches there are: what a configuration says, put into force without disturbing what stays.
extension Monitor {
    /// Watches of a first pass are spread over one interval, at most so long.
    private static let firstPass = Duration.seconds(10)

    func apply(_ new: ExporterConfiguration) {
        let old = configuration
        configuration = new
        var accounts: [String: AccountMonitor] = [:]
        for account in new.accounts {
            accounts[account.name] = AccountMonitor(account, parts: parts, previous: self.accounts[account.name])
        }
        self.accounts = accounts
        for (id, organisation) in organisations {
            let perMinute = accounts[id.account]?.perMinute ?? organisation.planner.perMinute
            organisations[id]?.planner.change(perMinute: perMinute)
        }
        applyDiscovery(new)
        let watches = wantedWatches(new)
        let wanted = Set(watches.map(\.id))
        for id in states.keys where !wanted.contains(id) {
            remove(id)
            pending.removed.append(id)
        }
        let kept = parts.baselines.kept(of: watches.map(\.id).filter { states[$0] == nil })
        for watch in watches {
            put(watch, moduleChanged: old.modules[watch.module] != new.modules[watch.module], kept: kept[watch.id])
        }
        changedOrganisations.formUnion(organisations.keys)
        adjustOrganisations()
        // The last, since a check that is to begin anew is forgotten where its key is planned again.
        for account in old.accounts where !new.accounts.contains(where: account.asksLike) {
            restartCalls(of: account.name)
        }
        if old.latencyBuckets != new.latencyBuckets {
            // Every page has its histogram in the new buckets at once.
            let wall = parts.time.wallSeconds()
            for id in states.keys { report(id, at: wall) }
        }
        pending.accounts = new.accounts.map { AccountReport(name: $0.name, discovers: $0.discovery != nil) }
        pending.latencyBuckets = new.latencyBuckets
        publish()
    }

    /// Whether this shard looks after the watch.
    func isOurs(_ id: WatchID) -> Bool {
        parts.totalShards <= 1 || id.shard(of: parts.totalShards) == parts.shard
    }

    /// Adds a watch, or defines one anew that is there; what is known of it stays.
    func put(_ watch: Watch, moduleChanged: Bool = false, kept: KeptWatch? = nil) {
        let wall = parts.time.wallSeconds()
        let before = reported[watch.id]
        var hasMoved = false
        if var state = states[watch.id] {
            guard state.watch != watch || moduleChanged else { return }
            // What its organisation's lists are compared with holds over any other edit: without it a short budget would
            // have to read everything again, and most would be unknown until then.
            hasMoved = OrganisationID(state.watch) != OrganisationID(watch)
            if !watch.isEnabled || hasMoved { unplan(state.watch) }
            state.redefine(watch, at: wall)
            states[watch.id] = state
        } else {
            states[watch.id] = restored(watch, at: wall, kept: kept)
            unchecked.insert(watch.id)
        }
        let organisation = OrganisationID(watch)
        ensure(organisation)
        if watch.isEnabled {
            organisations[organisation]?.planner.set(watch.id.webhookID, interval: watch.checkInterval)
            changedOrganisations.insert(organisation)
        }
        plan(watch, at: parts.time.now())
        if !watch.isEnabled { endTurns(of: watch.id) } else if hasMoved { restartCheck(of: watch.id) }
        reportChange(watch.id, from: watch.isEnabled ? before : nil, at: wall)
    }

    /// Forgets a watch; that it went is the caller's to report.
    func remove(_ id: WatchID) {
        if let watch = states[id]?.watch { unplan(watch) }
        states[id] = nil
        endTurns(of: id)
        reported[id] = nil
        histories[id] = nil
        onDemand[id] = nil
        missing.remove(id)
        unchecked.remove(id)
        pending.updated.removeAll { $0.state.id == id }
        for kind in TurnKind.allCases { schedule.remove(Schedule.Key(id: id, kind: kind)) }
    }

    private func unplan(_ watch: Watch) {
        let organisation = OrganisationID(watch)
        organisations[organisation]?.planner.remove(watch.id.webhookID)
        changedOrganisations.insert(organisation)
    }

    /// Schedules a watch's turns: the first check within the first pass, probes from the first good check on.
    private func plan(_ watch: Watch, at now: Duration) {
        let check = Schedule.Key(id: watch.id, kind: .check)
        let probe = Schedule.Key(id: watch.id, kind: .probe)
        guard watch.isEnabled else {
            schedule.remove(check)
            schedule.remove(probe)
            unchecked.remove(watch.id)
            return
        }
        let spread = min(watch.checkInterval, Self.firstPass)
        let isPlanned = organisations[OrganisationID(watch)]?.isCrowded == true
        schedule.set(
            check, interval: watch.checkInterval, phase: watch.id.phase(in: watch.checkInterval, kind: "check"),
            first: isPlanned ? nil : now + watch.id.phase(in: spread, kind: "first"))
        // It may have come from an organisation that was more crowded, or less.
        if isPlanned { schedule.hold(check) } else { schedule.release(check, at: now) }
        let state = states[watch.id]
        // One that is known from before the start is probed at once, but not all of them in one moment.
        let spreadProbes = min(watch.probeInterval, Self.firstPass)
        let firstProbe = state?.lastCheck == nil ? now + watch.id.phase(in: spreadProbes, kind: "first probe") : now
        schedule.set(
            probe, interval: watch.probeInterval, phase: watch.id.phase(in: watch.probeInterval, kind: "probe"),
            first: state?.probeTarget != nil ? firstProbe : nil)
    }
}
