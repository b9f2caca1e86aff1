/// A histogram as a value: classic buckets and native ones, fed by the same observations. Its owner sees to exclusive access.
package struct HistogramState: Sendable {
    private let bounds: BucketBounds
    /// Not cumulative; the last is for what lies above every bound.
    private var counts: [UInt64]
    private var sum: Double = 0
    /// The latest of each bucket; empty until the first comes.
    private var exemplars: [Exemplar?] = []
    private var native: NativeBuckets?

    package init(_ bounds: BucketBounds, isNative: Bool = true) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.values.count + 1)
        native = isNative ? NativeBuckets() : nil
    }

    /// Counts a value. One that is not finite is ignored: it would spoil the sum for good.
    package mutating func observe(_ value: Double, exemplar: Exemplar? = nil) {
        guard value.isFinite else { return }
        let bucket = bounds.values.firstIndex { value <= $0 } ?? bounds.values.count
        counts[bucket] += 1
        sum += value
        native?.observe(value)
        if let exemplar {
            if exemplars.isEmpty { exemplars = [Exemplar?](repeating: nil, count: counts.count) }
            exemplars[bucket] = exemplar
        }
    }

    /// Counts a duration in seconds.
    package mutating func observe(_ duration: Duration, exemplar: Exemplar? = nil) {
        observe(duration.inSeconds, exemplar: exemplar)
    }

    package var snapshot: HistogramSnapshot {
        var total: UInt64 = 0
        let cumulative = counts.map { count in
            total += count
            return total
        }
        return HistogramSnapshot(
            bounds: bounds, cumulativeCounts: cumulative, sum: sum, exemplars: exemplars, native: native)
    }
}
