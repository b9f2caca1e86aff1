import Foundation
import Simulator
import TestSupport
import Testing

/// What `probe` and `diff` tell a person and a script.
@Suite struct CommandTests {
    @Test func aGoodProbeIsToldFromTheNameToTheVerdict() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(401))
        world.partoo.put(.init(id: 1, url: "\(origin)/canary-path?canary", customHeaders: ["X-A": "canary-value"]))
        let path = try world.configure(["webhook_id: 1, expect: {event_type: business_created}"])
        let run = try await ExporterProcess.run(["probe", "--config.file", path])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        for part in [
            "Webhook acme/1\n", "target      \(origin) (path withheld)\n",
            "event type  business_created, organisation 42\n", "headers     X-A (values withheld)\n",
            "Configuration  in sync\n", "Probe  HEAD, module http\n", "GOOD  HTTP/1.1 401 from 127.0.0.1",
            "Certificate  verified, TLS 1.3, ", "leaf ends ", "(in ",
            "Partoo would take status 401 on a delivery as: lost, unless the receiver only refuses unsigned requests",
        ] {
            #expect(run.output.contains(part), "\(part) is not in \(run.output)")
        }
        // A bar for each phase that an address leaves, in their order, each beginning where the one before ended.
        let bars = run.output.split(separator: "\n").filter { $0.contains("█") || $0.contains("▏") }
        let names = bars.compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(names == ["connect", "tls", "processing", "transfer"])
        let starts = bars.map { bar in bar.prefix { $0 != "█" && $0 != "▏" }.count }
        let ends = zip(bars, starts).map { bar, start in start + bar.count { $0 == "█" } }
        #expect(Array(starts.dropFirst()) == Array(ends.dropLast()))
        #expect(!(run.output + run.errors).contains("canary") && !run.output.contains("\u{1b}"))
        let bare = try await ExporterProcess.run(["probe", "--config.file", try world.configure(["webhook_id: 1"])])
        #expect(bare.status == 0)
        #expect(bare.output.contains("Configuration  unknown\n  nothing is declared, and nothing was learned yet\n"))
    }

    /// Whatever nobody has said anything of is not in sync with anything.
    @Test func aProbeTellsWhatWasComparedAndWhatWasNot() async throws {
        struct Report: Decodable { var config_state: String, not_compared: [String]? }
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook", customHeaders: ["X-A": "a"]))
        let rest = "expect: {url: \"\(origin)/hook\", event_type: business_created, custom_headers: {X-A: a}}"
        let neither = "not compared, since neither declared nor learned:"
        for (watch, state, lines, uncompared) in [
            (
                "org_id: 42", "in_sync",
                "in sync\n  as declared: org_id\n  \(neither) url, event_type, custom_headers\n",
                ["url", "event_type", "custom_headers"]
            ),
            ("org_id: 42, \(rest)", "in_sync", "in sync\n  as declared\n", nil),
            (
                "org_id: 42, ignore: [url, custom_headers]", "in_sync",
                "in sync\n  as declared: org_id\n  \(neither) event_type\n", ["event_type"]
            ),
            (
                "expect: {org_id: 7, event_type: business_created}", "drifted",
                "drifted\n  ~ org_id: 7 -> 42\n  \(neither) url, custom_headers\n", ["url", "custom_headers"]
            ),
        ] {
            let path = try world.configure(["webhook_id: 1, \(watch)"])
            let run = try await ExporterProcess.run(["probe", "--config.file", path])
            #expect(run.output.contains("\nConfiguration  \(lines)\nProbe  "), "\(run.output)\(run.errors)")
            let scripted = try await ExporterProcess.run(["probe", "--json", "--config.file", path])
            let report = try JSONDecoder().decode(Report.self, from: Data(scripted.output.utf8))
            #expect(report.config_state == state && report.not_compared == uncompared, "\(scripted.output)")
        }
    }

    /// Whole days are rounded down: what ended an hour ago does not end «in 0 days».
    @Test func aCertificateThatHasJustEndedIsToldSo() async throws {
        let world = try await World()
        let hour = 3600.0
        let day = 24 * hour
        // An expired one ended 3 days before the moment of its issue, a good one ends 90 days after.
        for (kind, shift, text) in [
            (SimulatedCertificateAuthority.Kind.expired, 3 * day - hour, "(expired less than a day ago)\n"),
            (.expired, 3 * day - 25 * hour, "(expired 1 day ago)\n"), (.good, 0.5 * day, "(in 90 days)\n"),
            (.good, hour - 90 * day, "(in less than a day)\n"),
        ] {
            let receiver = SimulatedReceiver(
                identity: try world.authority.issue(kind, now: Date().addingTimeInterval(shift)))
            world.partoo.put(.init(id: 1, url: "\(try await receiver.start())/hook"))
            let run = try await ExporterProcess.run(["probe", "--config.file", try world.configure(["webhook_id: 1"])])
            let verb = kind == .expired ? "ended" : "ends"
            #expect(run.output.contains("  leaf \(verb) 20") && run.output.contains(text), "\(text): \(run.output)")
            await receiver.stop()
        }
    }

    @Test func aFailedProbeSaysWhyWhatToDoAndWhatBecomesOfEvents() async throws {
        let world = try await World()
        let (_, expired) = try await world.receiver(.status(200), .expired)
        let (lost, origin) = try await world.receiver(.status(404))
        world.partoo.put(.init(id: 1, url: "\(expired)/hook"))
        world.partoo.put(.init(id: 2, url: "\(origin)/hook"))
        let path = try world.configure(["webhook_id: 1", "webhook_id: 2"])
        func probe(_ id: Int) async throws -> String {
            let run = try await ExporterProcess.run(["probe", "--config.file", path, "--webhook-id", "\(id)"])
            #expect(run.status == 2 && run.errors.isEmpty, "\(run.errors)")
            return run.output
        }
        let certificate = try await probe(1)
        for part in [
            "FAILED  tls_expired: a certificate has expired (127.0.0.1)\n", "Renew the certificate",
            "Certificate  NOT verified", " days ago)",
        ] {
            #expect(certificate.contains(part), "\(part) is not in \(certificate)")
        }
        #expect(!certificate.contains("Partoo would take"))
        let route = try await probe(2)
        for part in ["FAILED  status: the receiver answered with status 404", "as: lost, without another try"] {
            #expect(route.contains(part), "\(part) is not in \(route)")
        }
        lost.behaviour = .status(503)
        #expect(try await probe(2).contains("as: failed, and try again up to 5 times; then the event is lost"))
    }

    @Test func aProbeForScriptsIsOneObject() async throws {
        struct Report: Decodable {
            struct Phases: Decodable { var connect, tls, processing, transfer, total: Double }
            struct Certificate: Decodable { var verified: Bool, leaf_not_after: Int }
            var account: String, webhook_id: Int, config_state: String, changes: [String]
            var success: Bool, reachable: Bool, status: Int, http_version: String, delivery_outlook: String
            var phases_seconds: Phases, tls: Certificate
            var reason: String?
        }
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/canary", eventType: "lead_received"))
        let path = try world.configure(["webhook_id: 1, expect: {event_type: business_created}"])
        let run = try await ExporterProcess.run(["probe", "--json", "--config.file", path])
        #expect(run.status == 0 && !run.output.contains("canary"))
        let report = try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
        #expect(report.account == "acme" && report.webhook_id == 1 && report.config_state == "drifted")
        #expect(report.changes == ["~ event_type: business_created -> lead_received"])
        #expect(report.success && report.reachable && report.reason == nil && report.status == 200)
        #expect(report.http_version == "1.1" && report.delivery_outlook == "acknowledged" && report.tls.verified)
        #expect(report.tls.leaf_not_after > Int(Date().timeIntervalSince1970))
        let phases = report.phases_seconds
        let sum = phases.connect + phases.tls + phases.processing + phases.transfer
        #expect(abs(sum - phases.total) < 0.001)
    }

    @Test func aDiffIsAPlanOfEveryWebhook() async throws {
        struct Line: Decodable {
            var webhook_id: Int, state: String, reason: String?, changes: [String], not_compared: [String]?
        }
        let world = try await World()
        for id in [1, 2, 4, 6] {
            world.partoo.put(.init(id: id, url: "https://new.example/canary-path", customHeaders: ["X-A": "canary"]))
        }
        world.partoo.setFault(.status(500), for: 4)
        let path = try world.configure([
            "webhook_id: 1, expect: {org_id: 42}",
            "webhook_id: 2, ignore: [event_type, org_id], expect: {url: \"https://old.example/canary-before\", custom_headers: {X-B: canary-gone}}",
            "webhook_id: 3", "webhook_id: 4", "webhook_id: 5, enabled: false", "webhook_id: 6",
        ])
        let run = try await ExporterProcess.run(["diff", "--config.file", path])
        #expect(run.status == 2 && run.errors.isEmpty, "\(run.errors)")
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(
            lines == [
                "  acme/1: in sync",
                "    not compared, since neither declared nor learned: url, event_type, custom_headers",
                "~ acme/2: drifted",
                "    ~ url: https://old.example/(redacted) -> https://new.example/(redacted)",
                "    + custom header X-A: (redacted)", "    - custom header X-B",
                "- acme/3: missing, the API knows no such webhook (404)",
                "? acme/4: unknown, the API answered with status 500",
                "? acme/6: unknown, nothing is declared, and nothing was learned yet",
                "  acme/5: disabled, not read", "in_sync: 1, drifted: 1, missing: 1, unknown: 2",
            ], "\(run.output)")
        let scripted = try await ExporterProcess.run(["diff", "--json", "--config.file", path])
        #expect(scripted.status == 2)
        let objects = try scripted.output.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        #expect(objects.map(\.webhook_id) == [1, 2, 3, 4, 6])
        #expect(objects.map(\.state) == ["in_sync", "drifted", "missing", "unknown", "unknown"])
        #expect(objects.map(\.reason) == [nil, nil, "not_found", "server_error", nil])
        #expect(objects[1].changes.count == 3 && objects[1].not_compared == nil)
        #expect(objects[0].not_compared == ["url", "event_type", "custom_headers"])
        let unread = try await ExporterProcess.run(["diff", "--config.file", path, "--webhook-id", "4"])
        #expect(unread.status == 1 && unread.errors == "error: not everything could be read and compared\n")
    }

    @Test func coloursAndProgressAreForATerminal() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: "\(origin)/hook")) }
        let path = try world.configure(["webhook_id: 1, expect: {org_id: 7}", "webhook_id: 2"])
        func onTerminal(_ command: String) async throws -> String {
            let text = "'\(ExporterProcess.binary)' \(command) --config.file '\(path)'"
            return try await ChildProcess.run("/usr/bin/script", ["-qec", text, "/dev/null"]).output
        }
        #expect(try await onTerminal("probe --webhook-id 2").contains("\u{1b}[32mGOOD\u{1b}[0m"))
        let diff = try await onTerminal("diff")
        #expect(diff.contains("\u{1b}[33m~ acme/1: drifted\u{1b}[0m"))
        #expect(diff.contains("\r\u{1b}[K1/2 acme/1") && diff.contains("\r\u{1b}[K2/2 acme/2"))
        #expect(!(try await onTerminal("diff --json 2>/dev/null")).contains("\u{1b}"))
        let plain = try await ExporterProcess.run(["diff", "--config.file", path])
        #expect(plain.errors.isEmpty && !plain.output.contains("\u{1b}"))
    }

    @Test(arguments: [(401, "the API refused the key (401)"), (403, "the API did not allow the operation (403)")])
    func aRefusedKeyCostsOneCall(status: Int, message: String) async throws {
        let world = try await World()
        world.partoo.setFault(.status(status))
        let path = try world.configure((1...4).map { "webhook_id: \($0)" })
        let run = try await ExporterProcess.run(["diff", "--config.file", path])
        #expect(run.status == 1)
        #expect(run.output.components(separatedBy: "unknown, \(message)\n").count == 5)
        #expect((1...4).map { world.partoo.count("/v2/webhooks/\($0)") } == [1, 0, 0, 0])
        let export = try await ExporterProcess.run(["baseline", "export", "--config.file", path])
        #expect(export.status == 1 && export.errors == "error: acme/1, acme/2, acme/3 and 1 more: \(message)\n")
        #expect((1...4).map { world.partoo.count("/v2/webhooks/\($0)") } == [2, 0, 0, 0])
    }

    /// A key may be forbidden one organisation and read another.
    @Test func oneOrganisationThatIsForbiddenHoldsUpNoOther() async throws {
        let world = try await World()
        for id in 1...3 { world.partoo.put(.init(id: id, url: "https://a.example/hook")) }
        world.partoo.setFault(.status(403), for: 1)
        let path = try world.configure([
            "webhook_id: 1, org_id: 42", "webhook_id: 2, org_id: 42", "webhook_id: 3, org_id: 43",
        ])
        _ = try await ExporterProcess.run(["diff", "--config.file", path])
        #expect((1...3).map { world.partoo.count("/v2/webhooks/\($0)") } == [1, 0, 1])
    }

    @Test func whatIsNotThereToBeComparedIsSaidSo() async throws {
        let world = try await World()
        let path = try world.configure(["webhook_id: 1"])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try world.write(text.replacing("  - {webhook_id: 1}", with: "  []"), to: "none.yml")
        try world.write(
            text.replacing("  - {webhook_id: 1}", with: "  []").replacing(
                "requests_per_minute", with: "discover: {}\n    requests_per_minute"), to: "discovers.yml")
        for (arguments, message) in [
            (["--config.file", path, "--account", "other"], "there is no such account as --account names"),
            (["--config.file", path, "--webhook-id", "2"], "no such webhook is watched"),
            (["--config.file", world.path("none.yml")], "no webhook is watched"),
            (
                ["--config.file", world.path("discovers.yml")],
                "no webhook is watched but what an exporter discovers, and its database (--storage.path) names none"
            ),
        ] {
            let run = try await ExporterProcess.run(["diff"] + arguments)
            #expect(run.status == 1 && run.errors == "error: \(arguments[1]): \(message)\n", "\(run.errors)")
        }
    }

    @Test func aRateLimitIsWaitedForOnce() async throws {
        let world = try await World()
        for id in 1...2 { world.partoo.put(.init(id: id, url: "https://a.example/hook")) }
        world.partoo.setFault(.once(.status(429, headers: ["Retry-After: 1"])), for: 1)
        world.partoo.setFault(.status(429, headers: ["Retry-After: 0"]), for: 2)
        let path = try world.configure([
            "webhook_id: 1, expect: {org_id: 42}, ignore: [url, event_type, custom_headers]", "webhook_id: 2",
        ])
        let run = try await ExporterProcess.run(["diff", "--config.file", path])
        #expect(run.status == 1 && run.output.contains("  acme/1: in sync\n? acme/2: unknown, the API's rate limit"))
        #expect(run.errors.hasPrefix("warning: acme/1: the API's rate limit is reached (429); going on in 1 s\n"))
        #expect((1...2).map { world.partoo.count("/v2/webhooks/\($0)") } == [2, 2])
        // One webhook is asked for by a person, who is told at once.
        let probe = try await ExporterProcess.run(["probe", "--config.file", path, "--webhook-id", "2"])
        #expect(probe.status == 1 && world.partoo.count("/v2/webhooks/2") == 3)
    }
}
