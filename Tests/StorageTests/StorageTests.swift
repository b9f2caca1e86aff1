import Foundation
import GRDB
import Partoo
import Synchronization
import TestSupport
import Testing
import Transport
import Watching

@testable import Storage

@Suite struct StorageTests {
    @Test func everythingIsThereAgain() async throws {
        let fixture = try StorageFixture()
        let first = fixture.open()
        var record = StorageFixture.record(1, first)
        let saved = await first.save(record)
        let proposal = try #require(record.proposal)
        #expect(saved == SavedRecord(baseline: .pinned(StoredBaseline(proposal, version: 1)), isOnDisk: true))
        let moved = StorageFixture.configuration(1, url: "https://b.example/canary-other")
        record.changes = ConfigurationChange.between(
            StorageFixture.configuration(1), moved, key: first.fingerprintKey, at: 5, noticedBy: .discovery)
        record.proposal = nil
        record.observation = moved
        record.isMissing = true
        _ = await first.save(record)
        await first.close()
        let second = fixture.open()
        let kept = second.kept(of: record.id)
        #expect(kept.baseline == .pinned(StoredBaseline(proposal, version: 1)))
        #expect(kept.observation == moved && kept.isMissing && kept.driftedSince == 7)
        #expect(await second.changes(of: record.id, limit: 10) == record.changes)
        #expect(record.changes.first?.from?.text == "https://a.example/(redacted)")
        #expect(second.kept(of: StorageFixture.id(2)) == KeptWatch())
        #expect(fixture.events.isEmpty)
        await second.close()
    }

    @Test func aBaselineThatIsThereIsNeverLearnedOver() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        let first = StorageFixture.record(1, storage)
        let other = StorageFixture.record(1, storage, url: "https://b.example/")
        _ = await storage.save(first)
        let answer = await storage.save(other)
        #expect(answer.baseline == first.proposal.map { .pinned(StoredBaseline($0, version: 1)) })
        await storage.close()
    }

    @Test func whatAnotherProcessAcceptsIsNews() async throws {
        let fixture = try StorageFixture()
        let running = fixture.open()
        let record = StorageFixture.record(1, running)
        _ = await running.save(record)
        #expect(await running.news(of: record.id, since: 1) == nil)
        let command = try #require(try Storage(existing: fixture.path, keyFile: fixture.keyFile, isWritten: true))
        var accepted = try #require(record.proposal)
        accepted.source = .accepted
        accepted.orgID = 43
        try command.accept(accepted, for: record.id)
        await command.close()
        #expect(await running.news(of: record.id, since: 1) == .pinned(StoredBaseline(accepted, version: 2)))
        #expect(await running.news(of: record.id, since: 2) == nil)
        await running.close()
    }

    @Test func filesAreTheirOwnersAndHoldNoSecret() async throws {
        let fixture = try StorageFixture()
        let previous = umask(0)
        let storage = fixture.open()
        umask(previous)
        for number in 1...50 {
            var record = StorageFixture.record(number, storage)
            let moved = StorageFixture.configuration(number, url: "https://canary-u@b.example/canary-moved")
            record.changes = ConfigurationChange.between(
                StorageFixture.configuration(number), moved, key: storage.fingerprintKey, at: 5, noticedBy: .check)
            _ = await storage.save(record)
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path).sorted()
        #expect(files == ["state.db", "state.db-shm", "state.db-wal", "state.db.key"])
        var found = ""
        for file in files {
            let url = fixture.folder.appendingPathComponent(file)
            let mode = try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
            found += String(decoding: try Data(contentsOf: url), as: UTF8.self)
        }
        #expect(!found.contains("canary"))
        // What may be there is: the search would find a text.
        #expect(found.contains("https:\\/\\/a.example"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.keyFile)).count == 32)
        await storage.close()
    }

    @Test func anAcknowledgedTransactionIsOnTheDisk() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        let writer = try #require(storage.state.withLock { $0.database?.writer })
        let (synchronous, mode) = try await writer.writeWithoutTransaction { db in
            (try Int.fetchOne(db, sql: "PRAGMA synchronous"), try String.fetchOne(db, sql: "PRAGMA journal_mode"))
        }
        #expect(synchronous == 2 && mode == "wal")
        await storage.close()
    }

    @Test func manyWritersShareTransactions() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        await withTaskGroup(of: SavedRecord.self) { group in
            for number in 1...500 { group.addTask { await storage.save(StorageFixture.record(number, storage)) } }
            for await saved in group { #expect(saved.isOnDisk) }
        }
        #expect(StorageFixture.baselines(1...500, in: storage) == 500)
        await storage.close()
    }

    @Test func whoStartTogetherUseOneKey() async throws {
        for _ in 0..<5 {
            let fixture = try StorageFixture()
            let storages = await withTaskGroup(of: Storage.self) { group in
                for _ in 0..<4 { group.addTask { fixture.open() } }
                return await group.reduce(into: [Storage]()) { $0.append($1) }
            }
            let prints = storages.map { $0.fingerprintKey.fingerprint(Secret("a"), purpose: .url) }
            #expect(Set(prints).count == 1)
            // Whoever found the file locked while it was made comes to it in the end.
            fixture.pass(.seconds(11))
            for (number, storage) in storages.enumerated() {
                #expect(await storage.save(StorageFixture.record(number + 1, storage)).isOnDisk, "\(fixture.lines)")
            }
            #expect(StorageFixture.baselines(1...4, in: storages[0]) == 4)
            for storage in storages { await storage.close() }
        }
    }

    /// As the shards of one machine may, and whoever starts an exporter twice by mistake.
    @Test func severalShareOneDatabase() async throws {
        let fixture = try StorageFixture()
        let storages = (0..<3).map { _ in fixture.open() }
        await withTaskGroup(of: Bool.self) { group in
            for number in 1...120 {
                // Each watch is written by two of them.
                for storage in [storages[number % 3], storages[(number + 1) % 3]] {
                    group.addTask { await storage.save(StorageFixture.record(number, storage)).isOnDisk }
                }
            }
            for await isOnDisk in group { #expect(isOnDisk) }
        }
        for storage in storages { await storage.close() }
        let again = fixture.open()
        #expect(StorageFixture.baselines(1...120, in: again) == 120)
        #expect(again.kept(of: StorageFixture.id(121)).baseline == .absent)
        #expect(fixture.events.isEmpty, "\(fixture.events)")
        await again.close()
    }

    @Test func whatAFullDiskRefusedIsWrittenOnceThereIsRoom() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        let first = StorageFixture.record(1, storage)
        _ = await storage.save(first)
        let writer = try #require(storage.state.withLock { $0.database?.writer })
        // SQLite's own limit gives the error of a full disk.
        try await writer.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1") }
        var records: [WatchRecord] = []
        for number in 2...40 {
            var record = StorageFixture.record(number, storage)
            record.changes = [
                ConfigurationChange(
                    at: 1, field: .url, from: .init(text: String(repeating: "x", count: 4000)), to: nil,
                    noticedBy: .check)
            ]
            records.append(record)
            let saved = await storage.save(record)
            if number == 40 { #expect(!saved.isOnDisk && saved.baseline != .absent) }
        }
        #expect(fixture.lines.count == 1 && fixture.lines[0].contains("full"), "\(fixture.lines)")
        // Within the pause it is not tried again; what is held is known all the same.
        let told = fixture.events.count
        _ = await storage.save(StorageFixture.record(41, storage))
        #expect(fixture.events.count == told)
        #expect(storage.kept(of: records[38].id).observation == records[38].observation)
        #expect(await storage.changes(of: records[38].id, limit: 5) == records[38].changes)
        try await writer.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
        fixture.pass(.seconds(11))
        let last = await storage.save(StorageFixture.record(42, storage))
        #expect(last.isOnDisk && fixture.events.last == .recovered)
        await storage.close()
        let again = fixture.open()
        #expect(StorageFixture.baselines(1...42, in: again) == 42)
        for record in records {
            let proposal = try #require(record.proposal)
            #expect(again.kept(of: record.id).baseline == .pinned(StoredBaseline(proposal, version: 1)))
        }
        await again.close()
    }

    @Test func theChangeLogIsBounded() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        var record = StorageFixture.record(1, storage)
        for time in 1...130 {
            record.changes = [
                ConfigurationChange(
                    at: Double(time), field: .orgID, from: .init(text: "1"), to: .init(text: "2"), noticedBy: .check)
            ]
            _ = await storage.save(record)
        }
        let changes = await storage.changes(of: record.id, limit: 1000)
        #expect(changes.map(\.at) == (31...130).reversed().map(Double.init))
        await storage.close()
    }

    @Test func inMemoryNothingIsWritten() async throws {
        let fixture = try StorageFixture()
        let storage = Storage(path: Storage.memoryPath, keyFile: Storage.memoryPath, tell: { _ in })
        let saved = await storage.save(StorageFixture.record(1, storage))
        #expect(!saved.isOnDisk)
        #expect(storage.kept(of: StorageFixture.id(1)).observation != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path).isEmpty)
        await storage.close()
    }

    @Test(arguments: [1, 2])
    func everyOlderSchemaIsBroughtUpToDate(version: Int) async throws {
        let fixture = try StorageFixture()
        let baselines = await fixture.fill()
        let queue = try DatabaseQueue(path: fixture.path)
        try await queue.write { db in
            try db.execute(sql: "DROP TABLE change; DELETE FROM grdb_migrations WHERE identifier LIKE '3 %'")
            if version == 1 {
                try db.execute(sql: "DROP TABLE observation; DELETE FROM grdb_migrations WHERE identifier LIKE '2 %'")
            }
        }
        try queue.close()
        #expect(throws: StorageFault.self) {
            try Storage(existing: fixture.path, keyFile: fixture.keyFile, isWritten: false)
        }
        let storage = fixture.open()
        for (id, baseline) in baselines {
            let kept = storage.kept(of: id)
            #expect(kept.baseline == .pinned(StoredBaseline(baseline, version: 1)))
            #expect((kept.observation == nil) == (version == 1))
        }
        let record = StorageFixture.record(9, storage)
        #expect(await storage.save(record).isOnDisk)
        #expect(fixture.events.isEmpty)
        await storage.close()
    }
}
