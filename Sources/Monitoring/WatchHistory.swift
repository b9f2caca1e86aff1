package import Probing
import Transport
package import Watching

/// Names one probe wherever it shows: in the log, as an exemplar, on the pages.
package struct ProbeID: Sendable, Hashable, CustomStringConvertible {
    package let number: UInt64

    /// A random one.
    package init() {
        number = .random(in: .min ... .max)
    }

    package init(number: UInt64) {
        self.number = number
    }

    /// 16 hexadecimal digits.
    package var description: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// What is kept of a watch's past for a person who looks. In memory only, and bounded: some 2 kB a watch.
package struct WatchHistory: Sendable {
    package static let keptProbes = 20
    package static let keptOutcomes = 60
    package static let keptChanges = 20

    /// Oldest first.
    package private(set) var probes: [ProbeRecord] = []
    package private(set) var outcomes: [Outcome] = []
    package private(set) var changes: [Change] = []
    /// The `WatchState.revision` that was last probed.
    package private(set) var probedRevision: Int?

    package init() {}

    /// One probe, small enough for 20 of them to be kept for each of 10,000 watches.
    package struct ProbeRecord: Sendable, Hashable {
        package var id: ProbeID
        /// When it ended, in seconds since 1970.
        package var at: Double
        package var failure: ProbeFailureReason?
        package var message: String
        package var status: Int16
        /// Seconds; phases that did not take place are nil.
        package var resolve, connect, tls, processing, transfer: Float?
        package var total: Float
    }

    /// A point of the sparkline.
    package struct Outcome: Sendable, Hashable {
        /// Seconds.
        package var latency: Float
        package var isSuccess: Bool
    }

    /// What the monitor noticed about a configuration.
    package struct Change: Sendable, Hashable {
        package enum Kind: Sendable, Hashable {
            case state(from: ConfigurationState, to: ConfigurationState)
            case configuration(Set<ConfigurationField>)
            case baselineLearned
        }

        package var at: Double
        package var kind: Kind
    }

    package mutating func probed(_ result: ProbeResult, id: ProbeID, revision: Int, at now: Double) {
        probedRevision = revision
        let timings = result.timings
        Self.append(
            ProbeRecord(
                id: id, at: now, failure: result.failure, message: result.message,
                status: Int16(clamping: result.status), resolve: timings.resolve.map(Self.seconds),
                connect: timings.connect.map(Self.seconds), tls: timings.tls.map(Self.seconds),
                processing: timings.processing.map(Self.seconds), transfer: timings.transfer.map(Self.seconds),
                total: Self.seconds(timings.total)),
            to: &probes, keeping: Self.keptProbes)
        Self.append(
            Outcome(latency: Self.seconds(timings.total), isSuccess: result.isSuccess), to: &outcomes,
            keeping: Self.keptOutcomes)
    }

    package mutating func noticed(_ effects: [WatchEffect], at now: Double) {
        for effect in effects {
            switch effect {
            case .stateChanged(let from, let to): note(.state(from: from, to: to), at: now)
            case .configurationChanged(let fields): note(.configuration(fields), at: now)
            case .baselineLearned: note(.baselineLearned, at: now)
            case .probeNow, .stopProbing, .probeOutcomeChanged: break
            }
        }
    }

    package mutating func note(_ kind: Change.Kind, at now: Double) {
        Self.append(Change(at: now, kind: kind), to: &changes, keeping: Self.keptChanges)
    }

    private static func append<Element>(_ element: Element, to ring: inout [Element], keeping limit: Int) {
        if ring.count >= limit { ring.removeFirst(ring.count - limit + 1) }
        ring.append(element)
    }

    private static func seconds(_ duration: Duration) -> Float { Float(duration.seconds) }
}

/// One watch with its past.
package struct WatchDetail: Sendable {
    package var report: WatchReport
    package var history: WatchHistory
    /// The kept changes at Partoo, newest first.
    package var changes: [ConfigurationChange]

    package init(report: WatchReport, history: WatchHistory, changes: [ConfigurationChange] = []) {
        self.report = report
        self.history = history
        self.changes = changes
    }
}
