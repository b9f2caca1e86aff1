import Transport

/// Date-times of the API: `2024-11-27T16:10:44.929678Z`; the fraction may be missing, an offset may stand for `Z`.
package enum ISO8601 {
    /// Seconds since 1970; nil for anything else.
    package static func seconds(_ text: String) -> Double? {
        var rest = Array(text.utf8)[...]
        guard let year = number(&rest, 4), literal(&rest, "-"), let month = number(&rest, 2), literal(&rest, "-"),
            let day = number(&rest, 2), literal(&rest, "T") || literal(&rest, "t") || literal(&rest, " "),
            let hour = number(&rest, 2), literal(&rest, ":"), let minute = number(&rest, 2), literal(&rest, ":"),
            let second = number(&rest, 2), (1...12).contains(month), (1...days(in: month, of: year)).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction = 0.0
        if literal(&rest, ".") || literal(&rest, ",") {
            let digits = rest.prefix(while: \.isASCIIDigit)
            guard !digits.isEmpty, digits.count <= 18,
                let value = Double("0." + String(decoding: digits, as: UTF8.self))
            else { return nil }
            fraction = value
            rest = rest.dropFirst(digits.count)
        }
        guard let offset = offset(&rest), rest.isEmpty else { return nil }
        let whole = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Double(whole) + fraction
    }

    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int? {
        if literal(&rest, "Z") || literal(&rest, "z") { return 0 }
        let sign: Int
        if literal(&rest, "+") { sign = 1 } else if literal(&rest, "-") { sign = -1 } else { return nil }
        guard let hours = number(&rest, 2), hours < 24 else { return nil }
        if rest.isEmpty { return sign * hours * 3600 }
        _ = literal(&rest, ":")
        guard let minutes = number(&rest, 2), minutes < 60 else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }

    private static func number(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy(\.isASCIIDigit) else { return nil }
        rest = rest.dropFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1 & 0x0f) }
    }

    private static func literal(_ rest: inout ArraySlice<UInt8>, _ text: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: text) else { return false }
        rest = rest.dropFirst()
        return true
    }

    static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01; years begin on 1 March here, so that the leap day is a year's last.
    package static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
