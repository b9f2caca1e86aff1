import Partoo

/// What is read next, and what a read has come to.
extension CheckPlanner {
    /// Of so many reads one is the rotation's, however many have moved.
    private static let backgroundShare = 8
    /// Between two reads of a watch that was refused, where its interval is no longer.
    private static let longestRefusal = Duration.seconds(300)

    /// When there is a call to be made: `now` or earlier where there is one already; nil: not before something changes.
    package mutating func nextDue(at now: Duration) -> Duration? {
        settle(at: now)
        if urgentID() != nil { return now }
        var due = dueListing
        if freshID() != nil { return now }
        for next in [rotationDue(), failureDue()] {
            if let next { due = min(next, due ?? next) }
        }
        return due
    }

    /// Takes the call that the budget allows now.
    package mutating func take(at now: Duration) -> Call? {
        settle(at: now)
        if let due = dueListing, due <= now { return .list(page: beginPage(at: now)) }
        while let due = failureDue(), due <= now, let id = failures.first?.1 {
            failures.removeFirst()
            expedite(id, isFound: false)
        }
        if urgentReads >= Self.backgroundShare - 1, let id = background(at: now) {
            urgentReads = 0
            return begin(id)
        }
        if let id = urgentID() {
            urgent.removeFirst()
            urgentReads += 1
            return begin(id)
        }
        return background(at: now).flatMap { begin($0) }
    }

    private mutating func background(at now: Duration) -> Int? {
        if let id = freshID() {
            fresh.removeFirst()
            return id
        }
        guard let due = rotationDue(), due <= now, let id = rotation.first?.1 else { return nil }
        rotation.removeFirst()
        return id
    }

    private mutating func begin(_ id: Int) -> Call {
        .read(id, isFound: readStarted(id))
    }

    /// Follows the change from an ample budget to a short one and back.
    mutating func settle(at now: Duration) {
        if isCrowded || discoveryInterval != nil {
            listingDue = listingDue ?? now
        } else {
            (listingDue, listing) = (nil, nil)
        }
        guard isCrowded != isRotating else { return }
        isRotating.toggle()
        (fresh, rotation, failures) = (Line(), DueHeap(), DueHeap())
        guard isRotating else { return }
        for (id, watch) in watched.sorted(by: { $0.key < $1.key }) {
            switch watch.stage {
            case .fresh: fresh.append(id)
            case .rotating(let due): rotation.push(due, id)
            case .failed(let due): failures.push(due, id)
            case .urgent, .reading: break
            }
        }
    }

    // Stages change while their old places stay in line; those are passed over here.

    private mutating func urgentID() -> Int? {
        while let id = urgent.first, watched[id]?.stage != .urgent { urgent.removeFirst() }
        return urgent.first
    }

    private mutating func freshID() -> Int? {
        while let id = fresh.first, watched[id]?.stage != .fresh { fresh.removeFirst() }
        return fresh.first
    }

    private mutating func rotationDue() -> Duration? {
        while let (due, id) = rotation.first, watched[id]?.stage != .rotating(due: due) { rotation.removeFirst() }
        return rotation.first?.0
    }

    private mutating func failureDue() -> Duration? {
        while let (due, id) = failures.first, watched[id]?.stage != .failed(due: due) { failures.removeFirst() }
        return failures.first?.0
    }

    mutating func expedite(_ id: Int, isFound: Bool) {
        guard var watch = watched[id] else { return }
        watch.stage = .urgent
        watch.isFound = watch.isFound || isFound
        watched[id] = watch
        urgent.append(id)
    }

    // MARK: Reads

    /// A read begins, here or at a turn of the schedule.
    ///
    /// - Returns: whether a list has shown that there is something to be found.
    @discardableResult
    package mutating func readStarted(_ id: Int) -> Bool {
        guard var watch = watched[id] else { return false }
        watch.stage = .reading
        watch.listedAtStart = watch.listed
        watched[id] = watch
        return watch.isFound
    }

    package mutating func readEnded(_ id: Int, _ reading: Reading, at now: Duration) {
        guard var watch = watched[id] else { return }
        let next = now + watch.interval
        watch.stage = .rotating(due: next)
        switch reading {
        case .good(let updatedAt):
            watch.wasRead = true
            watch.isFound = false
            watch.settled = watch.listedAtStart
            watch.readUpdatedAt = updatedAt
        case .missing:
            watch.wasRead = false
            watch.isFound = false
        case .failed(let until): watch.stage = .failed(due: max(until, next))
        // Each refusal costs the whole account an interval, so others come first.
        case .refused: watch.stage = .failed(due: max(now + min(rotationTime, Self.longestRefusal), next))
        case .passed: if !watch.wasRead { watch.stage = .failed(due: next) }
        }
        watched[id] = watch
        if case .good = reading, let listed = watch.listed, !watch.isUnmoved(listed) {
            expedite(id, isFound: true)
            return
        }
        guard isRotating else { return }
        switch watch.stage {
        case .rotating(let due): rotation.push(due, id)
        case .failed(let due): failures.push(due, id)
        case .fresh, .urgent, .reading: break
        }
    }
}
