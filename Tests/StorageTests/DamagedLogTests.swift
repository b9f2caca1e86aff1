import Foundation
import GRDB
import Storage
import TestSupport
import Testing
import Watching

/// What a fault of the disk does to the write-ahead log. SQLite takes a damaged one for one that ends at the damage, and says
/// nothing.
@Suite struct DamagedLogTests {
    /// The files as a crash would leave them, with the exporter still running.
    private struct Remains {
        var file: Data
        var log: Data
        var key: Data

        init(of fixture: StorageFixture) throws {
            file = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
            log = try Data(contentsOf: URL(fileURLWithPath: fixture.path + "-wal"))
            key = try Data(contentsOf: URL(fileURLWithPath: fixture.keyFile))
        }

        func lay(_ log: Data?) throws -> StorageFixture {
            let fixture = try StorageFixture()
            try file.write(to: URL(fileURLWithPath: fixture.path))
            try log?.write(to: URL(fileURLWithPath: fixture.path + "-wal"))
            try key.write(to: URL(fileURLWithPath: fixture.keyFile))
            return fixture
        }
    }

    private func save(_ numbers: ClosedRange<Int>, in storage: Storage) async -> [WatchID: LearnedBaseline] {
        var baselines: [WatchID: LearnedBaseline] = [:]
        for number in numbers {
            let record = StorageFixture.record(number, storage)
            #expect(await storage.save(record).isOnDisk)
            baselines[record.id] = record.proposal
        }
        return baselines
    }

    @Test func nothingThatWasAcknowledgedLiesInTheLogOnly() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        let baselines = await save(1...40, in: storage)
        let remains = try Remains(of: fixture)
        // As if the log were gone altogether.
        let bare = try remains.lay(nil)
        let again = bare.open()
        for (id, baseline) in baselines {
            #expect(again.kept(of: id).baseline == .pinned(StoredBaseline(baseline, version: 1)))
        }
        #expect(bare.events.isEmpty)
        await again.close()
        // What another process accepts, too.
        let command = try #require(try Storage(existing: fixture.path, keyFile: fixture.keyFile, isWritten: true))
        var accepted = try #require(baselines[StorageFixture.id(1)])
        accepted.source = .accepted
        try command.accept(accepted, for: StorageFixture.id(1))
        let after = try Remains(of: fixture).lay(nil)
        let third = after.open()
        #expect(third.kept(of: StorageFixture.id(1)).baseline == .pinned(StoredBaseline(accepted, version: 2)))
        await third.close()
        await command.close()
        await storage.close()
    }

    /// Somebody reads for long, so that the log cannot be emptied: no write waits for that, and it is emptied by the first
    /// one after. Whatever becomes of the log meanwhile, what was in the file stays, and nothing wrong is read.
    @Test func aReaderHoldsTheLogUpAndADamagedLogMakesNothingWrong() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        let before = await save(1...5, in: storage)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: fixture.path, configuration: configuration)
        try await reader.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN")
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM baseline")
        }
        let during = await save(6...20, in: storage)
        let remains = try Remains(of: fixture)
        #expect(remains.log.count > 20_000)
        try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        try reader.close()
        _ = await save(21...21, in: storage)
        #expect(try Remains(of: fixture).log.isEmpty)
        await storage.close()

        let whole = try remains.lay(remains.log)
        let recovered = whole.open()
        for (id, baseline) in before.merging(during, uniquingKeysWith: { first, _ in first }) {
            #expect(recovered.kept(of: id).baseline == .pinned(StoredBaseline(baseline, version: 1)))
        }
        await recovered.close()
        var generator = SeededGenerator(seed: 5)
        for round in 0..<60 {
            var log = remains.log
            if round % 2 == 0 {
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    log[Int.random(in: 0..<log.count, using: &generator)] ^=
                        1 << UInt8.random(in: 0...7, using: &generator)
                }
            } else {
                log = log.prefix(Int.random(in: 0..<log.count, using: &generator))
            }
            let damaged = try remains.lay(log)
            let storage = damaged.open()
            for (id, baseline) in before {
                #expect(
                    storage.kept(of: id).baseline == .pinned(StoredBaseline(baseline, version: 1)), "round \(round)")
            }
            for (id, baseline) in during {
                guard case .pinned(let stored) = storage.kept(of: id).baseline else { continue }
                #expect(stored.baseline == baseline, "round \(round)")
            }
            await storage.close()
        }
    }
}
