import TestSupport
import Testing
import Watching

@Suite struct StableHashTests {
    /// Test vectors of the FNV authors.
    @Test(arguments: [
        ("", UInt64(0xcbf2_9ce4_8422_2325)), ("a", 0xaf63_dc4c_8601_ec8c), ("b", 0xaf63_df4c_8601_f1a5),
        ("foobar", 0x8594_4171_f739_67e8),
    ])
    func fnv(text: String, hash: UInt64) {
        #expect(StableHash.fnv64a(text) == hash)
    }

    @Test(arguments: [1, 2, 3, 7, 10, 49])
    func aFurtherShardTakesItsPartAndNoOther(shards: Int) {
        let ids = (0..<20_000).map { WatchID(account: "acme", webhookID: $0) }
        var moved = 0
        var counts = [Int](repeating: 0, count: shards)
        for id in ids {
            let before = id.shard(of: shards)
            let after = id.shard(of: shards + 1)
            counts[before] += 1
            if before != after {
                moved += 1
                // What moves, moves to the new one.
                #expect(after == shards)
            }
        }
        let expected = Double(ids.count) / Double(shards + 1)
        #expect(abs(Double(moved) - expected) < expected * 0.15)
        let even = Double(ids.count) / Double(shards)
        #expect(counts.allSatisfy { abs(Double($0) - even) < even * 0.25 })
    }

    @Test func anyNumberOfBucketsIsFine() {
        var random = SeededGenerator(seed: 3)
        for buckets in [Int.min, -1, 0, 1, 2, 1 << 31, 1 << 33, .max] {
            for _ in 0..<200 {
                let bucket = StableHash.jump(random.next(), buckets: buckets)
                #expect(bucket >= 0 && (bucket == 0 || bucket < buckets))
            }
        }
    }

    @Test func phasesSpreadEvenlyAndAreTheirOwn() {
        let interval = Duration.seconds(60)
        var bins = [Int](repeating: 0, count: 60)
        for number in 0..<6000 {
            let id = WatchID(account: "acme", webhookID: number)
            let phase = id.phase(in: interval, kind: "check")
            #expect(phase >= .zero && phase < interval)
            #expect(phase == id.phase(in: interval, kind: "check"))
            #expect(phase != id.phase(in: interval, kind: "probe"))
            bins[Int(phase / .seconds(1))] += 1
        }
        // 100 each on average; the standard deviation is 10.
        #expect(bins.allSatisfy { (50...150).contains($0) })
    }

    /// Computed by another program: another release must not move turns to other times.
    @Test func phasesAreTheSameInEveryRelease() {
        let phases = (1...4).map { WatchID(account: "acme", webhookID: $0).phase(in: .seconds(60), kind: "check") }
        let known = [48.64097980550947, 31.345206321342594, 6.519352872333308, 40.67845139395629]
        for (phase, seconds) in zip(phases, known) { #expect(abs(phase / .seconds(1) - seconds) < 1e-6) }
    }

    /// Computed by another program from the published algorithms: another release must not move watches to other shards.
    @Test func shardsAreTheSameInEveryRelease() {
        let shards = (1...12).map { WatchID(account: "acme", webhookID: $0).shard(of: 4) }
        #expect(shards == [2, 3, 0, 0, 3, 1, 1, 0, 0, 3, 3, 0])
    }
}
