import Foundation
import Simulator
import TestSupport
import Testing

/// The list of 10,000 watches on the built binary: `/` and `/api/v1/webhooks`.
@Suite struct LongListTests {
    private struct Item: Decodable {
        var account: String
        var webhookId: Int
        var standing: String
        var standings: [String]
    }

    private struct Detail: Decodable {
        var webhook: Item
    }

    private struct List: Decodable {
        var page: Int
        var maxPage: Int
        var count: Int
        var items: [Item]
    }

    private struct Site {
        let world: World
        let exporter: ExporterProcess
        let port: Int

        /// Three watches that are soon known (one fails, one drifts, one is in order), half of the others disabled, and a budget
        /// for the rest that reads next to nothing.
        init(watches: Int) async throws {
            world = try await World()
            let (_, good) = try await world.receiver(.status(200))
            let (_, bad) = try await world.receiver(.status(503))
            for id in 1...3 { world.partoo.put(.init(id: id, url: (id == 2 ? bad : good) + "/hook")) }
            for id in 4...watches { world.partoo.put(.init(id: id, url: good + "/hook", orgID: 7)) }
            let many = (4...watches).map { id in
                let more = "labels: {team: t\(100 + id % 100)}\(id % 2 == 0 ? ", enabled: false" : "")"
                return "  - {account: slow, webhook_id: \(id), \(more)}"
            }
            try world.write(
                """
                accounts:
                  - {name: quick, base_url: "\(world.base)", api_key_file: api.key}
                  - {name: slow, base_url: "\(world.base)", api_key_file: api.key, requests_per_minute: 1}
                modules:
                  http: {timeout: 10s, tls: {ca_file: ca.pem}, allowed_networks: [127.0.0.0/8]}
                storage: {path: state.db}
                watches:
                  - {account: quick, webhook_id: 1, expect: {event_type: lead_received}}
                  - {account: quick, webhook_id: 2}
                  - {account: quick, webhook_id: 3}
                \(many.joined(separator: "\n"))
                """, to: "config.yml")
            exporter = try world.start(world.path("config.yml"))
            port = try await exporter.port()
        }

        /// Asks for each of the three by itself, which costs little however many there are.
        func untilKnown() async throws {
            for (id, standings) in [(1, ["drifted"]), (2, ["failing"]), (3, ["in_sync"])] {
                let isKnown = try await eventually { () -> Bool? in
                    let answer = try await LoopbackHTTP.request("GET", "/api/v1/webhooks/quick/\(id)", port: port)
                    let detail = try decoder.decode(Detail.self, from: Data(answer.body))
                    return detail.webhook.standings == standings ? true : nil
                }
                #expect(isKnown == true, "\(id)")
            }
        }

        private var decoder: JSONDecoder {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return decoder
        }

        func list(_ query: String) async throws -> List {
            let answer = try await LoopbackHTTP.request("GET", "/api/v1/webhooks" + query, port: port)
            #expect(answer.status == 200, "\(answer.text.prefix(200))")
            return try decoder.decode(List.self, from: Data(answer.body))
        }

        func page(_ query: String) async throws -> String {
            let answer = try await LoopbackHTTP.request("GET", "/" + query, port: port)
            #expect(answer.status == 200, "\(answer.text.prefix(200))")
            return answer.text
        }

        /// The processor time of so many answers, in the kernel's ticks.
        func ticks(_ count: Int, _ path: String) async throws -> Int {
            let before = try exporter.processorTicks
            for _ in 0..<count { _ = try await LoopbackHTTP.request("GET", path, port: port) }
            return try exporter.processorTicks - before
        }
    }

    private static let ranks = ["missing", "failing", "drifted", "unknown", "in_sync", "disabled"]

    private func rows(_ page: String) -> [Substring] {
        page.matches(of: /scope="row"><a href="\/webhooks\/([a-z]+\/[0-9]+)"/).map(\.output.1)
    }

    private func link(_ kind: String, _ page: String) -> String? {
        page.matches(of: /<a rel="([a-z]+)" href="([^"]*)"/).first { $0.output.1 == kind }
            .map { String($0.output.2).replacing("&amp;", with: "&") }
    }

    @Test func tenThousandWatchesAreSortedFilteredAndPaged() async throws {
        let site = try await Site(watches: 10_000)
        try await site.untilKnown()
        // Worst first, 200 at a time.
        let first = try await site.list("")
        #expect(first.count == 10_000 && first.maxPage == 50 && first.items.count == 200)
        #expect(first.items.prefix(2).map { "\($0.account)/\($0.webhookId)" } == ["quick/2", "quick/1"])
        #expect(first.items.prefix(2).map(\.standing) == ["failing", "drifted"])
        var last = 0
        for number in [1, 2, 25, 26, 50] {
            let page = try await site.list("?page=\(number)")
            #expect(page.page == number && page.items.count == 200)
            let ranks = page.items.compactMap { Self.ranks.firstIndex(of: $0.standing) }
            #expect(ranks.count == 200 && ranks == ranks.sorted() && ranks.first ?? 0 >= last, "page \(number)")
            last = ranks.last ?? 0
        }
        #expect(last == 5)
        #expect(try await site.list("?page=51").items.isEmpty)
        // By account, state and text, and by all of them; of what stands still, every page together is all, each once.
        #expect(try await site.list("?account=quick").items.map(\.webhookId) == [2, 1, 3])
        #expect(try await site.list("?account=slow").count == 9997)
        #expect(try await site.list("?account=none").count == 0)
        #expect(try await site.list("?state=drifted").items.map(\.webhookId) == [1])
        var disabled: [Int] = []
        for page in 1...25 { disabled += try await site.list("?state=disabled&page=\(page)").items.map(\.webhookId) }
        #expect(disabled == Array(stride(from: 4, through: 10_000, by: 2)))
        #expect(try await site.list("?q=team%3Dt142").count == 100)
        #expect(try await site.list("?q=SLOW/4242").items.map(\.webhookId) == [4242])
        #expect(try await site.list("?q=team%3Dt107&account=slow&state=disabled").count == 0)
        #expect(try await site.list("?q=team%3Dt108&account=slow&state=disabled").items.map(\.webhookId).first == 8)
        #expect(await site.exporter.stop() == 0)
    }

    @Test func aPageOfTenThousandIsWhatAPageOfTwoHundredIs() async throws {
        let site = try await Site(watches: 10_000)
        let small = try await Site(watches: 200)
        try await site.untilKnown()
        try await small.untilKnown()
        let (first, whole) = (try await site.page(""), try await small.page(""))
        #expect(rows(first).count == 200 && rows(whole).count == 200)
        #expect(rows(first).prefix(2) == ["quick/2", "quick/1"] && rows(whole).last == "slow/200")
        #expect(first.utf8.count < whole.utf8.count * 3 / 2, "\(first.utf8.count) bytes and \(whole.utf8.count)")
        // The links lead on and back, and keep what was asked for.
        #expect(link("next", whole) == nil && link("prev", whole) == nil && link("prev", first) == nil)
        #expect(first.contains("Page 1 of 50, 10000 webhooks"))
        let second = try #require(link("next", first))
        let next = try await site.page(String(second.dropFirst()))
        #expect(next.contains("Page 2 of 50") && link("prev", next) == "/" && link("next", next) == "/?page=3")
        let end = try await site.page("?page=50")
        #expect(rows(end).last == "slow/10000" && link("next", end) == nil && link("prev", end) == "/?page=49")
        let some = try await site.page("?state=disabled&account=slow&page=24")
        let more = try #require(link("next", some))
        #expect(more.contains("state=disabled") && more.contains("account=slow"))
        let rest = try await site.page(String(more.dropFirst()))
        #expect(rows(rest).count == 199 && rows(rest).last == "slow/10000" && link("next", rest) == nil)
        #expect(rows(try await site.page("?account=quick")) == ["quick/2", "quick/1", "quick/3"])
        #expect(rows(try await site.page("?q=team%3Dt142")).count == 100)
        // Every watch is looked at, and 200 are shown: that costs some 15 times what it does where there are no more. Were all
        // of them made into rows, it would be some 30 times.
        for path in ["/", "/api/v1/webhooks"] {
            let (few, many) = (try await small.ticks(40, path), try await site.ticks(10, path) * 4)
            #expect(many < 22 * few, "\(path): \(many) ticks for 10,000 watches, \(few) for 200")
        }
        #expect(await site.exporter.stop() == 0)
        #expect(await small.exporter.stop() == 0)
    }
}
