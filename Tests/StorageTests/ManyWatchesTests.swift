import GRDB
import Storage
import TestSupport
import Testing
import Watching

/// Ten thousand watches: what is kept of them is read in one pass.
@Suite struct ManyWatchesTests {
    @Test func tenThousandAreOpenedAndReadInOnePass() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        await withDiscardingTaskGroup { group in
            for number in 1...10_000 {
                group.addTask {
                    var record = StorageFixture.record(number, storage)
                    record.discovery = number % 2 == 0 ? DiscoveryOrigin(orgID: number % 3) : nil
                    _ = await storage.save(record)
                }
            }
        }
        await storage.close()
        let clock = ContinuousClock()
        let start = clock.now
        let again = fixture.open()
        let opened = clock.now
        let found = again.discovered(account: "acme")
        let discovered = clock.now
        let ids = (0...10_000).map(StorageFixture.id)
        let kept = again.kept(of: ids)
        let read = clock.now
        for id in ids.dropFirst(9900) { #expect(kept[id] == again.kept(of: id)) }
        let singly = clock.now
        print(
            "10,000 baselines and observations: opened and found whole in \(opened - start), discovered ones in "
                + "\(discovered - opened), all read in \(read - discovered); 100 of them singly in \(singly - read)")
        #expect(kept.count == 10_001 && kept[StorageFixture.id(0)] == KeptWatch())
        #expect(kept.filter { $0.value.baseline != .absent }.count == 10_000)
        #expect(found.count == 5000 && found[4] == DiscoveryOrigin(orgID: 1))
        #expect(fixture.events.isEmpty)
        await again.close()
    }

    /// The order of the key is byte by byte, whatever the language makes of a name.
    @Test func namesAreInTheOrderOfTheirBytes() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        let names = ["Z", "a", "_", "-", "a-b", "a_b", "aB", "ab", "A", "9", "10"]
        for (number, name) in names.enumerated() {
            for id in [3, 20, 100 + number] {
                var record = StorageFixture.record(id, storage)
                record.id = WatchID(account: name, webhookID: id)
                _ = await storage.save(record)
            }
        }
        await storage.close()
        let again = fixture.open()
        #expect(again.kept(of: StorageFixture.id(1)) == KeptWatch())
        #expect(fixture.events.isEmpty)
        await again.close()
    }

    @Test func whatHasLeftKeepsItsBaselineOnly() async throws {
        let fixture = try StorageFixture()
        let storage = fixture.open()
        var record = StorageFixture.record(1, storage)
        record.discovery = DiscoveryOrigin(orgID: nil)
        record.changes = [
            ConfigurationChange(
                at: 1, field: .orgID, from: .init(text: "1"), to: .init(text: "2"), noticedBy: .discovery)
        ]
        _ = await storage.save(record)
        #expect(storage.discovered(account: "acme") == [1: DiscoveryOrigin(orgID: nil)])
        #expect(storage.discovered(account: "other").isEmpty)
        _ = await storage.save(.leaving(record.id))
        #expect(storage.discovered(account: "acme").isEmpty)
        let proposal = try #require(record.proposal)
        #expect(
            storage.kept(of: record.id) == KeptWatch(baseline: .pinned(StoredBaseline(proposal, version: 1))))
        #expect(await storage.changes(of: record.id, limit: 5).isEmpty)
        await storage.close()
    }

    @Test func itLeavesWhileNothingCanBeWritten() async throws {
        let fixture = try StorageFixture()
        // Nothing can be made there.
        let storage = Storage(path: "/proc/no/such/state.db", keyFile: fixture.keyFile, tell: { _ in })
        var record = StorageFixture.record(1, storage)
        record.discovery = DiscoveryOrigin(orgID: 5)
        _ = await storage.save(record)
        #expect(storage.discovered(account: "acme") == [1: DiscoveryOrigin(orgID: 5)])
        _ = await storage.save(.leaving(record.id))
        #expect(storage.discovered(account: "acme").isEmpty)
        let kept = storage.kept(of: record.id)
        #expect(kept.observation == nil && kept.baseline != .absent)
        await storage.close()
    }
}
