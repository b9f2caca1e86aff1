import Exposition
import Monitoring
import Partoo
import Probing
import Transport
import Watching

/// A watch's series, from all that it knows. A disabled watch has none.
struct WatchRendering {
    let families: MetricCatalogue
    let state: WatchState
    let now: Double
    let latency: HistogramSnapshot

    func block() -> SeriesBlock {
        var labels = Labels([("account", state.id.account), ("webhook_id", String(state.id.webhookID))])
        for label in state.watch.labels { labels = labels.with(label.name, label.value) }
        var builder = SeriesBlock.Builder(families.catalogue, labels: labels)
        if state.watch.isEnabled {
            addConfiguration(&builder)
            addBaseline(&builder)
            addChecks(&builder)
            addCounters(&builder)
            addProbe(&builder)
        }
        return builder.build()
    }

    private func addConfiguration(_ builder: inout SeriesBlock.Builder) {
        let current = state.state(at: now)
        for known in ConfigurationState.allCases {
            builder.add(families[.configState], known == current, ["state": known.rawValue])
        }
        if current == .drifted || current == .missing {
            builder.add(families[.configDriftedSince], state.driftedSince)
        }
        if current == .inSync || current == .drifted {
            for field in ConfigurationField.allCases
            where !state.watch.ignoredFields.contains(field) && state.compares(field) {
                builder.add(families[.configDrift], state.drift.fields.contains(field), ["field": field.rawValue])
            }
            if state.drift.fields.contains(.customHeaders) {
                builder.add(families[.configHeaderDrift], state.drift.addedHeaders.count, ["change": "added"])
                builder.add(families[.configHeaderDrift], state.drift.removedHeaders.count, ["change": "removed"])
                builder.add(families[.configHeaderDrift], state.drift.changedHeaders.count, ["change": "changed"])
            }
        }
        guard let observed = state.observation else { return }
        builder.add(
            families[.info], 1,
            Labels([
                ("event_type", Self.boundedEventType(observed.eventType)), ("org_id", String(observed.orgID)),
                ("target", Origin(url: observed.url.reveal())?.description ?? "invalid"),
                ("module", state.watch.module),
            ]))
        builder.add(families[.configCreated], observed.createdAt)
        builder.add(families[.configUpdated], observed.updatedAt)
        let broken = WebhookRule.broken(by: observed)
        builder.add(families[.configViolations], broken.count)
        for rule in broken { builder.add(families[.configViolation], 1, ["rule": rule.rawValue]) }
    }

    /// A label that the API feeds stays bounded.
    static func boundedEventType(_ text: String) -> String {
        let isPlain =
            (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7a) || $0.isASCIIDigit || $0 == 0x5f }
        return isPlain ? text : "other"
    }

    private func addBaseline(_ builder: inout SeriesBlock.Builder) {
        for (source, at) in state.baselineTimes {
            builder.add(families[.configBaseline], at, ["source": source.rawValue])
        }
    }

    private func addChecks(_ builder: inout SeriesBlock.Builder) {
        if let check = state.lastCheck {
            builder.add(families[.configCheckDuration], check.duration)
            if let failure = check.failure {
                builder.add(families[.configCheckFailure], 1, ["reason": failure.reason.rawValue])
            }
        }
        builder.add(families[.configLastSuccess], state.lastSuccess)
        builder.add(families[.configLastConfirmed], state.lastConfirmed)
    }

    private func addCounters(_ builder: inout SeriesBlock.Builder) {
        let counters = state.counters
        for field in ConfigurationField.allCases {
            builder.add(families[.configChanges], counters.changes[field] ?? 0, ["field": field.rawValue])
        }
        builder.add(families[.configChecks], counters.checks)
        builder.add(families[.configCheckFailures], counters.checkFailures)
        builder.add(families[.probes], counters.probes)
        builder.add(families[.probeFailures], counters.probeFailures)
        builder.add(families[.probeRetries], counters.probeRetries)
        for reason in ProbeFailureReason.allCases {
            guard let count = counters.probeFailuresByReason[reason] else { continue }
            builder.add(families[.probeFailuresByReason], count, ["reason": reason.rawValue])
        }
        builder.add(families[.probeLatency], latency)
    }

    private func addProbe(_ builder: inout SeriesBlock.Builder) {
        if let expiry = state.certificateExpiry {
            builder.add(families[.probeTLSNotAfter], expiry.leaf, ["certificate": "leaf"])
            builder.add(families[.probeTLSNotAfter], expiry.earliest, ["certificate": "earliest"])
        }
        guard let probe = state.lastProbe else { return }
        let result = probe.result
        builder.add(families[.probeSuccess], result.isSuccess)
        builder.add(families[.probeReachable], result.isReachable)
        builder.add(families[.probeStatusCode], result.status)
        builder.add(families[.probeHTTPVersion], result.httpVersion.flatMap { Double($0.rawValue) })
        builder.add(families[.probeDuration], result.timings.total)
        let phases: [(String, Duration?)] = [
            ("resolve", result.timings.resolve), ("connect", result.timings.connect), ("tls", result.timings.tls),
            ("processing", result.timings.processing), ("transfer", result.timings.transfer),
        ]
        for (name, duration) in phases { builder.add(families[.probePhaseDuration], duration, ["phase": name]) }
        if let reason = result.failure { builder.add(families[.probeFailure], 1, ["reason": reason.rawValue]) }
        builder.add(families[.probeConsecutiveFailures], state.consecutiveProbeFailures)
        builder.add(families[.probeLast], probe.at)
        if let tls = result.tls {
            builder.add(families[.probeTLSVerified], tls.isVerified)
            if let version = tls.version {
                builder.add(families[.probeTLSInfo], 1, Labels([("version", version), ("cipher", tls.cipher ?? "")]))
            }
        }
        builder.add(families[.probeIPProtocol], result.remoteAddress.map { $0.family == .ipv4 ? 4 : 6 })
        if result.status != 0 { builder.add(families[.probeResponseBytes], result.responseBytes) }
        builder.add(families[.probeRedirects], result.redirects)
        if let outlook = result.outlook {
            builder.add(families[.probeDeliveryOutlook], 1, ["outlook": outlook.rawValue])
        }
    }
}
