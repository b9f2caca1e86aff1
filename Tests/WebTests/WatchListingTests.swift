import Foundation
import Monitoring
import Testing
import WatchSamples

@testable import Web

/// The list of watches, as HTML and as JSON, of more of them than a page shows.
@Suite struct WatchListingTests {
    private static let listing = WatchListing(
        WatchSamples.details(1_000, probes: 3), prefix: "/below", telemetryPath: "/metrics")

    private func html(_ query: String, _ listing: WatchListing = Self.listing) -> (status: Int, text: String) {
        let answer = listing.page(for: WebRequest(method: "GET", target: "/" + query))
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    private func json(_ query: String) throws -> (items: [[String: Any]], count: Int, pages: Int) {
        let answer = Self.listing.json(for: WebRequest(method: "GET", target: "/api/v1/webhooks" + query))
        #expect(answer.status == 200)
        let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
        return (
            object?["items"] as? [[String: Any]] ?? [], object?["count"] as? Int ?? -1,
            object?["max_page"] as? Int ?? -1
        )
    }

    private func rows(_ text: String) -> Int { text.split(separator: "<tbody").last?.ranges(of: "<tr ").count ?? 0 }

    @Test func aPageOfManyHoldsTwoHundredHoweverManyThereAre() {
        let (status, text) = html("")
        #expect(status == 200 && rows(text) == 200)
        // What is behind the page adds nothing to it.
        let few = WatchListing(WatchSamples.details(400, probes: 3), prefix: "/below", telemetryPath: "/metrics")
        let size = Double(text.utf8.count) / Double(html("", few).text.utf8.count)
        #expect((0.7...1.4).contains(size), "\(size)")
        #expect(text.contains("Page 1 of 5, 1000 webhooks"))
        #expect(rows(html("?page=5").text) == 200)
        let past = html("?page=6").text
        #expect(past.contains("Nothing matches") && past.contains("Page 6 of 5"))
    }

    @Test func allPagesTogetherHoldEveryWatchOnceWorstFirst() throws {
        let order = ["missing", "failing", "drifted", "unknown", "in_sync", "disabled"]
        var seen: [(rank: Int, account: String, id: Int)] = []
        for page in 1...5 {
            for item in try json("?page=\(page)").items {
                let rank = try #require(order.firstIndex(of: item["standing"] as? String ?? ""))
                seen.append((rank, item["account"] as? String ?? "", item["webhook_id"] as? Int ?? -1))
            }
        }
        #expect(Set(seen.map(\.id)).count == 1_000 && seen.count == 1_000)
        let isOrdered = zip(seen, seen.dropFirst()).allSatisfy { $0 < $1 }
        #expect(isOrdered)
        #expect(seen.filter { $0.rank < 4 }.count == 80)
    }

    @Test func filtersCountWhatTheyFindAndTilesCountAll() throws {
        let failing = try json("?state=failing")
        #expect(failing.count == 20 && failing.pages == 1)
        let mine = try json("?state=failing&account=acme&q=TEAM%3Dintegrations")
        #expect(
            mine.items.allSatisfy {
                $0["account"] as? String == "acme" && ($0["labels"] as? [String: String])?["team"] == "integrations"
            })
        #expect(mine.count == mine.items.count && (1..<20).contains(mine.count))
        let text = html("?state=failing&account=acme").text
        #expect(text.contains("<b>1000</b> all") && text.contains("<b>20</b> missing"))
        #expect(text.contains("<option value=\"acme\" selected>"))
        #expect(rows(text) == (try json("?state=failing&account=acme").count))
        // What a URL holds besides its origin is not searched: it may be a secret.
        #expect(try json("?q=receiver-42.example").count > 0)
        #expect(try json("?q=hooks%3Fkey").count == 0)
        #expect(html("?state=broken").status == 400)
    }

    @Test func anEmptyListSaysWhatToDo() {
        let empty = WatchListing([], prefix: "", telemetryPath: "/metrics")
        let (status, text) = html("", empty)
        #expect(status == 200 && text.contains("<h1>No webhook is watched yet</h1>") && text.contains("Add watches"))
        #expect(!text.contains("<footer"))
    }

    /// What nobody looks at is not called in order, in the tab's title neither.
    @Test func onlyWhatIsWatchedIsInOrder() {
        let details = WatchSamples.details(100, probes: 3)
        let disabled = details.filter { WatchStandings($0.report).worst == .disabled }
        let good = details.filter { WatchStandings($0.report).worst == .inSync }
        for (title, shown) in [
            ("No webhook is watched yet", []), ("No webhook is watched: all are disabled", disabled),
            ("All webhooks are in order", good + disabled), ("8 of 100 webhooks need a look", details),
        ] {
            let text = html("", WatchListing(shown, prefix: "", telemetryPath: "/metrics")).text
            #expect(text.contains("<title>\(title)</title>") && text.contains("<h1>\(title)</h1>"), "\(title)")
        }
    }
}
