import ConfigurationFile
import Monitoring
import Partoo
import TestSupport
import Testing
import Watching

/// Lists that move while they are read, and what they bring in.
@Suite(.ownThread) struct ListingTests {
    private func page(_ number: Int, of ids: [Int], eventType: String = "business_created") -> WebhookList {
        WebhookList(
            page: number, maximumPage: max(1, (ids.count + 99) / 100), count: ids.count,
            entries: ids.dropFirst((number - 1) * 100).prefix(100).map {
                WebhookList.Entry(id: $0, eventType: eventType, updatedAt: "2026-01-01T00:00:00Z")
            })
    }

    @Test func aListThatStandsStillIsReadOnce() {
        var listing = Listing()
        let ids = Array(1...250)
        #expect(listing.received(page(1, of: ids)) == .more)
        #expect(listing.received(page(2, of: ids)) == .more)
        #expect(listing.page == 3)
        #expect(listing.received(page(3, of: ids)) == .complete)
        #expect(listing.ids == Set(ids))
    }

    @Test func anEmptyListIsComplete() {
        var listing = Listing()
        #expect(listing.received(page(1, of: [])) == .complete)
        #expect(listing.ids.isEmpty)
    }

    @Test func aShrinkingListIsReadAgainFromThePageBefore() {
        var listing = Listing()
        var ids = Array(1...250)
        #expect(listing.received(page(1, of: ids)) == .more)
        ids.removeFirst(10)
        #expect(listing.received(page(2, of: ids)) == .more)
        #expect(listing.page == 1)
        for _ in 1...2 { #expect(listing.received(page(listing.page, of: ids)) == .more) }
        #expect(listing.received(page(3, of: ids)) == .complete)
        #expect(listing.ids.isSuperset(of: ids))
    }

    @Test(arguments: [150, 200])
    func whatIsLackingAtTheEndIsLookedForAgainButNotForEver(count: Int) {
        var listing = Listing()
        var calls = 0
        var step = Listing.Step.more
        while step == .more, calls < 100 {
            calls += 1
            // Shows the same hundred on every page.
            var list = page(1, of: Array(1...count))
            list.page = listing.page
            step = listing.received(list)
        }
        #expect(step == .incomplete)
        #expect(calls == 6)
    }

    @Test func anotherPageThanAskedForIsNoList() {
        var listing = Listing()
        #expect(listing.received(page(2, of: Array(1...150))) == .incomplete)
    }

    @Test func asManyPagesBackAsMayHaveSlipped() {
        for (gone, page) in [(1, 2), (100, 2), (101, 1), (1000, 1)] {
            var listing = Listing()
            var ids = Array(1...1500)
            for number in 1...2 { #expect(listing.received(self.page(number, of: ids)) == .more) }
            ids.removeFirst(gone)
            #expect(listing.received(self.page(3, of: ids)) == .more)
            #expect(listing.page == page, "\(gone)")
        }
    }

    /// There is nothing before the first page that could have been missed.
    @Test func aListThatShrinksBeforeASecondPassGoesOn() {
        var listing = Listing()
        #expect(listing.received(page(1, of: Array(1...250))) == .more)
        for number in 2...3 {
            var list = page(number, of: Array(1...250))
            list.entries = []
            #expect(listing.received(list) == .more)
        }
        #expect(listing.page == 1)
        #expect(listing.received(page(1, of: Array(1...240))) == .more)
        #expect(listing.page == 2)
    }

    @Test func aListThatNeverStopsShrinkingIsNotFollowedForEver() {
        var listing = Listing()
        var ids = Array(1...190)
        var calls = 0
        var step = Listing.Step.more
        while step == .more, calls < 100 {
            if listing.page == 2 { ids.removeLast() }
            step = listing.received(page(listing.page, of: ids))
            calls += 1
        }
        #expect(step == .complete && calls == 42, "\(calls)")
    }

    @Test(arguments: [(10_000, Listing.Step.more), (10_001, .incomplete)])
    func aListIsOfAtMostAMillion(pages: Int, step: Listing.Step) {
        var list = page(1, of: Array(1...100))
        list.maximumPage = pages
        list.count = pages * 100
        var listing = Listing()
        #expect(listing.received(list) == step)
    }

    /// However few pages they come on.
    @Test(arguments: [(1_000_000, Listing.Step.complete), (1_000_001, .incomplete)])
    func aPageIsOfAtMostAMillion(count: Int, step: Listing.Step) {
        var list = page(1, of: [])
        list.entries = (1...count).map { WebhookList.Entry(id: $0, eventType: nil, updatedAt: nil) }
        list.count = count
        var listing = Listing()
        #expect(listing.received(list) == step)
    }

    @Test func noCountIsTooMuch() {
        for counts in [[.max, 0], [0, .max], [.max, .max], [1_000_001, 1]] {
            var listing = Listing()
            let steps = counts.enumerated().map { index, count in
                listing.received(WebhookList(page: index + 1, maximumPage: 2, count: count, entries: []))
            }
            #expect(steps.contains(.incomplete))
        }
    }

    @Test func nobodyIsLostHoweverAListMoves() {
        var random = SplitMix(state: 11)
        for _ in 0..<200 {
            var ids = Array(1...Int.random(in: 1...600, using: &random))
            var listing = Listing()
            var step = Listing.Step.more
            while step == .more {
                step = listing.received(page(listing.page, of: ids))
                if Bool.random(using: &random), !ids.isEmpty {
                    let doomed = Int.random(in: 1...min(ids.count, 30), using: &random)
                    for _ in 0..<doomed { ids.remove(at: Int.random(in: 0..<ids.count, using: &random)) }
                }
                // Those that are there from beginning to end are seen, if the list is called whole.
                if step == .complete { #expect(listing.ids.isSuperset(of: ids)) }
            }
        }
    }

    @Test func whatStandsTwiceOnAPageIsCountedTwice() {
        var small = Listing()
        #expect(small.received(page(1, of: [1, 2, 2, 3])) == .complete)
        #expect(small.ids == [1, 2, 3])
        var listing = Listing()
        let rows = Array(1...50) + Array(50...160) + [160, 160] + Array(161...250)
        for number in 1...2 { #expect(listing.received(page(number, of: rows)) == .more) }
        #expect(listing.received(page(3, of: rows)) == .complete)
    }

    /// Where a page ends between the two, that may as well be a list that moves: then the second time tells.
    @Test func whatStandsTwiceOnTwoPagesIsLookedAtAgain() {
        var listing = Listing()
        let rows = Array(1...100) + Array(100...250)
        for number in [1, 2, 3, 1, 2] { #expect(listing.received(page(number, of: rows)) == .more) }
        #expect(listing.received(page(3, of: rows)) == .complete)
        #expect(listing.ids == Set(1...250))
    }

    /// In what it holds, or in how many there are.
    @Test(arguments: [Array(1...99) + Array(101...150) + [101, 99], Array(1...100) + Array(100...150) + [99]])
    func aListThatDiffersTheSecondTimeIsNotTheSameAgain(second: [Int]) {
        var listing = Listing()
        let first = Array(1...100) + Array(100...150)
        for number in 1...2 { #expect(listing.received(page(number, of: first)) == .more) }
        for number in 1...2 { #expect(listing.received(page(number, of: second)) == .more) }
        #expect(listing.page == 1)
    }

    @Test func whatIsReadAgainDoesNotStandTwice() {
        var listing = Listing()
        var rows = Array(1...150) + Array(146...250)
        let answer = { (number: Int) in
            var list = self.page(number, of: rows)
            list.count? += 5
            return list
        }
        for number in 1...2 { #expect(listing.received(answer(number)) == .more) }
        rows.removeFirst()
        #expect(listing.received(answer(3)) == .more && listing.page == 2)
        #expect(listing.received(answer(2)) == .more)
        // Five more are lacking than stand twice.
        #expect(listing.received(answer(3)) == .more && listing.page == 1)
    }

    @Test func nobodyIsLostWhereSomeStandTwiceEither() {
        var random = SplitMix(state: 23)
        var completed = 0
        for _ in 0..<400 {
            var rows: [Int] = []
            for id in 1...Int.random(in: 1...600, using: &random) {
                rows += Array(repeating: id, count: Int.random(in: 0..<20, using: &random) == 0 ? 2 : 1)
            }
            var listing = Listing()
            var step = Listing.Step.more
            while step == .more {
                step = listing.received(page(listing.page, of: rows))
                if Int.random(in: 0..<4, using: &random) == 0 {
                    for _ in 0..<Int.random(in: 1...10, using: &random) {
                        guard let doomed = rows.randomElement(using: &random) else { break }
                        rows.removeAll { $0 == doomed }
                    }
                }
                if step == .complete {
                    completed += 1
                    #expect(listing.ids.isSuperset(of: rows))
                }
            }
        }
        #expect(completed > 300, "\(completed)")
    }

    // MARK: What cannot be read

    @Test func aListThatDoesNotTellItsNumbersIsNeverWhole() {
        for number in [\WebhookList.page, \.maximumPage, \.count] {
            var listing = Listing()
            var list = page(1, of: [1, 2])
            list[keyPath: number] = nil
            #expect(listing.received(list) == .incomplete)
            #expect(listing.ids == [1, 2] && listing.isPartial && listing.pages == 1)
        }
    }

    @Test func aListOfWhichAnItemCannotBeReadIsReadToItsEnd() {
        var listing = Listing()
        var first = page(1, of: Array(1...150))
        (first.entries, first.unreadable) = (first.entries.dropLast(), 1)
        #expect(listing.received(first) == .more)
        #expect(listing.received(page(2, of: Array(1...150))) == .incomplete)
        #expect(listing.ids.count == 149 && listing.isPartial)
        // However many there are: who is there without an id is nobody knows whom.
        var other = Listing()
        var list = page(1, of: [1, 2, 3])
        (list.count, list.unreadable) = (3, 1)
        #expect(other.received(list) == .incomplete)
    }

    @Test func aTypeThatIsNotToldIsNotOneThatIsWanted() {
        var entry = WebhookList.Entry(id: 1, eventType: nil, updatedAt: nil)
        for (types, adopted) in [([], [1]), (["business_created"], [])] as [([String], [Int])] {
            let settings = DiscoverySettings(eventTypes: types)
            var discovery = Discovery(account: "a", settings: settings, defaults: WatchDefaults())
            #expect(discovery.listed([entry], in: nil) == adopted)
            // Never a reason to drop one that is watched.
            entry.eventType = "business_created"
            _ = discovery.listed([entry], in: nil)
            entry.eventType = nil
            #expect(discovery.listed([entry], in: nil).isEmpty && discovery.watches.count == 1)
        }
    }

    /// A list may be read only since it saves reads.
    @Test(arguments: [([7], 42), ([7], nil), ([], 42)] as [([Int], Int?)])
    func anotherOrganisationsListBringsInNobody(orgIDs: [Int], listed: Int?) {
        let settings = DiscoverySettings(orgIDs: orgIDs, maximumWebhooks: 1)
        var discovery = Discovery(account: "a", settings: settings, defaults: WatchDefaults())
        #expect(discovery.listed(page(1, of: [1, 2]).entries, in: listed).isEmpty && discovery.watches.isEmpty)
        discovery.completed(listed, ids: [1, 2], at: 10) { _ in true }
        #expect(discovery.report == DiscoveryReport())
        #expect(discovery.listed(page(1, of: [3]).entries, in: orgIDs.first) == [3])
    }

    @Test func whatIsWatchedByNameTakesNobodysPlace() {
        let settings = DiscoverySettings(maximumWebhooks: 2)
        var discovery = Discovery(account: "a", settings: settings, defaults: WatchDefaults())
        discovery.redefine(settings, defaults: WatchDefaults(), configured: [1, 2, 3])
        #expect(discovery.listed(page(1, of: [1, 2, 3]).entries, in: nil) == [1, 2, 3])
        #expect(!discovery.report.isTruncated)
        #expect(discovery.listed(page(1, of: [1, 2, 3, 4, 5]).entries, in: nil) == [4, 5])
        #expect(!discovery.report.isTruncated)
        #expect(discovery.listed(page(1, of: [6, 7]).entries, in: nil).isEmpty)
        #expect(discovery.report.isTruncated)
    }

    @Test func discoveryAdmitsByTypeAndUpToItsBound() {
        var settings = DiscoverySettings(eventTypes: ["business_created"], maximumWebhooks: 3)
        var discovery = Discovery(account: "a", settings: settings, defaults: WatchDefaults())
        #expect(discovery.listed(page(1, of: [1, 2]).entries, in: nil) == [1, 2])
        #expect(discovery.listed(page(1, of: [7], eventType: "lead_received").entries, in: nil).isEmpty)
        #expect(discovery.listed(page(1, of: [-3, 0, 1]).entries, in: nil).isEmpty)
        discovery.completed(nil, ids: [1, 2, 7], at: 10) { _ in true }
        #expect(discovery.report == DiscoveryReport(lastSuccess: 10, isTruncated: false))
        #expect(discovery.listed(page(1, of: [1, 2, 3, 4]).entries, in: nil) == [3])
        #expect(discovery.report.isTruncated)
        discovery.completed(nil, ids: [1, 2, 3, 4], at: 20) { _ in true }
        #expect(discovery.report == DiscoveryReport(lastSuccess: 20, isTruncated: true))
        // Gone from the list is not forgotten, and another filter drops nobody.
        settings.eventTypes = ["lead_received"]
        discovery.redefine(settings, defaults: WatchDefaults())
        discovery.completed(nil, ids: [1], at: 30) { _ in true }
        #expect(discovery.watches.map(\.id.webhookID) == [1, 2, 3])
        #expect(!discovery.report.isTruncated)
        discovery.forget(2)
        #expect(discovery.watches.map(\.id.webhookID) == [1, 3])
        #expect(discovery.watches.allSatisfy { $0.source == .discovered && $0.orgID == nil })
    }

    @Test func organisationsHaveTheirOwnListsAndLeaveWithThem() {
        var settings = DiscoverySettings(orgIDs: [1, 2])
        var discovery = Discovery(account: "a", settings: settings, defaults: WatchDefaults())
        _ = discovery.listed(page(1, of: [10]).entries, in: 1)
        _ = discovery.listed(page(1, of: [20]).entries, in: 2)
        discovery.completed(1, ids: [10], at: 5) { _ in true }
        #expect(discovery.report.lastSuccess == nil)
        discovery.completed(2, ids: [20], at: 6) { _ in true }
        #expect(discovery.report.lastSuccess == 5)
        #expect(discovery.watches.map(\.orgID) == [1, 2])
        settings.orgIDs = [2]
        discovery.redefine(settings, defaults: WatchDefaults())
        #expect(discovery.watches.map(\.id.webhookID) == [20])
    }

    @Test func whoIsGoneFromOneOrganisationAndListedByAnotherHasMoved() {
        let settings = DiscoverySettings(orgIDs: [1, 2], eventTypes: ["business_created"], maximumWebhooks: 1)
        var discovery = Discovery(account: "a", settings: settings, defaults: WatchDefaults())
        #expect(discovery.listed(page(1, of: [10]).entries, in: 1) == [10])
        // As long as it is there, too, it stays.
        #expect(discovery.listed(page(1, of: [10]).entries, in: 2).isEmpty)
        #expect(discovery.watches.map(\.orgID) == [1])
        #expect(discovery.listed(page(1, of: [10], eventType: "lead_received").entries, in: 2) { $0 == 10 } == [10])
        #expect(discovery.watches.map(\.orgID) == [2] && !discovery.report.isTruncated)
        #expect(discovery.listed(page(1, of: [10]).entries, in: 2) { _ in true }.isEmpty)
    }

    @Test func whatAnOrganisationLeftOutIsForgottenWithIt() {
        let both = DiscoverySettings(orgIDs: [1, 2], maximumWebhooks: 1)
        let first = DiscoverySettings(orgIDs: [1], maximumWebhooks: 1)
        for isComplete in [false, true] {
            var discovery = Discovery(account: "a", settings: both, defaults: WatchDefaults())
            #expect(discovery.listed(page(1, of: [10]).entries, in: 1) == [10])
            discovery.completed(1, ids: [10], at: 5) { _ in true }
            #expect(discovery.listed(page(1, of: [20]).entries, in: 2).isEmpty)
            if isComplete { discovery.completed(2, ids: [20], at: 6) { _ in true } }
            #expect(discovery.report.isTruncated)
            discovery.redefine(first, defaults: WatchDefaults())
            #expect(discovery.report == DiscoveryReport(lastSuccess: 5, isTruncated: false))
            // Nor is an old success one of the list that begins anew.
            discovery.redefine(both, defaults: WatchDefaults())
            #expect(discovery.report.lastSuccess == nil)
        }
    }

    @Test func whatIsKnownFromBeforeIsTakenUpWhereItIsStillListed() {
        var discovery = Discovery(
            account: "a", settings: DiscoverySettings(orgIDs: [1]), defaults: WatchDefaults(),
            known: [10: DiscoveryOrigin(orgID: 1), 20: DiscoveryOrigin(orgID: 2), 30: DiscoveryOrigin(orgID: nil)])
        #expect(discovery.watches.map(\.id.webhookID) == [10])
        discovery.failed()
        discovery.failed()
        #expect(discovery.report == DiscoveryReport(lastSuccess: nil, isTruncated: false, failures: 2))
    }

    @Test func othersShardsLeaveWithTheList() {
        var discovery = Discovery(account: "a", settings: DiscoverySettings(), defaults: WatchDefaults())
        _ = discovery.listed(page(1, of: [1, 2]).entries, in: nil)
        discovery.completed(nil, ids: [], at: 5) { $0 == 1 }
        #expect(discovery.watches.map(\.id.webhookID) == [1])
    }

    @Test func othersShardsStayWhereTheListHoldsThemOrIsAnother() {
        var discovery = Discovery(
            account: "a", settings: DiscoverySettings(orgIDs: [1, 2]), defaults: WatchDefaults())
        _ = discovery.listed(page(1, of: [10, 11]).entries, in: 1)
        _ = discovery.listed(page(1, of: [20]).entries, in: 2)
        discovery.completed(1, ids: [10], at: 5) { _ in false }
        #expect(discovery.watches.map(\.id.webhookID) == [10, 20])
    }
}
