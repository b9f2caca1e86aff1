import ExporterMetrics
import Exposition
import Testing

/// The names and types that dashboards and alerts hang on. A name that changes here breaks them.
@Suite struct CatalogueTests {
    private static let watch = """
        gauge info config_state config_drift config_header_drift config_drifted_since_timestamp_seconds
        gauge config_baseline_timestamp_seconds config_created_timestamp_seconds config_updated_timestamp_seconds
        gauge config_violations config_violation config_check_failure config_check_duration_seconds
        gauge config_last_success_timestamp_seconds config_last_confirmed_timestamp_seconds
        gauge probe_success probe_reachable probe_http_status_code probe_http_version probe_duration_seconds
        gauge probe_phase_duration_seconds probe_failure probe_consecutive_failures probe_last_timestamp_seconds
        gauge probe_tls_not_after_timestamp_seconds probe_tls_verified probe_tls_info probe_ip_protocol probe_response_bytes
        gauge probe_redirects probe_delivery_outlook
        counter config_changes_total config_checks_total config_check_failures_total
        counter probes_total probe_failures_total probe_retries_total probe_failures_by_reason_total
        histogram probe_latency_seconds
        """
    private static let exporter = """
        gauge build_info config_last_reload_successful config_last_reload_success_timestamp_seconds watch_file_error watches
        gauge api_up api_failure discovery_last_success_timestamp_seconds discovery_truncated probes_in_flight shard total_shards
        counter watches_removed_total api_requests_total api_rate_limit_wait_seconds_total api_rate_limited_total
        counter discovery_failures_total schedule_missed_total storage_errors_total
        histogram api_request_duration_seconds schedule_lateness_seconds
        """
    private static let process = """
        gauge process_open_fds process_max_fds process_virtual_memory_bytes process_virtual_memory_max_bytes
        gauge process_resident_memory_bytes process_start_time_seconds promhttp_metric_handler_requests_in_flight
        counter process_cpu_seconds_total process_network_receive_bytes_total process_network_transmit_bytes_total
        counter promhttp_metric_handler_requests_total
        """

    private func parse(_ text: String, prefix: String) -> [String: String] {
        var kinds: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            for name in words.dropFirst() { kinds[prefix + name] = String(words[0]) }
        }
        return kinds
    }

    @Test func namesAndTypesAreTheContracts() throws {
        let expected = parse(Self.watch, prefix: "partoo_webhook_")
            .merging(parse(Self.exporter, prefix: "partoo_exporter_")) { first, _ in first }
            .merging(parse(Self.process, prefix: "")) { first, _ in first }
        let families = try MetricCatalogue().catalogue.families
        let found = Dictionary(uniqueKeysWithValues: families.map { ($0.name, "\($0.kind)") })
        #expect(found == expected)
        #expect(families.allSatisfy { $0.help.hasSuffix(".") })
    }
}
