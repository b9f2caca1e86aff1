import ConfigurationFile
import Partoo
import Probing
import Watching

/// Hop two: what was observed is probed.
extension Monitor {
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
        let probe = ProbeTarget(
            url: target.url, customHeaders: target.customHeaders, baselineOrigin: state.baselineOrigin)
        let result = await run(.turn(key), revision: state.revision) { [prober = parts.prober] in
            await prober.probe(target: probe, module: module)
        }
        guard let result, var current = states[key.id] else { return }
        let wall = parts.time.wallSeconds()
        guard let effects = current.probed(result, revision: state.revision, at: wall) else { return }
        states[key.id] = current
        let probeID = ProbeID()
        histories[key.id, default: WatchHistory()].probed(result, id: probeID, revision: state.revision, at: wall)
        log(current, result, probeID, effects)
        report(key.id, at: wall, probe: result, probeID: probeID)
    }
}
