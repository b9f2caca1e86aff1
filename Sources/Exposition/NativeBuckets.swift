/// The exponential buckets of a native histogram: bucket `i` of schema `s` holds what is at most `2^(i / 2^s)` and above the
/// bound before; negative values mirror them.
///
/// At most 160 buckets are populated: past that, neighbours are merged in pairs (the schema goes down by one), so that no
/// observation is lost and the resolution pays instead. At the coarsest schema, -4, the range of `Double` ends it.
package struct NativeBuckets: Sendable, Hashable {
    package static let zeroThreshold = 0x1p-128
    package static let maximumBuckets = 160
    static let initialSchema = 3
    static let coarsestSchema = -4

    package private(set) var schema = initialSchema
    /// Observations no further than the threshold from zero.
    package private(set) var zeroCount: UInt64 = 0
    package private(set) var positive = Side()
    package private(set) var negative = Side()

    /// The populated buckets on one side of zero, by ascending index.
    package struct Side: Sendable, Hashable {
        package fileprivate(set) var indices: [Int32] = []
        package fileprivate(set) var counts: [UInt64] = []
    }

    package init() {}

    package mutating func observe(_ value: Double) {
        if value.magnitude <= Self.zeroThreshold {
            zeroCount += 1
            return
        }
        let index = Self.index(of: value.magnitude, schema: schema)
        if value > 0 { positive.increment(index) } else { negative.increment(index) }
        while positive.indices.count + negative.indices.count > Self.maximumBuckets, schema > Self.coarsestSchema {
            schema -= 1
            positive.halve()
            negative.halve()
        }
    }

    /// Bounds within one power of two at the initial schema: 2^(i/8) for i in 0..<8, each the nearest `Double`.
    private static let bounds = [
        1, 1.0905077326652577, 1.189207115002721, 1.2968395546510096, 1.4142135623730951, 1.5422108254079407,
        1.681792830507429, 1.8340080864093424,
    ]

    /// `magnitude` is finite and above zero.
    static func index(of magnitude: Double, schema: Int) -> Int32 {
        let significand = magnitude.significand
        let within = bounds.firstIndex { $0 >= significand } ?? bounds.count
        let finest = Int32(magnitude.exponent) * Int32(bounds.count) + Int32(within)
        // Each step down merges two neighbours, of which the upper one has the even index.
        return (finest + (1 << Int32(initialSchema - schema)) - 1) >> Int32(initialSchema - schema)
    }
}

extension NativeBuckets.Side {
    fileprivate mutating func increment(_ index: Int32) {
        var low = 0
        var high = indices.count
        while low < high {
            let middle = (low + high) / 2
            if indices[middle] < index { low = middle + 1 } else { high = middle }
        }
        if low < indices.count, indices[low] == index {
            counts[low] += 1
        } else {
            indices.insert(index, at: low)
            counts.insert(1, at: low)
        }
    }

    fileprivate mutating func halve() {
        var merged = NativeBuckets.Side()
        for (index, count) in zip(indices, counts) {
            let target = (index + 1) >> 1
            if merged.indices.last == target {
                merged.counts[merged.counts.count - 1] += count
            } else {
                merged.indices.append(target)
                merged.counts.append(count)
            }
        }
        self = merged
    }

    /// Spans and deltas as Prometheus wants them: runs of buckets, gaps of up to two of them filled with empty ones (cheaper
    /// than a new span), and each count as the difference to the one before.
    var spans: (spans: [(offset: Int32, length: UInt32)], deltas: [Int64]) {
        var spans: [(offset: Int32, length: UInt32)] = []
        var deltas: [Int64] = []
        var next: Int32 = 0
        var previous: Int64 = 0
        for (index, count) in zip(indices, counts) {
            let gap = index - next
            if spans.isEmpty || gap > 2 {
                spans.append((gap, 0))
            } else {
                for _ in 0..<gap {
                    spans[spans.count - 1].length += 1
                    deltas.append(-previous)
                    previous = 0
                }
            }
            spans[spans.count - 1].length += 1
            deltas.append(Int64(count) - previous)
            previous = Int64(count)
            next = index + 1
        }
        return (spans, deltas)
    }
}
