import Watching

/// What outlives the process.
extension Monitor {
    /// A new watch with what is kept of it. Its configuration is unknown until it is checked, but is probed at once.
    ///
    /// - Parameter kept: nil where it has not been looked up yet.
    func restored(_ watch: Watch, at wall: Double, kept: KeptWatch?) -> WatchState {
        WatchState(watch: watch, key: parts.key, at: wall, kept: kept ?? parts.baselines.kept(of: watch.id))
    }

    /// Writes down what a check has changed. A baseline counts as learned from here on only.
    func keep(_ record: WatchRecord) async {
        let saved = await parts.baselines.save(record)
        guard record.proposal != nil, var current = states[record.id] else { return }
        let wall = parts.time.wallSeconds()
        let effects = current.settled(saved.baseline, at: wall)
        states[record.id] = current
        histories[record.id, default: WatchHistory()].noticed(effects, at: wall)
        for effect in effects {
            switch effect {
            case .baselineLearned: logLearned(current, isOnDisk: saved.isOnDisk)
            case .stateChanged(let from, let to): logStateChange(current, from: from, to: to)
            default: break
            }
        }
        report(record.id, at: wall)
    }
}
