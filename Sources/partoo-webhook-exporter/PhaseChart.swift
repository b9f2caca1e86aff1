import Transport

/// The phases of a transfer as a small bar chart: where each begins, and how long it is.
enum PhaseChart {
    static func lines(_ timings: Timings, width: Int = 40) -> [String] {
        let total = timings.total.milliseconds
        guard total > 0 else { return [] }
        let phases: [(String, Duration?)] = [
            ("resolve", timings.resolve), ("connect", timings.connect), ("tls", timings.tls),
            ("processing", timings.processing), ("transfer", timings.transfer),
        ]
        var start = 0.0
        var lines: [String] = []
        for (name, duration) in phases {
            guard let duration else { continue }
            let length = duration.milliseconds
            // The column is rounded from the running sum, so that bars follow one another without gap or overlap.
            let from = Int((start / total * Double(width)).rounded())
            let to = max(Int(((start + length) / total * Double(width)).rounded()), from)
            let bar =
                String(repeating: " ", count: from) + (to == from ? "▏" : String(repeating: "█", count: to - from))
            lines.append("  \(name.padded(to: 10)) \(number(length)) ms  \(bar)")
            start += length
        }
        lines.append("  \("total".padded(to: 10)) \(number(total)) ms")
        return lines
    }

    private static func number(_ milliseconds: Double) -> String {
        let tenths = Int((milliseconds * 10).rounded())
        let text = "\(tenths / 10).\(tenths % 10)"
        return String(repeating: " ", count: max(0, 8 - text.count)) + text
    }
}

extension Duration {
    var milliseconds: Double {
        Double(components.seconds) * 1000 + Double(components.attoseconds) * 1e-15
    }
}
