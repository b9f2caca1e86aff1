package import Partoo

/// What the next call of one organisation is for: a pure state machine over a time that is handed in.
///
/// Where the budget suffices to read every watch at its interval, their turns are the schedule's, and only listing and what
/// a list found is planned here. Where it does not (the organisation is crowded), list pages find the configurations whose
/// `updated_at` has moved. Those are read first, then the ones that were never read, then all others in a rotation.
/// Lists take at most half of the budget; of the reads, one in eight is the rotation's however many have moved.
package struct CheckPlanner: Sendable {
    package enum Call: Sendable, Hashable {
        /// - isFound: because of what a list has shown.
        case read(Int, isFound: Bool)
        case list(page: Int)
    }

    /// What a read came to.
    package enum Reading: Sendable, Hashable {
        case good(updatedAt: Double?)
        case missing
        /// - until: not again before.
        case failed(until: Duration)
        /// No call was made.
        case passed
    }

    /// What a page of the list has shown.
    package struct Sighting: Sendable, Hashable {
        /// Not moved since they were read.
        package var confirmed: [Int] = []
        /// Set with the page that made the list whole.
        package var isComplete = false
        /// Where it is: all that it holds, watched or not, and the watches that it does not hold.
        package var ids: Set<Int> = []
        package var absent: [Int] = []
        /// The listing came to nothing.
        package var isFailed = false
    }

    enum Stage: Sendable, Hashable {
        case fresh, urgent, reading
        /// Since the last read.
        case rotating(due: Duration)
        /// A read failed.
        case failed(due: Duration)
    }

    struct Watched: Sendable {
        var interval: Duration
        var stage = Stage.fresh
        var wasRead = false
        /// `updated_at` of the last list.
        var listed: String?
        /// `listed` when the read that runs began.
        var listedAtStart: String?
        /// `listed` when the last good read began: as long as the list says so, that read still holds.
        var settled: String?
        /// `updated_at` of the last good read.
        var readUpdatedAt: Double?
        /// A complete list was without it, which was looked into.
        var isAbsent = false
        /// It is to be read because of what a list has shown.
        var isFound = false

        func isUnmoved(_ updatedAt: String) -> Bool {
            wasRead && (updatedAt == settled || readUpdatedAt != nil && ISO8601.seconds(updatedAt) == readUpdatedAt)
        }
    }

    private static let backgroundShare = 8
    /// A list that costs more than it saves is looked at again after so long.
    private static let reconsiderAfter = Duration.seconds(1800)

    /// The budget of this shard.
    package private(set) var perMinute: Double
    /// The organisation's webhooks are to be found at this interval; nil: none are.
    package private(set) var discoveryInterval: Duration?
    private var discoveryPhase = Duration.zero
    private var watched: [Int: Watched] = [:]
    private var intervals: [Duration: Int] = [:]
    private var urgent = Line()
    private var fresh = Line()
    private var rotation = DueHeap<Int>()
    private var failures = DueHeap<Int>()
    private var urgentReads = 0
    private var isRotating = false

    private var listing: Listing?
    private var isListing = false
    private var pages = 1
    private var listingDue: Duration?
    private var pageDue = Duration.zero
    private var listBackoff = Backoff()

    package init(perMinute: Double) {
        self.perMinute = perMinute
    }

    // MARK: What there is

    package var ids: some Sequence<Int> { watched.keys }

    /// The shortest interval of a watch; nil where there is none.
    package var leastInterval: Duration? { intervals.keys.min() }

    /// Whether reading every watch at its interval, and listing for discovery, is more than the budget.
    package var isCrowded: Bool { demand > perMinute + 1e-9 }

    /// How long one pass over the list is to take; nil: nothing is listed, since that saves nothing.
    package var listInterval: Duration? {
        guard isCrowded, let least = leastInterval else { return discoveryInterval }
        let pass = max(least, .seconds(Double(pages) * 60 / (perMinute / 2)))
        let rotation = Duration.seconds(Double(watched.count) * 60 / perMinute)
        guard pass < rotation else { return discoveryInterval }
        return min(pass, discoveryInterval ?? pass)
    }

    private var reads: Double { intervals.reduce(0) { $0 + Double($1.value) * 60 / max($1.key.seconds, 1e-3) } }

    private var demand: Double {
        reads + (discoveryInterval.map { Double(pages) * 60 / max($0.seconds, 1e-3) } ?? 0)
    }

    package mutating func change(perMinute: Double) {
        self.perMinute = perMinute
    }

    /// - Parameters:
    ///   - phase: where in the interval a listing begins.
    ///   - first: when the first one does.
    package mutating func discover(every interval: Duration?, phase: Duration = .zero, first: Duration = .zero) {
        guard interval != discoveryInterval else { return }
        discoveryInterval = interval
        discoveryPhase = phase
        if interval != nil { listingDue = min(first, listingDue ?? first) }
    }

    package mutating func set(_ id: Int, interval: Duration) {
        if let old = watched[id]?.interval {
            guard old != interval else { return }
            uncount(old)
            watched[id]?.interval = interval
        } else {
            watched[id] = Watched(interval: interval)
            if isRotating { fresh.append(id) }
        }
        intervals[interval, default: 0] += 1
    }

    package mutating func remove(_ id: Int) {
        guard let old = watched.removeValue(forKey: id) else { return }
        uncount(old.interval)
    }

    private mutating func uncount(_ interval: Duration) {
        guard let count = intervals[interval] else { return }
        intervals[interval] = count > 1 ? count - 1 : nil
    }

    // MARK: What is next

    /// When there is a call to be made: `now` or earlier where there is one already; nil: not before something changes.
    package mutating func nextDue(at now: Duration) -> Duration? {
        settle(at: now)
        if urgentID() != nil { return now }
        var due = dueListing
        guard isRotating else { return due }
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
        let isBackgroundsTurn = isRotating && urgentReads >= Self.backgroundShare - 1
        if isBackgroundsTurn, let id = background(at: now) {
            urgentReads = 0
            return begin(id)
        }
        if let id = urgentID() {
            urgent.removeFirst()
            urgentReads += 1
            return begin(id)
        }
        return isRotating ? background(at: now).flatMap { begin($0) } : nil
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
        let isFound = watched[id]?.isFound ?? false
        readStarted(id)
        return .read(id, isFound: isFound)
    }

    /// Follows the change from an ample budget to a short one and back.
    private mutating func settle(at now: Duration) {
        if listInterval != nil {
            listingDue = listingDue ?? now
        } else if !isCrowded {
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

    private mutating func expedite(_ id: Int, isFound: Bool) {
        guard var watch = watched[id], watch.stage != .urgent, watch.stage != .reading else { return }
        watch.stage = .urgent
        watch.isFound = isFound
        watched[id] = watch
        urgent.append(id)
    }

    // MARK: Reads

    /// A read begins, here or at a turn of the schedule.
    package mutating func readStarted(_ id: Int) {
        guard var watch = watched[id] else { return }
        watch.stage = .reading
        watch.listedAtStart = watch.listed
        watch.isFound = false
        watched[id] = watch
    }

    package mutating func readEnded(_ id: Int, _ reading: Reading, at now: Duration) {
        guard var watch = watched[id] else { return }
        let next = now + watch.interval
        watch.stage = .rotating(due: next)
        switch reading {
        case .good(let updatedAt):
            watch.wasRead = true
            watch.settled = watch.listedAtStart
            watch.readUpdatedAt = updatedAt
        case .missing: watch.wasRead = false
        case .failed(let until): watch.stage = .failed(due: max(until, next))
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

    // MARK: Lists

    private var dueListing: Duration? {
        guard !isListing, let listingDue else { return nil }
        return listing == nil ? listingDue : pageDue
    }

    private mutating func beginPage(at now: Duration) -> Int {
        if listing == nil {
            listing = Listing()
            // A fixed pace, unless it fell behind: then no hurry makes up for it.
            let begun = max(listingDue ?? now, now - .seconds(1))
            listingDue = nextListing(after: begun)
            pageDue = begun
        }
        isListing = true
        return listing?.page ?? 1
    }

    private func nextListing(after begun: Duration) -> Duration? {
        guard let listInterval else { return isCrowded ? begun + Self.reconsiderAfter : nil }
        guard listInterval == discoveryInterval else { return begun + listInterval }
        return Schedule.next(after: begun, interval: listInterval, phase: discoveryPhase)
    }

    /// The pages of a pass are spread over it, so that a change is found as soon on the last page as on the first.
    private var pageSpacing: Duration {
        if isCrowded, let listInterval, listInterval != discoveryInterval { return listInterval / pages }
        return .seconds(60 / max(perMinute - reads, perMinute / 10))
    }

    /// A page has come.
    package mutating func listed(_ list: WebhookList, at now: Duration) -> Sighting {
        isListing = false
        guard var current = listing else { return Sighting() }
        var sighting = Sighting()
        for entry in list.entries { see(entry, &sighting) }
        let step = current.received(list)
        listing = current
        pages = max(list.maximumPage, 1)
        if listInterval == nil {
            // As is known now, reading one by one is quicker than this list.
            listing = nil
            listingDue = isCrowded ? now + Self.reconsiderAfter : nil
            return sighting
        }
        switch step {
        case .more: pageDue = max(pageDue + pageSpacing, now - pageSpacing)
        case .incomplete:
            listing = nil
            sighting.isFailed = true
        case .complete:
            listing = nil
            listBackoff.succeeded()
            sighting.isComplete = true
            sighting.ids = current.ids
            noteAbsence(from: current.ids, &sighting)
        }
        return sighting
    }

    private mutating func see(_ entry: WebhookList.Entry, _ sighting: inout Sighting) {
        guard var watch = watched[entry.id] else { return }
        if watch.isAbsent || watch.listed != entry.updatedAt {
            watch.isAbsent = false
            watch.listed = entry.updatedAt
            watched[entry.id] = watch
        }
        if watch.isUnmoved(entry.updatedAt) {
            if watch.stage != .reading { sighting.confirmed.append(entry.id) }
            return
        }
        // The never read have their own line, the failed their own time, and what is read now is compared at its end.
        if case .rotating = watch.stage { expedite(entry.id, isFound: true) }
    }

    private mutating func noteAbsence(from ids: Set<Int>, _ sighting: inout Sighting) {
        for id in watched.keys.filter({ !ids.contains($0) }).sorted() {
            sighting.absent.append(id)
            // A read that runs may have begun before it went; the next list tells.
            guard let watch = watched[id], !watch.isAbsent, watch.stage != .reading else { continue }
            watched[id]?.isAbsent = true
            if case .rotating = watch.stage { expedite(id, isFound: true) }
        }
    }

    /// The page was not asked for after all.
    package mutating func listPassed(at now: Duration) {
        isListing = false
        pageDue = now + .seconds(1)
        if listing?.pages == nil {
            listing = nil
            listingDue = pageDue
        }
    }

    /// A page could not be had. Nothing follows from what was listed before it.
    package mutating func listFailed(at now: Duration, using generator: inout some RandomNumberGenerator) {
        isListing = false
        listing = nil
        guard let interval = listInterval else { return }
        let delay = listBackoff.failed(interval: min(interval, .seconds(60)), using: &generator)
        listingDue = min(now + delay, listingDue ?? now + delay)
    }
}

/// First in, first out, without moving what stays.
private struct Line: Sendable {
    private var items: [Int] = []
    private var start = 0

    var first: Int? { start < items.count ? items[start] : nil }

    mutating func append(_ id: Int) {
        items.append(id)
    }

    mutating func removeFirst() {
        start += 1
        if start > 64, start > items.count / 2 {
            items.removeFirst(start)
            start = 0
        }
    }
}
