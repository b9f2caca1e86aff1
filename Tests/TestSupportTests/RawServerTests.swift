import TestSupport
import Testing

@Suite struct RawServerTests {
    @Test func aPauseEndsOnceTheOtherSideHasGone() async throws {
        let server = try RawServer { connection in
            connection.pause(milliseconds: 600_000)
            connection.keep("over")
        }
        try await onThread { try RawClient(server.port).close() }
        #expect(try await eventually { server.notes == ["over"] ? true : nil } != nil)
    }
}
