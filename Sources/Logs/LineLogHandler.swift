internal import Glibc
package import Logging

/// How a log line is written.
package enum LogFormat: String, Sendable, CaseIterable {
    case logfmt, json
}

/// One line an event, in logfmt or JSON, with `ts`, `level` and `msg` first as Prometheus's own programs write them, then
/// the metadata in the order of its names.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let now: @Sendable () -> Double
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - write: takes one line with its newline; called from any thread.
    package init(
        format: LogFormat, level: Logger.Level, now: @escaping @Sendable () -> Double,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.format = format
        self.logLevel = level
        self.now = now
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        if let error = event.error { fields["err"] = "\(error)" }
        let pairs =
            [
                ("ts", Timestamp.text(now())), ("level", Self.name(event.level)), ("msg", event.message.description),
            ] + fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        write(format == .json ? Self.json(pairs) : Self.logfmt(pairs))
    }

    private static func name(_ level: Logger.Level) -> String {
        switch level {
        case .warning: "warn"
        case .notice: "info"
        case .critical: "error"
        default: level.rawValue
        }
    }

    private static func logfmt(_ pairs: [(String, String)]) -> String {
        pairs.map { key, value in
            let isPlain =
                !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && !"\"=\\\u{7f}".utf8.contains($0) && $0 < 0x80 }
            return isPlain ? "\(key)=\(value)" : "\(key)=\(quoted(value))"
        }.joined(separator: " ") + "\n"
    }

    private static func json(_ pairs: [(String, String)]) -> String {
        "{" + pairs.map { "\(quoted($0)):\(quoted($1))" }.joined(separator: ",") + "}\n"
    }

    /// A JSON string, which logfmt readers take as well; controls are escaped, so that nobody forges a line.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// RFC 3339 in UTC.
package enum Timestamp {
    /// The years 1 to 9999.
    private static let bounds = -62_135_596_800.0...253_402_300_799

    /// - Parameter seconds: since 1970; what lies outside of the years 1 to 9999 is taken for the nearest time inside.
    package static func text(_ seconds: Double) -> String {
        let seconds = seconds.isNaN ? 0 : min(max(seconds, bounds.lowerBound), bounds.upperBound)
        let milliseconds = Int64((seconds * 1000).rounded(.down))
        let (days, rest) = floorDivide(milliseconds, 86_400_000)
        // Civil date from the day number; 400-year eras that begin on 1 March, so that the leap day ends a year.
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(time).\(padded(rest % 1000, 3))Z"
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
        let remainder = ((value % divisor) + divisor) % divisor
        return ((value - remainder) / divisor, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Standard error: a line is written whole, by one call.
package enum StandardError {
    package static func write(_ line: String) {
        let bytes = Array(line.utf8)
        var offset = 0
        while offset < bytes.count {
            let written = bytes[offset...].withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            // A log that nobody can take must not stop the exporter.
            guard written > 0 else { return }
            offset += written
        }
    }
}
