import Exposition
import Testing

@Suite struct HistogramTests {
    @Test func classicBuckets() {
        var state = HistogramState(BucketBounds([1, 0.5, 2]))
        for value in [0.5, 0.500001, 1, 2, 2.1, -3, .nan, .infinity] { state.observe(value) }
        let snapshot = state.snapshot
        #expect(snapshot.bounds.values == [0.5, 1, 2])
        #expect(snapshot.cumulativeCounts == [2, 4, 5, 6])
        #expect(snapshot.count == 6)
        #expect(abs(snapshot.sum - 3.100001) < 1e-9)
        #expect(snapshot.exemplars.isEmpty)
    }

    @Test func durationsCountToTheNanosecond() {
        var state = HistogramState(BucketBounds([1]))
        state.observe(.nanoseconds(1_234_567_891))
        #expect(state.snapshot.sum == 1.234567891)
    }

    @Test func theLatestExemplarOfEachBucketStays() {
        var state = HistogramState(BucketBounds([1]))
        for (value, id) in [(0.1, "a"), (5, "b"), (0.2, "c")] {
            state.observe(value, exemplar: Exemplar(labels: ["probe_id": id], value: value))
        }
        state.observe(0.3)
        #expect(state.snapshot.exemplars.map { $0?.labels.pairs.first?.value } == ["c", "b"])
    }

    @Test(.timeLimit(.minutes(10)))
    func nothingIsLostUnderConcurrency() async {
        let histogram = Histogram(BucketBounds([0.1, 0.2, 0.3]))
        let tasks = 8
        let each = 5000
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    for number in 0..<each { histogram.observe(Double((task + number) % 4) * 0.1 + 0.05) }
                }
            }
            group.addTask {
                for _ in 0..<500 {
                    let snapshot = histogram.snapshot
                    let native = snapshot.native.map { $0.zeroCount + $0.positive.counts.reduce(0, +) }
                    #expect(native == snapshot.count)
                }
            }
        }
        let snapshot = histogram.snapshot
        let quarter = UInt64(tasks * each / 4)
        #expect(snapshot.cumulativeCounts == [quarter, 2 * quarter, 3 * quarter, 4 * quarter])
        #expect(abs(snapshot.sum - Double(tasks * each) * 0.2) < 1e-6)
    }
}
