import Probing
import Synchronization
import TestSupport
import Testing
import Transport

@Suite struct ProberTests {
    private static let url = "https://receiver.example/hook?key=CANARY"

    private func probe(
        _ transport: ScriptedTransport, url: String = Self.url,
        headers: [HeaderField] = [HeaderField("X-Token", "CANARY")],
        baseline: String? = Self.url, _ change: (inout ProbeModule) -> Void = { _ in }
    ) async -> ProbeResult? {
        var module = ProbeModule(name: "m")
        change(&module)
        return await Prober(transport: transport, userAgent: "agent/1").probe(
            target: ProbeTarget(
                url: Secret(url), customHeaders: headers, baselineOrigin: baseline.flatMap { Origin(url: $0) }),
            module: module)
    }

    private func redirect(_ status: Int, to location: String) -> Transfer {
        .answer(
            status, headers: [("location", location)],
            timings: Timings(connect: .milliseconds(3), processing: .milliseconds(7), total: .milliseconds(10)))
    }

    /// Redirects from the first hop, and the answer after them.
    private func redirecting(_ status: Int, to locations: String...) -> ScriptedTransport {
        ScriptedTransport(locations.map { redirect(status, to: $0) } + [.answer(200)])
    }

    // MARK: What is sent

    @Test func sendsTheObservedHeadersAndOurOwn() async throws {
        let transport = ScriptedTransport([.answer(200)])
        let result = await probe(transport, headers: [HeaderField("X-Token", "CANARY"), HeaderField("X-Empty", "")])
        #expect(result?.isSuccess == true && result?.isReachable == true && result?.status == 200)
        let request = try #require(transport.requests.first)
        #expect(request.url.reveal() == Self.url && request.method == .head && request.body.isEmpty)
        #expect(request.values(of: "X-Token") == ["CANARY"] && request.values(of: "X-Empty") == [""])
        #expect(request.values(of: "User-Agent") == ["agent/1"] && request.values(of: "Content-Type").isEmpty)
        #expect(request.timeout == .seconds(10) && request.httpVersion == .automatic)
        #expect(request.isAddressAllowed?(try #require(IPAddress("10.0.0.1"))) == false)
        #expect(request.isAddressAllowed?(try #require(IPAddress("8.8.8.8"))) == true)
    }

    @Test func observedHeadersWinOverTheModules() async throws {
        let transport = ScriptedTransport([.answer(200)])
        _ = await probe(transport, headers: [HeaderField("X-A", "observed")]) {
            $0.method = .post
            $0.body = Array("{}".utf8)
            $0.headers = [
                HeaderField("x-a", "module"), HeaderField("X-B", "b"), HeaderField("user-agent", "own"),
                HeaderField("content-type", "text/plain"),
            ]
        }
        let request = try #require(transport.requests.first)
        #expect(request.values(of: "X-A") == ["observed"] && request.values(of: "X-B") == ["b"])
        #expect(request.values(of: "User-Agent") == ["own"] && request.values(of: "Content-Type") == ["text/plain"])
    }

    @Test func onlyABodyHasAContentType() async throws {
        let transport = ScriptedTransport([.answer(200)])
        _ = await probe(transport) { $0.method = .post }
        _ = await probe(transport) {
            $0.method = .post
            $0.body = [1]
            $0.sendsCustomHeaders = false
            $0.failIfBodyMatches = ["x"]
        }
        #expect(transport.requests.map { $0.values(of: "Content-Type") } == [[], ["application/json"]])
        #expect(transport.requests.map { $0.values(of: "X-Token") } == [["CANARY"], []])
        // Body rules need the body as it was sent.
        #expect(transport.requests.map(\.httpVersion) == [.automatic, .http1_1])
    }

    @Test(
        arguments: [
            (url, true), ("https://receiver.example:443/other", true), ("https://else.example/", false), (nil, false),
            ("http://receiver.example/", false), ("https://receiver.example:8443/", false),
        ] as [(String?, Bool)])
    func theOperatorsOwnGoesToTheBaselinesOriginOnly(baseline: String?, isTrusted: Bool) async throws {
        let transport = ScriptedTransport([.answer(200)])
        let change: (inout ProbeModule) -> Void = {
            $0.method = .post
            $0.body = Array("body".utf8)
            $0.headers = [HeaderField("Authorization", "CANARY")]
            $0.tls = TLSOptions(caFile: "/ca", certificateFile: "/cert", keyFile: "/key")
        }
        _ = await probe(transport, baseline: baseline, change)
        _ = await probe(transport, baseline: baseline) {
            change(&$0)
            $0.trustedOrigins = Set([Origin(url: Self.url)].compactMap { $0 })
        }
        for (request, trusted) in zip(transport.requests, [isTrusted, true]) {
            #expect(request.values(of: "Authorization").isEmpty != trusted && request.body.isEmpty != trusted)
            #expect((request.tls.certificateFile == nil) != trusted && (request.tls.keyFile == nil) != trusted)
            // The observed headers go to the observed URL, and whom to trust is no secret.
            #expect(request.values(of: "X-Token") == ["CANARY"] && request.tls.caFile == "/ca")
        }
    }

    @Test(
        arguments: [
            ("", [], ProbeFailureReason.urlInvalid), ("receiver.example", [], .urlInvalid),
            ("http://receiver.example/", [], .schemeForbidden),
            ("gopher://receiver.example/", [], .schemeForbidden), ("file:///CANARY", [], .schemeForbidden),
            ("gopher://", [], .schemeForbidden), ("gopher:///a b", [], .schemeForbidden),
            (String(repeating: "g", count: 33) + "://h/", [], .schemeForbidden), ("mailto:CANARY", [], .urlInvalid),
            ("//receiver.example/", [], .urlInvalid), ("receiver.example:80/://", [], .urlInvalid),
            ("https://", [], .urlInvalid), ("http://", [], .urlInvalid), ("1a://h/", [], .urlInvalid),
            (url, [HeaderField("Host", "x")], .headerInvalid),
            (url, [HeaderField("X-A", "a\r\nb")], .headerInvalid),
            (url, (0..<1001).map { HeaderField("X-\($0)", "CANARY") }, .headerInvalid),
            (url, [HeaderField("X-A", String(repeating: "CANARY", count: 50_000))], .headerInvalid),
        ] as [(String, [HeaderField], ProbeFailureReason)])
    func whatCanNeverBeSentIsNotSent(url: String, headers: [HeaderField], reason: ProbeFailureReason) async {
        let transport = ScriptedTransport([.answer(200)])
        let result = await probe(transport, url: url, headers: headers) { $0.retries = 3 }
        #expect(result?.failure == reason && result?.isReachable == false && result?.retries == 0)
        #expect(transport.requests.isEmpty && result?.message.contains("CANARY") == false)
    }

    @Test(
        arguments: [
            ("http://h/", "the scheme http"), ("FTP://h/", "the scheme ftp"), ("file:///x", "the scheme file"),
            ("wss://h/", "the scheme wss"), ("canary9fa91de19://h/", "the URL's scheme"),
            ("canary9fa91de19:///", "the URL's scheme"),
        ])
    func aSchemeIsNamedOnlyWhereItIsAKnownOne(url: String, named: String) async {
        let result = await probe(ScriptedTransport([.answer(200)]), url: url)
        #expect(result?.failure == .schemeForbidden)
        #expect(result?.message == "\(named) is not among allowed_schemes")
    }

    @Test func aHeaderThatIsNotSentMayBeAnything() async {
        let transport = ScriptedTransport([.answer(200)])
        let result = await probe(transport, headers: [HeaderField("X-A", "a\r\nb")]) { $0.sendsCustomHeaders = false }
        #expect(result?.isSuccess == true && transport.requests.first?.values(of: "X-A") == [])
    }

    @Test func aProxyCannotBeSentToAForbiddenLiteral() async {
        let transport = ScriptedTransport([.answer(200)])
        for host in ["127.0.0.1", "0x7f.1", "[::1]", "169.254.169.254", "2130706433"] {
            let named = await probe(transport, url: "https://\(host)/") { $0.proxy = Secret("http://proxy:3128") }
            let environments = await probe(transport, url: "https://\(host)/") { $0.proxyFromEnvironment = true }
            #expect(named?.failure == .addressForbidden && environments?.failure == .addressForbidden, "\(host)")
        }
        #expect(transport.requests.isEmpty)
        let result = await probe(transport, url: "https://127.0.0.1/") {
            $0.proxyFromEnvironment = true
            $0.allowedNetworks = [IPNetwork("127.0.0.0/8")].compactMap { $0 }
        }
        // Whether the environment's proxy applies to a host only the transport knows; without one it must vet.
        #expect(result?.isSuccess == true && transport.requests.first?.isAddressAllowed != nil)
    }

    /// IDNA would make an address of it, behind our back.
    @Test func noSpellingHidesALiteralFromUs() async {
        for host in ["\u{ff11}27.0.0.1", "127.0.0.\u{ad}1", "127\u{3002}0\u{3002}0\u{3002}1", "\u{ff11}69.254.169.254"]
        {
            let transport = redirecting(302, to: "https://\(host)/")
            let proxied: (inout ProbeModule) -> Void = {
                $0.proxy = Secret("http://proxy:3128")
                $0.followsRedirects = true
            }
            #expect(await probe(transport, url: "https://\(host)/", proxied)?.failure == .urlInvalid, "\(host)")
            #expect(transport.requests.isEmpty)
            #expect(await probe(transport, proxied)?.failure == .httpProtocol, "\(host)")
            #expect(transport.requests.count == 1)
        }
    }

    // MARK: Retries

    @Test func aFailureIsConfirmedAsOftenAsTheModuleAsks() async {
        let transport = ScriptedTransport([
            .failure(.reset), .answer(503), .answer(200, timings: Timings(total: .milliseconds(5))),
        ])
        let result = await probe(transport) { $0.retries = 5 }
        // The numbers are those of the last attempt.
        #expect(result?.isSuccess == true && result?.retries == 2 && result?.timings.total == .milliseconds(5))
        #expect(transport.requests.count == 3 && transport.requests.allSatisfy { $0.timeout == .seconds(10) })
        let failing = ScriptedTransport([.failure(.reset), .failure(.connectRefused)])
        let failed = await probe(failing) { $0.retries = 1 }
        #expect(failed?.failure == .connectRefused && failed?.retries == 1 && failing.requests.count == 2)
    }

    @Test(arguments: TransferError.Reason.allCases)
    func everyTransferErrorHasItsReason(reason: TransferError.Reason) async {
        let transport = ScriptedTransport([.failure(reason)])
        let result = await probe(transport) { $0.retries = 1 }
        guard reason != .cancelled else {
            #expect(result == nil && transport.requests.count == 1)
            return
        }
        #expect(result?.failure == ProbeFailureReason(reason) && result?.isReachable == false && result?.status == 0)
        let isFinal = [.urlInvalid, .headerInvalid, .schemeForbidden, .addressForbidden, .internal].contains(reason)
        #expect(result?.retries == (isFinal ? 0 : 1))
    }

    @Test func aCancelBetweenRetriesIsNoResult() async {
        #expect(await probe(ScriptedTransport([.failure(.reset), .failure(.cancelled)])) { $0.retries = 1 } == nil)
    }

    // MARK: Redirects

    @Test func noRedirectIsFollowedUnlessAsked() async {
        let transport = redirecting(302, to: "/elsewhere")
        let result = await probe(transport)
        #expect(result?.failure == .status && result?.status == 302 && result?.redirects == nil)
        #expect(transport.requests.count == 1)
    }

    @Test func customHeadersGoToNoOtherOrigin() async {
        let transport = redirecting(307, to: "/same", "https://other.example/x", "https://receiver.example/back")
        let result = await probe(transport) {
            $0.followsRedirects = true
            $0.method = .post
            $0.body = [1]
            $0.headers = [HeaderField("Authorization", "CANARY")]
            $0.tls = TLSOptions(certificateFile: "/cert", keyFile: "/key")
        }
        #expect(result?.isSuccess == true && result?.redirects == 3)
        let isOurs = [true, true, false, true]
        #expect(transport.requests.map { $0.values(of: "X-Token") == ["CANARY"] } == isOurs)
        #expect(transport.requests.map { $0.values(of: "Authorization") == ["CANARY"] } == isOurs)
        #expect(transport.requests.map { !$0.body.isEmpty } == isOurs)
        #expect(transport.requests.map { $0.tls.certificateFile != nil } == isOurs)
        #expect(transport.requests.allSatisfy { $0.method == .post })
    }

    /// Wherever the redirect leads, Partoo does not go there.
    @Test func aRedirectThatIsFollowedLosesEvents() async {
        for transport in [
            redirecting(302, to: "/a"), ScriptedTransport([redirect(307, to: "/a"), .failure(.connectRefused)]),
        ] {
            let result = await probe(transport) {
                $0.followsRedirects = true
                $0.method = .post
            }
            #expect(result?.redirects == 1 && result?.outlook == .lost && result?.delivery == .lost)
        }
        let direct = await probe(ScriptedTransport([.answer(200)])) { $0.followsRedirects = true }
        #expect(direct?.outlook == nil && direct?.delivery == .acknowledged)
    }

    /// As curl and browsers do it; by RFC 3986 it would lead to itself.
    @Test func anEmptyLocationLeadsNowhere() async {
        let transport = redirecting(302, to: "")
        let result = await probe(transport) { $0.followsRedirects = true }
        #expect(result?.failure == .status && result?.status == 302 && result?.redirects == 0)
        #expect(transport.requests.count == 1)
    }

    @Test func aPortOrASchemeIsAnotherOriginToo() async {
        let transport = redirecting(302, to: "https://receiver.example:8443/", "http://receiver.example/")
        _ = await probe(transport) {
            $0.followsRedirects = true
            $0.allowedSchemes = ["http", "https"]
        }
        #expect(transport.requests.map { $0.values(of: "X-Token").count } == [1, 0, 0])
    }

    @Test(arguments: [
        (303, HTTPMethod.post, HTTPMethod.get), (303, .put, .get), (303, .options, .get), (303, .head, .head),
        (303, .get, .get),
        (301, .post, .get), (302, .post, .get), (301, .put, .put), (302, .head, .head), (307, .post, .post),
        (308, .put, .put),
    ])
    func methodsOverRedirects(status: Int, before: HTTPMethod, after: HTTPMethod) async {
        let transport = redirecting(status, to: "/next")
        _ = await probe(transport) {
            $0.followsRedirects = true
            $0.method = before
            $0.body = [1]
        }
        #expect(transport.requests.map(\.method) == [before, after])
        #expect(transport.requests.last?.body.isEmpty == (after != .post && after != .put))
    }

    @Test func tenRedirectsAreTheMost() async {
        let endless = ScriptedTransport([redirect(302, to: "/again")])
        let result = await probe(endless) { $0.followsRedirects = true }
        #expect(result?.failure == .tooManyRedirects && result?.redirects == 10 && endless.requests.count == 11)
        #expect(result?.isReachable == true && result?.status == 302)
        let ten = ScriptedTransport([Transfer](repeating: redirect(302, to: "/again"), count: 10) + [.answer(200)])
        #expect(await probe(ten) { $0.followsRedirects = true }?.isSuccess == true)
    }

    @Test(arguments: [
        ("http://receiver.example/", ProbeFailureReason.redirectForbidden),
        ("ftp://receiver.example/", .redirectForbidden),
        ("file:///etc/passwd", .redirectForbidden), ("javascript:x", .redirectForbidden),
        ("HTTP:x", .redirectForbidden),
        ("https://a b/", .httpProtocol), ("https://", .httpProtocol), ("https:x", .httpProtocol),
        ("//u@v@w/", .httpProtocol),
    ])
    func whereNoRedirectLeads(location: String, reason: ProbeFailureReason) async {
        let transport = redirecting(302, to: location)
        let result = await probe(transport) { $0.followsRedirects = true }
        #expect(result?.failure == reason && transport.requests.count == 1)
    }

    /// As with a forbidden scheme: the response that came counts, and the hop that was refused does not.
    @Test(arguments: [TransferError.Reason.addressForbidden, .schemeForbidden])
    func aForbiddenHopLeavesTheResponseThatLedToIt(reason: TransferError.Reason) async {
        let tls = TLSFacts(isVerified: true, version: "TLS 1.3", cipher: "c", leafNotAfter: 5, earliestNotAfter: 4)
        var first = redirect(307, to: "https://inside.example/")
        first.tls = tls
        first.remoteAddress = IPAddress("8.8.8.8")
        let refused = Transfer.failure(reason, timings: Timings(resolve: .milliseconds(5), total: .milliseconds(6)))
        let result = await probe(ScriptedTransport([first, refused])) {
            $0.followsRedirects = true
            $0.method = .post
        }
        #expect(result?.failure == .redirectForbidden && result?.redirects == 0 && result?.message == "as scripted")
        #expect(result?.isReachable == true && result?.status == 307 && result?.outlook == .lost)
        #expect(result?.tls == tls && result?.timings == first.timings)
        #expect(result?.remoteAddress == first.remoteAddress && result?.httpVersion == .http1_1)
        let later = await probe(ScriptedTransport([redirect(302, to: "/a"), redirect(303, to: "/b"), refused])) {
            $0.followsRedirects = true
        }
        #expect(later?.failure == .redirectForbidden && later?.redirects == 1 && later?.status == 303)
        #expect(later?.timings.total == .milliseconds(20) && later?.timings.resolve == nil)
        let direct = await probe(ScriptedTransport([refused])) { $0.followsRedirects = true }
        #expect(direct?.failure == ProbeFailureReason(reason) && direct?.isReachable == false)
    }

    /// The address is a literal, which a proxy would have been asked for.
    @Test func aForbiddenLiteralBehindAProxyIsSuchAHopToo() async {
        let result = await probe(redirecting(302, to: "https://10.1.2.3/")) {
            $0.followsRedirects = true
            $0.proxy = Secret("http://proxy:3128")
        }
        #expect(result?.failure == .redirectForbidden && result?.isReachable == true && result?.status == 302)
    }

    /// Any other failure of a later hop is the failure of the probe: nobody has said that it may not be asked.
    @Test func anotherFailureOfALaterHopIsNoResponse() async {
        let result = await probe(ScriptedTransport([redirect(302, to: "/a"), .failure(.connectRefused)])) {
            $0.followsRedirects = true
        }
        #expect(result?.failure == .connectRefused && result?.redirects == 1)
        #expect(result?.isReachable == false && result?.status == 0)
    }

    @Test(
        arguments: [
            ("http://a/CANARY", "http"), ("FTP://CANARY", "ftp"), ("file:///CANARY", "file"), ("ws://CANARY", "ws"),
            ("WSS:CANARY", "wss"), ("CANARY-9fa91de19:abc", nil), ("httpCANARY:x", nil), ("javascript:CANARY", nil),
            (String(repeating: "CANARY", count: 10_000) + ":x", nil),
        ] as [(String, String?)])
    func aRedirectsSchemeIsNamedOnlyWhereItIsAKnownOne(location: String, named: String?) async {
        let result = await probe(redirecting(302, to: location)) { $0.followsRedirects = true }
        #expect(result?.failure == .redirectForbidden)
        #expect(result?.message == "the receiver redirects to \(named.map { "the scheme \($0)" } ?? "another scheme")")
    }

    @Test func phasesAreSummedAndTheTimeoutIsShared() async {
        let hop = Transfer.answer(
            302, headers: [("Location", "/next")],
            timings: Timings(
                resolve: .milliseconds(1), connect: .milliseconds(2), tls: .milliseconds(1),
                processing: .milliseconds(3),
                total: .milliseconds(7)))
        let last = Transfer.answer(
            200,
            timings: Timings(
                connect: .milliseconds(4), tls: .milliseconds(5), transfer: .milliseconds(1), total: .milliseconds(10)))
        let transport = ScriptedTransport([hop, hop, last])
        let result = await probe(transport) { $0.followsRedirects = true }
        let sum = Timings(
            resolve: .milliseconds(2), connect: .milliseconds(8), tls: .milliseconds(7), processing: .milliseconds(6),
            transfer: .milliseconds(1), total: .milliseconds(24))
        #expect(result?.timings == sum)
        #expect(transport.requests.map(\.timeout) == [.seconds(10), .milliseconds(9993), .milliseconds(9986)])
    }

    @Test func aTimeoutBetweenTwoRedirectsIsOne() async {
        let slow = Transfer.answer(302, headers: [("Location", "/next")], timings: Timings(total: .seconds(10)))
        let transport = ScriptedTransport([slow])
        #expect(await probe(transport) { $0.followsRedirects = true }?.failure == .responseTimeout)
        #expect(transport.requests.count == 1)
    }

    // MARK: Rules that take long

    /// Never decided, however long it is searched, and by a small budget not known to be so.
    private static let slowBody = String(repeating: "a", count: 100_000)

    private static func slowly(_ module: inout ProbeModule) {
        module.method = .get
        module.timeout = .seconds(3600)
        module.failIfBodyMatches = ["a.*[0-9]"]
    }

    @Test func pastTheLimitsTheReasonIsBody() async {
        let result = await probe(ScriptedTransport([.answer(200, Self.slowBody)]), Self.slowly)
        #expect(result?.failure == .body && result?.message == "a body rule reached the matching limit (rule 1)")
        #expect(result?.isReachable == true && result?.status == 200)
    }

    @Test func longMatchingEndsWithTheTimeout() async {
        let timings = Timings(total: .seconds(3600))
        let result = await probe(ScriptedTransport([.answer(200, Self.slowBody, timings: timings)]), Self.slowly)
        #expect(result?.failure == .responseTimeout && result?.isReachable == true)
        #expect(result?.message == "the timeout came while rules were matched")
        // What is quickly matched needs no time.
        let quick = await probe(ScriptedTransport([.answer(200, "aaa", timings: timings)]), Self.slowly)
        #expect(quick?.isSuccess == true)
    }

    @Test func aCancelEndsLongMatching() async {
        let transport = ScriptedTransport { _ in
            withUnsafeCurrentTask { $0?.cancel() }
            return .answer(200, Self.slowBody)
        }
        let task = Task { await probe(transport, Self.slowly) }
        #expect(await task.value == nil)
    }

    private final class Log: Sendable {
        private let entries = Mutex<[String]>([])

        func add(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }
    }

    /// What was enqueued while the probe had its thread runs before the probe's rules are decided.
    @Test func longMatchingHoldsUpNobody() async {
        let executor = SerialTaskExecutor()
        let log = Log()
        let transport = ScriptedTransport { _ in
            Task(executorPreference: executor) { log.add("another task") }
            return .answer(200, Self.slowBody)
        }
        let task = Task(executorPreference: executor) {
            let result = await probe(transport, Self.slowly)
            log.add("the probe")
            return result
        }
        #expect(await task.value?.failure == .body)
        await executor.idle()
        #expect(log.all == ["another task", "the probe"])
    }

    // MARK: What is told

    @Test func theOutlookIsForPostsWithAResponse() async {
        #expect(await probe(ScriptedTransport([.answer(503)])) { $0.method = .post }?.outlook == .retried)
        #expect(await probe(ScriptedTransport([.answer(503)]))?.outlook == nil)
        #expect(await probe(ScriptedTransport([.failure(.reset)])) { $0.method = .post }?.outlook == nil)
    }

    @Test func aStatusThatIsRefusedIsStillReachable() async {
        let tls = TLSFacts(isVerified: true, version: "TLS 1.3", cipher: "c", leafNotAfter: 5, earliestNotAfter: 4)
        let result = await probe(ScriptedTransport([.answer(404, "gone", version: .http2, tls: tls)]))
        #expect(result?.failure == .status && result?.isReachable == true && result?.responseBytes == 4)
        #expect(result?.httpVersion == .http2 && result?.tls == tls)
    }
}
