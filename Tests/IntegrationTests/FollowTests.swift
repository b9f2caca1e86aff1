import Foundation
import Simulator
import TestSupport
import Testing

/// Files that change while the exporter runs, and processes that share the watches.
@Suite struct FollowTests {
    private func configure(_ world: World, _ rest: String) throws -> String {
        for id in 1...40 { world.partoo.put(.init(id: id, url: "http://127.0.0.1/\(id)")) }
        let text = """
            accounts: [{name: acme, base_url: "\(world.base)", api_key_file: api.key, requests_per_minute: 100000}]
            defaults: {check_interval: 1s, probe_interval: 1s}
            storage: {path: state.db}
            \(rest)
            """
        try world.write(text, to: "config.yml")
        return world.folder.appendingPathComponent("config.yml").path
    }

    @Test func aWatchFileIsFollowedAndKeepsItsLastGoodList() async throws {
        let world = try await World()
        try FileManager.default.createDirectory(
            at: world.folder.appendingPathComponent("watches"), withIntermediateDirectories: true)
        try world.write("[{webhook_id: 1}, {webhook_id: 2}]", to: "watches/a.yml")
        try world.write("[{webhook_id: 3}]", to: "watches/b.yml")
        let exporter = try world.start(
            try configure(world, "watch_files: [watches/*.yml]\nwatches: [{webhook_id: 9}]"))
        let file = ["source": "file"]
        let before = try await exporter.samples {
            $0["partoo_exporter_watches", file] == 3
                && $0["partoo_webhook_config_checks_total", ["webhook_id": "1"]] ?? 0 > 1
        }
        #expect(before.series("partoo_exporter_watch_file_error").isEmpty)
        try world.write("[{webhook_id: 1}, {webhook_idd: 2}]", to: "watches/a.yml")
        try world.write("[{webhook_id: 3}, {webhook_id: 4}]", to: "watches/b.yml")
        let bad = try await exporter.samples {
            !$0.series("partoo_exporter_watch_file_error").isEmpty && $0["partoo_exporter_watches", file] == 4
        }
        #expect(bad.series("partoo_exporter_watch_file_error").count == 1)
        #expect(bad.label("file", of: "partoo_exporter_watch_file_error", [:])?.hasSuffix("watches/a.yml") == true)
        #expect(bad["partoo_exporter_config_last_reload_successful"] == 1)
        // A reload on request does not take a bad watch file for a bad configuration.
        exporter.signal(SIGHUP)
        _ = await exporter.line(containing: "configuration reloaded")
        try world.write("[{webhook_id: 1}]", to: "watches/a.yml")
        let good = try await exporter.samples {
            $0.series("partoo_exporter_watch_file_error").isEmpty && $0["partoo_exporter_watches", file] == 3
        }
        #expect(good.series("partoo_webhook_config_state", ["webhook_id": "2"]).isEmpty)
        let checks = "partoo_webhook_config_checks_total"
        for id in ["1", "9"] {
            #expect(good[checks, ["webhook_id": id]] ?? 0 > before[checks, ["webhook_id": id]] ?? .infinity)
        }
        try FileManager.default.removeItem(at: world.folder.appendingPathComponent("watches/b.yml"))
        let removed = try await exporter.samples { $0["partoo_exporter_watches", file] == 1 }
        #expect(removed["partoo_exporter_watches_removed_total", ["reason": "reload"]] == 3)
        #expect(await exporter.stop() == 0)
    }

    /// The file that uses a module goes on with it, under its old name, until it says the new one.
    @Test func aRenamedModuleTakesNoWatchAlong() async throws {
        let world = try await World()
        let (_, url) = try await world.receiver(.status(200), nil)
        world.partoo.put(.init(id: 50, url: url + "/50"))
        let modules = { (name: String) in
            "modules: {\(name): {allowed_schemes: [http], allowed_networks: [127.0.0.0/8]}}\nwatch_files: [w.yml]"
        }
        try world.write("[{webhook_id: 50, module: before}, {webhook_id: 2}]", to: "w.yml")
        let exporter = try world.start(try configure(world, modules("before")))
        let (watch, probes) = (["webhook_id": "50"], "partoo_webhook_probes_total")
        let module = { @Sendable (samples: Samples) in samples.label("module", of: "partoo_webhook_info", watch) }
        var last = try await exporter.samples { $0[probes, watch] ?? 0 > 1 }
        #expect(module(last) == "before")
        _ = try configure(world, modules("after"))
        for _ in 1...2 {
            exporter.signal(SIGHUP)
            _ = await exporter.line(containing: "configuration reloaded")
            let count = last[probes, watch] ?? .infinity
            last = try await exporter.samples { $0[probes, watch] ?? 0 > count + 1 }
            #expect(module(last) == "before")
            #expect(last.series("partoo_exporter_watch_file_error").count == 1)
            #expect(last["partoo_exporter_watches", ["source": "file"]] == 2)
        }
        try world.write("[{webhook_id: 50, module: after}, {webhook_id: 2}]", to: "w.yml")
        let good = try await exporter.samples { module($0) == "after" }
        #expect(good[probes, watch] ?? 0 >= last[probes, watch] ?? .infinity)
        #expect(good.series("partoo_exporter_watch_file_error").isEmpty)
        #expect(good["partoo_exporter_watches_removed_total", ["reason": "reload"]] == 0)
        #expect(await exporter.stop() == 0)
    }

    /// What cannot be looked into is not empty.
    @Test func aFolderThatCannotBeReadTakesNoWatchAlong() async throws {
        let world = try await World()
        let folder = world.path("watches")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try world.write("[{webhook_id: 1}]", to: "watches/a.yml")
        let exporter = try world.start(try configure(world, "watch_files: [watches/*.yml]\nwatches: [{webhook_id: 9}]"))
        let file = ["source": "file"]
        _ = try await exporter.samples { $0["partoo_exporter_watches", file] == 1 }
        #expect(rename(folder, folder + ".away") == 0)
        // A link to itself: root, too, cannot read that.
        try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: folder)
        let bad = try await exporter.samples { !$0.series("partoo_exporter_watch_file_error").isEmpty }
        #expect(bad["partoo_exporter_watches", file] == 1)
        exporter.signal(SIGHUP)
        _ = await exporter.line(containing: "configuration reloaded")
        try FileManager.default.removeItem(atPath: folder)
        #expect(rename(folder + ".away", folder) == 0)
        let good = try await exporter.samples { $0.series("partoo_exporter_watch_file_error").isEmpty }
        #expect(good["partoo_exporter_watches", file] == 1)
        #expect(good["partoo_exporter_watches_removed_total", ["reason": "reload"]] == 0)
        #expect(await exporter.stop() == 0)
    }

    @Test func aNewKeyIsTakenUpFromItsFile() async throws {
        let world = try await World()
        try world.write("an-old-key", to: "api.key")
        let exporter = try world.start(try configure(world, "watches: [{webhook_id: 1}]"))
        let refused = try await exporter.samples {
            $0.label("reason", of: "partoo_webhook_config_check_failure", ["webhook_id": "1"]) == "unauthorized"
        }
        #expect(refused["partoo_exporter_api_up", ["account": "acme"]] == 0)
        try world.write(World.apiKey, to: "api.key")
        let good = try await exporter.samples {
            $0["partoo_webhook_config_state", ["webhook_id": "1", "state": "in_sync"]] == 1
        }
        let checks = "partoo_webhook_config_checks_total"
        #expect(good[checks, ["webhook_id": "1"]] ?? 0 > refused[checks, ["webhook_id": "1"]] ?? .infinity)
        #expect(await exporter.stop() == 0)
    }

    /// A secret that is mounted as Kubernetes does it: behind a link that is swapped.
    @Test func aKeyBehindALinkIsFollowedAndABadOneLeavesTheOldInForce() async throws {
        let world = try await World()
        let file = { (name: String) in world.folder.appendingPathComponent(name).path }
        let manager = FileManager.default
        for (folder, key) in [("one", "an-old-key"), ("two", World.apiKey)] {
            try manager.createDirectory(atPath: file(folder), withIntermediateDirectories: false)
            try world.write(key, to: "\(folder)/api.key")
        }
        try manager.removeItem(atPath: file("api.key"))
        try manager.createSymbolicLink(atPath: file("..data"), withDestinationPath: "one")
        try manager.createSymbolicLink(atPath: file("api.key"), withDestinationPath: "..data/api.key")
        let exporter = try world.start(try configure(world, "watches: [{webhook_id: 1}]"))
        _ = try await exporter.samples { $0["partoo_exporter_api_up", ["account": "acme"]] == 0 }
        try manager.createSymbolicLink(atPath: file("..new"), withDestinationPath: "two")
        #expect(rename(file("..new"), file("..data")) == 0)
        _ = try await exporter.samples { $0["partoo_exporter_api_up", ["account": "acme"]] == 1 }
        let checks = "partoo_webhook_config_checks_total"
        for bad in ["", String(repeating: "x", count: 2 << 20)] {
            try world.write(bad, to: "two/api.key")
            let refused = try await exporter.samples { $0["partoo_exporter_config_last_reload_successful"] == 0 }
            #expect(refused["partoo_exporter_api_up", ["account": "acme"]] == 1)
            try world.write(World.apiKey + "\n", to: "two/api.key")
            let good = try await exporter.samples { $0["partoo_exporter_config_last_reload_successful"] == 1 }
            #expect(good[checks, ["webhook_id": "1"]] ?? 0 >= refused[checks, ["webhook_id": "1"]] ?? .infinity)
        }
        #expect(await exporter.stop() == 0)
    }

    /// The watch file itself stays as it is; the secret that it names is too large at first, then away, then right.
    @Test func aSecretThatCouldNotBeReadIsFollowedToo() async throws {
        let world = try await World()
        for folder in ["watches", "secrets"] {
            try FileManager.default.createDirectory(
                at: world.folder.appendingPathComponent(folder), withIntermediateDirectories: false)
        }
        let exporter = try world.start(
            try configure(
                world, "watch_files: [watches/*.yml]\nwatch_secrets_dir: secrets\nwatches: [{webhook_id: 9}]"))
        _ = try await exporter.samples { $0["partoo_exporter_watches", ["source": "static"]] == 1 }
        try world.write(String(repeating: "x", count: 2 << 20), to: "secrets/token")
        try world.write(
            "[{webhook_id: 1, expect: {custom_headers: {X-A: {file: ../secrets/token}}}}]", to: "watches/a.yml")
        let isBad = { @Sendable (samples: Samples) in !samples.series("partoo_exporter_watch_file_error").isEmpty }
        let isGood = { @Sendable (samples: Samples) in
            !isBad(samples) && samples["partoo_exporter_watches", ["source": "file"]] == 1
        }
        _ = try await exporter.samples(isBad)
        try world.write("right", to: "secrets/token")
        _ = try await exporter.samples(isGood)
        try FileManager.default.removeItem(at: world.folder.appendingPathComponent("secrets/token"))
        _ = try await exporter.samples(isBad)
        try world.write("right again", to: "secrets/token")
        _ = try await exporter.samples(isGood)
        #expect(await exporter.stop() == 0)
    }

    @Test func shardsShareTheWatches() async throws {
        let world = try await World()
        let rest = "watches:\n" + (1...40).map { "  - {webhook_id: \($0)}" }.joined(separator: "\n")
        let path = try configure(world, rest)
        var seen: [String] = []
        for shard in 0..<2 {
            let exporter = try world.start(
                path, ["--shard=\(shard)", "--total-shards=2", "--storage.path=\(path).\(shard).db"])
            let samples = try await exporter.samples {
                $0["partoo_exporter_watches", ["source": "static"]] ?? 0 > 0
            }
            #expect(samples["partoo_exporter_shard"] == Double(shard))
            #expect(samples["partoo_exporter_total_shards"] == 2)
            let mine = samples.series("partoo_webhook_config_checks_total")
            #expect(mine.count > 8)
            seen += mine
            #expect(await exporter.stop() == 0)
        }
        #expect(seen.count == 40)
        #expect(Set(seen).count == 40)
        for arguments in [
            ["--shard=2", "--total-shards=2"], ["--shard=x", "--total-shards=2"], ["--total-shards=2"],
            ["--shard=1"], ["--shard=0", "--total-shards=0"],
        ] {
            let run = try await ExporterProcess.run(["serve", "--config.file", path] + arguments)
            #expect(run.status == 1)
            #expect(run.errors.split(separator: "\n").count == 1 && run.errors.contains("shard"), "\(run.errors)")
        }
    }
}
