/// The series of one owner (a watch, or the exporter itself) over all families of a catalogue, rendered for every format.
///
/// Immutable: when the owner's state changes, a new block takes its place, and a page that is being joined keeps the old one.
package final class SeriesBlock: Sendable {
    package let catalogue: Catalogue
    /// What was asked for and left out; empty unless there is a mistake in the program.
    package let rejections: [Rejection]
    /// OpenMetrics text of all families in the catalogue's order, then their `metric` fields in protobuf.
    private let bytes: [UInt8]
    /// Where the parts of `bytes` end: text for each family, then protobuf for each family.
    private let ends: [UInt32]
    /// Exemplars within the text, as pairs of start and end: what the plain text format has to skip.
    private let cuts: [UInt32]

    /// A sample that was not rendered, since it would have spoilt the page.
    package struct Rejection: Sendable, Hashable {
        package enum Reason: String, Sendable, Hashable, CaseIterable {
            /// The family is not in the catalogue.
            case unknownFamily
            /// A histogram for a gauge or counter, or the other way round.
            case wrongKind
            /// Equal labels were added to the family before; the first sample stays.
            case duplicate
        }

        package let family: String
        package let reason: Reason
    }

    init(catalogue: Catalogue, rejections: [Rejection], bytes: [UInt8], ends: [UInt32], cuts: [UInt32]) {
        self.catalogue = catalogue
        self.rejections = rejections
        self.bytes = bytes
        self.ends = ends
        self.cuts = cuts
    }

    /// Bytes held, all formats together.
    package var byteCount: Int { bytes.count }

    /// How many bytes a family takes in a format; 0 where it has no samples.
    func size(_ family: Int, _ format: ExpositionFormat) -> Int {
        let range = range(family, format)
        guard format == .text, hasCuts(in: range) else { return range.count }
        var size = range.count
        eachCut(in: range) { size -= $0.count }
        return size
    }

    /// Appends a family's samples; exactly `size` bytes.
    func append(_ family: Int, _ format: ExpositionFormat, to page: inout [UInt8]) {
        let range = range(family, format)
        guard !range.isEmpty else { return }
        guard format == .text, hasCuts(in: range) else { return page.append(contentsOf: bytes[range]) }
        var start = range.lowerBound
        eachCut(in: range) { cut in
            page.append(contentsOf: bytes[start..<cut.lowerBound])
            start = cut.upperBound
        }
        page.append(contentsOf: bytes[start..<range.upperBound])
    }

    private func range(_ family: Int, _ format: ExpositionFormat) -> Range<Int> {
        let index = format == .protobuf ? catalogue.families.count + family : family
        return (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])
    }

    /// Most families lie before or behind the only ones with exemplars; this spares them the search.
    private func hasCuts(in range: Range<Int>) -> Bool {
        guard let first = cuts.first, let last = cuts.last else { return false }
        return range.upperBound > Int(first) && range.lowerBound < Int(last)
    }

    private func eachCut(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
        for index in stride(from: 0, to: cuts.count, by: 2) where range.contains(Int(cuts[index])) {
            body(Int(cuts[index])..<Int(cuts[index + 1]))
        }
    }
}
