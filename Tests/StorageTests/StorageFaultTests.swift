import Foundation
import GRDB
import Partoo
import Storage
import TestSupport
import Testing
import Watching

/// What cannot be read is unreadable, never absent; what cannot be written is held.
@Suite struct StorageFaultTests {
    enum Damage: String, CaseIterable, Sendable {
        case garbage, foreign, newer, noKey, otherKey, shortKey, longKey, folderForKey, folderForFile

        func inflict(on fixture: StorageFixture) throws {
            let file = URL(fileURLWithPath: fixture.path)
            let key = URL(fileURLWithPath: fixture.keyFile)
            switch self {
            case .garbage: try Data(repeating: 0x5a, count: 10_000).write(to: file)
            case .foreign:
                try FileManager.default.removeItem(at: file)
                let queue = try DatabaseQueue(path: fixture.path)
                try queue.write { try $0.execute(sql: "CREATE TABLE theirs (x)") }
                try queue.close()
            case .newer:
                let queue = try DatabaseQueue(path: fixture.path)
                try queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 from the future')") }
                try queue.close()
            case .noKey: try FileManager.default.removeItem(at: key)
            case .otherKey: try Data(repeating: 7, count: 32).write(to: key)
            case .shortKey: try Data(repeating: 7, count: 31).write(to: key)
            case .longKey: try Data(repeating: 7, count: 33).write(to: key)
            case .folderForKey:
                try FileManager.default.removeItem(at: key)
                try FileManager.default.createDirectory(at: key, withIntermediateDirectories: false)
            case .folderForFile:
                try FileManager.default.removeItem(at: file)
                try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func nothingIsLearnedOverWhatCannotBeRead(damage: Damage) async throws {
        let fixture = try StorageFixture()
        await fixture.fill()
        try damage.inflict(on: fixture)
        let before = try? Data(contentsOf: URL(fileURLWithPath: fixture.path))
        chmod(fixture.path, 0o644)
        let storage = fixture.open()
        for number in [1, 2, 9] {
            #expect(storage.kept(of: StorageFixture.id(number)) == KeptWatch(baseline: .unreadable))
            #expect(await storage.news(of: StorageFixture.id(number), since: nil) == .unreadable)
        }
        #expect(fixture.lines.count == 1, "\(fixture.lines)")
        var record = StorageFixture.record(1, storage)
        record.proposal = nil
        #expect(await storage.save(record).isOnDisk == false)
        #expect(fixture.lines.count == 1, "\(fixture.lines)")
        #expect(throws: StorageFault.self) {
            try Storage(existing: fixture.path, keyFile: fixture.keyFile, isWritten: true)
        }
        await storage.close()
        let after = try? Data(contentsOf: URL(fileURLWithPath: fixture.path))
        #expect(after == before)
        var status = stat()
        #expect(stat(fixture.path, &status) == 0)
        let isTheirs = [.garbage, .foreign, .newer, .folderForFile].contains(damage)
        #expect(status.st_mode & 0o777 == 0o644 || !isTheirs, "another program's file is left as it is")
    }

    @Test func whatWasHeldIsWrittenOnceTheBadFileIsGone() async throws {
        let fixture = try StorageFixture()
        try Data(repeating: 0x5a, count: 10_000).write(to: URL(fileURLWithPath: fixture.path))
        // With the key in place only the file is bad.
        try Data(repeating: 7, count: 32).write(to: URL(fileURLWithPath: fixture.keyFile))
        let storage = fixture.open()
        let held = {
            var record = StorageFixture.record(1, storage)
            record.proposal = nil
            return record
        }()
        _ = await storage.save(held)
        try FileManager.default.moveItem(atPath: fixture.path, toPath: fixture.path + ".bad")
        #expect(await storage.news(of: held.id, since: nil) == .unreadable)
        fixture.pass(.seconds(11))
        let news = try await eventually { () -> KeptBaseline? in
            let news = await storage.news(of: held.id, since: nil)
            return news == .unreadable ? nil : news
        }
        #expect(news == .absent)
        let record = StorageFixture.record(2, storage)
        #expect(await storage.save(record).isOnDisk)
        #expect(fixture.events.last == .recovered)
        await storage.close()
        let again = fixture.open()
        #expect(again.kept(of: held.id).observation == held.observation)
        #expect(again.kept(of: record.id).baseline == record.proposal.map { .pinned(StoredBaseline($0, version: 1)) })
        await again.close()
    }

    /// Nothing is acknowledged that would be looked for in vain after a restart, and what is in force stays.
    @Test(arguments: [false, true])
    func whatWouldGoIntoAFileThatWasTakenAwayIsHeld(isReplaced: Bool) async throws {
        let fixture = try StorageFixture()
        let baselines = await fixture.fill()
        let first = StorageFixture.id(1)
        let pinned = try #require(baselines[first].map { KeptBaseline.pinned(StoredBaseline($0, version: 1)) })
        let storage = fixture.open()
        let away = fixture.path + ".away"
        try FileManager.default.moveItem(atPath: fixture.path, toPath: away)
        if isReplaced { try FileManager.default.copyItem(atPath: away, toPath: fixture.path) }
        // Noticed by whoever reads, too; and told once.
        #expect(await storage.news(of: first, since: 1) == nil)
        #expect(fixture.lines.count == 1, "\(fixture.lines)")
        let record = StorageFixture.record(4, storage)
        #expect(await storage.save(record).isOnDisk == false)
        fixture.pass(.seconds(11))
        #expect(await storage.save(StorageFixture.record(5, storage)).isOnDisk == false)
        #expect(fixture.lines.count == 1 && fixture.events.count > 1, "\(fixture.events)")
        #expect(storage.kept(of: first).baseline == pinned)
        if isReplaced { try FileManager.default.removeItem(atPath: fixture.path) }
        try FileManager.default.moveItem(atPath: away, toPath: fixture.path)
        fixture.pass(.seconds(11))
        #expect(await storage.save(StorageFixture.record(6, storage)).isOnDisk)
        #expect(fixture.events.last == .recovered)
        await storage.close()
        let again = fixture.open()
        #expect(StorageFixture.baselines(1...6, in: again) == 6)
        await again.close()
    }

    @Test func aFolderThatCannotBeMadeMeansMemory() async throws {
        let fixture = try StorageFixture()
        try Data().write(to: fixture.folder.appendingPathComponent("file"))
        let storage = Storage(
            path: "/proc/no/such/state.db", keyFile: "/proc/no/such/state.db.key", tell: { _ in })
        #expect(storage.kept(of: StorageFixture.id(1)) == KeptWatch())
        let record = StorageFixture.record(1, storage)
        let saved = await storage.save(record)
        let proposal = try #require(record.proposal)
        #expect(saved == SavedRecord(baseline: .pinned(StoredBaseline(proposal, version: 0)), isOnDisk: false))
        // Held: the watch that comes back finds what it had.
        #expect(storage.kept(of: record.id).observation == record.observation)
        await storage.close()
    }

    @Test func aTamperedRowIsUnreadableAndAcceptPutsAnotherInItsPlace() async throws {
        let fixture = try StorageFixture()
        let baselines = await fixture.fill()
        let queue = try DatabaseQueue(path: fixture.path)
        try await queue.write { try $0.execute(sql: "UPDATE baseline SET since = since + 1 WHERE webhook_id = 1") }
        try queue.close()
        let storage = fixture.open()
        let first = StorageFixture.id(1)
        #expect(storage.kept(of: first).baseline == .unreadable)
        #expect(storage.kept(of: first).observation != nil)
        #expect(storage.kept(of: StorageFixture.id(2)).baseline != .unreadable)
        #expect(await storage.save(StorageFixture.record(1, storage)).baseline == .unreadable)
        #expect(await storage.news(of: first, since: nil) == .unreadable)
        // The row by its name, and the whole file, since one that is not there may have been.
        #expect(fixture.lines.count == 2, "\(fixture.lines)")
        #expect(storage.kept(of: StorageFixture.id(9)).baseline == .unreadable)
        let baseline = try #require(baselines[first])
        try storage.accept(baseline, for: first)
        #expect(await storage.news(of: first, since: nil) == .pinned(StoredBaseline(baseline, version: 2)))
        await storage.close()
        let again = fixture.open()
        #expect(again.kept(of: StorageFixture.id(9)).baseline == .absent)
        await again.close()
    }

    @Test(arguments: [
        "DELETE FROM baseline WHERE webhook_id = 1", "UPDATE baseline SET webhook_id = 4 WHERE webhook_id = 1",
    ])
    func aRowThatIsGoneIsNotTakenForOneThatNeverWas(damage: String) async throws {
        let fixture = try StorageFixture()
        await fixture.fill()
        let queue = try DatabaseQueue(path: fixture.path)
        try await queue.write { try $0.execute(sql: damage) }
        try queue.close()
        let storage = fixture.open()
        #expect(storage.kept(of: StorageFixture.id(1)).baseline == .unreadable)
        #expect(await storage.news(of: StorageFixture.id(1), since: nil) == .unreadable)
        #expect(storage.kept(of: StorageFixture.id(2)).baseline != .unreadable)
        #expect(fixture.lines.count >= 1)
        await storage.close()
    }

    /// Whatever a fault of the disk makes of the file: the baseline is the old one or unreadable.
    @Test func noDamagedFileLosesABaselineInSilence() async throws {
        let fixture = try StorageFixture()
        let baselines = await fixture.fill(40)
        let good = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
        let key = try Data(contentsOf: URL(fileURLWithPath: fixture.keyFile))
        var generator = SeededGenerator(seed: 42)
        var unreadable = 0
        for round in 0..<300 {
            var bytes = good
            switch round % 3 {
            case 0:
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(
                        in: 1...255, using: &generator)
                }
            case 1:
                let start = Int.random(in: 0..<bytes.count, using: &generator)
                let end = min(bytes.count, start + Int.random(in: 1...4096, using: &generator))
                for index in start..<end { bytes[index] = UInt8.random(in: 0...255, using: &generator) }
            default: bytes = bytes.prefix(Int.random(in: 1..<bytes.count, using: &generator))
            }
            let damaged = try StorageFixture()
            try bytes.write(to: URL(fileURLWithPath: damaged.path))
            try key.write(to: URL(fileURLWithPath: damaged.keyFile))
            let storage = damaged.open()
            for (id, baseline) in baselines {
                switch storage.kept(of: id).baseline {
                case .pinned(let stored): #expect(stored.baseline == baseline)
                case .unreadable: unreadable += 1
                case .absent: Issue.record("round \(round): the baseline of \(id) is lost in silence")
                }
            }
            await storage.close()
        }
        #expect(unreadable > 0)
    }
}
