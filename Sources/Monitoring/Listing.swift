package import Partoo

/// One pass over the pages of a list that may move while it is read: a pure state machine.
///
/// A webhook that is deleted pulls everything behind it forward, so that one slips from a page that is still to come onto
/// one that was read already. Where the count shrinks between two pages, the pages behind are therefore read again; where
/// at the end fewer were seen than there are, all are. Entries count once, by id.
package struct Listing: Sendable {
    package enum Step: Sendable, Hashable {
        /// Ask for `page`.
        case more
        /// Everything that the list holds was seen.
        case complete
        /// The list moves too fast, or its pages do not hold what their count says.
        case incomplete
    }

    package static let perPage = 100
    private static let maximumPages = 10_000
    private static let maximumPasses = 3
    private static let maximumStepsBack = 20

    /// To be asked for next.
    package private(set) var page = 1
    /// As the last page said; nil before the first.
    package private(set) var pages: Int?
    /// Every id that was seen.
    package private(set) var ids: Set<Int> = []
    private var count: Int?
    private var passes = 1
    private var stepsBack = 0

    package init() {}

    /// The answer for `page`.
    package mutating func received(_ list: WebhookList) -> Step {
        guard list.page == page, list.maximumPage <= Self.maximumPages else { return .incomplete }
        let vanished = (count ?? list.count) - list.count
        count = list.count
        pages = max(list.maximumPage, 1)
        for entry in list.entries { ids.insert(entry.id) }
        if vanished > 0, page > 1, stepsBack < Self.maximumStepsBack {
            stepsBack += 1
            page = max(1, page - (vanished + Self.perPage - 1) / Self.perPage)
            return .more
        }
        if page < list.maximumPage {
            page += 1
            return .more
        }
        if ids.count >= list.count { return .complete }
        guard passes < Self.maximumPasses else { return .incomplete }
        passes += 1
        page = 1
        return .more
    }
}
