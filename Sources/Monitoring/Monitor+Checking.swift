import Partoo
import Watching

/// Hop one: a configuration is read, and what it says is learned.
extension Monitor {
    /// The one check an interval of a refused account, or organisation, goes to whichever watch was checked longest ago.
    func check(_ turn: Schedule.Turn) async {
        let (key, due) = (turn.key, turn.due)
        defer { finished(key) }
        guard let watch = states[key.id]?.watch, watch.isEnabled, let account = accounts[key.id.account] else { return }
        let interval = watch.checkInterval
        guard let refusal = account.refusal(of: watch.orgID, for: interval), due >= refusal.until,
            let other = longestUnchecked(of: OrganisationID(watch), refusal, besides: key.id),
            let others = schedule.runNow(Schedule.Key(id: other.id, kind: .check), at: parts.time.now())
        else { return await check(watch, account, due: due, interval: interval) }
        defer { finished(others.key) }
        await check(other, account, due: due, interval: interval)
    }

    private func check(_ watch: Watch, _ account: AccountMonitor, due: Duration, interval: Duration) async {
        let id = watch.id.webhookID
        let isFound = organisations[OrganisationID(watch)]?.planner.readStarted(id) ?? false
        // What a call waits for the budget is told as such. A turn that is passed over in the end never started.
        let lateness = parts.time.now() - due
        let answer = await run(.turn(Schedule.Key(id: watch.id, kind: .check))) {
            [observer = parts.observer] () -> (outcome: CheckOutcome, call: APICall)? in
            guard await account.admit(id, orgID: watch.orgID, due: due, interval: interval) else { return nil }
            observer.turnStarted(.check, lateness: lateness)
            return await account.read(id, orgID: watch.orgID, due: due, interval: interval)
        }
        await learn(answer, watch, noticedBy: isFound ? .discovery : .check)
    }

    /// The watch that was checked longest ago, of the organisation or, where that is refused, the whole account. One that
    /// may not be read would otherwise have each of a refused account's checks, and no other's success could end that.
    /// Organisations that are not known to be forbidden come first, since one that is not ends it for all but those that are.
    ///
    /// - Parameter own: the watch whose turn it is.
    /// - Returns: nil where it is that one.
    func longestUnchecked(
        of organisation: OrganisationID, _ refusal: Restraint.Refusal, besides own: WatchID? = nil
    ) -> Watch? {
        guard let account = accounts[organisation.account] else { return nil }
        let now = parts.time.now()
        let forbidden = account.forbidden
        var longest: (watch: Watch, isForbidden: Int, at: Double)?
        for (id, state) in states where id.account == organisation.account && state.watch.isEnabled {
            guard refusal.isWhole || state.watch.orgID == organisation.orgID else { continue }
            if id != own {
                let isBusy = schedule.isRunning(Schedule.Key(id: id, kind: .check))
                if isBusy || account.notBefore(id.webhookID) ?? .zero > now { continue }
            }
            let isForbidden = forbidden.contains(state.watch.orgID) ? 1 : 0
            let at = state.lastCheck?.at ?? -.infinity
            if let longest,
                (longest.isForbidden, longest.at, longest.watch.id.webhookID) < (isForbidden, at, id.webhookID)
            {
                continue
            }
            longest = (state.watch, isForbidden, at)
        }
        return longest.flatMap { $0.watch.id == own ? nil : $0.watch }
    }

    /// Takes in what reading a watch came to; nil: it was passed over.
    func learn(
        _ answer: (outcome: CheckOutcome, call: APICall)?, _ watch: Watch, noticedBy notice: ConfigurationChange.Notice
    ) async {
        let id = watch.id
        let organisation = OrganisationID(watch)
        organisations[organisation]?.planner.readEnded(
            id.webhookID, reading(answer?.outcome, of: id), at: parts.time.now())
        organisations[organisation]?.waker.yield()
        guard let answer, let version = states[id].map(\.baselineVersion) else { return }
        let news = await parts.baselines.news(of: id, since: version)
        // The watch may have gone, or have been defined anew, while the API answered.
        guard var current = states[id] else { return }
        let wall = parts.time.wallSeconds()
        let effects = current.checked(answer.outcome, at: wall, duration: answer.call.duration, news: news)
        let record = current.takeRecord(at: wall, noticedBy: notice)
        states[id] = current
        unchecked.remove(id)
        histories[id, default: WatchHistory()].noticed(effects, at: wall)
        log(current, answer, effects)
        carryOut(effects, id)
        report(id, at: wall)
        if let record { await keep(record) }
    }

    private func reading(_ outcome: CheckOutcome?, of id: WatchID) -> CheckPlanner.Reading {
        switch outcome {
        case nil: .passed
        case .configuration(let configuration): .good(updatedAt: configuration.updatedAt)
        case .missing: .missing
        case .failure(let failure) where [.unauthorized, .forbidden].contains(failure.reason): .refused
        case .failure: .failed(until: accounts[id.account]?.notBefore(id.webhookID) ?? .zero)
        }
    }

    private func carryOut(_ effects: [WatchEffect], _ id: WatchID) {
        let probe = Schedule.Key(id: id, kind: .probe)
        let now = parts.time.now()
        for effect in effects {
            switch effect {
            case .probeNow:
                schedule.release(probe, at: now)
                if let turn = schedule.runNow(probe, at: now) { enqueue(turn) }
            case .stopProbing: schedule.hold(probe)
            case .baselineLearned, .stateChanged, .configurationChanged, .probeOutcomeChanged: break
            }
        }
        endSupersededProbe(of: id)
    }
}
