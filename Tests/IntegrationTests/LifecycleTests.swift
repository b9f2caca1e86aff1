import Foundation
import Simulator
import TestSupport
import Testing

/// Starting, stopping, reloading, and what bad input gets.
@Suite struct LifecycleTests {
    @Test func reloadIsWholeOrNotAtAll() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: "\(origin)/hook")) }
        let path = try world.configure(["webhook_id: 1", "webhook_id: 2"])
        let exporter = try world.start(path, ["--web.enable-lifecycle"])
        let before = try await exporter.samples {
            $0["partoo_webhook_probes_total", ["webhook_id": "1"]] ?? 0 > 1
                && $0["partoo_webhook_probes_total", ["webhook_id": "2"]] ?? 0 > 1
        }
        try world.write("watches: [{webhook_id: x}]", to: "config.yml")
        exporter.signal(SIGHUP)
        let refused = try await exporter.samples { $0["partoo_exporter_config_last_reload_successful"] == 0 }
        #expect(refused["partoo_exporter_config_last_reload_successful"] == 0)
        #expect(refused["partoo_exporter_watches", ["source": "static"]] == 2)
        let port = try await exporter.port()
        let answer = try await LoopbackHTTP.request("POST", "/-/reload", port: port)
        #expect(answer.status == 500 && answer.text.contains("config.yml:1"))
        _ = try world.configure(["webhook_id: 1"])
        #expect(try await LoopbackHTTP.request("POST", "/-/reload", port: port).status == 200)
        let after = try await exporter.samples { $0["partoo_exporter_watches", ["source": "static"]] == 1 }
        #expect(after.series("partoo_webhook_config_state", ["webhook_id": "2"]).isEmpty)
        for counter in [
            "partoo_webhook_probes_total", "partoo_webhook_probe_latency_seconds_count",
            "partoo_webhook_config_checks_total",
        ] {
            #expect(after[counter, ["webhook_id": "1"]] ?? 0 >= before[counter, ["webhook_id": "1"]] ?? .infinity)
        }
        let success = "partoo_exporter_config_last_reload_success_timestamp_seconds"
        #expect(refused[success] == before[success] && after[success] ?? 0 > before[success] ?? .infinity)
        #expect(after["partoo_exporter_config_last_reload_successful"] == 1)
        #expect(await exporter.stop() == 0)
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalEndsItWell(signal: Int32) async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.reaction(.hang))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let exporter = try world.start(try world.configure(["webhook_id: 1"]))
        _ = try await exporter.samples { $0["partoo_exporter_probes_in_flight"] == 1 }
        exporter.signal(signal)
        #expect(await exporter.exitStatus() == 0)
    }

    /// What comes while it starts waits until it can be acted on: the first line is written long before the others are up.
    @Test func aSignalWhileItStartsEndsNothingInTheMiddle() async throws {
        let world = try await World()
        let watches = (1...3000).map { "webhook_id: \($0)" }
        let path = try world.configure(
            watches, intervals: "check_interval: 1y, probe_interval: 1y", storage: "':memory:'")
        let leaving = try world.start(path)
        #expect(await leaving.line(containing: "level=warn") != nil)
        leaving.signal(SIGTERM)
        #expect(await leaving.exitStatus() == 0)
        let staying = try world.start(path)
        #expect(await staying.line(containing: "level=warn") != nil)
        staying.signal(SIGHUP)
        #expect(await staying.line(containing: "configuration reloaded") != nil)
        #expect(await staying.stop() == 0)
    }

    @Test(arguments: ["-h", "--help"])
    func helpNamesTheCommandsAndTheExportersFlags(flag: String) async throws {
        let help = try await ExporterProcess.run([flag])
        for part in ["check-config", "baseline", "--config.file", "--web.listen-address", "--total-shards"] {
            #expect(help.status == 0 && help.output.contains(part), "\(part) is not in \(help.output)")
        }
    }

    @Test func badInputIsOneClearLine() async throws {
        let world = try await World()
        let good = try world.configure(["webhook_id: 1"])
        let table: [(arguments: [String], text: String)] = [
            (["serve", "--config.file", "/no/such.yml"], "/no/such.yml"),
            (["serve", "--config.file", good, "--web.listen-address", "nonsense"], "--web.listen-address"),
            (
                ["serve", "--config.file", good, "--web.listen-address", "192.0.2.1:0"],
                "Cannot assign requested address"
            ),
            (["serve", "--config.check", "--config.file", good, "--web.config.file", "/no/web.yml"], "/no/web.yml"),
            (["serve", "--no-such-flag"], "--no-such-flag"),
            (["-config.check", "--config.file", good], "flags take two dashes: --config.check"),
            (["serve", "-storage.path", "x"], "flags take two dashes: --storage.path"),
            (["probe", "-help"], "flags take two dashes: --help"),
            (["serve", "--config.file", good, "--shard=1"], "--shard: 1 needs --total-shards"),
            (["probe", "--config.file", good, "--webhook-id", "9"], "no such webhook"),
            (["healthcheck", "--url", "http://127.0.0.1:1/"], "unhealthy"),
            (["diff", "--config.file", good, "--requests-per-minute=9223372036854775807"], "--requests-per-minute"),
            // What may hold a password is not quoted.
            (["healthcheck", "-uprom:CANARY"], "flags take two dashes: --uprom"),
            (["healthcheck", "https://prom:CANARY@127.0.0.1/-/ready?k=CANARY"], "(not shown)"),
            (["serve", "--web.listen-address=https://u:CANARY@h:1/x"], "--web.listen-address"),
            (["serve", "--web.listen-address", "https://u:CANARY@h:1/x"], "--web.listen-address"),
        ]
        for item in table {
            let run = try await ExporterProcess.run(item.arguments)
            #expect(run.status == 1)
            let lines = run.errors.split(separator: "\n").filter { !$0.contains("level=warn") }
            #expect(lines.count == 1 && !run.errors.contains("errno"), "\(run.errors)")
            #expect(lines.first?.contains(item.text) == true, "\(run.errors)")
            #expect(!run.errors.contains("CANARY"), "\(run.errors)")
        }
        for text in [
            "accounts: [{name: a, api_key_file: api.key}]\nwatches: [{webhook_id: 1, chekc_interval: 5s}]",
            "accounts: [{name: a, api_key_file: api.key}]\nwatches: [{webhook_id: 1}, {webhook_id: 1}]",
            "accounts: [{name: a, api_key_file: api.key}]\nwatches: [{webhook_id: 1, module: nope}]",
            "accounts: [{name: a, api_key_file: api.key}]\nwatches: [{webhook_id: 1, check_interval: soon}]",
            "accounts: [{name: a, api_key_file: empty.key}]\nwatches: [{webhook_id: 1}]",
            "accounts: [",
        ] {
            try world.write(text, to: "bad.yml")
            try world.write("", to: "empty.key")
            let run = try await ExporterProcess.run([
                "check-config", world.folder.appendingPathComponent("bad.yml").path,
            ])
            #expect(run.status == 1, "\(text)")
            #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
            #expect(run.errors.contains("bad.yml:"), "\(run.errors)")
        }
    }

    /// No database and no key is made, and nothing is said of addresses that were to be had.
    @Test func aPortInUseIsOneClearLineAndNothingIsBegun() async throws {
        let world = try await World()
        let path = try world.configure(["webhook_id: 1"], intervals: "check_interval: 5s, probe_interval: 5s")
        let first = try world.start(path)
        let port = try await first.port()
        let names = { try FileManager.default.contentsOfDirectory(atPath: world.folder.path).sorted() }
        let before = try names()
        for addresses in [["127.0.0.1:\(port)"], ["127.0.0.2:0", ":0", "0.0.0.0:\(port)"]] {
            let run = try await ExporterProcess.run(
                ["serve", "--config.file", path, "--storage.path", world.path("other.db")]
                    + addresses.flatMap { ["--web.listen-address", $0] })
            #expect(run.status == 1)
            #expect(
                run.errors == "error: cannot listen on \(addresses.last ?? ""): the address is already in use\n")
            #expect(try names() == before)
        }
        #expect(await first.stop() == 0)
    }

    /// With the fewest, the dynamic loader opens its libraries, and no more.
    @Test(arguments: [5, 7, 8, 9, 16, 34])
    func withoutDescriptorsItIsOneClearLine(limit: Int) async throws {
        for arguments in [["healthcheck", "--url", "http://127.0.0.1:1/"], ["serve"], ["--version"]] {
            let run = try await ChildProcess.run(
                "/bin/sh", ["-c", "ulimit -n \(limit) && exec \"$0\" \"$@\"", ExporterProcess.binary] + arguments)
            #expect(run.status == 1 && run.output == "")
            #expect(
                run.errors == "error: fewer than 32 more files can be opened: raise the limit (`ulimit -n`)\n",
                "\(limit) \(arguments)")
        }
    }

    @Test func diffAndProbeTellByTheirExitCode() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/secret-path", customHeaders: ["X-A": "secret-value"]))
        let path = try world.configure([
            "webhook_id: 1, expect: {url: \"\(origin)/secret-path\", event_type: business_created, org_id: 42, custom_headers: {X-A: secret-value}}"
        ])
        let flags = ["--config.file", path]
        #expect(try await ExporterProcess.run(["diff"] + flags).status == 0)
        let probe = try await ExporterProcess.run(["probe"] + flags)
        #expect(probe.status == 0 && probe.output.contains("processing") && probe.output.contains("GOOD"))
        receiver.behaviour = .status(404)
        let failed = try await ExporterProcess.run(["probe", "--json"] + flags)
        #expect(failed.status == 2 && failed.output.contains(#""reason" : "status""#))
        world.partoo.edit(1) { $0.customHeaders = ["X-A": "secret-other", "X-B": "secret-new"] }
        let diff = try await ExporterProcess.run(["diff"] + flags)
        #expect(diff.status == 2)
        #expect(diff.output.contains("~ custom header X-A") && diff.output.contains("+ custom header X-B"))
        for text in [probe.output, failed.output, diff.output, diff.errors] { #expect(!text.contains("secret-")) }
    }

    @Test func noSecretIsShownAnywhere() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(200))
        let (_, broken) = try await world.receiver(.status(200), .expired)
        let url = "/canary-path?canary-query=1"
        world.partoo.put(.init(id: 1, url: origin + url, customHeaders: ["X-A": "canary-header"]))
        world.partoo.put(.init(id: 2, url: broken + url, customHeaders: ["X-A": "canary-header"]))
        world.partoo.put(.init(id: 3, url: "https://canary-user:canary-pass@no-such-name.invalid" + url))
        world.partoo.put(.init(id: 4, url: "https://bad host" + url))
        let exporter = try world.start(
            try world.configure(
                (1...4).map { "webhook_id: \($0), expect: {url: \"https://a.example/canary-declared\"}" }),
            ["--log.level", "debug", "--web.enable-lifecycle"])
        _ = try await exporter.samples { samples in
            (1...4).allSatisfy { samples["partoo_webhook_probe_success", ["webhook_id": "\($0)"]] != nil }
        }
        let port = try await exporter.port()
        var texts = [exporter.errors, exporter.output]
        for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/nope"] {
            texts.append(try await LoopbackHTTP.request("GET", path, port: port).text)
        }
        #expect(await exporter.stop() == 0)
        for text in texts {
            #expect(!text.isEmpty || text == exporter.output)
            #expect(!text.contains("canary"))
        }
    }

    /// As the flags of Prometheus's exporters can be switched off.
    @Test func everyFlagHasItsOpposite() async throws {
        let world = try await World()
        let path = try world.configure(["webhook_id: 1, enabled: false"])
        let flags = ["config.check", "web.enable-lifecycle", "web.enable-debug", "web.disable-pages"]
        let exporter = try world.start(path, flags.flatMap { ["--\($0)", "--no-\($0)"] } + ["--shard=0"])
        let port = try await exporter.port()
        for (method, target, status) in [
            ("POST", "/-/reload", 403), ("GET", "/probe?webhook_id=1&debug=true", 403), ("GET", "/", 200),
        ] {
            #expect(try await LoopbackHTTP.request(method, target, port: port).status == status, "\(target)")
        }
        #expect(await exporter.stop() == 0)
        let help = try await ExporterProcess.run(["serve", "--help"]).output
        for flag in flags { #expect(help.contains("--\(flag)/--no-\(flag)"), "\(flag)") }
    }

    @Test func everyPathKnowsItsMethods() async throws {
        let world = try await World()
        let path = try world.configure(["webhook_id: 1, enabled: false"])
        let exporter = try world.start(path, ["--web.enable-lifecycle"])
        let port = try await exporter.port()
        for path in [
            "/metrics", "/", "/webhooks/acme/1", "/api/v1/webhooks", "/api/v1/webhooks/acme/1", "/api/v1/openapi.json",
            "/probe?webhook_id=1", "/style.css", "/-/healthy", "/-/ready",
        ] {
            for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
                let answer = try await LoopbackHTTP.request(method, path, port: port)
                #expect(answer.status == 405 && answer.header("Allow") == "GET, HEAD", "\(method) \(path)")
            }
            let got = try await LoopbackHTTP.request("GET", path, port: port)
            let head = try await LoopbackHTTP.request("HEAD", path, port: port)
            #expect(head.status == got.status && head.body.isEmpty, "\(path)")
            #expect(head.header("Content-Type") == got.header("Content-Type"), "\(path)")
            #expect(head.header("Content-Length").flatMap(Int.init) ?? 0 > 0, "\(path)")
        }
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let answer = try await LoopbackHTTP.request(method, "/-/reload", port: port)
            #expect(answer.status == 405 && answer.header("Allow") == "POST", "\(method)")
        }
        for path in [
            "/nope", "/metrics/", "/-/", "/-/quit", "/-/reload/", "/webhooks", "/api/v1", "/probes", "//",
            "/style.css/",
            "/webhooks/acme/999", "/webhooks/acme/01", "/api/v1/webhooks/acme/999", "*",
        ] {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] {
                let answer = try await LoopbackHTTP.request(method, path, port: port)
                #expect(answer.status == 404 && answer.header("Allow") == nil, "\(method) \(path)")
            }
        }
        let unknown = try await LoopbackHTTP.request("FOO", "/metrics", port: port)
        #expect(unknown.status == 405 && unknown.header("Allow") == "GET, HEAD")
        #expect(await exporter.stop() == 0)
        let plain = try world.start(path)
        #expect(try await LoopbackHTTP.request("POST", "/-/reload", port: try await plain.port()).status == 403)
        #expect(await plain.stop() == 0)
    }

    @Test func readyOnceEveryWatchWasChecked() async throws {
        let world = try await World()
        world.partoo.setFault(.reaction(.hang))
        // One call may be made, and then one a minute: the last watch waits for as long as a test looks.
        let watches = (1...21).map { "webhook_id: \($0)" }
        let path = try world.configure(watches)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try world.write(
            text.replacing("requests_per_minute: 100000", with: "requests_per_minute: 1"), to: "config.yml")
        let exporter = try world.start(path)
        let port = try await exporter.port()
        #expect(try await LoopbackHTTP.request("GET", "/-/ready", port: port).status == 503)
        #expect(try await LoopbackHTTP.request("GET", "/-/healthy", port: port).status == 200)
        // A failed check is one, too.
        world.partoo.setFault(.status(500))
        _ = try world.configure(watches)
        exporter.signal(SIGHUP)
        let isReady = try await eventually {
            try await LoopbackHTTP.request("GET", "/-/ready", port: port).status == 200 ? true : nil
        }
        #expect(isReady == true)
        #expect(try await exporter.samples()["partoo_webhook_config_checks_total", ["webhook_id": "21"]] ?? 0 >= 1)
        #expect(await exporter.stop() == 0)
    }
}
