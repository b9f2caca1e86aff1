/// What a histogram holds at one moment, ready to be rendered.
package struct HistogramSnapshot: Sendable, Hashable {
    package let bounds: BucketBounds
    /// How many observations were at most each bound; then, last, all of them.
    package let cumulativeCounts: [UInt64]
    package let sum: Double
    /// One place for each of `cumulativeCounts`; empty where there is none at all.
    package let exemplars: [Exemplar?]
    package let native: NativeBuckets?

    package var count: UInt64 { cumulativeCounts.last ?? 0 }
}

/// The upper bounds of classic buckets, in ascending order, without `+Inf`, which every histogram has.
package struct BucketBounds: Sendable, Hashable {
    package let values: [Double]
    /// `le="0.025"` for each value, then `le="+Inf"`.
    let labels: [[UInt8]]

    /// Sorted; what is double or not finite is left out.
    package init(_ values: [Double]) {
        let sorted = Set(values.filter(\.isFinite)).sorted()
        self.values = sorted
        labels = (sorted + [.infinity]).map { value in
            var label = Array("le=\"".utf8)
            label.append(bound: value)
            label.append(.quote)
            return label
        }
    }
}
