package import Partoo

/// Lists: which configurations a page confirms, which have moved, and which are gone.
extension CheckPlanner {
    /// A list that costs more than it saves is looked at again after so long.
    private static let reconsiderAfter = Duration.seconds(1800)

    var dueListing: Duration? {
        guard !isListing, let listingDue else { return nil }
        return listing == nil ? listingDue : pageDue
    }

    mutating func beginPage(at now: Duration) -> Int {
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

    private func nextListing(after begun: Duration) -> Duration {
        guard let listInterval else { return begun + Self.reconsiderAfter }
        guard listInterval == discoveryInterval else { return begun + listInterval }
        return Schedule.next(after: begun, interval: listInterval, phase: discoveryPhase)
    }

    /// The pages of a pass are spread over it, so that a change is found as soon on the last page as on the first.
    private var pageSpacing: Duration {
        if let pass { return pass / pages }
        return .seconds(60 / max(perMinute - reads, perMinute / 10))
    }

    /// A page has come.
    package mutating func listed(_ list: WebhookList, at now: Duration) -> Sighting {
        isListing = false
        guard var current = listing else { return Sighting() }
        // The only copy of what it has gathered.
        listing = nil
        var sighting = Sighting()
        for entry in list.entries { see(entry, &sighting) }
        let step = current.received(list)
        if list.maximumPage != nil { pages = current.pages ?? pages }
        if listInterval == nil {
            // As is known now, reading one by one is quicker than this list.
            listingDue = now + Self.reconsiderAfter
            return sighting
        }
        switch step {
        case .more:
            listing = current
            pageDue = max(pageDue + pageSpacing, now - pageSpacing)
        case .incomplete:
            sighting.isFailed = true
            sighting.isPartial = current.isPartial
        case .complete:
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
        guard let updatedAt = entry.updatedAt else { return }
        if watch.isUnmoved(updatedAt) {
            if watch.stage != .reading { sighting.confirmed.append(entry.id) }
            return
        }
        // The never read have their own line, the failed their own time, and what is read now is compared at its end.
        switch watch.stage {
        case .rotating: expedite(entry.id, isFound: true)
        case .failed: watched[entry.id]?.isFound = watch.wasRead
        case .fresh, .urgent, .reading: break
        }
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
