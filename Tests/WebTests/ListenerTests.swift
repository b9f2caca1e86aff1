import ServiceLifecycle
import TestSupport
import Testing
import Web

/// What is listened on before anybody serves.
@Suite(.timeLimit(.minutes(10))) struct ListenerTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    private func address(_ text: String) throws -> ListenAddress { try #require(ListenAddress(text)) }

    @Test func whoeverComesEarlyIsServedAsSoonAsThereIsAServer() async throws {
        let listeners = try await HTTPListener.listen(on: [try address("127.0.0.1:0")])
        let port = listeners[0].address.port
        let early = try (0..<20).map { _ in try RawClient(port) }
        try await onThread { for client in early { client.send(Self.request) } }
        let server = WebServer { _ in .text(200, "ok") }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: listeners.map { .init(service: $0.service(server)) }, logger: ServerRig.quiet))
        async let end: Void = group.run()
        for client in early {
            let answer = try await onThread { try client.receiveAll() }
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.hasSuffix("ok\n"), "\(answer)")
        }
        await group.triggerGracefulShutdown()
        try await end
    }

    @Test func allAddressesAreHadOrNone() async throws {
        let taken = try RawServer { $0.hold() }
        let some = try await HTTPListener.listen(on: [try address("127.0.0.1:0"), try address("127.0.0.2:0")])
        let ports = some.map(\.address.port)
        for listener in some { await listener.close() }
        let failure = await #expect(throws: HTTPListener.Failure.self) {
            _ = try await HTTPListener.listen(
                on: [
                    try address("127.0.0.1:\(ports[0])"), try address("127.0.0.2:\(ports[1])"),
                    try address("127.0.0.1:\(taken.port)"),
                ])
        }
        #expect(failure?.description == "cannot listen on 127.0.0.1:\(taken.port): the address is already in use")
        #expect((try? RawClient(ports[0])) == nil && (try? RawClient(ports[1], host: "127.0.0.2")) == nil)
    }
}
