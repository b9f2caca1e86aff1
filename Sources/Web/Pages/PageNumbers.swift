import Logs

/// Numbers and times as the pages write them.
enum PageNumbers {
    /// `12 s`, `3 min`, `5 h`, `2 d`: whole, rounded down.
    static func age(_ seconds: Double) -> String {
        switch seconds {
        case ..<0: "0 s"
        case ..<60: "\(Int(seconds)) s"
        case ..<3600: "\(Int(seconds / 60)) min"
        case ..<172_800: "\(Int(seconds / 3600)) h"
        case ..<3_153_600_000: "\(Int(seconds / 86_400)) d"
        default: "long"
        }
    }

    /// `<time>` that says how long ago.
    static func ago(_ time: Double, now: Double) -> HTML {
        "<time datetime=\"\(Timestamp.text(time))\" title=\"\(Timestamp.text(time))\">\(age(now - time)) ago</time>"
    }

    /// `0.4 ms`, `12 ms`, `1.25 s`.
    static func latency(_ seconds: Double) -> String {
        let milliseconds = seconds * 1000
        if milliseconds < 10 {
            let tenths = Int((milliseconds * 10).rounded())
            return "\(tenths / 10).\(tenths % 10) ms"
        }
        if milliseconds < 1000 { return "\(Int(milliseconds.rounded())) ms" }
        let hundredths = Int((min(seconds, 1e9) * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) s"
    }

    /// At most two decimals, for coordinates.
    static func coordinate(_ value: Double) -> String {
        let hundredths = Int((min(max(value, -1e6), 1e6) * 100).rounded())
        let sign = hundredths < 0 ? "-" : ""
        let rest = abs(hundredths) % 100
        let whole = "\(sign)\(abs(hundredths) / 100)"
        if rest == 0 { return whole }
        return rest % 10 == 0 ? "\(whole).\(rest / 10)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    static func plural(_ count: Int, _ noun: String) -> String {
        count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
    }
}
