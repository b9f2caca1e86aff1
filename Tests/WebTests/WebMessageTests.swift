import TestSupport
import Testing
import Web

@Suite struct WebMessageTests {
    @Test(
        arguments: [
            ("/", "/", []), ("/a/b", "/a/b", []), ("/a?b=c", "/a", ["b=c"]), ("/a%2Fb%20c", "/a/b c", []),
            ("/a+b?c+d=e+f", "/a+b", ["c d=e f"]),
            ("/?a=1&a=2&b", "/", ["a=1", "a=2", "b="]), ("/?&&a=&=b&", "/", ["a=", "=b"]),
            ("/?a=b=c?d", "/", ["a=b=c?d"]), ("/a#b?c", "/a", []),
            ("/?a=%26%3D%23", "/", ["a=&=#"]), ("/%", "/%", []), ("/%2", "/%2", []), ("/%zz", "/%zz", []),
            ("/?a=%ff", "/", ["a=\u{fffd}"]),
            // No path and no parameter of ours is anything but ASCII.
            ("/%ff", "/%ff", []), ("/%C3%A9", "/%C3%A9", []), ("/?%C3%A9=%C3%A9", "/", ["%C3%A9=é"]), ("", "", []),
            ("?a=b", "", ["a=b"]), ("*", "*", []),
            ("/metrics?\u{301}", "/metrics", ["\u{301}="]),
            ("/%00%0d%0a", "/\u{0}\r\n", []),
            // As clients write it to proxies.
            ("http://host:1/a/b?c=d", "/a/b", ["c=d"]), ("http://host", "/", []), ("http://host?a=b", "/", ["a=b"]),
            ("http://host#a", "/", []),
            ("/a://b/c", "/a://b/c", []),
        ] as [(String, String, [String])])
    func targets(target: String, path: String, query: [String]) {
        let request = WebRequest(method: "GET", target: target)
        #expect(request.path == path && request.query.map { "\($0.name)=\($0.value)" } == query)
    }

    /// To compare it would take long.
    @Test func aLongValueThatIsNotASCIIStaysAsItCame() {
        for (count, isRead) in [(256, true), (257, false)] {
            let escaped = String(repeating: "%CC%80", count: count)
            let request = WebRequest(method: "GET", target: "/?text=\(escaped)")
            #expect((request.query.first?.value == escaped) != isRead)
        }
        let long = String(repeating: "%61", count: 1000)
        #expect(WebRequest(method: "GET", target: "/?text=\(long)").query.first?.value.utf8.count == 1000)
    }

    @Test func headersAreFoundWithoutCaseAndJoined() {
        let request = WebRequest(
            method: "GET", target: "/?a=1&b=2&a=3", headers: [("Accept", "a"), ("X", "y"), ("ACCEPT", "b")])
        #expect(request.header("accept") == "a, b" && request.header("nope") == nil)
        #expect(request.parameters("a") == ["1", "3"] && request.parameters("c").isEmpty)
    }

    @Test(arguments: UInt64(1)...4)
    func nothingCrashes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let bytes = random.mutated(
                Array("/probe?webhook_id=1&account=a%20b#c".utf8),
                tokens: ["%", "%%", "&", "=", "?", "#", "://", "\u{301}", "%ff"])
            let request = WebRequest(method: "GET", target: String(decoding: bytes, as: UTF8.self))
            #expect(request.query.count <= bytes.count)
        }
    }
}

@Suite struct ListenAddressTests {
    @Test(arguments: [
        (":9879", "", 9879, false), ("127.0.0.1:80", "127.0.0.1", 80, true), ("127.255.0.9:0", "127.255.0.9", 0, true),
        ("localhost:1", "localhost", 1, true),
        ("LocalHost:1", "LocalHost", 1, true), ("[::1]:65535", "::1", 65_535, true), ("[::]:1", "::", 1, false),
        ("0.0.0.0:1", "0.0.0.0", 1, false),
        ("host.example:1", "host.example", 1, false), ("127.evil.example.com:1", "127.evil.example.com", 1, false),
        ("127.0.0.1.com:1", "127.0.0.1.com", 1, false),
        ("127.0.1:1", "127.0.1", 1, false),
    ])
    func good(text: String, host: String, port: Int, isLoopback: Bool) {
        let address = ListenAddress(text)
        #expect(
            address?.host == host && address?.port == port && address?.isLoopback == isLoopback
                && address?.description == text)
    }

    @Test(arguments: [
        "", "9879", "host", "host:", ":65536", ":-1", ":+80", ": 80", ":8o", "::1:80", "[::1]", "[::1]80", "[::1:80",
        "[]:80", "[host]:80", "[1.2.3.4]:80", ":８０",
    ])
    func bad(text: String) {
        #expect(ListenAddress(text) == nil)
    }
}

@Suite struct RoutesTests {
    private func routes(
        ready: Bool = true, reload: Routes.Reload? = nil, pages: Bool = true, prefix: String = "",
        telemetryPath: String = "/metrics"
    ) -> Routes {
        let page: @Sendable (String) async -> Routes.Resource = { path in
            switch path {
            case "/", "/api": .readable { _ in .text(200, "page") }
            case "/gone": .absent(.text(404, "gone"))
            default: .absent(nil)
            }
        }
        return Routes(
            telemetryPath: telemetryPath, prefix: prefix, metrics: { _ in .text(200, "metrics") }, isReady: { ready },
            reload: reload, pages: pages ? page : nil)
    }

    /// The text of an answer, or where it sends to; nil for one that is not good.
    private func said(_ routes: Routes, _ target: String) async -> String? {
        let response = await status(routes, "GET", target)
        if let place = response.headers.first(where: { $0.name == "Location" }) {
            return "\(response.status) \(place.value)"
        }
        return response.status == 200 ? String(decoding: response.body.dropLast(), as: UTF8.self) : nil
    }

    private func status(_ routes: Routes, _ method: String, _ target: String) async -> WebResponse {
        await routes.respond(to: WebRequest(method: method, target: target))
    }

    @Test(arguments: [
        ("/metrics", 200), ("/metrics?name[]=x", 200), ("/", 200), ("/-/healthy", 200), ("/-/ready", 200),
        ("/nope", 404), ("/metrics/", 404), ("", 404), ("/-/", 404), ("/-/reload", 403),
    ])
    func paths(target: String, code: Int) async {
        #expect(await status(routes(), "GET", target).status == code)
        #expect(await status(routes(), "HEAD", target).status == code)
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get"])
    func otherMethodsAreNotAllowed(method: String) async {
        for target in ["/metrics", "/", "/-/healthy", "/-/ready"] {
            let response = await status(routes(), method, target)
            #expect(
                response.status == 405 && response.headers.contains { $0.name == "Allow" && $0.value == "GET, HEAD" })
        }
    }

    @Test(arguments: ["GET", "HEAD", "POST", "OPTIONS", "get"])
    func whereNothingIsNoMethodIsAllowed(method: String) async {
        for routes in [routes(reload: { .success(()) }), routes(pages: false), routes(prefix: "/below")] {
            for target in ["/nope", "/-/reload/", "/-/", "*", "", "/gone", "/below/gone", "/belowmetrics", "/below//"] {
                let response = await status(routes, method, target)
                #expect(response.status == 404 && !response.headers.contains { $0.name == "Allow" }, "\(target)")
            }
        }
    }

    /// Whatever the external URL's path is, what stands at a path without it stays there.
    @Test(arguments: ["/below", "/metrics", "/-", "/-/healthy", "/api", "/metrics/metrics"])
    func aPrefixHidesNothing(prefix: String) async {
        let below = routes(reload: { .success(()) }, prefix: prefix)
        for (path, text) in [
            ("/metrics", "metrics"), ("/", "page"), ("/-/healthy", "Healthy."), ("/-/ready", "Ready."),
            ("/api", "page"),
        ] {
            #expect(await said(below, path) == text, "\(path)")
            #expect(await said(below, prefix + path) == text, "\(prefix + path)")
        }
        #expect(await status(below, "POST", "/-/reload").status == 200)
        #expect(await status(below, "POST", prefix + "/-/reload").status == 200)
        let isTaken = ["/metrics", "/-/healthy", "/api"].contains(prefix)
        if !isTaken { #expect(await said(below, prefix) == "308 \(prefix)/") }
        #expect(await status(below, "POST", prefix).status == 405)
        let bare = routes(pages: false, prefix: prefix)
        for path in ["/metrics", prefix + "/metrics"] { #expect(await said(bare, path) == "metrics") }
        #expect(await said(bare, prefix + "/") == nil)
        if !isTaken { #expect(await status(bare, "GET", prefix).status == 404) }
    }

    @Test func metricsMayTakeThePlaceOfTheList() async {
        #expect(await said(routes(telemetryPath: "/"), "/") == "metrics")
        #expect(await said(routes(prefix: "/below", telemetryPath: "/"), "/below/") == "metrics")
        #expect(await said(routes(prefix: "/below", telemetryPath: "/"), "/below") == "308 /below/")
        #expect(await said(routes(telemetryPath: "/"), "/metrics") == nil)
    }

    @Test func readyIsNotHealthy() async {
        #expect(await status(routes(ready: false), "GET", "/-/ready").status == 503)
        #expect(await status(routes(ready: false), "GET", "/-/healthy").status == 200)
    }

    @Test func withoutPagesOnlyMetricsAndLifecycleAnswer() async {
        #expect(await status(routes(pages: false), "GET", "/").status == 404)
        #expect(await status(routes(pages: false), "GET", "/metrics").status == 200)
    }

    @Test func reloading() async {
        let good = routes(reload: { .success(()) })
        let bad = routes(reload: { .failure(Routes.ReloadRefused("line 3: no")) })
        #expect(await status(good, "POST", "/-/reload").status == 200)
        let refused = await status(bad, "POST", "/-/reload")
        #expect(refused.status == 500 && String(decoding: refused.body, as: UTF8.self) == "line 3: no\n")
        for method in ["GET", "PUT"] {
            let other = await status(good, method, "/-/reload")
            #expect(other.status == 405 && other.headers.contains { $0.name == "Allow" && $0.value == "POST" })
        }
    }
}
