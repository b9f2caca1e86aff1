import Foundation
import Simulator
import TestSupport
import Testing

/// What outlives the exporter, over the built binary.
@Suite struct StoredStateTests {
    private static let one = ["webhook_id": "1"]
    private static let state = "partoo_webhook_config_state"
    private static let storageErrors = "partoo_exporter_storage_errors_total"

    private static func canary(_ origin: String, _ path: String = "canary-path") -> String {
        let rest = origin.dropFirst("https://".count)
        return "https://canary-user:canary-pass@\(rest)/\(path)?canary-query=1"
    }

    /// Starts with one learned webhook, and waits until its baseline is on disk.
    private func learn(_ world: World, _ watches: [String] = ["webhook_id: 1"]) async throws -> (
        ExporterProcess, String
    ) {
        let path = try world.configure(watches)
        let exporter = try world.start(path)
        #expect(await exporter.line(containing: "baseline learned")?.contains("kept=disk") == true)
        return (exporter, path)
    }

    @Test func aRestartKeepsTheBaselineAndSinceWhenItDrifts() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: Self.canary(origin), customHeaders: ["X-A": "canary-header"]))
        let (first, path) = try await learn(world)
        let clean = try await first.samples { $0.label("state", of: Self.state, Self.one) == "in_sync" }
        #expect(clean[Self.storageErrors] == 0)
        // Killed, not stopped: what was said to be learned is on the disk.
        first.signal(SIGKILL)
        _ = await first.exitStatus()
        world.partoo.edit(1) { $0.url = Self.canary(origin, "canary-moved") }
        let second = try world.start(path)
        let drifted = try await second.samples {
            $0.label("state", of: Self.state, Self.one) == "drifted"
                && $0["partoo_webhook_probe_success", Self.one] == 1
        }
        #expect(drifted["partoo_webhook_config_drift", ["webhook_id": "1", "field": "url"]] == 1)
        #expect(drifted["partoo_webhook_config_drift", ["webhook_id": "1", "field": "org_id"]] == 0)
        #expect(drifted["partoo_webhook_config_changes_total", ["webhook_id": "1", "field": "url"]] == 1)
        let baseline = "partoo_webhook_config_baseline_timestamp_seconds"
        #expect(drifted.label("source", of: baseline, Self.one) == nil)
        #expect(
            drifted[baseline, ["webhook_id": "1", "source": "learned"]]
                == clean[baseline, ["webhook_id": "1", "source": "learned"]])
        let since = "partoo_webhook_config_drifted_since_timestamp_seconds"
        let began = try #require(drifted[since, Self.one])
        // The raw files, while they are in use and after.
        try expectNoSecret(in: world, isRunning: true)
        #expect(await second.stop() == 0)
        try expectNoSecret(in: world, isRunning: false)

        // The API is down, so nothing is known; but the receiver is probed at once.
        world.partoo.setFault(.status(503))
        let third = try world.start(path)
        let unknown = try await third.samples { $0["partoo_webhook_probe_success", Self.one] == 1 }
        #expect(unknown.label("state", of: Self.state, Self.one) == "unknown")
        #expect(unknown.series("partoo_webhook_config_drift", Self.one).isEmpty)
        world.partoo.setFault(nil)
        let again = try await third.samples { $0.label("state", of: Self.state, Self.one) == "drifted" }
        #expect(again[since, Self.one] == began)
        // The change log is from two runs ago.
        let port = try await third.port()
        for path in ["/webhooks/acme/1", "/api/v1/webhooks/acme/1"] {
            let text = try await LoopbackHTTP.request("GET", path, port: port).text
            #expect(text.contains("url went from https://127.0.0.1:"), "\(text)")
            #expect(text.contains("noticed by a check") && !text.contains("canary"))
        }
        #expect(await third.stop() == 0)
    }

    private func expectNoSecret(in world: World, isRunning: Bool) throws {
        let files = ["state.db", "state.db.key"] + (isRunning ? ["state.db-wal", "state.db-shm"] : [])
        var text = ""
        for file in files {
            text += String(decoding: try Data(contentsOf: world.folder.appendingPathComponent(file)), as: UTF8.self)
            let mode =
                try FileManager.default.attributesOfItem(
                    atPath: world.folder.appendingPathComponent(file).path)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
        }
        #expect(!text.contains("canary"))
        #expect(text.contains("127.0.0.1"))
    }

    @Test func theDatabaseIsWhereTheCommandLineSays() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: Self.canary(origin)))
        let path = try world.configure(["webhook_id: 1"])
        let other = world.folder.appendingPathComponent("made/on demand?/state.db").path
        let exporter = try world.start(path, ["--storage.path", other])
        #expect(await exporter.line(containing: "baseline learned")?.contains("kept=disk") == true)
        #expect(await exporter.stop() == 0)
        #expect(FileManager.default.fileExists(atPath: other + ".key"))
        let show = ["baseline", "show", "--json", "--config.file", path]
        let there = try await ExporterProcess.run(show + ["--storage.path", other])
        #expect(there.output.contains(#""source":"learned""#), "\(there.output)\(there.errors)")
        let nowhere = try await ExporterProcess.run(show)
        #expect(nowhere.status == 0 && nowhere.output.contains(#""source":"none""#), "\(nowhere.output)")
        let memory = try world.start(path, ["--storage.path", ":memory:"])
        #expect(await memory.line(containing: "baseline learned")?.contains("kept=memory") == true)
        #expect(memory.errors.contains("are lost at every restart"))
        let samples = try await memory.samples { $0.label("state", of: Self.state, Self.one) == "in_sync" }
        #expect(samples[Self.storageErrors] == 0)
        #expect(await memory.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: world.folder.appendingPathComponent("state.db").path))
    }

    @Test func theRunningExporterFollowsWhatIsAccepted() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 {
            world.partoo.put(.init(id: id, url: Self.canary(origin), customHeaders: ["X-A": "canary-1"]))
        }
        let (exporter, path) = try await learn(
            world, ["webhook_id: 1", "webhook_id: 2, expect: {event_type: business_created}"])
        _ = try await exporter.samples {
            $0.label("state", of: Self.state, Self.one) == "in_sync"
                && $0.label("state", of: Self.state, ["webhook_id": "2"]) == "in_sync"
        }
        for (id, lines) in [
            ("1", "  as learned\n\n"),
            ("2", "  as declared: event_type\n  as learned: url, org_id, custom_headers\n\n"),
        ] {
            let probe = try await ExporterProcess.run(["probe", "--config.file", path, "--webhook-id", id])
            #expect(probe.output.contains("Configuration  in sync\n\(lines)"), "\(probe.output)")
        }
        for id in 1...2 {
            world.partoo.edit(id) {
                $0.customHeaders = ["X-A": "canary-2"]
                $0.eventType = "business_updated"
            }
        }
        _ = try await exporter.samples {
            $0.label("state", of: Self.state, Self.one) == "drifted"
                && $0.label("state", of: Self.state, ["webhook_id": "2"]) == "drifted"
        }
        let flags = ["--config.file", path]
        // What was learned counts for the other commands too, and they change nothing.
        let diff = try await ExporterProcess.run(["diff"] + flags)
        #expect(diff.status == 2)
        #expect(diff.output.contains("~ event_type: business_created -> business_updated"), "\(diff.output)")
        let shown = try Regex(#"~ custom header X-A: \(redacted\) \[[0-9a-f]{8}\] -> \(redacted\) \[[0-9a-f]{8}\]"#)
        #expect(diff.output.contains(shown), "\(diff.output)")
        // An export says of which it writes down what has changed, learned or declared.
        let export = try await ExporterProcess.run(["baseline", "export"] + flags)
        let warning = "warning: acme/1, acme/2: drifted from the baseline; what was observed is written\n"
        #expect(export.status == 0 && export.errors == warning)
        for id in 1...2 {
            let note = "  # drifted from its baseline: event_type, custom_headers; what was observed is written"
            #expect(export.output.contains("\(note)\n  - webhook_id: \(id)\n"), "\(export.output)")
        }
        let before = try await ExporterProcess.run(["baseline", "show"] + flags)
        #expect(before.status == 0 && before.output.contains("learned"), "\(before.errors)")
        #expect(before.output.contains("declared"))
        let one = try await ExporterProcess.run(["baseline", "accept", "--webhook-id", "1"] + flags)
        #expect(one.status == 0 && one.output.contains("acme/1: accepted"), "\(one.errors)")
        let half = try await exporter.samples { $0.label("state", of: Self.state, Self.one) == "in_sync" }
        #expect(half.label("state", of: Self.state, ["webhook_id": "2"]) == "drifted")
        #expect(
            half["partoo_webhook_config_baseline_timestamp_seconds", ["webhook_id": "1", "source": "accepted"]] != nil)
        #expect(
            half["partoo_webhook_config_baseline_timestamp_seconds", ["webhook_id": "1", "source": "learned"]] == nil)
        let all = try await ExporterProcess.run(["baseline", "accept", "--all"] + flags)
        #expect(all.status == 0 && all.output.contains("still drifted, because declared otherwise: event_type"))
        // What is declared wins over what is accepted.
        let rest = try await exporter.samples {
            $0["partoo_webhook_config_drift", ["webhook_id": "2", "field": "custom_headers"]] == 0
        }
        #expect(rest["partoo_webhook_config_drift", ["webhook_id": "2", "field": "event_type"]] == 1)
        for arguments in [["accept"], ["accept", "--all", "--webhook-id", "1"], ["accept", "--webhook-id", "9"]] {
            let bad = try await ExporterProcess.run(["baseline"] + arguments + flags)
            #expect(bad.status == 1 && bad.errors.split(separator: "\n").count == 1, "\(bad.errors)")
        }
        for run in [diff, export, before, one, all] { #expect(!(run.output + run.errors).contains("canary")) }
        #expect(await exporter.stop() == 0)
    }

    @Test func anExportLoadsAgainAndIsInSync() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        world.partoo.put(
            .init(
                id: 1, url: Self.canary(origin), eventType: "odd: \"text\" # *not* {plain}\u{7}\u{2028}é\\",
                customHeaders: ["X-\u{0}\": {a}": "canary-1", "null": "canary-2", "- é * &a": "", "# x": "canary: 3"]))
        world.partoo.put(.init(id: 2, url: "not a url canary", orgID: 43, customHeaders: [:]))
        world.partoo.put(.init(id: 3, url: Self.canary(origin), customHeaders: ["X-A": "canary-4"]))
        world.partoo.put(.init(id: 4, url: Self.canary(origin), customHeaders: ["X-A": "canary-5", "x-a": "canary-6"]))
        let path = try world.configure([
            "webhook_id: 1, labels: {team: \"a, b\"}", "webhook_id: 2, check_interval: 90s, ignore: [org_id]",
            "webhook_id: 3, org_id: 42, expect: {custom_headers: {X-A: {any: true}}}", "webhook_id: 4",
            "webhook_id: 5, enabled: false, expect: {url: \"https://a.example/canary\"}",
        ])
        let export = try await ExporterProcess.run(["baseline", "export", "--config.file", path])
        #expect(export.status == 0 && export.errors.isEmpty, "\(export.errors)")
        #expect(!export.output.contains("canary") && !export.output.contains("drifted"))
        #expect(export.output.contains("check_interval: 1m30s") && export.output.contains("{any: true}"))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let head = try #require(text.range(of: "watches:"))
        try world.write(text[..<head.lowerBound] + export.output, to: "config.yml")
        let check = try await ExporterProcess.run(["check-config", path])
        #expect(check.status == 0 && check.output.contains("watches: 5"), "\(check.errors)\n\(export.output)")
        let diff = try await ExporterProcess.run(["diff", "--config.file", path])
        #expect(diff.status == 0 && diff.output.contains("in_sync: 4"), "\(diff.output)\(diff.errors)")
        // It is declared now: no database is needed to see a change.
        world.partoo.edit(1) { $0.customHeaders["# x"] = "canary: 4" }
        let changed = try await ExporterProcess.run(["diff", "--config.file", path])
        #expect(changed.status == 2 && changed.output.contains("~ custom header # x"), "\(changed.output)")
        // Exported again, it says the same of what did not change.
        let again = try await ExporterProcess.run(["baseline", "export", "--config.file", path])
        #expect(again.output.contains("{any: true}") && again.output.contains("ignore: [org_id]"))
        // What cannot be read is said, and left as it was declared.
        world.partoo.delete(3)
        let partly = try await ExporterProcess.run(["baseline", "export", "--config.file", path])
        #expect(partly.status == 1 && partly.errors.contains("acme/3"))
        #expect(partly.output.contains("webhook_id: 3") && partly.output.contains("# not read"))
    }

    /// A shell of its own mount namespace, in which the folder of the database is as the test needs it.
    private func start(_ world: World, _ path: String, mounting script: String) throws -> ExporterProcess {
        try ExporterProcess(
            ["serve", "--config.file", path, "--web.listen-address", "127.0.0.1:0"],
            wrappedIn: [
                "/usr/bin/unshare", geteuid() == 0 ? "--mount" : "--map-root-user", "--mount", "/bin/sh", "-ec",
                "\(script); exec \"$0\" \"$@\"",
            ])
    }

    @Test func aFullDiskIsToldOnceAndTheExporterGoesOn() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        let ids = Array(1...40)
        for id in ids { world.partoo.put(.init(id: id, url: "\(origin)/\(String(repeating: "x", count: 3000))")) }
        let path = try world.configure(ids.map { "webhook_id: \($0)" }, storage: "small/state.db")
        try FileManager.default.createDirectory(
            at: world.folder.appendingPathComponent("small"), withIntermediateDirectories: false)
        let exporter = try start(
            world, path, mounting: "mount -t tmpfs -o size=128k none '\(world.folder.path)/small'")
        let samples = try await exporter.samples { samples in
            ids.allSatisfy { samples.label("state", of: Self.state, ["webhook_id": "\($0)"]) == "in_sync" }
                && samples[Self.storageErrors] ?? 0 > 0
        }
        #expect(samples[Self.storageErrors] ?? 0 > 0)
        #expect(exporter.errors.split(separator: "\n").filter { $0.contains("msg=storage") }.count == 1)
        #expect(exporter.errors.contains("kept=memory") && exporter.errors.contains("full"), "\(exporter.errors)")
        #expect(await exporter.stop() == 0)
    }

    /// It would write on into a file that nobody finds after a restart.
    @Test func aDatabaseThatIsTakenAwayIsToldOnceAndTheExporterGoesOn() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: Self.canary(origin))) }
        let (exporter, _) = try await learn(world)
        try FileManager.default.moveItem(atPath: world.path("state.db"), toPath: world.path("away.db"))
        _ = try await exporter.samples { $0[Self.storageErrors] ?? 0 > 0 }
        _ = try world.configure(["webhook_id: 1", "webhook_id: 2"])
        exporter.signal(SIGHUP)
        let samples = try await exporter.samples {
            $0.label("state", of: Self.state, ["webhook_id": "2"]) == "in_sync"
                && $0.label("state", of: Self.state, Self.one) == "in_sync"
        }
        #expect(samples.faults.isEmpty)
        let lines = exporter.errors.split(separator: "\n")
        #expect(lines.filter { $0.contains("msg=storage") }.count == 1)
        #expect(lines.contains { $0.contains("baseline learned") && $0.contains("kept=memory") })
        #expect(await exporter.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: world.path("state.db")))
    }

    @Test func onAReadOnlyDiskWhatIsThereIsInForce() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: Self.canary(origin))) }
        let folder = world.folder.appendingPathComponent("kept")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        let mount = "mount --bind '\(folder.path)' '\(folder.path)'; mount -o remount,bind,ro '\(folder.path)'"
        let path = try world.configure(["webhook_id: 1"], storage: "kept/state.db")
        // Nothing is there yet, and nothing can be put there.
        let empty = try start(world, path, mounting: mount)
        let fresh = try await empty.samples { $0.label("state", of: Self.state, Self.one) == "in_sync" }
        // Each try counts, and is told once.
        #expect(fresh[Self.storageErrors] ?? 0 >= 1)
        #expect(await empty.stop() == 0)
        #expect(empty.errors.split(separator: "\n").filter { $0.contains("msg=storage") }.count == 1)
        let writer = try world.start(path)
        #expect(await writer.line(containing: "baseline learned") != nil)
        #expect(await writer.stop() == 0)
        // Now there is, and it counts though it cannot be written.
        world.partoo.edit(1) { $0.url = Self.canary(origin, "canary-moved") }
        let both = try world.configure(["webhook_id: 1", "webhook_id: 2"], storage: "kept/state.db")
        let reader = try start(world, both, mounting: mount)
        let samples = try await reader.samples {
            $0.label("state", of: Self.state, Self.one) == "drifted"
                && $0.label("state", of: Self.state, ["webhook_id": "2"]) == "in_sync"
        }
        #expect(samples[Self.storageErrors] ?? 0 >= 1)
        #expect(reader.errors.split(separator: "\n").filter { $0.contains("msg=storage") }.count == 1)
        #expect(await reader.stop() == 0)
    }

    /// An alert looks at the last quarter of an hour, and checks may be rarer.
    @Test func aDatabaseThatCannotBeReadGoesOnCountingThoughNothingIsChecked() async throws {
        let world = try await World()
        try world.write(String(repeating: "Z", count: 10_000), to: "state.db")
        try world.write(String(repeating: "k", count: 32), to: "state.db.key")
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        _ = try await exporter.samples { $0[Self.storageErrors] ?? 0 >= 2 }
        #expect(exporter.errors.split(separator: "\n").filter { $0.contains("msg=storage") }.count == 1)
        #expect(await exporter.stop() == 0)
    }

    @Test func onAReadOnlyDiskNothingIsLearnedOverABadFileEither() async throws {
        let world = try await World()
        world.partoo.put(.init(id: 1, url: "http://127.0.0.1:1/hook"))
        let folder = world.folder.appendingPathComponent("kept")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        try world.write(String(repeating: "Z", count: 10_000), to: "kept/state.db")
        try world.write(String(repeating: "k", count: 32), to: "kept/state.db.key")
        let exporter = try start(
            world, try world.configure(["webhook_id: 1"], storage: "kept/state.db"),
            mounting: "mount --bind '\(folder.path)' '\(folder.path)'; mount -o remount,bind,ro '\(folder.path)'")
        // Two at the start, since it can be neither written nor read, and one for the first time it is tried again.
        let tried = try await exporter.samples { $0[Self.storageErrors] ?? 0 >= 3 }
        let checks = "partoo_webhook_config_checks_total"
        let before = tried[checks, Self.one] ?? 0
        let after = try await exporter.samples { $0[checks, Self.one] ?? 0 >= before + 2 }
        #expect(after.label("state", of: Self.state, Self.one) == "unknown")
        #expect(await exporter.stop() == 0)
    }

    @Test func overABadFileNothingIsLearnedUntilItIsGone() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: Self.canary(origin))) }
        let (first, _) = try await learn(world)
        #expect(await first.stop() == 0)
        let file = world.folder.appendingPathComponent("state.db")
        try Data(repeating: 0x5a, count: 20_000).write(to: file)
        let path = try world.configure([
            "webhook_id: 1",
            "webhook_id: 2, expect: {url: \"https://else.example/\", event_type: business_created, custom_headers: {}}",
        ])
        let exporter = try world.start(path)
        let samples = try await exporter.samples {
            $0["partoo_webhook_config_checks_total", Self.one] ?? 0 >= 2
                && $0.label("state", of: Self.state, ["webhook_id": "2"]) == "drifted"
                && $0["partoo_webhook_probe_success", Self.one] == 1
        }
        #expect(samples.label("state", of: Self.state, Self.one) == "unknown")
        #expect(samples.series("partoo_webhook_config_drift", Self.one).isEmpty)
        // What is declared is known all the same, and what is not is left out.
        #expect(samples["partoo_webhook_config_drift", ["webhook_id": "2", "field": "url"]] == 1)
        #expect(samples.series("partoo_webhook_config_drift", ["webhook_id": "2", "field": "org_id"]).isEmpty)
        #expect(samples[Self.storageErrors] ?? 0 >= 1)
        #expect(exporter.errors.split(separator: "\n").filter { $0.contains("msg=storage") }.count == 1)
        let diff = try await ExporterProcess.run(["diff", "--config.file", path, "--webhook-id", "1"])
        #expect(diff.status == 1 && diff.output.contains("unknown, the learned baseline cannot be read"))
        let half = try await ExporterProcess.run(["diff", "--config.file", path, "--webhook-id", "2"])
        #expect(half.output.contains("not compared, since the learned baseline cannot be read: org_id\n"))
        let accept = try await ExporterProcess.run(["baseline", "accept", "--all", "--config.file", path])
        #expect(accept.status == 1 && accept.errors.split(separator: "\n").count == 1, "\(accept.errors)")
        #expect(try Data(contentsOf: file) == Data(repeating: 0x5a, count: 20_000))
        try FileManager.default.removeItem(at: file)
        let healed = try await exporter.samples { $0.label("state", of: Self.state, Self.one) == "in_sync" }
        #expect(
            healed["partoo_webhook_config_baseline_timestamp_seconds", ["webhook_id": "1", "source": "learned"]] != nil)
        #expect(await exporter.stop() == 0)
    }
}
