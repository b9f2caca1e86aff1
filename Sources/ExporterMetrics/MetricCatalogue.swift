package import Exposition

/// Every family that the program exposes, named in one place, in the order in which pages show them.
package struct MetricCatalogue: Sendable {
    package let catalogue: Catalogue
    private let watch: [MetricFamily]
    private let exporter: [MetricFamily]
    private let process: [MetricFamily]

    package init() throws(CatalogueError) {
        watch = WatchFamily.allCases.map { $0.specification.family(prefix: "partoo_webhook_") }
        exporter = ExporterFamily.allCases.map { $0.specification.family(prefix: "partoo_exporter_") }
        process = ProcessFamily.allCases.map { $0.specification.family(prefix: "") }
        catalogue = try Catalogue(watch + exporter + process)
    }

    // The arrays follow `allCases`, whose raw values count from 0.
    subscript(_ family: WatchFamily) -> MetricFamily { watch[family.rawValue] }
    subscript(_ family: ExporterFamily) -> MetricFamily { exporter[family.rawValue] }
    subscript(_ family: ProcessFamily) -> MetricFamily { process[family.rawValue] }
}

extension FamilySpecification {
    func family(prefix: String) -> MetricFamily {
        switch kind {
        case .gauge: .gauge(prefix + name, help: help)
        case .counter: .counter(prefix + name, help: help)
        case .histogram: .histogram(prefix + name, help: help)
        }
    }
}
