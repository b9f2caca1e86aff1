import Foundation
import GRDB
import Storage
import Testing
import Watching

/// What is wrong for long counts for long, also where nobody reads or writes; and it is told once.
@Suite struct TendingTests {
    /// How many failures each of these minutes has brought.
    private func failures(_ storage: Storage, _ fixture: StorageFixture, minutes: Int) async -> [Int] {
        var counts: [Int] = []
        for _ in 0..<minutes {
            let before = fixture.failures
            for _ in 0..<60 {
                fixture.pass(.seconds(1))
                await storage.tend()
            }
            counts.append(fixture.failures - before)
        }
        return counts
    }

    private func change(_ fixture: StorageFixture, _ sql: String) async throws {
        let queue = try DatabaseQueue(path: fixture.path)
        try await queue.write { try $0.execute(sql: sql) }
        try queue.close()
    }

    @Test func aSoundDatabaseCountsNothing() async throws {
        let fixture = try StorageFixture()
        await fixture.fill()
        let storage = fixture.open()
        #expect(await failures(storage, fixture, minutes: 3) == [0, 0, 0])
        #expect(fixture.events.isEmpty)
        await storage.close()
    }

    @Test func aRowThatIsGoneCountsEveryMinute() async throws {
        let fixture = try StorageFixture()
        await fixture.fill()
        try await change(fixture, "DELETE FROM baseline WHERE webhook_id = 1")
        let storage = fixture.open()
        #expect(fixture.failures == 1)
        #expect(await failures(storage, fixture, minutes: 10) == Array(repeating: 1, count: 10))
        // One that cannot be written besides counts by its own tries only.
        let away = fixture.path + ".away"
        try FileManager.default.moveItem(atPath: fixture.path, toPath: away)
        let counts = await failures(storage, fixture, minutes: 3)
        #expect(counts.allSatisfy { (5...6).contains($0) }, "\(counts)")
        #expect(fixture.lines.count == 2 && fixture.lines[0].contains("is damaged"), "\(fixture.lines)")
        await storage.close()
    }

    @Test func whatIsPutRightCountsNoMore() async throws {
        let fixture = try StorageFixture()
        let baselines = await fixture.fill()
        try await change(fixture, "UPDATE baseline SET since = since + 1 WHERE webhook_id = 1")
        let storage = fixture.open()
        #expect(await failures(storage, fixture, minutes: 2) == [1, 1])
        #expect(await storage.news(of: StorageFixture.id(9), since: nil) == .unreadable)
        let command = try #require(try Storage(existing: fixture.path, keyFile: fixture.keyFile, isWritten: true))
        try command.accept(try #require(baselines[StorageFixture.id(1)]), for: StorageFixture.id(1))
        await command.close()
        #expect(await failures(storage, fixture, minutes: 3) == [0, 0, 0])
        #expect(fixture.lines.count == 1 && fixture.events.last == .recovered, "\(fixture.events)")
        #expect(await storage.news(of: StorageFixture.id(9), since: nil) == .absent)
        await storage.close()
    }

    enum Unreadable: CaseIterable {
        case garbage, foreign, otherKey
    }

    @Test(arguments: Unreadable.allCases)
    func whatCannotBeReadCountsAtEveryTry(what: Unreadable) async throws {
        let fixture = try StorageFixture()
        await fixture.fill()
        switch what {
        case .garbage: try Data(repeating: 0x5a, count: 10_000).write(to: URL(fileURLWithPath: fixture.path))
        case .foreign:
            try FileManager.default.removeItem(atPath: fixture.path)
            try await change(fixture, "CREATE TABLE theirs (x)")
        case .otherKey: try Data(repeating: 7, count: 32).write(to: URL(fileURLWithPath: fixture.keyFile))
        }
        let storage = fixture.open()
        let counts = await failures(storage, fixture, minutes: 10)
        #expect(counts.allSatisfy { (5...6).contains($0) }, "\(counts)")
        #expect(fixture.lines.count == 1, "\(fixture.lines)")
        try FileManager.default.moveItem(atPath: fixture.path, toPath: fixture.path + ".bad")
        #expect(await failures(storage, fixture, minutes: 3) == [0, 0, 0])
        #expect(fixture.lines.count == 1 && fixture.events.last == .recovered, "\(fixture.events)")
        await storage.close()
    }

    /// Found damaged when it is put in the place of one that could not be read.
    @Test func aDamagedDatabaseThatComesLaterIsToldToo() async throws {
        let fixture = try StorageFixture()
        await fixture.fill()
        try await change(fixture, "DELETE FROM baseline WHERE webhook_id = 1")
        let away = fixture.path + ".away"
        try FileManager.default.moveItem(atPath: fixture.path, toPath: away)
        try Data(repeating: 0x5a, count: 10_000).write(to: URL(fileURLWithPath: fixture.path))
        let storage = fixture.open()
        try FileManager.default.removeItem(atPath: fixture.path)
        try FileManager.default.moveItem(atPath: away, toPath: fixture.path)
        let counts = await failures(storage, fixture, minutes: 3)
        #expect(counts == [1, 1, 1])
        #expect(fixture.lines.count == 2 && fixture.lines.last?.contains("is damaged") == true, "\(fixture.lines)")
        await storage.close()
    }

    /// Whoever reads notices it too, and may not come for hours.
    @Test func aFileThatIsTakenAwayIsNoticedWithoutAReader() async throws {
        let fixture = try StorageFixture()
        await fixture.fill()
        let storage = fixture.open()
        let away = fixture.path + ".away"
        try FileManager.default.moveItem(atPath: fixture.path, toPath: away)
        let counts = await failures(storage, fixture, minutes: 2)
        #expect(counts.allSatisfy { (5...6).contains($0) } && fixture.lines.count == 1, "\(fixture.events)")
        try FileManager.default.moveItem(atPath: away, toPath: fixture.path)
        #expect(await failures(storage, fixture, minutes: 1) == [0])
        #expect(fixture.events.last == .recovered)
        await storage.close()
    }
}
