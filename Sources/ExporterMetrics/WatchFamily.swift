/// The families that each watch has, in the order in which they are exposed (contract: prefix `partoo_webhook_`).
package enum WatchFamily: Int, Sendable, CaseIterable {
    case info, configState, configDrift, configHeaderDrift, configDriftedSince, configBaseline, configCreated,
        configUpdated
    case configChanges, configViolations, configViolation
    case configChecks, configCheckFailures, configCheckFailure, configCheckDuration, configLastSuccess,
        configLastConfirmed
    case probeSuccess, probeReachable, probeStatusCode, probeHTTPVersion, probeDuration, probePhaseDuration,
        probeLatency
    case probes, probeFailures, probeRetries, probeFailuresByReason, probeFailure, probeConsecutiveFailures, probeLast
    case probeTLSNotAfter, probeTLSVerified, probeTLSInfo
    case probeIPProtocol, probeResponseBytes, probeRedirects, probeDeliveryOutlook

    package var specification: FamilySpecification {
        switch self {
        case .info:
            .gauge("info", "The webhook configuration as last observed; always 1.")
        case .configState:
            .gauge("config_state", "What is known of the configuration against its baseline; exactly one state is 1.")
        case .configDrift:
            .gauge("config_drift", "Whether the field differs from the baseline; absent while unknown or missing.")
        case .configHeaderDrift:
            .gauge(
                "config_header_drift", "How many custom headers were added, removed or changed against the baseline.")
        case .configDriftedSince:
            .gauge("config_drifted_since_timestamp_seconds", "When the drift or the absence was first seen.")
        case .configBaseline:
            .gauge("config_baseline_timestamp_seconds", "When the baseline was set.")
        case .configCreated:
            .gauge("config_created_timestamp_seconds", "When the webhook was created, as the API says.")
        case .configUpdated:
            .gauge("config_updated_timestamp_seconds", "When the webhook was last updated, as the API says.")
        case .configChanges:
            .counter("config_changes_total", "Changes of the field seen between two checks.")
        case .configViolations:
            .gauge("config_violations", "How many documented rules the configuration breaks.")
        case .configViolation:
            .gauge("config_violation", "A documented rule that the configuration breaks; only broken ones.")
        case .configChecks:
            .counter("config_checks_total", "Checks of the configuration.")
        case .configCheckFailures:
            .counter("config_check_failures_total", "Checks that could not read the configuration.")
        case .configCheckFailure:
            .gauge("config_check_failure", "Why the last check failed; absent when it did not.")
        case .configCheckDuration:
            .gauge("config_check_duration_seconds", "How long the last check took.")
        case .configLastSuccess:
            .gauge("config_last_success_timestamp_seconds", "When the configuration was last read.")
        case .configLastConfirmed:
            .gauge(
                "config_last_confirmed_timestamp_seconds",
                "When the configuration was last read or confirmed unmoved by the list.")
        case .probeSuccess:
            .gauge("probe_success", "Whether the last probe succeeded.")
        case .probeReachable:
            .gauge(
                "probe_reachable", "Whether a valid HTTP response came back over a connection verified as configured.")
        case .probeStatusCode:
            .gauge("probe_http_status_code", "HTTP status of the last probe; 0: no response.")
        case .probeHTTPVersion:
            .gauge("probe_http_version", "HTTP version of the last probe's response.")
        case .probeDuration:
            .gauge("probe_duration_seconds", "How long the last probe took as a whole.")
        case .probePhaseDuration:
            .gauge(
                "probe_phase_duration_seconds", "How long each phase of the last probe took; they add up to the whole.")
        case .probeLatency:
            .histogram("probe_latency_seconds", "Whole duration of every probe that was reachable.")
        case .probes:
            .counter("probes_total", "Probes; one with its retries is one.")
        case .probeFailures:
            .counter("probe_failures_total", "Probes that failed.")
        case .probeRetries:
            .counter("probe_retries_total", "Immediate confirmations after a failed attempt.")
        case .probeFailuresByReason:
            .counter(
                "probe_failures_by_reason_total", "Probes that failed, by reason; from a reason's first occurrence on.")
        case .probeFailure:
            .gauge("probe_failure", "Why the last probe failed; absent when it did not.")
        case .probeConsecutiveFailures:
            .gauge("probe_consecutive_failures", "Probes that failed in a row up to now.")
        case .probeLast:
            .gauge("probe_last_timestamp_seconds", "When the last probe ended.")
        case .probeTLSNotAfter:
            .gauge(
                "probe_tls_not_after_timestamp_seconds",
                "When the leaf certificate, and the earliest in the chain, expires; kept when the connection fails.")
        case .probeTLSVerified:
            .gauge("probe_tls_verified", "Whether the certificate chain and the host name were verified.")
        case .probeTLSInfo:
            .gauge("probe_tls_info", "TLS version and cipher of the last probe; always 1.")
        case .probeIPProtocol:
            .gauge("probe_ip_protocol", "IP protocol of the last probe's connection, 4 or 6.")
        case .probeResponseBytes:
            .gauge("probe_response_bytes", "Body bytes that the last probe read.")
        case .probeRedirects:
            .gauge("probe_redirects", "Redirects that the last probe followed.")
        case .probeDeliveryOutlook:
            .gauge("probe_delivery_outlook", "What Partoo would make of the last probe's status.")
        }
    }
}

/// Name, type and help of a family.
package struct FamilySpecification: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case gauge, counter, histogram
    }

    package var kind: Kind
    /// Without the prefix.
    package var name: String
    package var help: String

    static func gauge(_ name: String, _ help: String) -> Self { Self(kind: .gauge, name: name, help: help) }
    static func counter(_ name: String, _ help: String) -> Self { Self(kind: .counter, name: name, help: help) }
    static func histogram(_ name: String, _ help: String) -> Self { Self(kind: .histogram, name: name, help: help) }
}
