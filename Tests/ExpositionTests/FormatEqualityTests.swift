import Exposition
import TestSupport
import Testing

/// Random blocks, read back from all three formats by parsers that know nothing of the encoders.
@Suite(.ownThread) struct FormatEqualityTests {
    private static let families: [MetricFamily] = [
        .gauge("fuzz_gauge_bytes", help: "A \\ \"gauge\"\nof ünusual help.", unit: "bytes"),
        .counter("fuzz_events_total", help: "Events."),
        .histogram("fuzz_latency_seconds", help: "Latency.", unit: "seconds"),
        .gauge("fuzz_other", help: "Another."),
    ]

    @Test(arguments: UInt64(1)...40)
    func sameSamplesInEveryFormat(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let catalogue = try Catalogue(Self.families)
        var expected: [ParsedPage.Sample] = []
        let blocks = (0..<Int.random(in: 1...5, using: &random)).map { owner in
            block(catalogue, owner, &random, &expected)
        }
        #expect(blocks.allSatisfy { $0.rejections.isEmpty })
        let page = ExpositionPage(catalogue, blocks: blocks)

        let text = try TextParser.parse(page.render(.text), openMetrics: false)
        let openMetrics = try TextParser.parse(page.render(.openMetrics), openMetrics: true)
        let (protobuf, _) = try ProtobufParser.parse(page.render(.protobuf))

        #expect(openMetrics == protobuf)
        var withoutExemplars = openMetrics
        for index in withoutExemplars.families.indices { withoutExemplars.families[index].exemplars = [] }
        #expect(text == withoutExemplars)
        let simple = text.families.filter { $0.type != "histogram" }.flatMap(\.samples)
        #expect(Set(simple) == Set(expected) && simple.count == expected.count)
        #expect(text.families.allSatisfy { family in Self.families.contains { $0.help == family.help } })
        for family in text.families where family.type == "histogram" { try expectMonotone(family) }
    }

    private func block(
        _ catalogue: Catalogue, _ owner: Int, _ random: inout SeededGenerator, _ expected: inout [ParsedPage.Sample]
    ) -> SeriesBlock {
        let ownText = random.text(upTo: 200)
        var builder = SeriesBlock.Builder(catalogue, labels: ["owner": "\(owner)", "text": ownText])
        for number in 0..<Int.random(in: 0...12, using: &random) {
            guard let family = Self.families.randomElement(using: &random) else { continue }
            let further = random.text(upTo: 30)
            let exemplar = Exemplar(
                labels: ["probe_id": random.text(upTo: 20)], value: Double(number),
                timestamp: Bool.random(using: &random) ? Double(number) + 0.5 : nil)
            let labels: Labels = ["number": "\(number)", "further": further]
            if family.kind == .histogram {
                var state = HistogramState(BucketBounds([0.001, 0.5, 1, 30]))
                for _ in 0..<Int.random(in: 0...40, using: &random) {
                    let value = Double.random(in: -1...50, using: &random)
                    state.observe(value, exemplar: Bool.random(using: &random) ? exemplar : nil)
                }
                builder.add(family, state.snapshot, labels)
            } else {
                let value = Double(bitPattern: random.next())
                builder.add(family, value, labels, exemplar: exemplar)
                let given = ["owner": "\(owner)", "text": ownText, "number": "\(number)", "further": further]
                let bits = value.isNaN ? Double.nan.bitPattern : value.bitPattern
                expected.append(.init(name: family.name, labels: given, value: bits))
            }
        }
        return builder.build()
    }

    /// promtool takes buckets that shrink; so this is ours to assert.
    private func expectMonotone(_ family: ParsedPage.Family) throws {
        var last: [[String: String]: (bound: Double, count: Double)] = [:]
        for sample in family.samples {
            var labels = sample.labels
            let count = Double(bitPattern: sample.value)
            if let bound = labels.removeValue(forKey: "le") {
                let value = bound == "+Inf" ? Double.infinity : try #require(Double(bound))
                let before = last[labels] ?? (-.infinity, 0)
                #expect(value > before.bound && count >= before.count)
                last[labels] = (value, count)
            } else if sample.name.hasSuffix("_count") {
                #expect(last[labels]?.bound == .infinity && last[labels]?.count == count)
            }
        }
    }
}
