import ConfigurationFile
import Partoo
import Watching

/// What shares a request budget: an organisation of an account, or all of it where no `org_id` is sent.
struct OrganisationID: Sendable, Hashable {
    var account: String
    var orgID: Int?

    init(account: String, orgID: Int?) {
        self.account = account
        self.orgID = orgID
    }

    init(_ watch: Watch) {
        self.init(account: watch.id.account, orgID: watch.orgID)
    }

    /// Where in an interval its listing begins: the same in every process.
    func phase(in interval: Duration, kind: String) -> Duration {
        WatchID(account: account, webhookID: orgID ?? 0).phase(in: interval, kind: kind)
    }
}

/// An organisation's planner, and the way to wake who carries out its plans.
struct Organisation: Sendable {
    var planner: CheckPlanner
    /// Whether its checks are planned by what the budget allows, and not scheduled.
    var isCrowded = false
    /// Whether the last call while the account was refused read a watch, so that the next one may be a list.
    var hasReadRefused = false
    /// When its next call is due, if it is still to come.
    var nextCall: Duration?
    let wakes: AsyncStream<Void>
    let waker: AsyncStream<Void>.Continuation

    init(perMinute: Double) {
        planner = CheckPlanner(perMinute: perMinute)
        (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }
}

/// Calls that are planned: one task for each organisation, so that none waits for another.
extension Monitor {
    private static let usualInterval = Duration.seconds(60)

    /// The organisation, which begins to be driven where it is new.
    func ensure(_ id: OrganisationID) {
        guard organisations[id] == nil, let account = accounts[id.account] else { return }
        organisations[id] = Organisation(perMinute: account.perMinute)
        undriven.append(id)
    }

    /// Follows what has changed about organisations: who schedules their checks, and whether they are still needed.
    func adjustOrganisations() {
        for id in changedOrganisations { adjust(id) }
        changedOrganisations.removeAll()
    }

    private func adjust(_ id: OrganisationID) {
        guard let organisation = organisations[id] else { return }
        let planner = organisation.planner
        if planner.isCrowded != organisation.isCrowded {
            organisations[id]?.isCrowded = planner.isCrowded
            let now = parts.time.now()
            for webhookID in planner.ids {
                let key = Schedule.Key(id: WatchID(account: id.account, webhookID: webhookID), kind: .check)
                if planner.isCrowded { schedule.hold(key) } else { schedule.release(key, at: now) }
            }
            log(id, isCrowded: planner.isCrowded)
        }
        organisation.waker.yield()
        if planner.leastInterval == nil, planner.discoveryInterval == nil {
            organisation.waker.finish()
            organisations[id] = nil
            end(.wait(id))
        }
    }

    /// Makes the organisation's calls until it is gone: waits for the budget, then takes what is most worth a call.
    func drive(_ id: OrganisationID, _ wakes: AsyncStream<Void>) async {
        await withDiscardingTaskGroup { group in
            for await _ in wakes {
                organisations[id]?.nextCall = nil
                while let account = accounts[id.account], let due = nextCall(of: id, account) {
                    guard due <= parts.time.now() else {
                        organisations[id]?.nextCall = due
                        waker.yield()
                        break
                    }
                    let isAdmitted = await run(.wait(id)) { (try? await account.acquire(id.orgID)).map { true } }
                    guard !Task.isCancelled else { return }
                    if isAdmitted == true { begin(id, in: &group) }
                }
            }
        }
    }

    /// Wakes those whose next call is due.
    ///
    /// - Returns: when the first of the others is.
    func wakeOrganisations(at now: Duration) -> Duration? {
        var next: Duration?
        for (id, organisation) in organisations {
            guard let due = organisation.nextCall else { continue }
            if due <= now {
                organisations[id]?.nextCall = nil
                organisation.waker.yield()
            } else {
                next = min(due, next ?? due)
            }
        }
        return next
    }

    private func nextCall(of id: OrganisationID, _ account: AccountMonitor) -> Duration? {
        guard let due = organisations[id]?.planner.nextDue(at: parts.time.now()) else { return nil }
        return max(due, account.refusal(of: id.orgID, for: interval(of: id))?.until ?? due)
    }

    /// How far apart its calls are while its key is refused. Where nothing is watched yet, as far as the checks of what a
    /// list brings in would be; but not as far as days, where lists come more often than that.
    private func interval(of id: OrganisationID) -> Duration {
        if let least = organisations[id]?.planner.leastInterval { return least }
        let listing = organisations[id]?.planner.discoveryInterval ?? Self.usualInterval
        return min(configuration.defaults.checkInterval, max(listing, Self.usualInterval))
    }

    private func begin(_ id: OrganisationID, in group: inout DiscardingTaskGroup) {
        let now = parts.time.now()
        guard let account = accounts[id.account] else { return }
        if let watch = checkedWhileRefused(id, account) {
            let organisation = OrganisationID(watch)
            let isFound = organisations[organisation]?.planner.readStarted(watch.id.webhookID) ?? false
            begin(watch.id.webhookID, isFound: isFound, of: organisation, account, in: &group)
            return
        }
        switch organisations[id]?.planner.take(at: now) {
        case nil: break
        case .read(let webhookID, let isFound):
            begin(webhookID, isFound: isFound, of: id, account, in: &group)
        case .list(let page):
            guard account.begin(nil, in: id.orgID, due: now, interval: interval(of: id)) else {
                organisations[id]?.planner.listPassed(at: now)
                return
            }
            let interval = interval(of: id)
            group.addTask { await self.list(page, of: id, due: now, interval: interval) }
        }
    }

    /// What to read while the account is refused; nil: what is planned. Every other call is planned, since lists, which come
    /// first, may be allowed where no watch is, or the other way round.
    private func checkedWhileRefused(_ id: OrganisationID, _ account: AccountMonitor) -> Watch? {
        guard let refusal = account.refusal(of: id.orgID, for: interval(of: id)) else { return nil }
        let isPlanned = organisations[id]?.hasReadRefused ?? true
        organisations[id]?.hasReadRefused = !isPlanned
        return isPlanned ? nil : longestUnchecked(of: id, refusal)
    }

    private func begin(
        _ webhookID: Int, isFound: Bool, of id: OrganisationID, _ account: AccountMonitor,
        in group: inout DiscardingTaskGroup
    ) {
        let now = parts.time.now()
        let key = Schedule.Key(id: WatchID(account: id.account, webhookID: webhookID), kind: .check)
        guard let state = states[key.id],
            account.begin(webhookID, in: id.orgID, due: now, interval: state.watch.checkInterval),
            let turn = schedule.runNow(key, at: now)
        else {
            organisations[id]?.planner.readEnded(webhookID, .passed, at: now)
            return
        }
        group.addTask { await self.read(turn, isFound: isFound) }
    }

    private func read(_ turn: Schedule.Turn, isFound: Bool) async {
        let id = turn.key.id
        defer { finished(turn.key) }
        // Not the account that the turn began with: a reload may have come between.
        guard let watch = states[id]?.watch, let account = accounts[id.account] else { return }
        let answer = await run(.turn(turn.key)) {
            await account.read(id.webhookID, orgID: watch.orgID, due: turn.due, interval: watch.checkInterval)
        }
        await learn(answer, watch, noticedBy: isFound ? .discovery : .check)
    }

    // MARK: Lists

    private func list(_ page: Int, of id: OrganisationID, due: Duration, interval: Duration) async {
        guard let account = accounts[id.account] else { return }
        let answer = await run(.list(id)) {
            await account.list(id.orgID, page: page, due: due, interval: interval)
        }
        defer {
            changedOrganisations.insert(id)
            adjustOrganisations()
            publish()
        }
        let now = parts.time.now()
        switch answer?.result {
        // After a 429 the same page is asked for again: from the first one on, a long list might never come to its end.
        case nil: organisations[id]?.planner.listPassed(at: now)
        case .failure(let failure) where failure.reason == .rateLimited:
            organisations[id]?.planner.listPassed(at: now)
        case .failure(let failure):
            var generator = SystemRandomNumberGenerator()
            organisations[id]?.planner.listFailed(at: now, using: &generator)
            listingFailed(id, failure)
        case .success(let list):
            guard let sighting = organisations[id]?.planner.listed(list, at: now) else { return }
            confirm(sighting.confirmed, in: id.account)
            adopt(list.entries, of: id)
            if sighting.isFailed {
                let message =
                    sighting.isPartial
                    ? "the list lacks its page, max_page or count, or an item its id"
                    : "the list moved while it was read, or does not hold what it says"
                listingFailed(id, APIFailure(.malformed, message))
            }
            if sighting.isComplete { listingCompleted(id, sighting) }
        }
    }

    /// A list has shown that these are as they were.
    private func confirm(_ webhookIDs: [Int], in account: String) {
        let wall = parts.time.wallSeconds()
        for webhookID in webhookIDs { confirm(WatchID(account: account, webhookID: webhookID), at: wall) }
    }

    func confirm(_ id: WatchID, at wall: Double) {
        guard states[id] != nil else { return }
        states[id]?.confirmed(at: wall)
        reportChange(id, from: reported[id], at: wall)
    }
}
