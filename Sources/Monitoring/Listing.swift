package import Partoo

/// One pass over the pages of a list that may move while it is read: a pure state machine.
///
/// A webhook that is deleted pulls everything behind it forward, so that one slips from a page that is still to come onto
/// one that was read already. Where the count shrinks between two pages, the pages behind are therefore read again; where
/// at the end fewer were seen than there are, all are. Entries count once, by id. An API that counts some twice is believed
/// where no moving can have brought that about: where they stand on one page, or where the whole list is the same again.
package struct Listing: Sendable {
    package enum Step: Sendable, Hashable {
        /// Ask for `page`.
        case more
        /// Everything that the list holds was seen.
        case complete
        /// The list moves too fast, its pages do not hold what their count says, they cannot be read whole, or there are too
        /// many of them.
        case incomplete
    }

    package static let perPage = 100
    private static let maximumPages = 10_000
    /// Of one pass.
    private static let maximumEntries = maximumPages * perPage
    private static let maximumPasses = 3
    private static let maximumStepsBack = 20

    /// To be asked for next.
    package private(set) var page = 1
    /// As the last page said; nil before the first.
    package private(set) var pages: Int?
    /// Every id that was seen.
    package private(set) var ids: Set<Int> = []
    /// A page held what could not be read, so that nobody knows what the list holds.
    package private(set) var isPartial = false
    private var count: Int?
    private var pass = Pass()
    private var previous: Pass?
    private var passes = 1
    private var stepsBack = 0

    private struct Pass: Equatable {
        var ids: Set<Int> = []
        var entries = 0
        /// How many of them stood on one page with another one of the same id, since the list has last shrunk.
        var doubles = 0
        /// All pages had the same count, and each of them something new.
        var isSteady = true
    }

    package init() {}

    /// The answer for `page`.
    package mutating func received(_ list: WebhookList) -> Step {
        let maximumPage = list.maximumPage ?? page
        guard list.page ?? page == page, maximumPage <= Self.maximumPages,
            max(pass.entries + list.entries.count, list.count ?? 0) <= Self.maximumEntries
        else { return .incomplete }
        if list.page == nil || list.maximumPage == nil || list.count == nil || list.unreadable > 0 { isPartial = true }
        let vanished = (count ?? list.count ?? 0) - (list.count ?? count ?? 0)
        count = list.count ?? count
        pages = max(maximumPage, 1)
        let shown = Set(list.entries.map(\.id))
        ids.formUnion(shown)
        if vanished != 0 || shown.isSubset(of: pass.ids) { pass.isSteady = false }
        if vanished > 0 {
            pass.doubles = 0
            if page > 1, stepsBack < Self.maximumStepsBack {
                stepsBack += 1
                page = max(1, page - (vanished + Self.perPage - 1) / Self.perPage)
                return .more
            }
        }
        pass.ids.formUnion(shown)
        pass.entries += list.entries.count
        pass.doubles += list.entries.count - shown.count
        if page < maximumPage {
            page += 1
            return .more
        }
        guard !isPartial, let count else { return .incomplete }
        if ids.count + pass.doubles >= count { return .complete }
        if pass.isSteady, pass.entries == count, pass == previous { return .complete }
        guard passes < Self.maximumPasses else { return .incomplete }
        passes += 1
        page = 1
        previous = pass
        pass = Pass()
        return .more
    }
}
