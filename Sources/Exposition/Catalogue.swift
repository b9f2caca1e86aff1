/// The fixed, ordered list of all families that a program exposes. A page shows them in this order.
///
/// Made once; blocks and pages refer to it by identity.
package final class Catalogue: Sendable {
    package let families: [MetricFamily]
    let headers: [Header]
    private let indices: [String: Int]

    /// What precedes a family's samples in each format, rendered once.
    struct Header: Sendable {
        let text: [UInt8]
        let openMetrics: [UInt8]
        /// The fields before `metric` of an `io.prometheus.client.MetricFamily`.
        let protobuf: [UInt8]
    }

    /// Throws for the first family that breaks the naming rules or claims a name that another has.
    package init(_ families: [MetricFamily]) throws(CatalogueError) {
        var indices: [String: Int] = [:]
        var claimed: Set<String> = []
        for (index, family) in families.enumerated() {
            if let reason = family.problem { throw CatalogueError(family: family.name, reason: reason) }
            for name in Set(family.claimedNames) where !claimed.insert(name).inserted {
                throw CatalogueError(family: family.name, reason: .nameTaken)
            }
            indices[family.name] = index
        }
        self.families = families
        self.indices = indices
        headers = families.map(Header.init)
    }

    func index(of family: MetricFamily) -> Int? {
        indices[family.name]
    }

    /// The positions of the families that `names` asks for, by family or sample name; all for nil.
    func selection(_ names: Set<String>?) -> [Int] {
        guard let names else { return Array(families.indices) }
        return families.indices.filter { index in families[index].claimedNames.contains { names.contains($0) } }
    }
}

/// Why a list of families is no catalogue.
package struct CatalogueError: Error, Sendable, Hashable {
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case invalidName = "is no metric name"
        case missingHelp = "has no help text"
        case totalSuffix = "must end in _total if, and only if, it is a counter"
        case unitSuffix = "does not end in its unit"
        case nameTaken = "claims a name that another family has"
    }

    package let family: String
    package let reason: Reason
}

extension CatalogueError: CustomStringConvertible {
    package var description: String { "metric family \(family) \(reason.rawValue)" }
}

extension Catalogue.Header {
    init(_ family: MetricFamily) {
        var text: [UInt8] = []
        text.append(line: "HELP", family.name) { $0.append(escaped: family.help, quotes: false) }
        text.append(line: "TYPE", family.name) { $0.append(contentsOf: family.kind.rawValue.utf8) }
        self.text = text

        var openMetrics: [UInt8] = []
        openMetrics.append(line: "HELP", family.openMetricsName) { $0.append(escaped: family.help, quotes: true) }
        openMetrics.append(line: "TYPE", family.openMetricsName) {
            $0.append(contentsOf: family.kind.rawValue.utf8)
        }
        if let unit = family.unit {
            openMetrics.append(line: "UNIT", family.openMetricsName) { $0.append(contentsOf: unit.utf8) }
        }
        self.openMetrics = openMetrics

        var protobuf: [UInt8] = []
        protobuf.append(field: 1, string: family.name)
        protobuf.append(field: 2, string: family.help)
        switch family.kind {
        case .counter: protobuf.append(field: 3, varint: 0)
        case .gauge: protobuf.append(field: 3, varint: 1)
        case .histogram: protobuf.append(field: 3, varint: 4)
        }
        self.protobuf = protobuf
    }
}

extension [UInt8] {
    fileprivate mutating func append(line keyword: String, _ name: String, _ rest: (inout [UInt8]) -> Void) {
        append(contentsOf: "# \(keyword) \(name) ".utf8)
        rest(&self)
        append(.newline)
    }
}
