/// Reads delimited `io.prometheus.client.MetricFamily` messages, and writes histograms out as their classic samples.
package enum ProtobufParser {
    package struct Native: Equatable, Sendable {
        package var schema: Int64 = 0
        package var zeroThreshold = 0.0
        package var zeroCount: UInt64 = 0
        /// Bucket index to count, empty buckets of spans included.
        package var positive: [Int64: Int64] = [:]
        package var negative: [Int64: Int64] = [:]
        package var positiveSpans = 0

        package init() {}
    }

    package static func parse(_ bytes: [UInt8]) throws -> (page: ParsedPage, natives: [Native]) {
        var reader = ByteReader(bytes: bytes)
        var page = ParsedPage()
        var natives: [Native] = []
        while !reader.isAtEnd {
            let length = Int(try reader.varint())
            let message = try Message(try reader.take(length))
            let types = ["counter", "gauge", "summary", "untyped", "histogram"]
            guard let type = message.integers(3).first, types.indices.contains(Int(type)) else {
                throw ParseError(description: "type")
            }
            var family = ParsedPage.Family(
                name: try message.string(1), type: types[Int(type)], help: try message.string(2))
            for metric in try message.messages(4) {
                let labels = try labels(metric)
                switch family.type {
                case "histogram":
                    guard let histogram = try metric.messages(7).first else { throw ParseError(description: "empty") }
                    try read(histogram, labels, &family)
                    natives.append(try native(histogram))
                default:
                    guard let value = try metric.messages(family.type == "counter" ? 3 : 2).first,
                        let bits = value.doubles(1).first
                    else { throw ParseError(description: "no value") }
                    family.samples.append(.init(name: family.name, labels: labels, value: bits))
                    family.exemplars += try value.messages(2).map(exemplar)
                }
            }
            guard !family.samples.isEmpty else { throw ParseError(description: "\(family.name) is empty") }
            page.families.append(family)
        }
        return (page, natives)
    }

    private static func read(
        _ histogram: Message, _ labels: [String: String], _ family: inout ParsedPage.Family
    ) throws {
        let count = Double(histogram.integers(1).first ?? 0).bitPattern
        var hasInfinity = false
        for bucket in try histogram.messages(3) {
            let bound = Double(bitPattern: bucket.doubles(2).first ?? 0)
            hasInfinity = hasInfinity || bound == .infinity
            var bucketLabels = labels
            bucketLabels["le"] = bound == .infinity ? "+Inf" : "\(bound)"
            let value = Double(bucket.integers(1).first ?? 0).bitPattern
            family.samples.append(.init(name: family.name + "_bucket", labels: bucketLabels, value: value))
            family.exemplars += try bucket.messages(3).map(exemplar)
        }
        if !hasInfinity {
            var bucketLabels = labels
            bucketLabels["le"] = "+Inf"
            family.samples.append(.init(name: family.name + "_bucket", labels: bucketLabels, value: count))
        }
        family.samples.append(
            .init(name: family.name + "_sum", labels: labels, value: histogram.doubles(2).first ?? 0))
        family.samples.append(.init(name: family.name + "_count", labels: labels, value: count))
    }

    private static func native(_ histogram: Message) throws -> Native {
        var native = Native()
        native.schema = zigzag(histogram.integers(5).first ?? 0)
        native.zeroThreshold = Double(bitPattern: histogram.doubles(6).first ?? 0)
        native.zeroCount = histogram.integers(7).first ?? 0
        native.positiveSpans = try histogram.messages(12).count
        native.negative = try buckets(histogram, spans: 9, deltas: 10)
        native.positive = try buckets(histogram, spans: 12, deltas: 13)
        return native
    }

    private static func buckets(_ histogram: Message, spans: Int, deltas: Int) throws -> [Int64: Int64] {
        var result: [Int64: Int64] = [:]
        var differences = histogram.integers(deltas).map(zigzag)[...]
        var index: Int64 = 0
        var count: Int64 = 0
        for span in try histogram.messages(spans) {
            index += zigzag(span.integers(1).first ?? 0)
            for _ in 0..<(span.integers(2).first ?? 0) {
                guard let difference = differences.popFirst() else { throw ParseError(description: "few deltas") }
                count += difference
                result[index] = count
                index += 1
            }
        }
        guard differences.isEmpty else { throw ParseError(description: "many deltas") }
        return result
    }

    private static func labels(_ message: Message) throws -> [String: String] {
        try message.messages(1).reduce(into: [:]) { $0[try $1.string(1)] = try $1.string(2) }
    }

    private static func exemplar(_ message: Message) throws -> ParsedPage.Exemplar {
        let timestamp = try message.messages(3).first.map { time in
            Double(time.integers(1).first ?? 0) + Double(time.integers(2).first ?? 0) / 1e9
        }
        return ParsedPage.Exemplar(
            labels: try labels(message), value: Double(bitPattern: message.doubles(2).first ?? 0),
            timestamp: timestamp)
    }

    private static func zigzag(_ value: UInt64) -> Int64 {
        value & 1 == 0 ? Int64(value / 2) : -Int64(value / 2) - 1
    }

    /// Fields by number, as the wire has them.
    private struct Message {
        private var varints: [Int: [UInt64]] = [:]
        private var fixed: [Int: [UInt64]] = [:]
        private var chunks: [Int: [[UInt8]]] = [:]

        init(_ bytes: [UInt8]) throws {
            var reader = ByteReader(bytes: bytes)
            while !reader.isAtEnd {
                let tag = try reader.varint()
                let number = Int(tag >> 3)
                switch tag & 7 {
                case 0: varints[number, default: []].append(try reader.varint())
                case 1:
                    let bits = try reader.take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
                    fixed[number, default: []].append(bits)
                case 2: chunks[number, default: []].append(try reader.take(Int(try reader.varint())))
                default: throw ParseError(description: "wire type \(tag & 7)")
                }
            }
        }

        func integers(_ number: Int) -> [UInt64] { varints[number] ?? [] }
        func doubles(_ number: Int) -> [UInt64] { fixed[number] ?? [] }
        func messages(_ number: Int) throws -> [Message] { try (chunks[number] ?? []).map(Message.init) }

        func string(_ number: Int) throws -> String {
            guard let bytes = chunks[number]?.first, let text = String(validating: bytes, as: UTF8.self) else {
                throw ParseError(description: "string \(number)")
            }
            return text
        }
    }
}

extension ByteReader {
    fileprivate mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7f) << UInt64(shift)
            if next < 0x80 { return value }
        }
        throw ParseError(description: "varint")
    }
}
