extension SeriesBlock {
    /// Renders samples, in any order, into a block. Samples of one family keep the order in which they were added.
    ///
    /// Nothing in here traps or throws: a sample that does not fit is left out and named in `SeriesBlock.rejections`.
    package struct Builder {
        private let catalogue: Catalogue
        private let labels: Labels
        private var rejections: [Rejection] = []
        private var seen: Set<Series> = []
        private var text: [UInt8] = []
        private var protobuf: [UInt8] = []
        private var cuts: [Range<Int>] = []
        private var chunks: [Chunk] = []

        /// One added sample's part of `text` and `protobuf`.
        private struct Chunk {
            let family: Int
            let textEnd: Int
            let protobufEnd: Int
            let cutEnd: Int
        }

        private struct Series: Hashable {
            let family: Int
            let labels: Labels
        }

        /// `labels` are those that every series of the owner carries.
        package init(_ catalogue: Catalogue, labels: Labels = Labels()) {
            self.catalogue = catalogue
            self.labels = labels
            text.reserveCapacity(8192)
            protobuf.reserveCapacity(4096)
            chunks.reserveCapacity(catalogue.families.count * 2)
        }

        /// Adds a gauge's or a counter's sample; none where the value is nil. `further` labels come after the owner's.
        package mutating func add(
            _ family: MetricFamily, _ value: Double?, _ further: Labels = Labels(), exemplar: Exemplar? = nil
        ) {
            guard let value, let (index, labels) = begin(family, further, isHistogram: false) else { return }
            let exemplar = family.kind == .counter ? exemplar : nil
            appendSeries(family.name, "", labels, le: nil)
            text.append(number: value)
            if let exemplar { appendCut(exemplar) }
            text.append(.newline)

            if let exemplar {
                var message: [UInt8] = []
                message.append(field: 1, double: value)
                message.append(field: 2, exemplar: exemplar)
                appendMetric(labels, field: 3, message)
            } else {
                protobuf.append(field: 4, lengthOf: labels.protobuf.count + 11)
                protobuf.append(contentsOf: labels.protobuf)
                protobuf.append(field: family.kind == .counter ? 3 : 2, lengthOf: 9)
                protobuf.append(field: 1, double: value)
            }
            end(index)
        }

        /// Adds a whole number; none where it is nil.
        package mutating func add(
            _ family: MetricFamily, _ value: (some BinaryInteger)?, _ further: Labels = Labels(),
            exemplar: Exemplar? = nil
        ) {
            add(family, value.map { Double($0) }, further, exemplar: exemplar)
        }

        /// Adds 1 or 0; none where it is nil.
        package mutating func add(_ family: MetricFamily, _ value: Bool?, _ further: Labels = Labels()) {
            add(family, value.map { $0 ? 1.0 : 0.0 }, further)
        }

        /// Adds seconds; none where it is nil.
        package mutating func add(_ family: MetricFamily, _ value: Duration?, _ further: Labels = Labels()) {
            add(family, value.map(\.inSeconds), further)
        }

        /// Adds a histogram, native buckets and all; none where it is nil.
        package mutating func add(
            _ family: MetricFamily, _ histogram: HistogramSnapshot?, _ further: Labels = Labels()
        ) {
            guard let histogram, let (index, labels) = begin(family, further, isHistogram: true) else { return }
            for (bucket, count) in histogram.cumulativeCounts.enumerated() {
                appendSeries(family.name, "_bucket", labels, le: histogram.bounds.labels[bucket])
                text.append(number: Double(count))
                if bucket < histogram.exemplars.count, let exemplar = histogram.exemplars[bucket] {
                    appendCut(exemplar)
                }
                text.append(.newline)
            }
            appendSeries(family.name, "_sum", labels, le: nil)
            text.append(number: histogram.sum)
            text.append(.newline)
            appendSeries(family.name, "_count", labels, le: nil)
            text.append(number: Double(histogram.count))
            text.append(.newline)

            appendMetric(labels, field: 7, histogram.protobuf)
            end(index)
        }

        private mutating func begin(
            _ family: MetricFamily, _ further: Labels, isHistogram: Bool
        ) -> (index: Int, labels: Labels)? {
            let reason: Rejection.Reason
            if let index = catalogue.index(of: family) {
                let labels = labels.with(further)
                if isHistogram != (family.kind == .histogram) {
                    reason = .wrongKind
                } else if seen.insert(Series(family: index, labels: labels)).inserted {
                    return (index, labels)
                } else {
                    reason = .duplicate
                }
            } else {
                reason = .unknownFamily
            }
            rejections.append(Rejection(family: family.name, reason: reason))
            return nil
        }

        private mutating func end(_ family: Int) {
            chunks.append(
                Chunk(family: family, textEnd: text.count, protobufEnd: protobuf.count, cutEnd: cuts.count))
        }

        private mutating func appendSeries(_ name: String, _ suffix: String, _ labels: Labels, le: [UInt8]?) {
            text.append(contentsOf: name.utf8)
            text.append(contentsOf: suffix.utf8)
            if le != nil || !labels.isEmpty {
                text.append(.openBrace)
                text.append(contentsOf: labels.text)
                if let le {
                    if !labels.isEmpty { text.append(.comma) }
                    text.append(contentsOf: le)
                }
                text.append(.closeBrace)
            }
            text.append(.space)
        }

        /// The `metric` field of a MetricFamily: the labels and, as field 2, 3 or 7, what was measured.
        private mutating func appendMetric(_ labels: Labels, field: Int, _ message: [UInt8]) {
            let size = labels.protobuf.count + 1 + varintSize(message.count) + message.count
            protobuf.append(field: 4, lengthOf: size)
            protobuf.append(contentsOf: labels.protobuf)
            protobuf.append(field: field, message: message)
        }

        private mutating func appendCut(_ exemplar: Exemplar) {
            let start = text.count
            text.append(exemplar: exemplar)
            cuts.append(start..<text.count)
        }
    }
}

extension SeriesBlock.Builder {
    /// The block of what was added so far. The builder can go on being used.
    ///
    /// One owner's series take a few kilobytes; 4 GiB of them would trap.
    package func build() -> SeriesBlock {
        let order = chunkOrder
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + protobuf.count)
        var ends: [UInt32] = []
        ends.reserveCapacity(2 * catalogue.families.count)
        var moved: [UInt32] = []
        moved.reserveCapacity(2 * cuts.count)

        var next = order.startIndex
        for family in catalogue.families.indices {
            while next < order.endIndex, chunks[order[next]].family == family {
                let position = order[next]
                let previous = position == 0 ? nil : chunks[position - 1]
                let start = previous?.textEnd ?? 0
                for cut in cuts[(previous?.cutEnd ?? 0)..<chunks[position].cutEnd] {
                    moved.append(UInt32(bytes.count + cut.lowerBound - start))
                    moved.append(UInt32(bytes.count + cut.upperBound - start))
                }
                bytes.append(contentsOf: text[start..<chunks[position].textEnd])
                next += 1
            }
            ends.append(UInt32(bytes.count))
        }
        next = order.startIndex
        for family in catalogue.families.indices {
            while next < order.endIndex, chunks[order[next]].family == family {
                let start = order[next] == 0 ? 0 : chunks[order[next] - 1].protobufEnd
                bytes.append(contentsOf: protobuf[start..<chunks[order[next]].protobufEnd])
                next += 1
            }
            ends.append(UInt32(bytes.count))
        }
        return SeriesBlock(
            catalogue: catalogue, rejections: rejections, bytes: bytes, ends: ends, cuts: moved)
    }

    /// The chunks' positions by family, and within one as they were added. Mostly they come in that order already.
    private var chunkOrder: [Int] {
        let isInOrder = zip(chunks, chunks.dropFirst()).allSatisfy { $0.family <= $1.family }
        guard !isInOrder else { return Array(chunks.indices) }
        return chunks.indices.sorted { (chunks[$0].family, $0) < (chunks[$1].family, $1) }
    }
}

extension Duration {
    /// With nanosecond precision, as Prometheus shows durations.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds / 1_000_000_000) / 1e9
    }
}
