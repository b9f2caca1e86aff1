package import Watching

/// The two kinds of turn; the raw value is the label `kind`.
package enum TurnKind: String, Sendable, Hashable, CaseIterable {
    case check, probe
}

/// When which watch's turn comes: a pure state machine over a time that is handed in.
///
/// A watch's turn of a kind comes at a fixed phase of its interval, and at most one turn of a kind of a watch runs at a
/// time: one that comes while the one before still runs is missed. Times are on one monotonic scale that the caller keeps.
package struct Schedule: Sendable {
    package struct Key: Sendable, Hashable {
        package var id: WatchID
        package var kind: TurnKind

        package init(id: WatchID, kind: TurnKind) {
            self.id = id
            self.kind = kind
        }
    }

    /// A turn to be started now.
    package struct Turn: Sendable, Hashable {
        package var key: Key
        package var due: Duration

        package init(key: Key, due: Duration) {
            self.key = key
            self.due = due
        }
    }

    private struct Entry {
        var interval: Duration
        var phase: Duration
        /// The next regular turn, nil while held.
        var next: Duration?
        var isRunning = false
        /// A turn asked for while one ran: it is due as soon as that has ended.
        var wantsAnother: Duration?
        /// Removed while it runs: known only until that has ended, so that no other one runs beside it.
        var isRemoved = false
    }

    private var entries: [Key: Entry] = [:]
    private var heap = DueHeap<Key>()

    package init() {}

    package var count: Int { entries.values.count { !$0.isRemoved } }

    /// Adds a turn, or changes the interval of one that is there; what runs goes on, and a phase that stays is kept.
    ///
    /// - Parameter first: when the first turn is due, or after when the next one of another interval; nil holds it until
    ///   `release(_:at:)`. A key that is held stays so.
    package mutating func set(_ key: Key, interval: Duration, phase: Duration, first: Duration?) {
        if var entry = entries[key], !entry.isRemoved {
            guard entry.interval != interval || entry.phase != phase else { return }
            entry.interval = interval
            entry.phase = phase
            if entry.next != nil {
                entry.next = first.map { Self.next(after: $0, interval: interval, phase: phase) }
                if let next = entry.next { heap.push(next, key) }
            }
            entries[key] = entry
        } else {
            entries[key] = Entry(
                interval: interval, phase: phase, next: first, isRunning: entries[key]?.isRunning ?? false)
            if let first { heap.push(first, key) }
        }
    }

    package mutating func remove(_ key: Key) {
        guard entries[key]?.isRunning == true else {
            entries[key] = nil
            return
        }
        hold(key)
        entries[key]?.isRemoved = true
    }

    /// Stops turns of that key until it is released; a running one ends as usual.
    package mutating func hold(_ key: Key) {
        entries[key]?.next = nil
        entries[key]?.wantsAnother = nil
    }

    /// Starts the regular turns of a held key, the first one at its phase after `now`.
    package mutating func release(_ key: Key, at now: Duration) {
        guard var entry = entries[key], !entry.isRemoved, entry.next == nil else { return }
        let next = Self.next(after: now, interval: entry.interval, phase: entry.phase)
        entry.next = next
        entries[key] = entry
        heap.push(next, key)
    }

    /// An extra turn now, or as soon as the running one has ended; the regular ones stay where they are.
    ///
    /// - Returns: the turn to start, nil where it has to wait or the key is unknown.
    package mutating func runNow(_ key: Key, at now: Duration) -> Turn? {
        guard var entry = entries[key], !entry.isRemoved else { return nil }
        defer { entries[key] = entry }
        if entry.isRunning {
            entry.wantsAnother = entry.wantsAnother ?? now
            return nil
        }
        entry.isRunning = true
        return Turn(key: key, due: now)
    }

    /// The running turn has ended.
    ///
    /// - Returns: a turn that was asked for meanwhile.
    package mutating func finished(_ key: Key, at now: Duration) -> Turn? {
        guard var entry = entries[key] else { return nil }
        guard !entry.isRemoved else {
            entries[key] = nil
            return nil
        }
        defer { entries[key] = entry }
        entry.isRunning = false
        guard let due = entry.wantsAnother else { return nil }
        entry.wantsAnother = nil
        entry.isRunning = true
        return Turn(key: key, due: due)
    }

    /// Takes what is due. Every returned turn counts as running until `finished`. A key that was away for several
    /// intervals (a suspended machine) has one turn, the others are missed.
    package mutating func takeDue(at now: Duration) -> (turns: [Turn], missed: [TurnKind: Int]) {
        var turns: [Turn] = []
        var missed: [TurnKind: Int] = [:]
        while let (due, key) = heap.first, due <= now {
            heap.removeFirst()
            // Entries that were removed, held or moved leave their old heap nodes behind.
            guard var entry = entries[key], entry.next == due else { continue }
            let next = Self.next(after: now, interval: entry.interval, phase: entry.phase)
            let skipped = Int(Self.turns(between: due, and: next, interval: entry.interval)) - 1
            if skipped > 0 { missed[key.kind, default: 0] += skipped }
            if entry.isRunning {
                missed[key.kind, default: 0] += 1
            } else {
                entry.isRunning = true
                turns.append(Turn(key: key, due: due))
            }
            entry.next = next
            entries[key] = entry
            heap.push(next, key)
        }
        return (turns, missed)
    }

    /// When `takeDue` has something next; possibly early, never late.
    package var nextDue: Duration? { heap.first?.0 }

    package func isRunning(_ key: Key) -> Bool { entries[key]?.isRunning ?? false }

    /// The first time after `now` (strictly) that lies at the phase of the interval.
    package static func next(after now: Duration, interval: Duration, phase: Duration) -> Duration {
        let step = step(interval)
        let offset = phase.nanoseconds % step
        let since = now.nanoseconds - offset
        let turn = since >= 0 ? since / step + 1 : -((-since - 1) / step)
        return .nanoseconds(offset + turn * step)
    }

    /// An interval of centuries must not lead past the end of the scale.
    private static func step(_ interval: Duration) -> Int64 { min(max(interval.nanoseconds, 1), .max / 4) }

    private static func turns(between due: Duration, and next: Duration, interval: Duration) -> Int64 {
        // A first turn may lie off the phase, so what is left over is part of a turn.
        let step = step(interval)
        return max((next.nanoseconds - due.nanoseconds + step - 1) / step, 1)
    }
}

extension Duration {
    /// Whole nanoseconds, saturating after 292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds > 0 ? .max : .min }
        let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? (seconds > 0 ? .max : .min) : sum
    }

    package var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
