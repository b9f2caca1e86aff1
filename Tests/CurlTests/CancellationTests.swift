import Curl
import Simulator
import Synchronization
import TestSupport
import Testing
import Transport

/// Every request ends once, whatever happens to it.
@Suite struct CancellationTests {
    @Test func aRequestThatWasCancelledBeforeIsNotBegun() async throws {
        let fixture = try Fixture()
        let server = try RawServer { $0.hold() }
        for _ in 0..<100 {
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await fixture.perform("http://127.0.0.1:\(server.port)/")
            }
            #expect(await task.value.reason == .cancelled)
        }
        #expect(server.connections == 0)
        let good = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page())
        }
        #expect(await fixture.perform("http://127.0.0.1:\(good.port)/").response?.status == 200)
    }

    @Test(arguments: ["http", "https"])
    func aCancelEndsTheTransferAndItsConnection(_ scheme: String) async throws {
        let fixture = try Fixture()
        let gone = AsyncStream.makeStream(of: Void.self)
        let server = try RawServer { connection in
            connection.hold()
            gone.continuation.yield()
        }
        let task = Task { await fixture.perform("\(scheme)://127.0.0.1:\(server.port)/", timeout: .seconds(3600)) }
        _ = try await eventually { server.connections > 0 ? true : nil }
        task.cancel()
        let transfer = await task.value
        #expect(transfer.reason == .cancelled)
        for await _ in gone.stream { break }
    }

    @Test func aCancelDuringTheSecondHandshakeEndsIt() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server(.expired)
        let relay = try RawServer { $0.index == 0 ? $0.relay(to: server.port) : $0.hold() }
        let task = Task { await fixture.perform("https://127.0.0.1:\(relay.port)/", timeout: .seconds(3600)) }
        _ = try await eventually { relay.connections > 1 ? true : nil }
        task.cancel()
        #expect(await task.value.reason == .cancelled)
        await server.stop()
    }

    @Test func aStormOfCancelsLeavesTheRestAlone() async throws {
        let fixture = try Fixture()
        let server = try RawServer { connection in
            _ = connection.readRequest()
            if connection.index % 3 == 0 { return connection.hold() }
            connection.write(page())
        }
        let results = await withTaskGroup(of: Transfer.self, returning: [Transfer].self) { group in
            for number in 0..<300 {
                group.addTask {
                    let task = Task { await fixture.perform("http://127.0.0.1:\(server.port)/", timeout: .seconds(2)) }
                    for _ in 0..<(number % 7) { await Task.yield() }
                    if number % 2 == 0 { task.cancel() }
                    return await task.value
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count == 300)
        for transfer in results {
            #expect(
                transfer.response?.status == 200 || transfer.reason == .cancelled
                    || transfer.reason == .responseTimeout,
                "\(transfer.result)")
        }
        #expect(results.contains { $0.response != nil } && results.contains { $0.reason == .cancelled })
    }

    @Test func aShutdownEndsAllThatIsUnderWay() async throws {
        let fixture = try Fixture()
        let server = try RawServer { $0.hold() }
        let tasks = (0..<60).map { number in
            Task {
                await fixture.perform(
                    "\(number % 2 == 0 ? "http" : "https")://127.0.0.1:\(server.port)/", timeout: .seconds(3600))
            }
        }
        _ = try await eventually { server.connections >= 60 ? true : nil }
        fixture.transport.shutdown()
        for task in tasks { #expect(await task.value.reason == .cancelled) }
        #expect(await fixture.perform("http://127.0.0.1:\(server.port)/").reason == .cancelled)
        fixture.transport.shutdown()
    }

    @Test func aShutdownAmongStartsLeavesNobodyWaiting() async throws {
        let server = try RawServer { $0.hold() }
        for _ in 0..<20 {
            let transport = try CurlTransport(connections: .fresh)
            let request = Request(
                method: .get, url: Secret("http://127.0.0.1:\(server.port)/"), timeout: .seconds(3600))
            let tasks = (0..<20).map { _ in Task.detached { await transport.perform(request) } }
            await Task.yield()
            transport.shutdown()
            for task in tasks { #expect(await task.value.reason == .cancelled) }
        }
    }

    @Test func aTransportThatIsDroppedEndsItsThread() async throws {
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.hold()
            connection.keep("gone")
        }
        do {
            let transport = try CurlTransport(connections: .kept)
            let request = Request(method: .get, url: Secret("http://127.0.0.1:\(server.port)/"), timeout: .seconds(30))
            #expect(await transport.perform(request).response?.status == 200)
        }
        #expect(try await eventually { server.notes.first } == "gone")
    }

    /// A timeout that libcurl refuses would be none.
    @Test func aVeryLongTimeoutIsTaken() async throws {
        let fixture = try Fixture()
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page())
        }
        for timeout in [Duration.seconds(100_000_000), .seconds(Int64.max), .zero, .seconds(-1), .seconds(Int64.min)] {
            let transfer = await fixture.perform("http://127.0.0.1:\(server.port)/", timeout: timeout)
            #expect(transfer.reason != .internal, "\(timeout): \(transfer.result)")
        }
    }
}
