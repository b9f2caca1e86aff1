/// A strict reader of both text formats: the grammar and no more, no blank lines, families in one piece, no duplicates.
package struct TextParser {
    private var reader: ByteReader
    private let isOpenMetrics: Bool
    private var page = ParsedPage()

    package static func parse(_ bytes: [UInt8], openMetrics: Bool) throws -> ParsedPage {
        var parser = TextParser(reader: ByteReader(bytes: bytes), isOpenMetrics: openMetrics)
        try parser.run()
        return parser.page
    }

    private init(reader: ByteReader, isOpenMetrics: Bool) {
        self.reader = reader
        self.isOpenMetrics = isOpenMetrics
    }

    private mutating func run() throws {
        guard String(validating: reader.bytes, as: UTF8.self) != nil else {
            throw ParseError(description: "no UTF-8")
        }
        var names: Set<String> = []
        while !reader.isAtEnd, !reader.starts(with: "# EOF\n") {
            let family = try family()
            guard names.insert(family.name).inserted else {
                throw ParseError(description: "\(family.name) comes twice")
            }
            let series = Set(family.samples.map { ParsedPage.Sample(name: $0.name, labels: $0.labels, value: 0) })
            guard series.count == family.samples.count else {
                throw ParseError(description: "\(family.name) has a series twice")
            }
            page.families.append(family)
        }
        if isOpenMetrics { try reader.expect("# EOF\n") }
        guard reader.isAtEnd else { throw ParseError(description: "goes on after the end") }
    }

    private mutating func family() throws -> ParsedPage.Family {
        try reader.expect("# HELP ")
        let name = reader.take { $0 != UInt8(ascii: " ") }
        try reader.expect(" ")
        let help = try unescaped(until: UInt8(ascii: "\n"), quotes: isOpenMetrics)
        try reader.expect("# TYPE \(name) ")
        let type = reader.take { $0 != UInt8(ascii: "\n") }
        try reader.expect("\n")
        if reader.starts(with: "# UNIT ") {
            try reader.expect("# UNIT \(name) ")
            let unit = reader.take { $0 != UInt8(ascii: "\n") }
            guard isOpenMetrics, name.hasSuffix("_" + unit) else { throw ParseError(description: "unit \(unit)") }
            try reader.expect("\n")
        }
        let isTotalImplied = isOpenMetrics && type == "counter"
        var family = ParsedPage.Family(name: isTotalImplied ? name + "_total" : name, type: type, help: help)
        while !reader.isAtEnd, !reader.starts(with: "#") { try sample(&family) }
        guard !family.samples.isEmpty else { throw ParseError(description: "\(name) is empty") }
        return family
    }

    private mutating func sample(_ family: inout ParsedPage.Family) throws {
        let name = reader.take { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: " ") }
        let suffixes = family.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { name == family.name + $0 }) else {
            throw ParseError(description: "\(name) is none of \(family.name)")
        }
        let labels = reader.starts(with: "{") ? try labels() : [:]
        try reader.expect(" ")
        let value = try number()
        family.samples.append(ParsedPage.Sample(name: name, labels: labels, value: value.bitPattern))
        if isOpenMetrics, reader.starts(with: " # ") {
            guard family.type == "counter" || name.hasSuffix("_bucket") else {
                throw ParseError(description: "\(name) has an exemplar")
            }
            try reader.expect(" # ")
            var exemplar = ParsedPage.Exemplar(labels: try self.labels(), value: 0)
            try reader.expect(" ")
            exemplar.value = try number()
            if reader.starts(with: " ") {
                try reader.expect(" ")
                exemplar.timestamp = try number()
            }
            family.exemplars.append(exemplar)
        }
        try reader.expect("\n")
    }

    private mutating func labels() throws -> [String: String] {
        var labels: [String: String] = [:]
        try reader.expect("{")
        while true {
            let name = reader.take { $0 != UInt8(ascii: "=") }
            guard name.wholeMatch(of: /[a-zA-Z_][a-zA-Z0-9_]*/) != nil, labels[name] == nil else {
                throw ParseError(description: "label \(name)")
            }
            try reader.expect("=\"")
            labels[name] = try unescaped(until: UInt8(ascii: "\""), quotes: true)
            if reader.starts(with: "}") { break }
            try reader.expect(",")
        }
        try reader.expect("}")
        return labels
    }

    private mutating func unescaped(until end: UInt8, quotes: Bool) throws -> String {
        var bytes: [UInt8] = []
        while true {
            let byte = try reader.byte()
            if byte == end { return String(decoding: bytes, as: UTF8.self) }
            if byte == UInt8(ascii: "\n") { throw ParseError(description: "bare newline") }
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch try reader.byte() {
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "\"") where quotes: bytes.append(UInt8(ascii: "\""))
            default: throw ParseError(description: "unknown escape")
            }
        }
    }

    private mutating func number() throws -> Double {
        let text = reader.take { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") }
        switch text {
        case "NaN": return .nan
        case "+Inf": return .infinity
        case "-Inf": return -.infinity
        default:
            guard text.wholeMatch(of: /-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?/) != nil, let value = Double(text) else {
                throw ParseError(description: "number \(text)")
            }
            return value
        }
    }
}
