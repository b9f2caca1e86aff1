import ConfigurationFile
import Partoo
import Probing
import Watching

/// Hop two: what was observed is probed.
extension Monitor {
    struct RunningProbe: Sendable {
        /// The watch's, of the target that it probes.
        var revision: Int
        /// Finished, it ends the probe without a result.
        var end: AsyncStream<Void>.Continuation
    }

    func probe(_ turn: Schedule.Turn) async {
        let key = turn.key
        defer {
            probesInFlight -= 1
            parts.observer.probesInFlight(probesInFlight)
            finished(key)
        }
        guard let state = states[key.id], let target = state.probeTarget,
            let module = configuration.modules[state.watch.module]
        else { return }
        parts.observer.turnStarted(.probe, lateness: parts.time.now() - turn.due)
        let result = await result(
            of: ProbeTarget(
                url: target.url, customHeaders: target.customHeaders, baselineOrigin: state.baselineOrigin),
            module, state)
        guard let result, var current = states[key.id] else { return }
        let wall = parts.time.wallSeconds()
        guard let effects = current.probed(result, revision: state.revision, at: wall) else { return }
        states[key.id] = current
        let probeID = ProbeID()
        histories[key.id, default: WatchHistory()].probed(result, id: probeID, revision: state.revision, at: wall)
        log(current, result, probeID, effects)
        report(key.id, at: wall, probe: result, probeID: probeID)
    }

    /// - Returns: nil where the probe was ended, or the task was cancelled.
    private func result(of target: ProbeTarget, _ module: ProbeModule, _ state: WatchState) async -> ProbeResult? {
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        runningProbes[state.id] = RunningProbe(revision: state.revision, end: end)
        defer { runningProbes[state.id] = nil }
        return await withTaskGroup(of: ProbeResult?.self) { [prober = parts.prober] group in
            group.addTask { await prober.probe(target: target, module: module) }
            group.addTask {
                for await _ in ended {}
                return nil
            }
            let result = await group.next() ?? nil
            group.cancelAll()
            return result
        }
    }

    /// Ends the watch's probe where its target is no longer what is observed: nobody counts it, and the next one would have
    /// to wait for it.
    func endSupersededProbe(of id: WatchID) {
        guard let running = runningProbes[id], running.revision != states[id]?.revision else { return }
        running.end.finish()
    }
}
