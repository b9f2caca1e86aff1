/// What a scrape answers: the blocks of all owners, joined family by family in the catalogue's order.
///
/// Families without samples are left out. Blocks of another catalogue are, too. Series are not compared between blocks: owners
/// have to differ in their labels.
package struct ExpositionPage: Sendable {
    private let catalogue: Catalogue
    private let blocks: [SeriesBlock]

    package init(_ catalogue: Catalogue, blocks: [SeriesBlock]) {
        self.catalogue = catalogue
        let areAllOurs = blocks.allSatisfy { $0.catalogue === catalogue }
        self.blocks = areAllOurs ? blocks : blocks.filter { $0.catalogue === catalogue }
    }

    /// The whole page in one piece. `names` keeps the families of which it holds the name or a sample's name (`name[]`); nil: all.
    package func render(_ format: ExpositionFormat, names: Set<String>? = nil) -> [UInt8] {
        let parts = parts(format, names)
        var page: [UInt8] = []
        page.reserveCapacity(parts.reduce(8) { $0 + $1.header.count + $1.bodySize })
        for part in parts {
            page.append(contentsOf: part.header)
            for block in blocks { block.append(part.family, format, to: &page) }
        }
        if format == .openMetrics { page.append(contentsOf: Self.endMark) }
        return page
    }

    /// The page in pieces of about `size` bytes, so that a large one need not be held as a whole.
    package func chunks(_ format: ExpositionFormat, names: Set<String>? = nil, size: Int = 256 << 10) -> Chunks {
        Chunks(blocks: blocks, parts: parts(format, names), format: format, size: size)
    }

    /// A family that has samples: its header in the format, and the size of what follows.
    struct Part: Sendable {
        let family: Int
        let header: [UInt8]
        let bodySize: Int
    }

    private static let endMark = Array("# EOF\n".utf8)

    private func parts(_ format: ExpositionFormat, _ names: Set<String>?) -> [Part] {
        catalogue.selection(names).compactMap { family in
            let size = blocks.reduce(0) { $0 + $1.size(family, format) }
            guard size > 0 else { return nil }
            let header = catalogue.headers[family]
            switch format {
            case .text: return Part(family: family, header: header.text, bodySize: size)
            case .openMetrics: return Part(family: family, header: header.openMetrics, bodySize: size)
            case .protobuf:
                var message: [UInt8] = []
                message.append(varint: UInt64(header.protobuf.count + size))
                message.append(contentsOf: header.protobuf)
                return Part(family: family, header: message, bodySize: size)
            }
        }
    }
}

extension ExpositionPage {
    /// The pieces of a page, made one at a time.
    package struct Chunks: Sequence, IteratorProtocol, Sendable {
        private let blocks: [SeriesBlock]
        private let parts: [Part]
        private let format: ExpositionFormat
        private let size: Int
        private var part = 0
        /// The next block of the part; -1: its header comes first.
        private var block = -1
        private var isDone = false

        fileprivate init(blocks: [SeriesBlock], parts: [Part], format: ExpositionFormat, size: Int) {
            self.blocks = blocks
            self.parts = parts
            self.format = format
            self.size = size
        }

        /// The next piece, never empty; nil after the last.
        package mutating func next() -> [UInt8]? {
            guard !isDone else { return nil }
            var chunk: [UInt8] = []
            chunk.reserveCapacity(size + 16 << 10)
            while part < parts.count {
                if block < 0 { chunk.append(contentsOf: parts[part].header) }
                block = Swift.max(block, 0)
                while block < blocks.count {
                    guard chunk.count < size else { return chunk }
                    blocks[block].append(parts[part].family, format, to: &chunk)
                    block += 1
                }
                part += 1
                block = -1
            }
            isDone = true
            if format == .openMetrics { chunk.append(contentsOf: ExpositionPage.endMark) }
            return chunk.isEmpty ? nil : chunk
        }
    }
}
