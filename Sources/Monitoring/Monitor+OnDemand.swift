import ConfigurationFile
import Partoo
package import Probing
package import Watching

/// Probes that somebody asks for, beside the scheduled ones. They move no counter and no state: what they find is shown to
/// whoever asked, and to those who ask within a few seconds.
extension Monitor {
    package enum OnDemandOutcome: Sendable {
        /// The watch as it is after the probe; `probe` is nil where there is nothing to be probed (missing, never read).
        case done(WatchReport, probe: ProbeResult?)
        case notWatched
        case disabled
        /// As many probes run as may, or the last one of this watch has just failed for an asker in more of a hurry.
        case busy
        /// A probe runs, but did not end in time.
        case late
    }

    struct OnDemandProbe: Sendable {
        var at: Double
        var result: ProbeResult
        var revision: Int
        /// How long its asker waited at most, where that was not long enough for the module's timeout and retries: then a
        /// failure says nothing to those who wait longer.
        var shortenedTo: Duration?
    }

    /// What can be waited for.
    enum Waitable: Hashable {
        case turn(Schedule.Key)
        case onDemand(WatchID)
    }

    /// How long a probe's result is good for others, in seconds.
    private static let reuse = 5.0
    /// How far apart probes of one watch are at least, however little their askers wait, in seconds.
    private static let spacing = 1.0

    /// Probes the watch now, joins the probe that runs, or takes one that ended less than 5 s ago.
    ///
    /// - Parameters:
    ///   - limit: how long the asker waits; nil: as long as the module's timeout and retries.
    ///   - wantsTrace: the probe then is one of its own, with `ProbeResult.trace`.
    package func probeNow(_ id: WatchID, limit: Duration?, wantsTrace: Bool = false) async -> OnDemandOutcome {
        guard let watch = states[id]?.watch else { return .notWatched }
        guard watch.isEnabled else { return .disabled }
        let module = configuration.modules[watch.module]
        let longest = (module?.timeout ?? .seconds(10)) * ((module?.retries ?? 0) + 1) + .seconds(15)
        let patience = min(limit ?? longest, longest)
        let deadline = parts.time.now() + patience
        await checkIfDue(id, until: deadline)
        var hasJoined = false
        while !Task.isCancelled {
            guard let state = states[id] else { return .notWatched }
            guard let target = state.probeTarget, let module = configuration.modules[state.watch.module] else {
                return .done(WatchReport(state: state, now: parts.time.wallSeconds()), probe: nil)
            }
            let turn = Schedule.Key(id: id, kind: .probe)
            if schedule.isRunning(turn), !hasJoined, !wantsTrace {
                await wait(for: .turn(turn), until: deadline)
                hasJoined = true
                continue
            }
            if let known = reusable(state, patience, wantsTrace: wantsTrace) { return known }
            guard parts.time.now() < deadline else { return .late }
            if onDemandInFlight.contains(id) {
                await wait(for: .onDemand(id), until: deadline)
                continue
            }
            if let pause = pause(before: state) {
                guard parts.time.now() + pause < deadline else { return .busy }
                try? await parts.time.sleep(until: parts.time.now() + pause)
                continue
            }
            guard probesInFlight < configuration.maximumProbesInFlight else { return .busy }
            let probe = ProbeTarget(
                url: target.url, customHeaders: target.customHeaders, baselineOrigin: state.baselineOrigin)
            guard
                let made = await run(
                    probe, module, of: state, patience: patience, until: deadline, wantsTrace: wantsTrace)
            else { break }
            // What was probed may have been replaced meanwhile, or be watched no longer.
            guard let current = states[id], current.revision == made.revision else { continue }
            return shown(made, in: current)
        }
        return .late
    }

    /// The check that is due anyway (a first one, most of all) is brought forward and waited for; no other is made.
    private func checkIfDue(_ id: WatchID, until deadline: Duration) async {
        guard let state = states[id] else { return }
        let key = Schedule.Key(id: id, kind: .check)
        if !schedule.isRunning(key) {
            // Where checks are planned by the budget, what a list has confirmed is not due either.
            if let last = state.lastCheck,
                parts.time.wallSeconds() - max(last.at, state.lastConfirmed ?? 0) < state.watch.checkInterval.seconds
            {
                return
            }
            guard let turn = schedule.runNow(key, at: parts.time.now()) else { return }
            enqueue(turn)
            waker.yield()
        } else if state.observation != nil {
            // What is known goes on being probed while the API answers.
            return
        }
        await wait(for: .turn(key), until: deadline)
    }

    private func reusable(_ state: WatchState, _ patience: Duration, wantsTrace: Bool) -> OnDemandOutcome? {
        let now = parts.time.wallSeconds()
        let isYoung = { (at: Double) in (0..<Self.reuse).contains(now - at) }
        if let kept = onDemand[state.id], kept.revision == state.revision, isYoung(kept.at),
            kept.result.isSuccess || kept.shortenedTo.map({ patience <= $0 }) ?? true,
            !wantsTrace || !kept.result.trace.isEmpty
        {
            return shown(kept, in: state)
        }
        guard !wantsTrace, let last = state.lastProbe, isYoung(last.at),
            histories[state.id]?.probedRevision == state.revision
        else { return nil }
        return .done(WatchReport(state: state, now: now), probe: last.result)
    }

    /// What is left until the watch may be probed again on demand; nil: nothing.
    private func pause(before state: WatchState) -> Duration? {
        guard let kept = onDemand[state.id], kept.revision == state.revision else { return nil }
        let since = parts.time.wallSeconds() - kept.at
        return (0..<Self.spacing).contains(since) ? .seconds(Self.spacing - since) : nil
    }

    private func shown(_ probe: OnDemandProbe, in state: WatchState) -> OnDemandOutcome {
        var state = state
        state.show(probe.result, revision: probe.revision, at: probe.at)
        return .done(WatchReport(state: state, now: parts.time.wallSeconds()), probe: probe.result)
    }

    private func run(
        _ target: ProbeTarget, _ module: ProbeModule, of state: WatchState, patience: Duration,
        until deadline: Duration, wantsTrace: Bool
    ) async -> OnDemandProbe? {
        var module = module
        // Above zero, though time has gone on since that was asked.
        let limit = max(deadline - parts.time.now(), .milliseconds(1))
        let isShortened = limit < module.timeout * (module.retries + 1)
        if isShortened {
            module.timeout = min(module.timeout, limit)
            module.retries = max(Int(limit / module.timeout) - 1, 0)
        }
        onDemandInFlight.insert(state.id)
        probesInFlight += 1
        parts.observer.probesInFlight(probesInFlight)
        let result = await parts.prober.probe(target: target, module: module, wantsTrace: wantsTrace)
        probesInFlight -= 1
        parts.observer.probesInFlight(probesInFlight)
        onDemandInFlight.remove(state.id)
        defer { wake(.onDemand(state.id)) }
        // A scheduled probe may have waited for the place.
        waker.yield()
        guard let result else { return nil }
        if result.failure == .internal { logInternal(state, result) }
        let now = parts.time.wallSeconds()
        let probe = OnDemandProbe(
            at: now, result: result, revision: state.revision, shortenedTo: isShortened ? patience : nil)
        onDemand = onDemand.filter { now - $0.value.at < Self.reuse }
        onDemand[state.id] = probe
        return probe
    }

    // MARK: Waiting

    /// Returns once it has ended, at the deadline, or when the asker gives up. At once where it does not run.
    private func wait(for thing: Waitable, until deadline: Duration) async {
        switch thing {
        case .turn(let key): guard schedule.isRunning(key) else { return }
        case .onDemand(let id): guard onDemandInFlight.contains(id) else { return }
        }
        lastWaiter += 1
        let number = lastWaiter
        await withTaskGroup { group in
            // A child task: it runs where the asker's runs, so that a test's clock knows of it.
            group.addTask { [time = parts.time] in
                try? await time.sleep(until: deadline)
                await self.wake(thing, number)
            }
            await withCheckedContinuation { waiters[thing, default: [:]][number] = $0 }
            group.cancelAll()
        }
    }

    func wake(_ thing: Waitable) {
        guard let waiting = waiters.removeValue(forKey: thing) else { return }
        for continuation in waiting.values { continuation.resume() }
    }

    private func wake(_ thing: Waitable, _ number: Int) {
        waiters[thing]?.removeValue(forKey: number)?.resume()
    }
}

/// What pages show.
extension Monitor {
    /// All watches with their past, in no order.
    package var details: [WatchDetail] {
        let wall = parts.time.wallSeconds()
        return states.values.map {
            WatchDetail(report: WatchReport(state: $0, now: wall), history: histories[$0.id] ?? WatchHistory())
        }
    }

    package func detail(_ id: WatchID) async -> WatchDetail? {
        guard states[id] != nil else { return nil }
        let changes = await parts.baselines.changes(of: id, limit: 100)
        return states[id].map {
            WatchDetail(
                report: WatchReport(state: $0, now: parts.time.wallSeconds()),
                history: histories[id] ?? WatchHistory(), changes: changes)
        }
    }

    /// The names of the accounts in force.
    package var accountNames: [String] { accounts.keys.sorted() }
}
