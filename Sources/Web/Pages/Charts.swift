import Monitoring

/// Small drawings in SVG, each with its content in words beside it.
enum Charts {
    /// The latencies of recent probes, oldest first: a bar each, a failed one full. One path for the good ones and one for
    /// the failed, since 200 of these with 60 bars each stand on a page.
    static func sparkline(_ outcomes: [WatchHistory.Outcome], width: Int = 120, height: Int = 28) -> HTML {
        guard !outcomes.isEmpty else { return "<span class=\"quiet\">no probe yet</span>" }
        let slots = WatchHistory.keptOutcomes
        let step = Double(width) / Double(slots)
        let highest = Double(outcomes.lazy.filter(\.isSuccess).map(\.latency).max() ?? 0)
        var good = ""
        var bad = ""
        for (index, outcome) in outcomes.enumerated() {
            // The newest stands at the right edge, however few there are.
            let x = PageNumbers.coordinate((Double(slots - outcomes.count + index) + 0.5) * step)
            let share = outcome.isSuccess && highest > 0 ? Double(outcome.latency) / highest : 1
            let length = max(share * Double(height - 2), 2)
            let bar = "M\(x) \(height)v-\(PageNumbers.coordinate(length))"
            if outcome.isSuccess { good += bar } else { bad += bar }
        }
        let text = words(outcomes)
        let bold = PageNumbers.coordinate(step * 0.75)
        return """
            <svg class="spark" role="img" aria-label="\(text)" viewBox="0 0 \(width) \(height)" \
            width="\(width)" height="\(height)" stroke-width="\(bold)"><title>\(text)</title>\
            \(path(good, "bar-good"))\(path(bad, "bar-bad"))</svg>
            """
    }

    private static func path(_ bars: String, _ kind: HTML) -> HTML? {
        bars.isEmpty ? nil : "<path class=\"\(kind)\" d=\"\(bars)\"/>"
    }

    static func words(_ outcomes: [WatchHistory.Outcome]) -> String {
        let good = outcomes.filter(\.isSuccess).map { Double($0.latency) }.sorted()
        let failed = outcomes.count - good.count
        var text = "Last \(PageNumbers.plural(outcomes.count, "probe")): \(failed) failed"
        if let slowest = good.last {
            text +=
                ", median \(PageNumbers.latency(good[good.count / 2])), slowest \(PageNumbers.latency(slowest))"
        }
        return text
    }

    /// Where the time of a probe went.
    static func phases(_ probe: WatchHistory.ProbeRecord) -> HTML? {
        let phases = probe.phases
        let total = phases.reduce(0) { $0 + $1.seconds }
        guard total > 0 else { return nil }
        var start = 0.0
        let bars = phases.enumerated().map { index, phase -> HTML in
            defer { start += phase.seconds }
            let x = PageNumbers.coordinate(start / total * 600)
            let width = PageNumbers.coordinate(max(phase.seconds / total * 600, 0.5))
            return "<rect class=\"phase-\(phase.name)\" x=\"\(x)\" y=\"0\" width=\"\(width)\" height=\"24\"/>"
        }
        let words = phases.map { "\($0.name) \(PageNumbers.latency($0.seconds))" }.joined(separator: ", ")
        let legend = phases.map { phase -> HTML in
            """
            <li><svg class="swatch" aria-hidden="true" viewBox="0 0 10 10"><rect class="phase-\(phase.name)" \
            width="10" height="10"/></svg>\(phase.name) <b>\(PageNumbers.latency(phase.seconds))</b></li>
            """
        }
        return """
            <svg class="phases" role="img" aria-label="\(words)" viewBox="0 0 600 24" preserveAspectRatio="none">\
            \(bars)</svg><ul class="legend">\(legend)</ul>
            """
    }
}

extension WatchHistory.ProbeRecord {
    /// Those that took place, in their order; seconds.
    var phases: [(name: String, seconds: Double)] {
        [
            ("resolve", resolve), ("connect", connect), ("tls", tls), ("processing", processing),
            ("transfer", transfer),
        ].compactMap { name, value in value.map { (name, Double($0)) } }
    }
}
