import Transport

/// The header `Retry-After` of a 429.
package enum RetryAfter {
    package static let maximum = Duration.seconds(900)
    package static let fallback = Duration.seconds(60)

    /// How long to wait: seconds or an HTTP-date (RFC 9110, all three forms); a past date is 0, more than 15 minutes is 15
    /// minutes, anything unreadable or nothing is 60 s.
    ///
    /// - Parameter now: seconds since 1970.
    package static func delay(_ header: String?, now: Double) -> Duration {
        guard let header else { return fallback }
        let text = header.trimmingSpaces
        if !text.isEmpty, text.utf8.allSatisfy(\.isASCIIDigit) {
            // More digits than fit are certainly more than the maximum.
            return min(.seconds(Int(text) ?? .max / 2_000_000_000), maximum)
        }
        guard let date = HTTPDate.seconds(text, now: now) else { return fallback }
        return min(.seconds(max(0, date - now)), maximum)
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var view = self[...]
        while let first = view.first, first == " " || first == "\t" { view.removeFirst() }
        while let last = view.last, last == " " || last == "\t" { view.removeLast() }
        return String(view)
    }
}

/// HTTP-dates of RFC 9110, 5.6.7.
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970; nil where it is none of the three forms.
    ///
    /// - Parameter now: a two-digit year is the one within 50 years of it.
    package static func seconds(_ text: String, now: Double) -> Double? {
        let words = text.split(separator: " ").map(String.init)
        if words.count == 6, words[0].hasSuffix(","), words[5] == "GMT" {
            return time(year: Int(words[3]), month: words[2], day: words[1], clock: words[4])
        }
        if words.count == 4, words[0].hasSuffix(","), words[3] == "GMT" {
            let parts = words[1].split(separator: "-").map(String.init)
            guard parts.count == 3, parts[2].utf8.count == 2, let short = Int(parts[2]) else { return nil }
            let thisYear = 1970 + Int(now / 31_556_952)
            var year = thisYear / 100 * 100 + short
            if year > thisYear + 50 { year -= 100 } else if year < thisYear - 50 { year += 100 }
            return time(year: year, month: parts[1], day: parts[0], clock: words[2])
        }
        if words.count == 5 {
            return time(year: Int(words[4]), month: words[1], day: words[2], clock: words[3])
        }
        return nil
    }

    private static func time(year: Int?, month: String, day: String, clock: String) -> Double? {
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { $0.utf8.count == 2 && $0.utf8.allSatisfy(\.isASCIIDigit) ? Int($0) : nil }
        guard let year, (1...9999).contains(year), let month = months.firstIndex(of: month), let day = Int(day),
            (1...ISO8601.days(in: month + 1, of: year)).contains(day), parts.count == 3, numbers.count == 3,
            numbers[0] < 24, numbers[1] < 60, numbers[2] <= 60
        else { return nil }
        return Double(
            ISO8601.days(year, month + 1, day) * 86_400 + numbers[0] * 3600 + numbers[1] * 60 + numbers[2])
    }
}
