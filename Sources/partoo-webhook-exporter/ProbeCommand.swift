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
        let report = ProbeReport(
            state: state, known: state.state(at: checker.now), uncompared: checker.uncompared(watch), module: module,
            result: result, now: checker.now)
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
    /// The fields that there was nothing to compare with.
    let uncompared: [ConfigurationField]
    let module: ProbeModule
    let result: ProbeResult
    /// Seconds since 1970.
    let now: Double

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
        if known == .inSync { lines += agreement.map { "  \($0)" } }
        lines += state.uncomparedLine(uncompared, known).map { ["  \($0)"] } ?? []
        lines += ["", paint(.bold, "Probe") + "  \(module.method.rawValue), module \(module.name)"]
        lines += PhaseChart.lines(result.timings)
        lines += ["", verdict(paint)]
        if let advice = result.advice { lines.append("  \(advice)") }
        lines += certificate
        if result.isRedirected {
            lines.append("Partoo follows no redirect; a delivery that is answered with one is: \(Self.text(.lost))")
        } else if let delivery = result.delivery {
            lines.append("Partoo would take status \(result.status) on a delivery as: \(Self.text(delivery))")
        }
        if !result.trace.isEmpty {
            lines += ["", paint(.dim, "Trace")] + result.trace.map { paint(.dim, "  \($0.printable)") }
        }
        return lines
    }

    /// Which fields are as somebody said that they should be, by who it was; without names where it is every field.
    private var agreement: [String] {
        let compared = state.watch.comparedFields.filter { !uncompared.contains($0) }
        let declared = compared.filter(state.watch.expectation.declares)
        let learned = compared.filter { !declared.contains($0) }
        return [("declared", declared), (state.learned?.source.rawValue ?? "learned", learned)].compactMap {
            source, fields in
            guard !fields.isEmpty else { return nil }
            let isAll = fields == ConfigurationField.allCases
            return "as \(source)" + (isAll ? "" : ": \(fields.map(\.rawValue).joined(separator: ", "))")
        }
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
            lines.append("  leaf \(end(of: leaf))")
            if let earliest = tls.earliestNotAfter, earliest != leaf {
                lines.append("  the earliest of the chain \(end(of: earliest))")
            }
        }
        return lines
    }

    private static func text(_ delivery: DeliveryOutlook) -> String {
        switch delivery {
        case .acknowledged: "acknowledged"
        case .retried: "failed, and try again up to 5 times; then the event is lost"
        case .undetermined: "lost, unless the receiver only refuses unsigned requests such as this one"
        case .lost: "lost, without another try"
        }
    }

    /// When a certificate ends, or that it has; in seconds since 1970.
    private func end(of certificate: Int64) -> String {
        let end = Double(certificate)
        let date = Date(timeIntervalSince1970: end).formatted(.iso8601)
        let left = TLSFacts.days(from: now, to: end)
        guard left < 0 else { return "ends \(date) (in \(Self.days(left)))" }
        return "ended \(date) (expired \(Self.days(TLSFacts.days(from: end, to: now))) ago)"
    }

    private static func days(_ count: Int) -> String {
        count == 0 ? "less than a day" : count == 1 ? "1 day" : "\(count) days"
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
        /// Neither declared nor learned; left out where there is none.
        var not_compared: [String]?
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
            changes: DriftLines.lines(state), not_compared: uncompared.isEmpty ? nil : uncompared.map(\.rawValue),
            success: result.isSuccess, reachable: result.isReachable,
            reason: result.failure?.rawValue, message: result.failure == nil ? nil : result.message,
            status: result.status, http_version: result.httpVersion?.rawValue,
            delivery_outlook: result.delivery?.rawValue,
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
