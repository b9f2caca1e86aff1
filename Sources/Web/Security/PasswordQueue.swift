import NIOCore
import Synchronization
import Transport

/// Whose password is worked through: one at a time, and the others in the order in which they came.
///
/// Few may wait, since each holds a connection for as long, and hashes are slow on purpose: so no crowd of wrong passwords takes
/// the room of those whose password is known. Where no place is left, the last one of the network that has the most of them
/// has none: so each network gets its turn in the end, however many another one sends.
final class PasswordQueue: Sendable {
    private struct Waiter {
        var number: UInt64
        var network: ClientNetwork?
        /// Resumed with whether its turn has come.
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var isBusy = false
        /// The oldest first.
        var waiters: [Waiter] = []
        var last: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: so many wait at most.
    init(limit: Int = 16) {
        self.limit = limit
    }

    /// - Returns: what the work does, which is done when its turn has come; nil, without that, where there is no place for
    ///   it, or its task is cancelled while it waits.
    func inTurn<Value: Sendable>(of network: ClientNetwork?, _ work: () async -> Value) async -> Value? {
        guard await turn(of: network) else { return nil }
        defer { endTurn() }
        return await work()
    }

    private func turn(of network: ClientNetwork?) async -> Bool {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { enter(Waiter(number: number, network: network, continuation: $0)) }
        } onCancel: {
            leave(number)
        }
    }

    private func enter(_ waiter: Waiter) {
        let told = state.withLock { state -> (waiter: Waiter, isTurn: Bool)? in
            // Asked under the lock: whoever is cancelled later is found waiting.
            guard !Task.isCancelled else { return (waiter, false) }
            guard state.isBusy else {
                state.isBusy = true
                return (waiter, true)
            }
            state.waiters.append(waiter)
            guard state.waiters.count > limit else { return nil }
            return (state.waiters.remove(at: Self.superfluous(state.waiters)), false)
        }
        if let told { told.waiter.continuation.resume(returning: told.isTurn) }
    }

    /// The last one of a network that has the most places; of several, it is the network of the last who came.
    private static func superfluous(_ waiters: [Waiter]) -> Int {
        let places = Dictionary(waiters.map { ($0.network, 1) }, uniquingKeysWith: +)
        let most = places.values.max()
        return waiters.lastIndex { places[$0.network] == most } ?? waiters.endIndex - 1
    }

    private func leave(_ number: UInt64) {
        let waiter = state.withLock { state in
            state.waiters.firstIndex { $0.number == number }.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: false)
    }

    private func endTurn() {
        let next = state.withLock { state -> Waiter? in
            state.isBusy = !state.waiters.isEmpty
            return state.isBusy ? state.waiters.removeFirst() : nil
        }
        next?.continuation.resume(returning: true)
    }
}

/// What a client's address tells of whose it is: all of an IPv4 address, the first half of an IPv6 one, whose other half is
/// mostly its owner's to choose.
struct ClientNetwork: Sendable, Hashable {
    private let bytes: [UInt8]

    init(_ address: IPAddress) {
        // `::ffff:0:0/96`: IPv4 where one socket takes both.
        let isMapped = address.bytes.starts(with: [UInt8](repeating: 0, count: 10) + [0xff, 0xff])
        bytes = isMapped ? address.bytes.suffix(4) : Array(address.bytes.prefix(8))
    }

    /// nil where the client is gone already.
    init?(_ address: SocketAddress?) {
        guard let address = address?.ipAddress.flatMap({ IPAddress($0) }) else { return nil }
        self.init(address)
    }
}
