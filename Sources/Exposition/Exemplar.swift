/// One observation that stands for many: what a counter or a bucket links to. Shown in OpenMetrics and protobuf only.
package struct Exemplar: Sendable, Hashable {
    package let labels: Labels
    package let value: Double
    /// Seconds since 1970.
    package let timestamp: Double?

    /// nil where the labels hold more than the 128 characters that OpenMetrics allows.
    package init?(labels: Labels, value: Double, timestamp: Double? = nil) {
        let length = labels.pairs.reduce(0) { $0 + $1.name.unicodeScalars.count + $1.value.unicodeScalars.count }
        guard length <= 128 else { return nil }
        self.labels = labels
        self.value = value
        self.timestamp = timestamp.flatMap { $0.isFinite ? $0 : nil }
    }
}

extension [UInt8] {
    /// ` # {labels} value timestamp`, as it follows a sample in OpenMetrics.
    mutating func append(exemplar: Exemplar) {
        append(contentsOf: " # {".utf8)
        append(contentsOf: exemplar.labels.text)
        append(.closeBrace)
        append(.space)
        append(number: exemplar.value)
        if let timestamp = exemplar.timestamp {
            append(.space)
            append(number: timestamp)
        }
    }

    mutating func append(field number: Int, exemplar: Exemplar) {
        var message = exemplar.labels.protobuf
        message.append(field: 2, double: exemplar.value)
        if let timestamp = exemplar.timestamp, let seconds = Int64(exactly: timestamp.rounded(.down)) {
            var time: [UInt8] = []
            time.append(field: 1, varint: UInt64(bitPattern: seconds))
            let nanoseconds = ((timestamp - Double(seconds)) * 1e9).rounded(.down)
            time.append(field: 2, varint: UInt64(Swift.min(nanoseconds, 999_999_999)))
            message.append(field: 3, message: time)
        }
        append(field: number, message: message)
    }
}
