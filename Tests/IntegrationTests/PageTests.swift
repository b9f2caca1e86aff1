import Foundation
import Simulator
import TestSupport
import Testing

/// The pages, the JSON API and `/probe`, asked for over the built binary.
@Suite struct PageTests {
    private static let flags = ["--web.enable-debug"]
    /// Turns that do not come while a test looks.
    private static let rare = "check_interval: 1y, probe_interval: 1y"

    private static func samplesOf(_ path: String, _ port: Int, _ headers: [String] = []) async throws -> Samples {
        let answer = try await LoopbackHTTP.request("GET", path, port: port, headers: headers)
        #expect(answer.status == 200, "\(answer.text)")
        return Samples(answer.text)
    }

    @Test func aHostileConfigurationIsShownEscapedAndWithheld() async throws {
        let world = try await World()
        let (_, origin) = try await world.receiver(.status(404))
        let script = "<script>alert(1)</script>\"'&\u{202e}"
        world.partoo.put(
            .init(
                id: 1, url: origin + "/canary-path?canary=1", eventType: script,
                customHeaders: ["X-\(script)": "canary-value", "X-Same": "canary-same"]))
        let exporter = try world.start(
            try world.configure(
                [
                    "webhook_id: 1, labels: {note: \"\(script.replacing("\"", with: "\\\""))\"}, expect: {custom_headers: {X-Old: canary-old, X-Same: canary-same}}"
                ]))
        _ = try await exporter.samples { $0["partoo_webhook_probe_success", ["webhook_id": "1"]] != nil }
        let port = try await exporter.port()
        for path in ["/", "/webhooks/acme/1", "/api/v1/webhooks", "/api/v1/webhooks/acme/1", "/probe?webhook_id=1"] {
            let answer = try await LoopbackHTTP.request("GET", path, port: port)
            #expect(answer.status == 200)
            #expect(!answer.text.contains("canary"), "\(path)")
            if answer.header("Content-Type")?.hasPrefix("text/html") == true {
                #expect(!answer.text.contains("<script"), "\(path)")
                #expect(!answer.text.contains("\u{202e}"))
                #expect(answer.text.contains("&lt;script&gt;"))
                #expect(answer.header("Content-Security-Policy")?.contains("default-src 'none'") == true)
                #expect(!answer.text.contains(" style="), "the policy lets no inline style through")
            }
        }
        let page = try await LoopbackHTTP.request("GET", "/webhooks/acme/1", port: port).text
        for text in ["X-Old", "differs", "drifted", "probe fails", "header_invalid", "probe_id"] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(
            try await LoopbackHTTP.request("GET", "/style.css", port: port).header("Content-Type")?.contains("css")
                == true)
        #expect(await exporter.stop() == 0)
    }

    @Test func theListIsFilteredSortedAndPaged() async throws {
        let world = try await World()
        let (_, good) = try await world.receiver(.status(200))
        let (_, bad) = try await world.receiver(.status(503))
        for id in 1...3 { world.partoo.put(.init(id: id, url: (id == 2 ? bad : good) + "/hook")) }
        let many = (4...250).map { "webhook_id: \($0), enabled: false" }
        let exporter = try world.start(
            try world.configure(["webhook_id: 1", "webhook_id: 2", "webhook_id: 3, labels: {team: blue}"] + many))
        _ = try await exporter.samples { samples in
            (1...3).allSatisfy { samples["partoo_webhook_probe_success", ["webhook_id": "\($0)"]] != nil }
        }
        let port = try await exporter.port()
        func list(_ query: String) async throws -> (ids: [Int], count: Int, pages: Int) {
            let answer = try await LoopbackHTTP.request("GET", "/api/v1/webhooks" + query, port: port)
            let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
            let items = object?["items"] as? [[String: Any]] ?? []
            return (
                items.compactMap { $0["webhook_id"] as? Int }, object?["count"] as? Int ?? -1,
                object?["max_page"] as? Int ?? -1
            )
        }
        let all = try await list("")
        #expect(all.ids.prefix(3) == [2, 1, 3] && all.ids.count == 200 && all.count == 250 && all.pages == 2)
        #expect(try await list("?page=2").ids.count == 50)
        #expect(try await list("?page=3").ids.isEmpty)
        #expect(try await list("?state=failing").ids == [2])
        #expect(try await list("?state=in_sync&q=TEAM%3Dblue").ids == [3])
        #expect(try await list("?account=other").ids.isEmpty)
        for query in ["?state=nonsense", "?page=0", "?page=x", "?page=1&page=2"] {
            for path in ["/api/v1/webhooks", "/"] {
                #expect(
                    try await LoopbackHTTP.request("GET", path + query, port: port).status == 400, "\(path)\(query)")
            }
        }
        let page = try await LoopbackHTTP.request("GET", "/?state=failing", port: port).text
        #expect(page.contains("acme/2") && !page.contains("acme/1<"))
        for path in ["/webhooks/acme/9999", "/webhooks/acme/x", "/webhooks/acme/01", "/webhooks/other/1"] {
            #expect(try await LoopbackHTTP.request("GET", path, port: port).status == 404, "\(path)")
            #expect(try await LoopbackHTTP.request("GET", "/api/v1" + path, port: port).status == 404, "\(path)")
        }
        #expect(await exporter.stop() == 0)
    }

    @Test(.ownThread) func aProbeOnDemandIsFreshReusedAndUncounted() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook"))
        let path = try world.configure(["webhook_id: 1", "webhook_id: 2, enabled: false"], intervals: Self.rare)
        let exporter = try world.start(path, Self.flags)
        let port = try await exporter.port()
        // The first check is not due yet; the probe brings it forward.
        let first = try await Self.samplesOf("/probe?webhook_id=1&account=acme", port)
        #expect(first.faults.isEmpty)
        #expect(first["partoo_webhook_probe_success", ["webhook_id": "1"]] == 1)
        #expect(world.partoo.count("/v2/webhooks/1") >= 1)
        // One younger than 5 s is reused: asked for again as soon as there is a new one.
        let asked = receiver.count
        let new = try await eventually { () -> String? in
            let text = try await LoopbackHTTP.request("GET", "/probe?webhook_id=1", port: port).text
            return receiver.count > asked ? text : nil
        }
        let one = try #require(new)
        let seen = receiver.count
        receiver.behaviour = .status(503)
        let other = try await LoopbackHTTP.request("GET", "/probe?webhook_id=1", port: port).text
        #expect(one == other && receiver.count == seen)
        #expect(Samples(other)["partoo_webhook_probe_success", ["webhook_id": "1"]] == 1)
        let failing = try await eventually { () -> Samples? in
            let samples = try await Self.samplesOf("/probe?webhook_id=1", port)
            return samples["partoo_webhook_probe_success", ["webhook_id": "1"]] == 0 ? samples : nil
        }
        let fresh = try #require(failing)
        #expect(fresh.label("reason", of: "partoo_webhook_probe_failure", ["webhook_id": "1"]) == "status")
        #expect(receiver.count == seen + 1)
        // The first pass's own turn comes within 10 s as well; nothing else reads the API.
        #expect(world.partoo.count("/v2/webhooks/1") <= 2, "the API is read only when a check is due")
        let scraped = try await exporter.samples()
        #expect(scraped["partoo_webhook_probes_total", ["webhook_id": "1"]] == 1)
        #expect(scraped["partoo_webhook_probe_failures_total", ["webhook_id": "1"]] == 0)
        #expect(
            scraped["partoo_webhook_probe_success", ["webhook_id": "1"]] == 1, "what was seen on demand is not kept")
        #expect(scraped["partoo_exporter_probes_in_flight"] == 0)
        #expect(await exporter.stop() == 0)
    }

    @Test func aProbeOnDemandRefusesWhatItMust() async throws {
        let world = try await World()
        let gate = ReceiverGate()
        gate.wanted = 1
        let receiver = try gate.server()
        world.partoo.put(
            .init(id: 1, url: "http://127.0.0.1:\(receiver.port)/canary-hook", customHeaders: ["X-A": "canary"]))
        let path = try world.configure(
            ["webhook_id: 1, module: patient", "webhook_id: 2, enabled: false"], module: ReceiverGate.module,
            intervals: Self.rare)
        let exporter = try world.start(path, Self.flags)
        let port = try await exporter.port()
        // Its own turn is over: what the receiver sees from now on, it sees because somebody asked.
        _ = try await exporter.samples { $0["partoo_webhook_probe_success", ["webhook_id": "1"]] == 1 }
        let table: [(query: String, status: Int)] = [
            ("webhook_id=3", 404), ("webhook_id=2", 404), ("webhook_id=1&account=other", 404), ("", 400),
            ("webhook_id=", 400), ("webhook_id=-1", 400), ("webhook_id=1.0", 400), ("webhook_id=01", 400),
            ("webhook_id=%2B1", 400), ("webhook_id=0x1", 400),
            ("webhook_id=99999999999999999999", 400), ("webhook_id=1&webhook_id=1", 400),
            ("webhook_id=1&account=a%2Fb", 400), ("webhook_id=1&debug=yes", 400),
        ]
        for item in table {
            let answer = try await LoopbackHTTP.request("GET", "/probe?" + item.query, port: port)
            #expect(answer.status == item.status, "\(item.query): \(answer.text)")
        }
        #expect(try await LoopbackHTTP.request("POST", "/probe?webhook_id=1", port: port).status == 405)
        #expect(receiver.connections == 1)
        // A target of the caller's own is no parameter, and the scrape's timeout cuts the module's 10 minutes.
        let cut = try await LoopbackHTTP.request(
            "GET", "/probe?webhook_id=1&debug=true&target=https://example.com", port: port,
            headers: ["X-Prometheus-Scrape-Timeout-Seconds: 5"])
        #expect(receiver.connections == 2)
        #expect(cut.status == 200 && cut.text.contains("response_timeout"), "\(cut.text)")
        #expect(!cut.text.contains("canary") && !cut.text.contains("example.com"))
        #expect(
            try await LoopbackHTTP.request(
                "GET", "/probe?webhook_id=1", port: port, headers: ["X-Prometheus-Scrape-Timeout-Seconds: soon"]
            ).status == 400)
        let plain = try world.start(path)
        #expect(
            try await LoopbackHTTP.request("GET", "/probe?webhook_id=1&debug=true", port: try await plain.port()).status
                == 403)
        #expect(await exporter.stop() == 0)
        #expect(await plain.stop() == 0)
    }

    /// The account may call once a minute, and saves up 20 calls at most: whoever asks for many webhooks cannot have more read.
    @Test func aProbeOnDemandSpendsNoMoreThanTheBudget() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        let ids = 1...60
        for id in ids { world.partoo.put(.init(id: id, url: "\(origin)/hook")) }
        let path = try world.configure(ids.map { "webhook_id: \($0)" }, intervals: Self.rare)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try world.write(
            text.replacing("requests_per_minute: 100000", with: "requests_per_minute: 1"), to: "config.yml")
        let exporter = try world.start(path)
        let port = try await exporter.port()
        let begin = ContinuousClock.now
        let answers = try await withThrowingTaskGroup(of: (id: Int, answer: LoopbackHTTP.Answer).self) { group in
            for id in ids {
                group.addTask {
                    let answer = try await LoopbackHTTP.request(
                        "GET", "/probe?webhook_id=\(id)", port: port,
                        headers: ["X-Prometheus-Scrape-Timeout-Seconds: 8"])
                    return (id, answer)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // One call more for each minute that it took.
        let calls = ids.reduce(0) { $0 + world.partoo.count("/v2/webhooks/\($1)") } + world.partoo.count("/v2/webhooks")
        let minutes = Int((ContinuousClock.now - begin).components.seconds / 60) + 1
        #expect((1...20 + minutes).contains(calls), "\(calls) calls")
        #expect(answers.count == 60 && answers.allSatisfy { [200, 503, 504].contains($0.answer.status) })
        let probed = answers.filter {
            Samples($0.answer.text)["partoo_webhook_probe_success", ["webhook_id": "\($0.id)"]] == 1
        }
        #expect(!probed.isEmpty && probed.count <= calls && receiver.count <= 2 * calls, "\(probed.count) probed")
        #expect(await exporter.stop() == 0)
    }

    /// Whatever stands in the query or in the headers, the receiver gets what the configuration says, and nothing else.
    @Test func whoeverAsksForAProbeChoosesNothingOfIt() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        let (other, elsewhere) = try await world.receiver(.status(200))
        world.partoo.put(.init(id: 1, url: "\(origin)/hook?own=1", customHeaders: ["X-Own": "mine"]))
        let exporter = try world.start(try world.configure(["webhook_id: 1"], intervals: Self.rare))
        let port = try await exporter.port()
        let query =
            "webhook_id=1&account=acme&target=\(elsewhere)/x&url=\(elsewhere)/x&module=other&method=POST&body=canary"
            + "&headers=X-Canary:1&custom_headers=X-Canary:1&hostname=canary&timeout=1h&proxy_url=\(elsewhere)"
        _ = try await Self.samplesOf("/probe?webhook_id=1", port)
        let plain = try #require(receiver.requests.last)
        let headers = ["X-Canary: 1", "Authorization: canary", "Cookie: canary=1", "User-Agent: canary"]
        // The one before is reused for a while.
        let asked = try await eventually { () -> SimulatedRequest? in
            let seen = receiver.count
            _ = try await Self.samplesOf("/probe?" + query, port, headers)
            return receiver.count > seen ? receiver.requests.last : nil
        }
        let probe = try #require(asked)
        #expect(probe.method == "HEAD" && probe.target == "/hook?own=1" && probe.body.isEmpty)
        #expect(probe.header("X-Own") == "mine" && probe.header("Host") == origin.replacing("https://", with: ""))
        #expect(probe.headers.map { "\($0.name): \($0.value)" } == plain.headers.map { "\($0.name): \($0.value)" })
        #expect(other.count == 0 && exporter.errors.contains("canary") == false)
        #expect(await exporter.stop() == 0)
    }

    @Test(.ownThread) func aWebhookWithAPastShowsAllOfIt() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        world.partoo.put(
            .init(id: 1, url: "\(origin)/canary", customHeaders: ["X-Tenant": "canary-blue", "X-Same": "canary-same"]))
        let exporter = try world.start(
            try world.configure(["webhook_id: 1"], intervals: "check_interval: 500ms, probe_interval: 200ms"))
        let port = try await exporter.port()
        // Sixty outcomes are shown. Soon after the twenty-fifth there are no more, so that the good ones stay.
        let isLearned = try await eventually {
            receiver.count > 2 && exporter.errors.contains("baseline learned") ? true : nil
        }
        world.partoo.edit(1) { $0.customHeaders["X-Tenant"] = "canary-green" }
        receiver.behaviour = .status(503)
        let isSeen = try await eventually {
            receiver.count > 25 && exporter.errors.contains("state=drifted") ? true : nil
        }
        _ = try world.configure(["webhook_id: 1"], intervals: "check_interval: 1y, probe_interval: 1y")
        exporter.signal(SIGHUP)
        #expect(isLearned == true && isSeen == true, "\(exporter.errors)")
        let page = try #require(
            try await eventually { () -> String? in
                let text = try await LoopbackHTTP.request("GET", "/webhooks/acme/1", port: port).text
                let probes = text.matches(of: /data-label="probe_id"/).count
                #expect(probes <= 20, "the last 20 are kept")
                return probes == 20 && text.contains("1 changed") && text.contains("status 503") ? text : nil
            })
        // The state, the reason in a sentence, and what to do about it.
        #expect(page.contains("</span> probe fails</span>") && page.contains("</span> drifted</span>"))
        for text in [
            "Differs from the baseline: custom_headers (1 changed).", "accept it as the new baseline",
            "The receiver answered with status 503.", "tries again up to 5 times, then the event is lost. Look at",
            "<code>status</code>",
            "failures</dd>", "days left, ends <time", "TLS 1.3", "class=\"phases\"", "processing <b>",
            "class=\"bar-good\"", "class=\"bar-bad\"", " failed, median ", "The baseline was learned.",
            "The state went from in_sync to drifted.",
        ] {
            let isShown = page.contains(text)
            #expect(isShown, "\(text)")
        }
        // Field by field, values withheld: what is the same has one fingerprint, what differs has two.
        func row(_ name: String) throws -> (baseline: String, observed: String) {
            let row = try #require(page.split(separator: "<tr ").first { $0.contains("scope=\"row\">\(name)<") })
            let prints = row.matches(of: /\b[0-9a-f]{8}\b/).map { String($0.output) }
            #expect(prints.count == 2, "\(name): \(prints)")
            return (prints.first ?? "", prints.last ?? "")
        }
        let (url, same, changed) = (try row("url"), try row("custom header X-Same"), try row("custom header X-Tenant"))
        #expect(url.baseline == url.observed && same.baseline == same.observed)
        #expect(changed.baseline != changed.observed)
        // The change log names the same two.
        let isLogged = page.contains("from value \(changed.baseline) to value \(changed.observed); noticed by a check.")
        #expect(isLogged)
        let tells = page.contains("canary")
        #expect(!tells)
        #expect(await exporter.stop() == 0)
    }

    @Test func pagesAreGzippedForWhoeverTakesThat() async throws {
        let world = try await World()
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        let port = try await exporter.port()
        for path in ["/", "/style.css", "/api/v1/openapi.json", "/webhooks/acme/1"] {
            let plain = try await LoopbackHTTP.request("GET", path, port: port)
            let packed = try await LoopbackHTTP.request("GET", path, port: port, headers: ["Accept-Encoding: br, gzip"])
            #expect(plain.header("Content-Encoding") == nil && plain.header("Vary") == "Accept-Encoding", "\(path)")
            #expect(packed.header("Content-Encoding") == "gzip" && packed.body.starts(with: [0x1f, 0x8b]), "\(path)")
            #expect(packed.body.count * 3 < plain.body.count * 2, "\(path)")
        }
        #expect(await exporter.stop() == 0)
    }

    @Test func theDescriptionOfTheAPIHoldsTogether() async throws {
        let world = try await World()
        let exporter = try world.start(try world.configure(["webhook_id: 1, enabled: false"]))
        let port = try await exporter.port()
        let answer = try await LoopbackHTTP.request("GET", "/api/v1/openapi.json", port: port)
        let document = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
        for reference in answer.text.matches(of: /"\$ref": "#\/([^"]+)"/) {
            var place: Any? = document
            for name in reference.output.1.split(separator: "/") { place = (place as? [String: Any])?[String(name)] }
            #expect(place != nil, "\(reference.output.1) is nowhere")
        }
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        #expect(paths.count == 4)
        for (path, operations) in paths {
            // Nobody can ask without a user where there are users, and no method but these two works.
            let responses = (operations["get"] as? [String: Any])?["responses"] as? [String: Any]
            #expect(responses?["401"] != nil && operations.keys.sorted() == ["get"], "\(path)")
            let concrete = path.replacing("{account}", with: "acme").replacing("{id}", with: "1")
            let other = try await LoopbackHTTP.request("POST", concrete, port: port)
            #expect(other.status == 405 && other.header("Allow") == "GET, HEAD", "\(path)")
            let got = try await LoopbackHTTP.request("GET", concrete, port: port).status
            #expect(responses?[String(got)] != nil, "\(path): \(got)")
        }
        #expect(await exporter.stop() == 0)
    }

    @Test func aProbeOnDemandSaysWhenItCannotBeMadeOrDoesNotEnd() async throws {
        let world = try await World()
        let (receiver, origin) = try await world.receiver(.status(200))
        for id in 1...2 { world.partoo.put(.init(id: id, url: "\(origin)/hook")) }
        let slow = "retries: 0\n  slow: {timeout: 10m, tls: {ca_file: ca.pem}, allowed_networks: [127.0.0.0/8]}"
        let exporter = try world.start(
            try world.configure(
                ["webhook_id: 1, module: slow", "webhook_id: 2, module: slow"], module: slow, intervals: Self.rare,
                storage: "state.db}\nprobing: {max_in_flight: 1"))
        let port = try await exporter.port()
        _ = try await exporter.samples { samples in
            (1...2).allSatisfy { samples["partoo_webhook_probe_success", ["webhook_id": "\($0)"]] == 1 }
        }
        let seen = receiver.count
        receiver.behaviour = .reaction(.hang)
        let first = Task {
            // The last one is reused for a while.
            while receiver.count == seen {
                _ = try await LoopbackHTTP.request("GET", "/probe?webhook_id=1", port: port)
            }
        }
        _ = try await eventually { receiver.count > seen ? true : nil }
        let busy = try await eventually { () -> LoopbackHTTP.Answer? in
            let answer = try await LoopbackHTTP.request("GET", "/probe?webhook_id=2", port: port)
            return answer.status == 200 && receiver.count == seen + 1 ? nil : answer
        }
        #expect(busy?.status == 503 && busy?.header("Retry-After") == "5", "\(busy?.text ?? "")")
        let late = try await LoopbackHTTP.request(
            "GET", "/probe?webhook_id=1", port: port, headers: ["X-Prometheus-Scrape-Timeout-Seconds: 0.6"])
        #expect(late.status == 504, "\(late.text)")
        #expect(await exporter.stop() == 0)
        _ = await first.result
    }

    @Test func whoeverAsksWhileAProbeRunsSharesIt() async throws {
        let world = try await World()
        let gate = ReceiverGate()
        gate.wanted = 1
        let receiver = try gate.server()
        world.partoo.put(.init(id: 1, url: "http://127.0.0.1:\(receiver.port)/hook"))
        let exporter = try world.start(
            try world.configure(["webhook_id: 1, module: patient"], module: ReceiverGate.module, intervals: Self.rare))
        let port = try await exporter.port()
        _ = try await exporter.samples { $0["partoo_webhook_probe_success", ["webhook_id": "1"]] == 1 }
        let calls = world.partoo.count("/v2/webhooks/1")
        let first = Task {
            // The scheduled one is reused for a while.
            var samples = try await Self.samplesOf("/probe?webhook_id=1", port)
            while receiver.connections == 1 { samples = try await Self.samplesOf("/probe?webhook_id=1", port) }
            return samples
        }
        _ = try await eventually { receiver.connections == 2 ? true : nil }
        let clients = try (1...4).map { _ in try RawClient(port) }
        for client in clients {
            client.send("GET /probe?webhook_id=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        }
        // Whoever asks now waits for the one that runs, and for no longer than the asker can.
        let late = try await LoopbackHTTP.request(
            "GET", "/probe?webhook_id=1", port: port, headers: ["X-Prometheus-Scrape-Timeout-Seconds: 0.6"])
        gate.wanted = 2
        let others = try await onThread { try clients.map { Samples(try $0.receiveAll()) } }
        let shared = try await first.value["partoo_webhook_probe_duration_seconds"]
        #expect(shared != nil && others.count == 4 && late.status == 504)
        #expect(others.allSatisfy { $0["partoo_webhook_probe_duration_seconds"] == shared })
        #expect(receiver.connections == 2 && world.partoo.count("/v2/webhooks/1") == calls && calls > 0)
        #expect(await exporter.stop() == 0)
    }

    @Test func pagesLiveBelowAnExternalPathAndCanBeSwitchedOff() async throws {
        let world = try await World()
        let path = try world.configure(["webhook_id: 1, enabled: false"])
        let exporter = try world.start(path, ["--web.external-url", "https://proxy.example/partoo/"])
        let port = try await exporter.port()
        for path in ["/partoo/", "/", "/partoo/metrics", "/partoo/-/healthy", "/-/healthy", "/partoo/style.css"] {
            #expect(try await LoopbackHTTP.request("GET", path, port: port).status == 200, "\(path)")
        }
        #expect(
            try await LoopbackHTTP.request("GET", "/partoo/", port: port).text.contains(
                "href=\"/partoo/webhooks/acme/1\""))
        let moved = try await LoopbackHTTP.request("GET", "/partoo", port: port)
        #expect(moved.status == 308 && moved.header("Location") == "/partoo/")
        #expect(await exporter.stop() == 0)
        let bare = try world.start(path, ["--web.disable-pages"])
        let barePort = try await bare.port()
        for path in ["/", "/webhooks/acme/1", "/api/v1/webhooks", "/api/v1/openapi.json", "/probe?webhook_id=1"] {
            #expect(try await LoopbackHTTP.request("GET", path, port: barePort).status == 404, "\(path)")
        }
        #expect(try await LoopbackHTTP.request("GET", "/metrics", port: barePort).status == 200)
        #expect(await bare.stop() == 0)
        for url in [
            "nonsense", "ftp://a.example/", "https://a.example/a b", "https://canary:canary@a.example/",
            "//canary.example",
            "https://a.example/../canary", "https://a.example/?canary",
        ] {
            let run = try await Self.serveBriefly(["--config.file", path, "--web.external-url", url])
            #expect(run.status == 1 && run.errors.split(separator: "\n").count == 1, "\(run.errors)")
            #expect(run.errors.contains("--web.external-url") && !run.errors.contains("canary"), "\(run.errors)")
        }
    }

    /// What is refused; one that goes on serving has failed, too.
    private static func serveBriefly(
        _ arguments: [String]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await ChildProcess.run(
            "/usr/bin/timeout",
            ["60", ExporterProcess.binary, "serve", "--web.listen-address", "127.0.0.1:0"] + arguments)
    }

    /// Also one that is a path alone, none at all, and one that is the metrics' own path.
    @Test(arguments: [
        ("/partoo/", "/partoo"), ("/partoo", "/partoo"), ("", ""), ("http://a.example/metrics", "/metrics"),
    ])
    func whatAnExternalURLMayBe(url: String, prefix: String) async throws {
        let world = try await World()
        let exporter = try world.start(
            try world.configure(["webhook_id: 1, enabled: false"]), ["--web.external-url=\(url)"])
        let port = try await exporter.port()
        let page = try await LoopbackHTTP.request("GET", "\(prefix)/", port: port)
        #expect(page.status == 200 && page.text.contains("href=\"\(prefix)/webhooks/acme/1\""))
        for path in ["/metrics", "\(prefix)/metrics"] {
            let metrics = try await LoopbackHTTP.request("GET", path, port: port)
            #expect(metrics.status == 200 && metrics.header("Content-Type")?.hasPrefix("text/plain") == true, "\(path)")
        }
        #expect(await exporter.stop() == 0)
    }

    /// As node_exporter has no page at all; nothing links to a list that is not there.
    @Test func metricsAtTheRootTakeThePlaceOfTheList() async throws {
        let world = try await World()
        let path = try world.configure(["webhook_id: 1, enabled: false"])
        let exporter = try world.start(path, ["--web.telemetry-path=/"])
        let port = try await exporter.port()
        let metrics = try await LoopbackHTTP.request("GET", "/", port: port)
        #expect(metrics.status == 200 && metrics.text.contains("\npartoo_exporter_build_info{"))
        #expect(try await LoopbackHTTP.request("GET", "/metrics", port: port).status == 404)
        for (path, status) in [("/webhooks/acme/1", 200), ("/webhooks/acme/2", 404)] {
            let page = try await LoopbackHTTP.request("GET", path, port: port)
            #expect(page.status == status && page.text.ranges(of: "href=\"/\"").count == 1)
            #expect(page.text.contains("<a href=\"/\">Metrics</a>") && !page.text.contains("All webhooks"))
        }
        #expect(await exporter.stop() == 0)
        for text in [
            "", "metrics", "/metrics?x", "/%6d", "/é", "/met rics", "/metrics#", "/a/../b", "//m", "/m\n", "/style.css",
            "/icon.svg", "/api", "/api/x", "/webhooks", "/webhooks/x", "/probe", "/-/metrics", "/-",
        ] {
            let run = try await Self.serveBriefly(["--config.file", path, "--web.telemetry-path", text])
            #expect(run.status == 1 && run.errors.split(separator: "\n").count == 1, "\(run.errors)")
            #expect(run.errors.hasPrefix("error: --web.telemetry-path: "), "\(run.errors)")
        }
    }
}
