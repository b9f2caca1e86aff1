import Exposition

/// A catalogue of 45 families and blocks shaped like a watch's: mostly single gauges, some with a few states, one histogram.
struct BenchmarkWorkload {
    let catalogue: Catalogue
    private let gauges: [MetricFamily]
    private let states: [MetricFamily]
    private let counters: [MetricFamily]
    private let latency = MetricFamily.histogram("benchmark_probe_latency_seconds", help: "How long probes took.")
    private let snapshot: HistogramSnapshot

    init() throws {
        gauges = (0..<28).map { .gauge("benchmark_time_number_\($0)_seconds", help: "Some time in seconds.") }
        states = (0..<6).map { .gauge("benchmark_state_number_\($0)", help: "Which of a few states.") }
        counters = (0..<10).map { .counter("benchmark_events_number_\($0)_total", help: "Some events.") }
        catalogue = try Catalogue(gauges + states + counters + [latency])

        var state = HistogramState(BucketBounds([0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]))
        for number in 0..<500 {
            let value = 0.02 + Double(number % 50) * 0.004
            let exemplar = Exemplar(labels: ["probe_id": "3f9a\(number)"], value: value, timestamp: 1.5e9)
            state.observe(value, exemplar: exemplar)
        }
        snapshot = state.snapshot
    }

    func block(owner: Int) -> SeriesBlock {
        let labels: Labels = ["account": "acme", "webhook_id": "\(owner)", "team": "integrations"]
        var builder = SeriesBlock.Builder(catalogue, labels: labels)
        for (number, family) in gauges.enumerated() { builder.add(family, Double(owner + number) * 0.001_37) }
        for family in states {
            for state in ["in_sync", "drifted", "missing", "unknown"] {
                builder.add(family, state == "in_sync", ["state": state])
            }
        }
        for (number, family) in counters.enumerated() { builder.add(family, owner * number) }
        builder.add(latency, snapshot)
        return builder.build()
    }
}
