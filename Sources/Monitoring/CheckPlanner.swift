import Partoo

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
        /// The key, or what it may do.
        case refused
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
        /// It did since a page could not be read whole.
        package var isPartial = false
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
        /// A list has shown something that no read has answered yet, however the next one comes about.
        var isFound = false

        func isUnmoved(_ updatedAt: String) -> Bool {
            wasRead && (updatedAt == settled || readUpdatedAt != nil && ISO8601.seconds(updatedAt) == readUpdatedAt)
        }
    }

    /// The budget of this shard.
    package private(set) var perMinute: Double
    /// The organisation's webhooks are to be found at this interval; nil: none are.
    package private(set) var discoveryInterval: Duration?
    var discoveryPhase = Duration.zero
    var watched: [Int: Watched] = [:]
    private var intervals: [Duration: Int] = [:]
    var urgent = Line()
    var fresh = Line()
    var rotation = DueHeap<Int>()
    var failures = DueHeap<Int>()
    var urgentReads = 0
    var isRotating = false

    var listing: Listing?
    var isListing = false
    var pages = 1
    var listingDue: Duration?
    var pageDue = Duration.zero
    var listBackoff = Backoff()

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
    package var listInterval: Duration? { pass ?? discoveryInterval }

    /// How long a pass is to take that finds what has moved: as short as is wanted and half of the budget allows. nil: every
    /// watch is read as soon one by one.
    var pass: Duration? {
        guard isCrowded, let least = leastInterval else { return nil }
        let wanted = min(least, discoveryInterval ?? least)
        let pass = max(wanted, .seconds(Double(pages) * 60 / (perMinute / 2)))
        return pass < rotationTime ? pass : nil
    }

    /// How long it takes to read every watch once.
    var rotationTime: Duration { .seconds(Double(watched.count) * 60 / perMinute) }

    var reads: Double { intervals.reduce(0) { $0 + Double($1.value) * 60 / max($1.key.seconds, 1e-3) } }

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

    /// Adds a watch, or gives one that is there another interval; what is known of it stays.
    package mutating func set(_ id: Int, interval: Duration) {
        if let old = watched[id] {
            uncount(old.interval)
            watched[id]?.interval = interval
            if case .rotating(let due) = old.stage, interval != old.interval {
                let due = due - old.interval + interval
                watched[id]?.stage = .rotating(due: due)
                if isRotating { rotation.push(due, id) }
            }
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
}
