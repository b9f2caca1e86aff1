import Partoo
import Watching

/// Hop one: a configuration is read, and what it says is learned.
extension Monitor {
    func check(_ key: Schedule.Key, due: Duration) async {
        defer { finished(key) }
        guard let state = states[key.id], let account = accounts[key.id.account] else { return }
        guard
            let answer = await account.check(
                state.id.webhookID, orgID: state.watch.orgID, due: due, interval: state.watch.checkInterval)
        else { return }
        let news = await parts.baselines.news(of: key.id, since: state.baselineVersion)
        // The watch may have gone, or have been defined anew, while the API answered.
        guard var current = states[key.id] else { return }
        let wall = parts.time.wallSeconds()
        let effects = current.checked(answer.outcome, at: wall, duration: answer.call.duration, news: news)
        let record = current.takeRecord(at: wall)
        states[key.id] = current
        unchecked.remove(key.id)
        histories[key.id, default: WatchHistory()].noticed(effects, at: wall)
        log(current, answer, effects)
        carryOut(effects, key.id)
        report(key.id, at: wall)
        if let record { await keep(record) }
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
