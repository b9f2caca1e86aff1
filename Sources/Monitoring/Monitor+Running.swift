import Watching

/// What runs for a watch or an organisation, and can be ended once what it was begun for is no longer so: another target,
/// another account or organisation, or nothing that is wanted any more. The task around it goes on.
extension Monitor {
    enum Work: Sendable, Hashable {
        case turn(Schedule.Key)
        /// The wait for an organisation's next planned call.
        case wait(OrganisationID)
        case list(OrganisationID)
    }

    struct Running: Sendable {
        var number: Int
        /// The watch's, of the target that is probed.
        var revision: Int?
        /// Finished, it ends the work without a result.
        var end: AsyncStream<Void>.Continuation
    }

    /// - Returns: what the work came to; nil where it was ended meanwhile, or the task was cancelled.
    func run<Value: Sendable>(
        _ work: Work, revision: Int? = nil, _ body: @escaping @Sendable () async -> Value?
    ) async -> Value? {
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        lastWork += 1
        let number = lastWork
        running[work] = Running(number: number, revision: revision, end: end)
        let value = await withTaskGroup(of: Value?.self) { group in
            group.addTask { await body() }
            group.addTask {
                for await _ in ended {}
                return nil
            }
            let value = await group.next() ?? nil
            group.cancelAll()
            return value
        }
        // What was ended in the moment in which it was done is of no more use either.
        guard running[work]?.number == number else { return nil }
        running[work] = nil
        return value
    }

    func end(_ work: Work) {
        running.removeValue(forKey: work)?.end.finish()
    }

    /// Ends the watch's probe where its target is no longer what is observed: nobody counts it, and the next one would have
    /// to wait for it.
    func endSupersededProbe(of id: WatchID) {
        let probe = Work.turn(Schedule.Key(id: id, kind: .probe))
        guard let running = running[probe], running.revision != states[id]?.revision else { return }
        end(probe)
    }

    /// Ends both kinds of a watch's turns.
    func endTurns(of id: WatchID) {
        for kind in TurnKind.allCases { end(.turn(Schedule.Key(id: id, kind: kind))) }
    }

    /// Has a check that runs, or waits for the budget, begin anew: it asks with another key, elsewhere, or for another
    /// organisation than it would now.
    func restartCheck(of id: WatchID) {
        let check = Schedule.Key(id: id, kind: .check)
        guard running[.turn(check)] != nil else { return }
        end(.turn(check))
        // It still counts as running, so that the next one comes as soon as it has ended.
        _ = schedule.runNow(check, at: parts.time.now())
    }

    /// Has all that an account asks for at the moment begin anew.
    func restartCalls(of account: String) {
        for work in running.keys {
            switch work {
            case .wait(let id) where id.account == account, .list(let id) where id.account == account: end(work)
            case .turn(let key) where key.id.account == account && key.kind == .check: restartCheck(of: key.id)
            default: break
            }
        }
    }
}
