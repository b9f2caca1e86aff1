/// The exporter's families about itself (contract: prefix `partoo_exporter_`), in the order in which they are exposed.
package enum ExporterFamily: Int, Sendable, CaseIterable {
    case buildInfo, lastReloadSuccessful, lastReloadSuccess, watchFileError, watches, watchesRemoved
    case apiUp, apiFailure, apiRequests, apiRequestDuration, apiRateLimitWait, apiRateLimited
    case discoveryLastSuccess, discoveryTruncated, discoveryFailures
    case scheduleLateness, scheduleMissed, probesInFlight, shard, totalShards, storageErrors

    package var specification: FamilySpecification {
        switch self {
        case .buildInfo:
            .gauge("build_info", "What was built, and with what; always 1.")
        case .lastReloadSuccessful:
            .gauge("config_last_reload_successful", "Whether the last load of the configuration succeeded.")
        case .lastReloadSuccess:
            .gauge("config_last_reload_success_timestamp_seconds", "When the configuration was last loaded.")
        case .watchFileError:
            .gauge("watch_file_error", "A watch file that cannot be read; its last good list stays in force.")
        case .watches:
            .gauge("watches", "Webhooks that are watched, by where they come from.")
        case .watchesRemoved:
            .counter("watches_removed_total", "Watches that went away.")
        case .apiUp:
            .gauge(
                "api_up",
                "Whether the last call to the API was answered, not refused (401, 403, 429), and not with a 5xx.")
        case .apiFailure:
            .gauge("api_failure", "Why the last call to the API failed; absent while up.")
        case .apiRequests:
            .counter("api_requests_total", "Calls to the API; code 000: no answer.")
        case .apiRequestDuration:
            .histogram("api_request_duration_seconds", "How long calls to the API took.")
        case .apiRateLimitWait:
            .counter("api_rate_limit_wait_seconds_total", "Time that calls waited for the request budget.")
        case .apiRateLimited:
            .counter("api_rate_limited_total", "Calls that the API answered 429.")
        case .discoveryLastSuccess:
            .gauge("discovery_last_success_timestamp_seconds", "When the account's webhooks were last listed whole.")
        case .discoveryTruncated:
            .gauge("discovery_truncated", "Whether webhooks were left out because of max_webhooks.")
        case .discoveryFailures:
            .counter("discovery_failures_total", "Listings that failed.")
        case .scheduleLateness:
            .histogram("schedule_lateness_seconds", "How late turns started after they were due.")
        case .scheduleMissed:
            .counter("schedule_missed_total", "Turns skipped because the one before still ran.")
        case .probesInFlight:
            .gauge("probes_in_flight", "Probes that run now.")
        case .shard:
            .gauge("shard", "This process's shard, from 0.")
        case .totalShards:
            .gauge("total_shards", "How many shards there are.")
        case .storageErrors:
            .counter("storage_errors_total", "Storage operations that failed; of a damaged database one a minute.")
        }
    }
}
