import Foundation
import Simulator
import TestSupport
import Testing

/// How long the built binary waits for clients that do not do their part, and says that it is not ready: as long as the README
/// says, which takes a minute.
/// `Tests/run quick` leaves it out.
@Suite(.timeLimit(.minutes(10))) struct ClientPatienceTests {
    @Test func whoeverDoesNotDoTheirPartIsCutAndNobodyElseWaits() async throws {
        let world = try await World()
        let (exporter, port) = try await world.startWithLargeMetrics(["--web.max-requests", "2"])
        let get = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
        let halves = [
            // 60 s, 120 s and 10 s.
            ("headers", "GET /metrics HTTP/1.1\r\nHost: a\r\nX-A: "),
            ("idle", "GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("body", "POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"),
        ]
        let order = try await withThrowingTaskGroup(of: String.self) { group in
            for (name, text) in halves {
                let client = try RawClient(port, patience: 180)
                client.send(text)
                group.addTask {
                    let answer = try await onThread { try client.receiveAll(orReset: true) }
                    #expect(name == "idle" ? answer.hasPrefix("HTTP/1.1 200") : answer.isEmpty, "\(name): \(answer)")
                    return name
                }
            }
            // One that reads nothing: 30 s.
            let stuck = try RawClient(port, receiveBuffer: 4096)
            stuck.send(get)
            let head = try await onThread { try stuck.receive(until: "\r\n\r\n") }
            #expect(head.hasPrefix("HTTP/1.1 200"))
            #expect(try await LoopbackHTTP.request("GET", "/metrics", port: port).status == 200, "the others wait")
            // Another takes the last place, so that the first one's end is seen by a place that is free.
            let other = try RawClient(port, receiveBuffer: 4096)
            other.send(get)
            _ = try await onThread { try other.receive(until: "\r\n\r\n") }
            #expect(try await LoopbackHTTP.request("GET", "/metrics", port: port).status == 503)
            #expect(try await LoopbackHTTP.request("GET", "/-/healthy", port: port).status == 200)
            group.addTask {
                let isFree = try await eventually(within: .seconds(180)) {
                    try await LoopbackHTTP.request("HEAD", "/metrics", port: port).status == 200 ? true : nil
                }
                #expect(isFree == true)
                let rest = try await onThread { try stuck.receiveAll(orReset: true).utf8.count }
                #expect(rest < 10_000_000, "it was cut")
                return "answer"
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(order.sorted() == ["answer", "body", "headers", "idle"])
        // 50 s and 60 s lie between these.
        #expect(order.filter { $0 != "answer" } == ["body", "headers", "idle"], "\(order)")
        #expect(try await LoopbackHTTP.request("GET", "/metrics", port: port).status == 200)
        #expect(await exporter.stop() == 0)
    }

    /// One call a minute: of four webhooks, not even every second one is checked by then.
    @Test func afterAMinuteItIsReadyWhateverWasChecked() async throws {
        let world = try await World()
        let path = try world.configure((1...4).map { "webhook_id: \($0)" })
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try world.write(
            text.replacing("requests_per_minute: 100000", with: "requests_per_minute: 1"), to: "config.yml")
        let exporter = try world.start(path)
        let port = try await exporter.port()
        _ = try await exporter.samples { $0.series("partoo_webhook_config_checks_total").count == 4 }
        #expect(try await LoopbackHTTP.request("GET", "/-/ready", port: port).status == 503)
        let ready = try await eventually(within: .seconds(180)) { () -> Samples? in
            guard try await LoopbackHTTP.request("GET", "/-/ready", port: port).status == 200 else { return nil }
            return Samples(try await LoopbackHTTP.request("GET", "/metrics", port: port).text)
        }
        let samples = try #require(ready)
        let unchecked = samples.series("partoo_webhook_config_checks_total").filter { samples.values[$0] == 0 }
        #expect(unchecked.count >= 2)
        #expect(await exporter.stop() == 0)
    }
}
