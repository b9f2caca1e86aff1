import Exposition
import TestSupport
import Testing

@Suite struct NativeBucketsTests {
    private static let known: [(Double, Int32)] = [
        (1, 0), (1.0000001, 1), (1.09, 1), (1.091, 2), (2, 8), (2.0000001, 9), (0.5, -8), (0.50001, -7), (0.025, -42),
        (10, 27), (0x1p-127, -1016), (.greatestFiniteMagnitude, 8192),
    ]

    /// Upper bounds are inclusive: 1 lies in bucket 0, whatever is above it, up to 2^(1/8), in bucket 1.
    @Test(arguments: known)
    func indices(value: Double, expected: Int32) {
        var buckets = NativeBuckets()
        buckets.observe(value)
        buckets.observe(-value)
        #expect(buckets.positive.indices == [expected])
        #expect(buckets.negative.indices == [expected])
    }

    @Test func zero() {
        var buckets = NativeBuckets()
        for value in [0, -0.0, NativeBuckets.zeroThreshold, -NativeBuckets.zeroThreshold, 0x1p-1074] {
            buckets.observe(value)
        }
        #expect(buckets.zeroCount == 5)
        #expect(buckets.positive.counts.isEmpty && buckets.negative.counts.isEmpty)
    }

    /// Every observation lies within its bucket at whatever resolution is left, and none is lost on the way there.
    @Test(arguments: UInt64(1)...10)
    func resolutionPaysForRange(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var buckets = NativeBuckets()
        let values = (0..<3000).map { _ in
            Double(sign: .plus, exponent: Int.random(in: -100...100, using: &random), significand: 1)
                * Double.random(in: 1..<2, using: &random)
        }
        for (index, value) in values.enumerated() {
            buckets.observe(value)
            #expect(buckets.positive.indices.count <= NativeBuckets.maximumBuckets)
            #expect(buckets.positive.counts.reduce(0, +) == UInt64(index + 1))
        }
        #expect(buckets.schema < 3)
        var fresh: [Int32: UInt64] = [:]
        for value in values {
            // Found the slow way: the first power whose bound is not below the value.
            let within = eighthRoots.firstIndex { $0 >= value.significand } ?? 8
            let finest = Int32(value.exponent) * 8 + Int32(within)
            let width = Int32(1) << Int32(3 - buckets.schema)
            let index = Int32((Double(finest) / Double(width)).rounded(.up))
            fresh[index, default: 0] += 1
        }
        #expect(fresh == Dictionary(uniqueKeysWithValues: zip(buckets.positive.indices, buckets.positive.counts)))
        #expect(buckets.positive.indices == buckets.positive.indices.sorted())
    }

    private let eighthRoots = [
        1, 1.0905077326652577, 1.189207115002721, 1.2968395546510096, 1.4142135623730951, 1.5422108254079407,
        1.681792830507429, 1.8340080864093424, 2,
    ]

    @Test func theWireHasThemAll() throws {
        var state = HistogramState(BucketBounds([1]))
        // 2^0, a gap of two that is filled, a gap that makes a new span, and the other side of zero.
        for value in [1, 1, 1.25, 1.25, 1.25, 100, -4, 0] { state.observe(value) }
        let native = try #require(try wire(state).first)
        #expect(native.schema == 3)
        #expect(native.zeroThreshold == 0x1p-128)
        #expect(native.zeroCount == 1)
        #expect(native.positive == [0: 2, 1: 0, 2: 0, 3: 3, 54: 1])
        #expect(native.positiveSpans == 2)
        #expect(native.negative == [16: 1])
    }

    @Test func aGapOfThreeBeginsASpan() throws {
        var state = HistogramState(BucketBounds([1]))
        for value in [1, 1.4] { state.observe(value) }
        let native = try #require(try wire(state).first)
        #expect(native.positive == [0: 1, 4: 1] && native.positiveSpans == 2)
    }

    @Test func anEmptyOneIsStillNative() throws {
        let native = try #require(try wire(HistogramState(BucketBounds([1]))).first)
        #expect(native.positiveSpans == 1)
        #expect(native.positive.isEmpty && native.zeroThreshold > 0)
        let classic = try #require(try wire(HistogramState(BucketBounds([1]), isNative: false)).first)
        #expect(classic == ProtobufParser.Native())
    }

    private func wire(_ state: HistogramState) throws -> [ProtobufParser.Native] {
        let family = MetricFamily.histogram("h", help: "x")
        let catalogue = try Catalogue([family])
        var builder = SeriesBlock.Builder(catalogue)
        builder.add(family, state.snapshot)
        return try ProtobufParser.parse(ExpositionPage(catalogue, blocks: [builder.build()]).render(.protobuf)).natives
    }
}
