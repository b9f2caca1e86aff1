/// In which format and encoding a scraper wants its answer.
package struct Negotiation: Sendable, Hashable {
    package let format: ExpositionFormat
    /// Whether the body is to be sent with `Content-Encoding: gzip`.
    package let isGzipped: Bool

    /// Takes the header values as they came (several lines of one header joined by commas); nil: no such header.
    package init(accept: String?, acceptEncoding: String?) {
        format = Self.format(accept ?? "")
        isGzipped = Self.prefersGzip(acceptEncoding ?? "")
    }

    /// Clauses by weight, then in their order; the first that names a format with parameters that agree. Nothing of the header
    /// reaches the answer: a content type is always one of three.
    private static func format(_ header: String) -> ExpositionFormat {
        weighted(header).lazy.compactMap(format).first ?? .text
    }

    private static func format(_ clause: Clause) -> ExpositionFormat? {
        var given = clause.parameters
        // Names here need no escaping, so whichever scheme is asked for holds.
        given["escaping"] = nil
        given["charset"] = nil
        let required: [String: String]
        let format: ExpositionFormat
        switch clause.value {
        case "*/*", "text/*", "text/plain":
            (format, required) = (.text, ["version": "0.0.4"])
        case "application/openmetrics-text":
            (format, required) = (.openMetrics, ["version": "1.0.0"])
        case "application/vnd.google.protobuf":
            (format, required) = (.protobuf, ["proto": "io.prometheus.client.MetricFamily", "encoding": "delimited"])
            // There is no telling what message or framing is meant without them.
            guard given.count == required.count else { return nil }
        default: return nil
        }
        return given.allSatisfy { required[$0.key] == $0.value } ? format : nil
    }

    /// gzip where it is allowed and identity is not preferred to it.
    private static func prefersGzip(_ header: String) -> Bool {
        var gzip: Double?
        var identity: Double?
        var others: Double?
        for clause in clauses(header) {
            switch clause.value {
            case "gzip", "x-gzip": gzip = gzip ?? clause.weight
            case "identity": identity = identity ?? clause.weight
            case "*": others = others ?? clause.weight
            default: break
            }
        }
        let weight = gzip ?? others ?? 0
        return weight > 0 && weight >= identity ?? 0
    }
}

extension Negotiation {
    /// One comma-separated part of a header: `value; name=parameter; q=weight`. Values and parameter names in lower case.
    private struct Clause {
        var value = ""
        var parameters: [String: String] = [:]
        var weight = 1.0
    }

    /// The acceptable clauses, heaviest first.
    private static func weighted(_ header: String) -> [Clause] {
        let acceptable = clauses(header).filter { $0.weight > 0 }
        // Sorted by position too, since the sort need not be stable.
        return acceptable.enumerated()
            .sorted { ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset) }
            .map(\.element)
    }

    /// A clause that cannot be read is left out.
    private static func clauses(_ header: String) -> [Clause] {
        split(header, at: .comma).compactMap { text in
            let parts = split(text, at: UInt8(ascii: ";"))
            guard let value = parts.first, !value.isEmpty else { return nil }
            var clause = Clause(value: value.lowercased())
            for part in parts.dropFirst() where !part.isEmpty {
                let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard halves.count == 2 else { return nil }
                let name = trimmed(halves[0]).lowercased()
                let parameter = unquoted(trimmed(halves[1]))
                if name == "q" {
                    guard let weight = Double(parameter), (0...1).contains(weight) else { return nil }
                    clause.weight = weight
                } else {
                    clause.parameters[name] = parameter
                }
            }
            return clause
        }
    }

    /// Splits outside quoted strings, and trims.
    private static func split(_ text: String, at separator: UInt8) -> [String] {
        var parts: [String] = []
        var part: [UInt8] = []
        var isQuoted = false
        var isEscaped = false
        for byte in text.utf8 {
            if byte == separator, !isQuoted {
                parts.append(trimmed(String(decoding: part, as: UTF8.self)))
                part = []
                continue
            }
            if byte == .quote, !isEscaped { isQuoted.toggle() }
            isEscaped = byte == .backslash && isQuoted && !isEscaped
            part.append(byte)
        }
        return parts + [trimmed(String(decoding: part, as: UTF8.self))]
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        var rest = Substring(text).drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return String(rest)
    }

    private static func unquoted(_ text: String) -> String {
        guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }
}
