extension HistogramSnapshot {
    /// An `io.prometheus.client.Histogram`.
    var protobuf: [UInt8] {
        var message: [UInt8] = []
        message.append(field: 1, varint: count)
        message.append(field: 2, double: sum)
        for (index, cumulative) in cumulativeCounts.enumerated() {
            let exemplar = index < exemplars.count ? exemplars[index] : nil
            // Readers add the bucket up to infinity themselves; it is only written to carry an exemplar.
            guard index < bounds.values.count || exemplar != nil else { continue }
            var bucket: [UInt8] = []
            bucket.append(field: 1, varint: cumulative)
            bucket.append(field: 2, double: index < bounds.values.count ? bounds.values[index] : .infinity)
            if let exemplar { bucket.append(field: 3, exemplar: exemplar) }
            message.append(field: 3, message: bucket)
        }
        if let native {
            message.append(field: 5, zigzag: Int64(native.schema))
            message.append(field: 6, double: NativeBuckets.zeroThreshold)
            message.append(field: 7, varint: native.zeroCount)
            message.append(native.negative, spanField: 9, deltaField: 10)
            message.append(native.positive, spanField: 12, deltaField: 13)
            if native.negative.indices.isEmpty, native.positive.indices.isEmpty {
                // An empty span is how a reader tells an empty native histogram from a classic one.
                message.append(field: 12, message: [0x08, 0, 0x10, 0])
            }
        }
        return message
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ side: NativeBuckets.Side, spanField: Int, deltaField: Int) {
        let (spans, deltas) = side.spans
        for span in spans {
            var message: [UInt8] = []
            message.append(field: 1, zigzag: Int64(span.offset))
            message.append(field: 2, varint: UInt64(span.length))
            append(field: spanField, message: message)
        }
        for delta in deltas { append(field: deltaField, zigzag: delta) }
    }
}
