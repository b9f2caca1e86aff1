import Foundation
import Simulator
import TestSupport
import Testing

/// Every kind of receiver, through the built binary, real libcurl and real TLS.
@Suite struct ReceiverTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var behaviour: SimulatedReceiver.Behaviour
        var certificate: SimulatedCertificateAuthority.Kind = .good
        var reason: String?
        var isReachable = false
        var status = 0.0

        var testDescription: String { name }
    }

    private static let cut = Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".utf8)
    private static let longHeaders = Array(
        ("HTTP/1.1 200 OK\r\n" + String(repeating: "X-Filler: \(String(repeating: "a", count: 1000))\r\n", count: 600))
            .utf8)

    static let cases: [Case] = [
        Case(name: "200", behaviour: .status(200), isReachable: true, status: 200),
        Case(name: "204", behaviour: .status(204), isReachable: true, status: 204),
        Case(name: "401", behaviour: .status(401), isReachable: true, status: 401),
        Case(name: "405", behaviour: .status(405), isReachable: true, status: 405),
        Case(name: "404", behaviour: .status(404), reason: "status", isReachable: true, status: 404),
        Case(name: "410", behaviour: .status(410), reason: "status", isReachable: true, status: 410),
        Case(
            name: "302", behaviour: .status(302, headers: ["Location: /x"]), reason: "status", isReachable: true,
            status: 302),
        Case(name: "503", behaviour: .status(503), reason: "status", isReachable: true, status: 503),
        Case(name: "slow", behaviour: .slow(milliseconds: 300), isReachable: true, status: 200),
        Case(name: "hangs", behaviour: .reaction(.hang), reason: "response_timeout"),
        Case(name: "hangs before TLS", behaviour: .onConnect(.hang), reason: "tls_timeout"),
        Case(name: "resets before TLS", behaviour: .onConnect(.reset), reason: "reset"),
        Case(name: "resets", behaviour: .reaction(.reset), reason: "reset"),
        Case(name: "closes", behaviour: .reaction(.close), reason: "empty_response"),
        Case(
            name: "garbage", behaviour: .reaction(.answer(Array("220 mail ready\r\n\r\n".utf8), closes: true)),
            reason: "protocol"),
        Case(name: "cut body", behaviour: .reaction(.answer(cut, closes: true)), reason: "protocol"),
        Case(name: "endless headers", behaviour: .reaction(.answer(longHeaders)), reason: "protocol"),
        Case(
            name: "drip",
            behaviour: .reaction(
                .drip(Array("HTTP/1.1 200 OK\r\nX-A: ".utf8), Array(repeating: 0x61, count: 20), every: .seconds(1))),
            reason: "response_timeout"),
        Case(name: "expired", behaviour: .status(200), certificate: .expired, reason: "tls_expired"),
        Case(name: "not yet valid", behaviour: .status(200), certificate: .notYetValid, reason: "tls_not_yet_valid"),
        Case(name: "wrong host", behaviour: .status(200), certificate: .wrongHost, reason: "tls_hostname"),
        Case(name: "untrusted", behaviour: .status(200), certificate: .untrusted, reason: "tls_untrusted"),
    ]

    @Test func everyReceiverGivesItsReason() async throws {
        let world = try await World()
        var receivers: [SimulatedReceiver] = []
        for (index, item) in Self.cases.enumerated() {
            let (receiver, origin) = try await world.receiver(item.behaviour, item.certificate)
            receivers.append(receiver)
            world.partoo.put(.init(id: index + 1, url: "\(origin)/hook"))
        }
        // A body is asked for, so that a cut one shows.
        let path = try world.configure(
            Self.cases.indices.map { "webhook_id: \($0 + 1)" }, module: "method: GET",
            intervals: "check_interval: 60s, probe_interval: 60s")
        let exporter = try world.start(path)
        let samples = try await exporter.samples { samples in
            Self.cases.indices.allSatisfy {
                samples["partoo_webhook_probe_success", ["webhook_id": "\($0 + 1)"]] != nil
            }
        }
        #expect(samples.faults.isEmpty)
        for (index, item) in Self.cases.enumerated() {
            let labels = ["webhook_id": "\(index + 1)"]
            #expect(samples.label("reason", of: "partoo_webhook_probe_failure", labels) == item.reason, "\(item.name)")
            #expect(samples["partoo_webhook_probe_success", labels] == (item.reason == nil ? 1 : 0), "\(item.name)")
            #expect(samples["partoo_webhook_probe_reachable", labels] == (item.isReachable ? 1 : 0), "\(item.name)")
            #expect(samples["partoo_webhook_probe_http_status_code", labels] == item.status, "\(item.name)")
            let phases = samples.series("partoo_webhook_probe_phase_duration_seconds", labels)
                .compactMap { samples.values[$0] }.reduce(0, +)
            let whole = samples["partoo_webhook_probe_duration_seconds", labels] ?? -1
            #expect(abs(phases - whole) < 0.001, "\(item.name)")
            let isSeen = item.certificate != .good || item.isReachable
            let expiry = samples[
                "partoo_webhook_probe_tls_not_after_timestamp_seconds", labels.merging(["certificate": "leaf"]) { $1 }]
            if isSeen {
                let now = Date().timeIntervalSince1970
                #expect(expiry.map { ($0 < now) == (item.certificate == .expired) } == true, "\(item.name)")
            }
        }
        #expect(await exporter.stop() == 0)
    }

    @Test func aReceiverThatIsNotThereRefuses() async throws {
        let world = try await World()
        let refusing = try #require(RefusingPort())
        world.partoo.put(.init(id: 1, url: "https://127.0.0.1:\(refusing.port)/hook"))
        world.partoo.put(.init(id: 2, url: "https://no-such-name.invalid/hook"))
        world.partoo.put(.init(id: 3, url: "https://10.255.255.1/hook"))
        world.partoo.put(.init(id: 4, url: "http://127.0.0.1/hook"))
        world.partoo.put(.init(id: 5, url: "not a url"))
        world.partoo.put(.init(id: 6, url: "https://[::ffff:10.0.0.1]/hook"))
        let reasons = [
            1: "connect_refused", 2: "dns", 3: "address_forbidden", 4: "scheme_forbidden", 5: "url_invalid",
            6: "address_forbidden",
        ]
        let exporter = try world.start(try world.configure((1...6).map { "webhook_id: \($0)" }))
        let samples = try await exporter.samples { samples in
            reasons.keys.allSatisfy { samples["partoo_webhook_probe_success", ["webhook_id": "\($0)"]] != nil }
        }
        for (id, reason) in reasons {
            #expect(samples.label("reason", of: "partoo_webhook_probe_failure", ["webhook_id": "\(id)"]) == reason)
        }
        #expect(await exporter.stop() == 0)
    }
}
