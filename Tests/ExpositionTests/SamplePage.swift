import Exposition

/// A small catalogue with one family of every kind, and two owners.
struct SamplePage {
    static let info = MetricFamily.gauge("demo_info", help: "What it is.")
    static let silent = MetricFamily.gauge("demo_silent", help: "Never has a sample.")
    static let uptime = MetricFamily.gauge("demo_uptime_seconds", help: "Time since the start.", unit: "seconds")
    static let events = MetricFamily.counter("demo_events_total", help: "Says \"what\" came,\nand \\ how often.")
    static let latency = MetricFamily.histogram("demo_latency_seconds", help: "How long it took.", unit: "seconds")

    let catalogue: Catalogue
    let blocks: [SeriesBlock]

    init() throws {
        catalogue = try Catalogue([Self.info, Self.silent, Self.uptime, Self.events, Self.latency])
        var first = SeriesBlock.Builder(catalogue, labels: ["account": "a", "webhook_id": "1"])
        // Out of order on purpose.
        let exemplar = Exemplar(labels: ["probe_id": "p1"], value: 1, timestamp: 1.5)
        first.add(Self.events, 3, ["kind": "x"], exemplar: exemplar)
        first.add(Self.uptime, 0.25)
        first.add(Self.events, 4, ["kind": "y"])
        first.add(Self.info, true, ["target": "say \"hi\"\\\n"])
        first.add(Self.silent, Double?.none)
        var state = HistogramState(BucketBounds([0.025, 1]))
        state.observe(0.5, exemplar: Exemplar(labels: ["probe_id": "p2"], value: 0.5, timestamp: 1_732_413_489.25))
        state.observe(0.01)
        state.observe(.milliseconds(2500))
        first.add(Self.latency, state.snapshot)
        var second = SeriesBlock.Builder(catalogue)
        second.add(Self.uptime, .nan)
        blocks = [first.build(), second.build()]
    }

    func text(_ format: ExpositionFormat, names: Set<String>? = nil) -> String {
        String(decoding: ExpositionPage(catalogue, blocks: blocks).render(format, names: names), as: UTF8.self)
    }
}
