import Monitoring
import Partoo
import Probing
import TestSupport
import Testing
import Transport
import Watching

/// Contract section 6: which families are there when, and what they say.
@Suite struct WatchFamiliesTests {
    static let always: Set = [
        "config_state", "config_changes_total", "config_checks_total", "config_check_failures_total", "probes_total",
        "probe_failures_total", "probe_retries_total", "probe_latency_seconds",
    ]
    static let checked: Set = ["config_check_duration_seconds"]
    static let read: Set = [
        "info", "config_violations", "config_created_timestamp_seconds", "config_updated_timestamp_seconds",
        "config_baseline_timestamp_seconds", "config_last_success_timestamp_seconds",
        "config_last_confirmed_timestamp_seconds",
    ]
    static let known: Set = ["config_drift"]
    static let drifted: Set = ["config_drifted_since_timestamp_seconds"]
    static let failed: Set = ["config_check_failure"]
    static let probed: Set = [
        "probe_success", "probe_reachable", "probe_http_status_code", "probe_duration_seconds",
        "probe_phase_duration_seconds",
        "probe_consecutive_failures", "probe_last_timestamp_seconds",
    ]
    static let answered: Set = ["probe_http_version", "probe_response_bytes", "probe_ip_protocol"]
    static let certificate: Set = ["probe_tls_not_after_timestamp_seconds"]
    static let encrypted: Set = ["probe_tls_verified", "probe_tls_info"]
    static let probeFailed: Set = ["probe_failure", "probe_failures_by_reason_total"]

    struct Step: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var events: @Sendable (StoreRig) -> Void
        var state: String
        var families: [Set<String>]

        init(_ name: String, state: String, _ families: [Set<String>], _ events: @escaping @Sendable (StoreRig) -> Void)
        {
            testDescription = name
            self.events = events
            self.state = state
            self.families = families
        }
    }

    static let lastingProbe = [probed, answered, certificate, encrypted]

    @Test(arguments: [
        Step("added", state: "unknown", [always]) { _ in },
        Step("never read", state: "unknown", [always, checked, failed]) { $0.fail(.dns) },
        Step("read", state: "in_sync", [always, checked, read, known]) { $0.check() },
        Step(
            "read, times unreadable", state: "in_sync",
            [
                always, checked,
                read.subtracting(["config_created_timestamp_seconds", "config_updated_timestamp_seconds"]), known,
            ]
        ) {
            $0.check(StoreRig.configuration(created: nil, updated: nil))
        },
        Step("probed", state: "in_sync", [always, checked, read, known, probed, answered, certificate, encrypted]) {
            $0.check()
            $0.probe()
        },
        Step("drifted", state: "drifted", [always, checked, read, known, drifted]) {
            $0.check()
            $0.check(StoreRig.configuration(type: "message_created"))
        },
        Step("headers drifted", state: "drifted", [always, checked, read, known, drifted, ["config_header_drift"]]) {
            $0.check()
            $0.check(StoreRig.configuration(headers: []))
        },
        Step("drifted, then unknown", state: "unknown", [always, checked, read, failed]) {
            $0.check()
            $0.check(StoreRig.configuration(headers: []))
            $0.fail(.timeout)
        },
        Step("unknown by time", state: "unknown", [always, checked, read]) {
            $0.check()
            $0.pass(301)
        },
        Step("unknown goes on being probed", state: "unknown", [always, checked, read, failed] + lastingProbe) {
            $0.check()
            $0.fail(.unauthorized)
            $0.probe()
        },
        Step("missing", state: "missing", [always, checked, read, drifted, failed]) {
            $0.check()
            $0.probe()
            $0.check(.missing)
        },
        Step(
            "missing keeps its counters", state: "missing",
            [always, checked, read, drifted, failed, ["probe_failures_by_reason_total"]]
        ) {
            $0.check()
            $0.probe(StoreRig.unreachable(.dns))
            $0.check(.missing)
        },
        Step("missing, then unknown", state: "unknown", [always, checked, read, failed]) {
            $0.check()
            $0.check(.missing)
            $0.fail(.serverError)
        },
        Step("never there", state: "missing", [always, checked, drifted, failed]) { $0.check(.missing) },
        Step("back", state: "in_sync", [always, checked, read, known] + lastingProbe) {
            $0.check()
            $0.check(.missing)
            $0.check()
            $0.probe()
        },
        Step("probe failed", state: "in_sync", [always, checked, read, known, probed, probeFailed]) {
            $0.check()
            $0.probe(StoreRig.unreachable(.connectRefused))
        },
        Step(
            "probe failed after a good one", state: "in_sync",
            [always, checked, read, known, probed, probeFailed, certificate]
        ) {
            $0.check()
            $0.probe()
            $0.probe(StoreRig.unreachable(.connectRefused))
        },
        Step("another origin", state: "drifted", [always, checked, read, known, drifted, probed, probeFailed]) {
            $0.check()
            $0.probe()
            $0.check(StoreRig.configuration(url: "https://other.example/"))
            $0.probe(StoreRig.unreachable(.connectRefused))
        },
        Step(
            "probe good again", state: "in_sync",
            [always, checked, read, known, ["probe_failures_by_reason_total"]] + lastingProbe
        ) {
            $0.check()
            $0.probe(StoreRig.unreachable(.dns))
            $0.probe()
        },
        Step(
            "over plain HTTP", state: "in_sync", [always, checked, read, known, probed, answered, ["config_violation"]]
        ) {
            $0.check(StoreRig.configuration(url: "http://receiver.example/"))
            $0.probe(StoreRig.result { $0.tls = nil })
        },
        Step(
            "redirects and outlook", state: "in_sync",
            [always, checked, read, known, ["probe_redirects", "probe_delivery_outlook"]] + lastingProbe
        ) {
            $0.check()
            $0.probe(
                StoreRig.result {
                    $0.redirects = 0
                    $0.outlook = .acknowledged
                })
        },
        Step(
            "all ignored", state: "in_sync", [always, checked, read.subtracting(["config_baseline_timestamp_seconds"])]
        ) {
            $0.redefine { $0.ignoredFields = Set(ConfigurationField.allCases) }
            $0.check()
            $0.check(StoreRig.configuration(headers: []))
        },
        Step("declared", state: "unknown", [always, ["config_baseline_timestamp_seconds"]]) {
            $0.redefine { $0.expectation.eventType = "lead_received" }
        },
        Step("disabled", state: "", []) {
            $0.check()
            $0.probe()
            $0.redefine { $0.isEnabled = false }
        },
    ])
    func familiesComeAndGo(step: Step) throws {
        let rig = try StoreRig()
        step.events(rig)
        #expect(rig.families == step.families.reduce([]) { $0.union($1) })
        #expect(rig.values("state", of: "config_state") == (step.state.isEmpty ? [] : [step.state]))
        #expect(rig.samples.series("partoo_webhook_config_state").count == (step.state.isEmpty ? 0 : 4))
        #expect(rig.samples.faults.isEmpty && !rig.text.contains("CANARY"))
    }

    @Test func countersAreThereAtZeroFromTheStart() throws {
        let rig = try StoreRig()
        for name in [
            "config_checks_total", "config_check_failures_total", "probes_total", "probe_failures_total",
            "probe_retries_total", "probe_latency_seconds_count", "probe_latency_seconds_sum",
        ] {
            #expect(rig[name] == 0, "\(name)")
        }
        for field in ConfigurationField.allCases {
            #expect(rig["config_changes_total", ["field": field.rawValue]] == 0)
        }
    }

    @Test func valuesAreWhatWasSeen() throws {
        let rig = try StoreRig { $0.labels = [Label(name: "team", value: "x")] }
        rig.check()
        rig.probe(StoreRig.result { $0.retries = 2 })
        rig.probe(StoreRig.result(.status) { $0.status = 404 })
        rig.probe(StoreRig.unreachable(.reset))
        #expect(
            rig[
                "info",
                [
                    "event_type": "lead_received", "org_id": "42", "target": "https://receiver.example:8443",
                    "module": "http", "account": "acme", "webhook_id": "1", "team": "x",
                ]] == 1)
        #expect(rig["probes_total"] == 3 && rig["probe_failures_total"] == 2 && rig["probe_retries_total"] == 2)
        #expect(
            rig["probe_failures_by_reason_total", ["reason": "status"]] == 1
                && rig["probe_failures_by_reason_total", ["reason": "reset"]] == 1)
        #expect(rig.values("reason", of: "probe_failure") == ["reset"] && rig["probe_consecutive_failures"] == 2)
        // Every probe that was reachable, and no other.
        #expect(rig["probe_latency_seconds_count"] == 2 && rig["probe_latency_seconds_sum"] == 0.03)
        #expect(rig["probe_success"] == 0 && rig["probe_reachable"] == 0 && rig["probe_http_status_code"] == 0)
        #expect(
            rig["probe_duration_seconds"] == 0.001 && rig["probe_phase_duration_seconds", ["phase": "resolve"]] == 0.001
        )
        #expect(rig.samples.series("partoo_webhook_probe_phase_duration_seconds").count == 1)
        #expect(rig["probe_tls_not_after_timestamp_seconds", ["certificate": "leaf"]] == 900)
        #expect(rig["probe_tls_not_after_timestamp_seconds", ["certificate": "earliest"]] == 800)
        rig.probe()
        let phases = ["resolve", "connect", "tls", "processing", "transfer"].compactMap {
            rig["probe_phase_duration_seconds", ["phase": $0]]
        }
        #expect(abs(phases.reduce(0, +) - (rig["probe_duration_seconds"] ?? 0)) < 1e-9 && phases.count == 5)
        #expect(rig["probe_http_version"] == 1.1 && rig["probe_ip_protocol"] == 4 && rig["probe_response_bytes"] == 7)
        #expect(rig["probe_tls_verified"] == 1 && rig["probe_tls_info", ["version": "TLS 1.3", "cipher": "c"]] == 1)
        #expect(rig["probe_last_timestamp_seconds"] == rig.now && rig["config_check_duration_seconds"] == 0.25)
        #expect(rig["config_created_timestamp_seconds"] == 1 && rig["config_updated_timestamp_seconds"] == 2)
        #expect(rig["config_last_success_timestamp_seconds"] == 1_700_000_060)
        #expect(rig["config_baseline_timestamp_seconds", ["source": "learned"]] == 1_700_000_060)
    }

    @Test func driftIsToldFieldByField() throws {
        let rig = try StoreRig { $0.ignoredFields = [.orgID] }
        rig.check(StoreRig.configuration(headers: [("X-A", "1"), ("X-B", "1")]))
        rig.check(StoreRig.configuration(type: "other", headers: [("X-A", "2"), ("X-C", "1"), ("X-D", "1")]))
        #expect(rig.values("field", of: "config_drift") == ["event_type", "custom_headers"])
        #expect(rig["config_drift", ["field": "url"]] == 0 && rig["config_drift", ["field": "org_id"]] == nil)
        for (change, count) in [("added", 2.0), ("removed", 1), ("changed", 1)] {
            #expect(
                rig["config_header_drift", ["change": change]]
                    == (change == "removed" ? 1 : change == "added" ? 2 : count))
        }
        #expect(rig["config_drifted_since_timestamp_seconds"] == 1_700_000_120)
        #expect(
            rig["config_changes_total", ["field": "event_type"]] == 1
                && rig["config_changes_total", ["field": "url"]] == 0)
        rig.fail(.forbidden)
        #expect(rig.values("reason", of: "config_check_failure") == ["forbidden"])
        rig.check(StoreRig.configuration(type: "other", headers: [("X-A", "2"), ("X-C", "1"), ("X-D", "1")]))
        #expect(rig["config_drifted_since_timestamp_seconds"] == 1_700_000_120)
    }

    @Test func aFieldWithoutABaselineHasNoDriftSeries() throws {
        let rig = try StoreRig { $0.expectation.url = .exactly(Secret("https://other.example/")) }
        rig.state = WatchState(
            watch: rig.state.watch, key: FingerprintKey(), at: rig.now, kept: KeptWatch(baseline: .unreadable))
        rig.check()
        #expect(rig.values("state", of: "config_state") == ["drifted"])
        #expect(rig.samples.series("partoo_webhook_config_drift").count == 1)
        #expect(rig["config_drift", ["field": "url"]] == 1)
    }

    @Test func brokenRulesAreCountedAndNamed() throws {
        let rig = try StoreRig()
        rig.check(StoreRig.configuration(url: "http://a/", type: "lead", headers: (0..<6).map { ("A \($0)", "v") }))
        #expect(rig["config_violations"] == 5)
        #expect(
            rig.values("rule", of: "config_violation") == [
                "https", "event_type", "header_prefix", "header_count", "header_name_characters",
            ])
    }

    /// Labels that the API feeds stay bounded, whatever it says.
    @Test(arguments: [
        ("lead_received", "lead_received"), ("new_type_2", "new_type_2"), ("", "other"), ("Lead", "other"),
        ("a b", "other"), ("é", "other"),
        ("a\"b\\c\n", "other"), (String(repeating: "a", count: 64), String(repeating: "a", count: 64)),
        (String(repeating: "a", count: 65), "other"),
    ])
    func eventTypesAreBounded(type: String, label: String) throws {
        let rig = try StoreRig()
        rig.check(StoreRig.configuration(type: type))
        #expect(rig.values("event_type", of: "info") == [label])
    }

    @Test(arguments: [
        ("https://user:CANARY@host/CANARY?CANARY#CANARY", "https://host"), ("CANARY", "invalid"), ("", "invalid"),
        ("https://ho st/CANARY", "invalid"),
        ("https://host/\u{301}CANARY", "https://host"), ("https://[::1]:444/CANARY", "https://[::1]:444"),
        ("https://a\"b/CANARY", "invalid"),
    ])
    func targetsAreOriginsOnly(url: String, label: String) throws {
        let rig = try StoreRig()
        rig.check(StoreRig.configuration(url: url))
        #expect(rig.values("target", of: "info") == [label] && !rig.text.contains("CANARY"))
    }
}
