import ConfigurationFile
import Monitoring
import Partoo
import Testing
import Watching

/// Lists that move while they are read, and what they bring in.
@Suite struct ListingTests {
    private func page(_ number: Int, of ids: [Int], eventType: String = "business_created") -> WebhookList {
        WebhookList(
            page: number, maximumPage: max(1, (ids.count + 99) / 100), count: ids.count,
            entries: ids.dropFirst((number - 1) * 100).prefix(100).map {
                WebhookList.Entry(id: $0, eventType: eventType, updatedAt: "2026-01-01T00:00:00Z", orgID: 42)
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

    @Test func whatIsLackingAtTheEndIsLookedForAgainButNotForEver() {
        var listing = Listing()
        var calls = 0
        var step = Listing.Step.more
        while step == .more, calls < 100 {
            calls += 1
            // Says 150, and shows the same hundred on every page.
            var list = page(1, of: Array(1...150))
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
