import Exposition
import Testing

@Suite struct NumberTests {
    @Test(arguments: [
        (0, "0"), (-0.0, "-0"), (5, "5"), (-5, "-5"), (0.025, "0.025"), (1.1, "1.1"), (1_732_413_489, "1732413489"),
        (1_732_413_489.125, "1732413489.125"), (1e15, "1000000000000000"), (9_007_199_254_740_991, "9007199254740991"),
        (1e16, "1e+16"), (1e300, "1e+300"), (1e-5, "1e-05"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
        (.leastNonzeroMagnitude, "5e-324"), (0.1 + 0.2, "0.30000000000000004"),
    ])
    func values(value: Double, expected: String) throws {
        let family = MetricFamily.gauge("g", help: "x")
        let catalogue = try Catalogue([family])
        var builder = SeriesBlock.Builder(catalogue)
        builder.add(family, value)
        for format in [ExpositionFormat.text, .openMetrics] {
            let page = ExpositionPage(catalogue, blocks: [builder.build()]).render(format)
            #expect(String(decoding: page, as: UTF8.self).contains("\ng \(expected)\n"))
        }
    }

    /// As Go's `strconv.FormatFloat(f, 'g', -1, 64)` writes them, with `.0` where that has neither point nor exponent.
    @Test(arguments: [
        (0, "0.0"), (1, "1.0"), (0.025, "0.025"), (2.5, "2.5"), (10, "10.0"), (100, "100.0"), (999_999, "999999.0"),
        (1_000_000, "1e+06"), (1_500_000, "1.5e+06"), (1_234_567.5, "1.2345675e+06"), (1e9, "1e+09"), (1e10, "1e+10"),
        (1e16, "1e+16"), (-1, "-1.0"),
        (1.25e100, "1.25e+100"), (-2_000_000, "-2e+06"), (0.0001, "0.0001"), (0.00001, "1e-05"),
    ])
    func bounds(value: Double, expected: String) throws {
        let family = MetricFamily.histogram("h", help: "x")
        let catalogue = try Catalogue([family])
        var builder = SeriesBlock.Builder(catalogue)
        builder.add(family, HistogramState(BucketBounds([value, .infinity, value])).snapshot)
        let page = ExpositionPage(catalogue, blocks: [builder.build()]).render(.text)
        let lines = String(decoding: page, as: UTF8.self).split(separator: "\n").filter { $0.contains("le=") }
        #expect(lines == ["h_bucket{le=\"\(expected)\"} 0", "h_bucket{le=\"+Inf\"} 0"])
    }
}
