import ArgumentParser
import ConfigurationFile
import Curl
import Foundation
import Partoo
import Probing
import Transport
import Watching

/// One check and one probe now, told for a person.
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Check and probe one webhook now and tell what happened; exit code 2 when the probe fails.")

    @OptionGroup var flags: CheckFlags

    @Flag(name: .customLong("json"), help: "A JSON object, for scripts.")
    var isJSON = false

    func run() async throws {
        let loaded = try ConfigurationSource.load(flags.chosen.configFile)
        let api = try Transports.make(.kept)
        let probes = try Transports.make(.fresh)
        defer {
            api.shutdown()
            probes.shutdown()
        }
        let checker = WatchChecker(
            loaded.configuration, transport: api, storage: flags.chosen.storage.settings(loaded.configuration.storage),
            requestsPerMinute: flags.requestsPerMinute)
        let watches = try flags.watches(in: loaded.configuration, checker.storage)
        guard watches.count == 1, let watch = watches.first else {
            throw Failure("error: \(watches.count) webhooks are watched: choose one with --webhook-id and --account")
        }
        let state = try await checker.check(watch)
        guard let target = state.probeTarget ?? state.observation,
            let module = loaded.configuration.modules[watch.module]
        else {
            throw Failure("error: \(watch.id): \(state.lastCheck?.failure?.message ?? "the configuration is unknown")")
        }
        let prober = Prober(transport: probes, userAgent: Version.userAgent)
        let result = await prober.probe(
            target: ProbeTarget(
                url: target.url, customHeaders: target.customHeaders, baselineOrigin: state.baselineOrigin),
            module: module, wantsTrace: !isJSON)
        guard let result else { throw Failure("error: interrupted") }
        let report = ProbeReport(state: state, known: state.state(at: checker.now), module: module, result: result)
        if isJSON {
            print(try report.json())
        } else {
            for line in report.lines(Paint(isOn: StandardStream.isOutputTerminal)) { print(line) }
        }
        if !result.isSuccess { throw Failure(status: 2) }
    }
}

/// The account of one check and probe.
struct ProbeReport {
    let state: WatchState
    let known: ConfigurationState
    let module: ProbeModule
    let result: ProbeResult

    func lines(_ paint: Paint) -> [String] {
        guard let observed = state.observation else { return [] }
        let target = Origin(url: observed.url.reveal())?.description ?? "an unreadable URL"
        var lines = [
            paint(.bold, "Webhook \(state.id)"),
            "  target      \(target) (path withheld)",
            "  event type  \(observed.eventType.printable), organisation \(observed.orgID)",
            "  headers     \(observed.customHeaders.isEmpty ? "none" : observed.customHeaders.map(\.name.printable).joined(separator: ", ")) (values withheld)",
            "",
            paint(.bold, "Configuration") + "  "
                + (known == .inSync ? paint(.green, "in sync") : paint(.yellow, known.rawValue)),
        ]
        if known == .unknown { lines.append("  \(state.unknownReason)") }
        lines += DriftLines.lines(state).map { "  \($0)" }
        if !state.watch.learnsBaselineOnly, known == .inSync { lines.append("  as declared") }
        lines += ["", paint(.bold, "Probe") + "  \(module.method.rawValue), module \(module.name)"]
        lines += PhaseChart.lines(result.timings)
        lines += ["", verdict(paint)]
        if let advice = result.advice { lines.append("  \(advice)") }
        lines += certificate
        if result.status != 0 {
            lines.append("Partoo would take status \(result.status) on a delivery as: \(delivery)")
        }
        if !result.trace.isEmpty {
            lines += ["", paint(.dim, "Trace")] + result.trace.map { paint(.dim, "  \($0.printable)") }
        }
        return lines
    }

    private func verdict(_ paint: Paint) -> String {
        let version = result.httpVersion.map { "HTTP/\($0.rawValue) " } ?? ""
        if let reason = result.failure {
            let address = result.remoteAddress.map { " (\($0))" } ?? ""
            return paint(.red, "FAILED") + "  \(reason.rawValue): \(result.message)\(address)"
        }
        let address = result.remoteAddress.map { " from \($0)" } ?? ""
        return paint(.green, "GOOD") + "  \(version)\(result.status)\(address)"
    }

    private var certificate: [String] {
        guard let tls = result.tls else { return [] }
        var lines = ["Certificate  \(tls.isVerified ? "verified" : "NOT verified")"]
        if let version = tls.version { lines[0] += ", \(version), \(tls.cipher ?? "")" }
        if let leaf = tls.leafNotAfter {
            let days = Int((Double(leaf) - Date().timeIntervalSince1970) / 86_400)
            lines.append("  leaf ends \(Self.date(leaf)) (\(days >= 0 ? "in \(days) days" : "\(-days) days ago"))")
            if let earliest = tls.earliestNotAfter, earliest != leaf {
                lines.append("  the earliest of the chain ends \(Self.date(earliest))")
            }
        }
        return lines
    }

    private var delivery: String {
        switch DeliveryOutlook(status: result.status) {
        case .acknowledged: "acknowledged"
        case .retried: "failed, and try again up to 5 times; then the event is lost"
        case .undetermined: "lost, unless the receiver only refuses unsigned requests such as this one"
        case .lost: "lost, without another try"
        }
    }

    private static func date(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    private struct Wire: Encodable {
        struct Phases: Encodable {
            var resolve, connect, tls, processing, transfer: Double?
            var total: Double
        }
        struct Certificate: Encodable {
            var verified: Bool
            var version, cipher: String?
            var leaf_not_after, earliest_not_after: Int64?
        }
        var account: String
        var webhook_id: Int
        var config_state: String
        var changes: [String]
        var success, reachable: Bool
        var reason: String?
        var message: String?
        var status: Int
        var http_version: String?
        var delivery_outlook: String?
        var phases_seconds: Phases
        var tls: Certificate?
    }

    func json() throws -> String {
        func seconds(_ duration: Duration?) -> Double? { duration.map { $0.milliseconds / 1000 } }
        let timings = result.timings
        let wire = Wire(
            account: state.id.account, webhook_id: state.id.webhookID, config_state: known.rawValue,
            changes: DriftLines.lines(state), success: result.isSuccess, reachable: result.isReachable,
            reason: result.failure?.rawValue, message: result.failure == nil ? nil : result.message,
            status: result.status, http_version: result.httpVersion?.rawValue,
            delivery_outlook: result.status == 0 ? nil : DeliveryOutlook(status: result.status).rawValue,
            phases_seconds: Wire.Phases(
                resolve: seconds(timings.resolve), connect: seconds(timings.connect), tls: seconds(timings.tls),
                processing: seconds(timings.processing), transfer: seconds(timings.transfer),
                total: timings.total.milliseconds / 1000),
            tls: result.tls.map {
                Wire.Certificate(
                    verified: $0.isVerified, version: $0.version, cipher: $0.cipher, leaf_not_after: $0.leafNotAfter,
                    earliest_not_after: $0.earliestNotAfter)
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(wire), as: UTF8.self)
    }
}

extension Watch {
    /// Whether nothing of the baseline is declared.
    fileprivate var learnsBaselineOnly: Bool {
        ConfigurationField.allCases.allSatisfy { !expectation.declares($0) }
    }
}
