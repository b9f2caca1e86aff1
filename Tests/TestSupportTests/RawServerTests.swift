import TestSupport
import Testing

@Suite struct RawServerTests {
    @Test func aPauseEndsOnceTheOtherSideHasGone() async throws {
        let server = try RawServer { connection in
            connection.keep(connection.pause(milliseconds: 1) ? "there" : "gone")
            connection.write("a")
            connection.keep(connection.pause(milliseconds: 600_000) ? "there" : "gone")
        }
        try await onThread {
            let client = try RawClient(server.port)
            _ = try client.receive(until: "a")
            client.close()
        }
        #expect(try await eventually { server.notes == ["there", "gone"] ? true : nil } != nil)
    }
}
