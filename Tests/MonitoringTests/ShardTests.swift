import Monitoring
import Testing
import Watching

@Suite struct ShardTests {
    private func shard(_ text: String?, _ total: Int?, host: String = "exporter-3.web.local") throws -> Shard {
        try Shard(text, total: total) { host }
    }

    @Test func numbersAndOrdinals() throws {
        #expect(try shard(nil, nil) == .whole)
        #expect(try shard("0", 1) == .whole)
        #expect(try shard("0", nil) == .whole)
        #expect(try shard("2", 3).number == 2)
        #expect(try shard("auto", 4).number == 3)
        #expect(try shard("auto", 40, host: "exporter-12").number == 12)
    }

    @Test func nonsenseIsRefused() {
        let nonsense: [(text: String?, total: Int?)] = [
            ("3", 3), ("-1", 3), ("", 3), ("1.5", 3), ("auto", 3), ("1", nil), ("auto", nil), (nil, 2), ("0", 0),
        ]
        for item in nonsense {
            #expect(throws: Shard.Fault.self) { try shard(item.text, item.total) }
        }
    }

    @Test func aTotalOfNoneIsWhatIsComplainedOf() {
        let fault = #expect(throws: Shard.Fault.self) { try shard("0", 0) }
        #expect(fault?.description == "--total-shards: 0 must be at least 1")
    }

    @Test func aShardThatIsNotTheOnlyOneNeedsATotal() {
        for (text, host) in [("1", "x"), ("auto", "exporter-0")] {
            let fault = #expect(throws: Shard.Fault.self) { try shard(text, nil, host: host) }
            #expect(fault?.description == "--shard: \(text) needs --total-shards")
        }
    }

    @Test(arguments: ["web", "12", "exporter-x", ""])
    func aHostNameWithoutOrdinalIsRefused(host: String) {
        #expect(throws: Shard.Fault.self) { try Shard("auto", total: 100) { host } }
    }

    @Test func oneMoreShardMovesItsShareOnly() {
        let ids = (1...10_000).map { WatchID(account: "acme", webhookID: $0) }
        for total in 1...8 {
            let moved = ids.filter { $0.shard(of: total) != $0.shard(of: total + 1) }
            #expect(moved.allSatisfy { $0.shard(of: total + 1) == total })
            let share = Double(moved.count) / 10_000
            #expect(abs(share - 1 / Double(total + 1)) < 0.03, "\(total): \(share)")
        }
    }
}
