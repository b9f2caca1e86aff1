import Partoo
import Watching

/// Hop one: a configuration is read, and what it says is learned.
extension Monitor {
    func check(_ key: Schedule.Key, due: Duration) async {
        defer { finished(key) }
        guard let state = states[key.id], let account = accounts[key.id.account] else { return }
        let isFound = organisations[OrganisationID(state.watch)]?.planner.readStarted(key.id.webhookID) ?? false
        let answer = await account.check(
            state.id.webhookID, orgID: state.watch.orgID, due: due, interval: state.watch.checkInterval)
        await learn(answer, state.watch, noticedBy: isFound ? .discovery : .check)
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
    }
}
