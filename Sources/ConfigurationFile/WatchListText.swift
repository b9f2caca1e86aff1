package import Watching

/// Writes watches as the YAML that `WatchReader` reads back as they were. No value of a secret is in it: URLs and header
/// values are written as hashes.
package struct WatchListText {
    private let defaults: WatchDefaults
    private var lines = ["watches:"]

    package init(defaults: WatchDefaults) {
        self.defaults = defaults
    }

    package var text: String { lines.joined(separator: "\n") + "\n" }

    /// - Parameter notes: written before the watch as comments, one a line.
    package mutating func append(_ watch: Watch, notes: [String] = []) {
        var notes = notes
        var body = ["account: \(Self.quoted(watch.id.account))"]
        if let orgID = watch.orgID { body.append("org_id: \(orgID)") }
        if watch.module != defaults.module { body.append("module: \(Self.quoted(watch.module))") }
        if watch.checkInterval != defaults.checkInterval {
            body.append("check_interval: \(Self.duration(watch.checkInterval))")
        }
        if watch.probeInterval != defaults.probeInterval {
            body.append("probe_interval: \(Self.duration(watch.probeInterval))")
        }
        if !watch.isEnabled { body.append("enabled: false") }
        let labels = watch.labels.filter { !defaults.labels.contains($0) }
        if !labels.isEmpty {
            let pairs = labels.map { "\(Self.quoted($0.name)): \(Self.quoted($0.value))" }
            body.append("labels: {\(pairs.joined(separator: ", "))}")
        }
        let expect = Self.expectation(watch.expectation, notes: &notes)
        if !expect.isEmpty { body += ["expect:"] + expect.map { "  " + $0 } }
        if !watch.ignoredFields.isEmpty {
            body.append("ignore: [\(watch.ignoredFields.map(\.rawValue).sorted().joined(separator: ", "))]")
        }
        lines += notes.map { "  # " + Self.comment($0) }
        lines.append("  - webhook_id: \(watch.id.webhookID)")
        lines += body.map { "    " + $0 }
    }

    private static func expectation(_ expectation: Expectation, notes: inout [String]) -> [String] {
        var lines: [String] = []
        if let url = expectation.url { lines.append("url: \(value(url))") }
        if let eventType = expectation.eventType {
            if isReadable(eventType) {
                lines.append("event_type: \(quoted(eventType))")
            } else {
                notes.append("its event type cannot be declared, so it is learned")
            }
        }
        if let orgID = expectation.orgID {
            if orgID > 0 {
                lines.append("org_id: \(orgID)")
            } else {
                notes.append("its organisation \(orgID) cannot be declared, so it is learned")
            }
        }
        guard let headers = expectation.customHeaders else { return lines }
        guard headers.allSatisfy({ isReadable($0.name) }),
            Set(headers.map { $0.name.lowercased() }).count == headers.count
        else {
            notes.append("its custom headers cannot be declared: a name is empty, or two differ by case only")
            return lines
        }
        guard !headers.isEmpty else { return lines + ["custom_headers: {}"] }
        lines.append("custom_headers:")
        return lines + headers.map { "  \(quoted($0.name)): \(value($0.value))" }
    }

    private static func value(_ value: ExpectedValue) -> String {
        switch value.withoutClearText {
        case .sha256(let hash, let salt):
            // Quoted: digits alone would be read as a number.
            let suffix = salt.isEmpty ? "" : ", salt: \"\(hexadecimal(salt))\""
            return "{sha256: \"\(hexadecimal(hash))\"\(suffix)}"
        case .any, .exactly: return "{any: true}"
        }
    }

    /// Whether a text comes back as it was: the reader takes a few noncharacters for its own marks, and the parser loses a
    /// byte order mark.
    private static func isReadable(_ text: String) -> Bool {
        !text.isEmpty && !text.unicodeScalars.contains { (0xfdd0...0xfdef).contains($0.value) || $0.value == 0xfeff }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// In double quotes, with an escape for everything that is not plain ASCII.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\" + String(scalar)
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                result += "\\" + letter + String(repeating: "0", count: width - digits.utf8.count) + digits
            }
        }
        return result + "\""
    }

    private static func comment(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { (" "..."~").contains($0) ? $0 : "?" }))
    }

    /// As Prometheus writes it: `1m30s`.
    static func duration(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        var text = ""
        for (name, milliseconds) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let (count, remainder) = rest.quotientAndRemainder(dividingBy: Int64(milliseconds))
            if count > 0 { text += "\(count)\(name)" }
            rest = remainder
        }
        return text.isEmpty ? "0" : text
    }
}
