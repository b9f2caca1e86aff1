import Exposition
import Testing

@Suite struct CatalogueTests {
    private static let bad: [(MetricFamily, CatalogueError.Reason)] = [
        (.gauge("", help: "x"), .invalidName),
        (.gauge("a-b", help: "x"), .invalidName),
        (.gauge("1a", help: "x"), .invalidName),
        (.gauge("a\n", help: "x"), .invalidName),
        (.gauge("a", help: ""), .missingHelp),
        (.gauge("a_total", help: "x"), .totalSuffix),
        (.histogram("a_total", help: "x"), .totalSuffix),
        (.counter("a", help: "x"), .totalSuffix),
        (.counter("_total", help: "x"), .totalSuffix),
        (.gauge("a_seconds", help: "x", unit: "bytes"), .unitSuffix),
        (.gauge("seconds", help: "x", unit: "seconds"), .unitSuffix),
        (.gauge("a_", help: "x", unit: ""), .unitSuffix),
        (.gauge("taken", help: "x"), .nameTaken),
        (.gauge("taken_by_counter", help: "x"), .nameTaken),
        (.gauge("taken_by_histogram_count", help: "x"), .nameTaken),
        (.histogram("taken_by", help: "x"), .nameTaken),
    ]

    @Test(arguments: bad.indices)
    func namesThatAreRefused(index: Int) {
        let (family, reason) = Self.bad[index]
        let others: [MetricFamily] = [
            .gauge("taken", help: "x"), .counter("taken_by_counter_total", help: "x"),
            .histogram("taken_by_histogram", help: "x"), .gauge("taken_by_sum", help: "x"),
        ]
        let error = #expect(throws: CatalogueError.self) { try Catalogue(others + [family]) }
        #expect(error?.family == family.name)
        #expect(error?.reason == reason)
    }

    @Test func namesThatAreTaken() throws {
        let families: [MetricFamily] = [
            .gauge("a:b_info", help: "x"), .counter("cpu_seconds_total", help: "x", unit: "seconds"),
            .gauge("cpu_failure", help: "x"), .counter("cpu_failures_total", help: "x"),
        ]
        #expect(try Catalogue(families).families == families)
    }
}
