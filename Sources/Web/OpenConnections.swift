import NIOCore
import Synchronization

/// The connections of one listener, so that they stay few enough, and all of them can be ended and their end waited for.
final class OpenConnections: Sendable {
    private struct Member {
        var channel: any Channel
        var number: UInt64
        /// Told to make room, which it does after its answer.
        var isLeaving = false
    }

    private struct State {
        var members: [ObjectIdentifier: Member] = [:]
        var last: UInt64 = 0
        var isEnding = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Tells a connection that there is no time left.
    struct CutEvent: Sendable {}

    /// Tells a connection to make room for another.
    struct LeaveEvent: Sendable {}

    /// There is no room, and nobody leaves in time.
    struct Full: Error {}

    enum Standing {
        case welcome
        /// Too late: to be closed.
        case ending
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: above it, the oldest leaves for one that comes.
    init(limit: Int) {
        self.limit = limit
    }

    var isEnding: Bool { state.withLock { $0.isEnding } }

    /// Takes one in. Where as many are open as may be, the oldest leaves: at once if its request is not complete, or else after
    /// its answer. So whoever hoards connections pushes out his own, and one that comes is served.
    ///
    /// - Throws: `Full` where twice as many are open, since those that leave are still being answered.
    func add(_ channel: any Channel) throws(Full) -> Standing {
        let taken = state.withLock { state -> (standing: Standing, leaving: (any Channel)?)? in
            guard state.members.count < 2 * limit else { return nil }
            let leaving = Self.leaving(&state, limit)
            state.last += 1
            state.members[ObjectIdentifier(channel)] = Member(channel: channel, number: state.last)
            return (state.isEnding ? .ending : .welcome, leaving)
        }
        guard let taken else { throw Full() }
        taken.leaving?.pipeline.fireUserInboundEventTriggered(LeaveEvent())
        return taken.standing
    }

    private static func leaving(_ state: inout State, _ limit: Int) -> (any Channel)? {
        guard state.members.count >= limit else { return nil }
        let staying = state.members.filter { !$0.value.isLeaving }
        guard staying.count >= limit, let oldest = staying.min(by: { $0.value.number < $1.value.number }) else {
            return nil
        }
        state.members[oldest.key]?.isLeaving = true
        return oldest.value.channel
    }

    func remove(_ channel: any Channel) {
        let waiters = state.withLock { state in
            state.members[ObjectIdentifier(channel)] = nil
            return Self.freed(&state)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Connections without a request are closed, the others once it is answered.
    func end() { end(ChannelShouldQuiesceEvent()) }

    /// All are closed, and their tasks cancelled.
    func cut() { end(CutEvent()) }

    private func end(_ event: some Sendable) {
        let channels = state.withLock { state in
            state.isEnding = true
            return state.members.values.map(\.channel)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(event) }
    }

    /// Returns once none is left after `end` or `cut`.
    func allEnded() async {
        await withCheckedContinuation { continuation in
            let waiters = state.withLock { state in
                state.waiters.append(continuation)
                return Self.freed(&state)
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    private static func freed(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        guard state.isEnding, state.members.isEmpty else { return [] }
        defer { state.waiters = [] }
        return state.waiters
    }
}
