/// What a family is called, what kind its samples are, and what they mean.
///
/// Checked as part of a `Catalogue`, so that families can be written down as plain constants.
package struct MetricFamily: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case gauge, counter, histogram
    }

    /// The name that users see; a counter's ends in `_total`.
    package let name: String
    package let kind: Kind
    /// One sentence, on one line when shown (escaped where it holds a newline).
    package let help: String
    /// A base unit (`seconds`, `bytes`); the name has to end in it, before a counter's `_total`. Shown in OpenMetrics only.
    package let unit: String?

    package static func gauge(_ name: String, help: String, unit: String? = nil) -> MetricFamily {
        MetricFamily(name: name, kind: .gauge, help: help, unit: unit)
    }

    package static func counter(_ name: String, help: String, unit: String? = nil) -> MetricFamily {
        MetricFamily(name: name, kind: .counter, help: help, unit: unit)
    }

    package static func histogram(_ name: String, help: String, unit: String? = nil) -> MetricFamily {
        MetricFamily(name: name, kind: .histogram, help: help, unit: unit)
    }
}

extension MetricFamily {
    /// The name in OpenMetrics' TYPE, HELP and UNIT lines: a counter's without `_total`.
    package var openMetricsName: String {
        kind == .counter && name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
    }

    /// Every name that this family claims, its own and those of its samples: no other family may use one, and `name[]` may ask for one.
    package var claimedNames: [String] {
        switch kind {
        case .gauge: [name]
        case .counter: [name, openMetricsName, openMetricsName + "_created"]
        case .histogram: [name, name + "_bucket", name + "_sum", name + "_count", name + "_created"]
        }
    }

    /// The first rule that the family breaks; nil when it is good.
    var problem: CatalogueError.Reason? {
        guard Labels.isValidName(name.replacing(":", with: "_")) else { return .invalidName }
        guard !help.isEmpty else { return .missingHelp }
        guard name.hasSuffix("_total") == (kind == .counter), openMetricsName != "" else { return .totalSuffix }
        if let unit, unit.isEmpty || !openMetricsName.hasSuffix("_" + unit) { return .unitSuffix }
        return nil
    }
}
