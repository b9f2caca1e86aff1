import Foundation
import Glibc
import Partoo
import Storage
import TestSupport
import Testing
import Watching

/// A process that writes is killed in the middle of it, again and again, on the same database.
@Suite struct CrashTests {
    /// So many kills on one database: every start looks through all of it, which is slow in a debug build.
    static let rounds = 20

    @Test(.timeLimit(.minutes(10)), arguments: 0..<11)
    func nothingThatWasAcknowledgedIsLost(database: Int) async throws {
        let fixture = try StorageFixture()
        let writer = URL(fileURLWithPath: ExporterProcess.binary).deletingLastPathComponent()
            .appendingPathComponent("StorageCrashWriter").path
        var acknowledged: Set<WatchID> = []
        for round in 1...Self.rounds {
            let process = try ChildProcess(writer, [fixture.path, "\(round)"])
            // The moment of the kill moves: while the first is written, after a few, after many.
            let last = (round + database) % 7 + 1
            let line = await process.line(containing: "kept lane\(round % 4)/\(round * 1_000_000 + last)")
            process.signal(SIGKILL)
            #expect(await process.exitStatus() == 128 + SIGKILL)
            #expect(line != nil, "\(process.errors)")
            // The last line may be half a line.
            let lines = process.errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            let kept = Set(lines.compactMap(Self.identity))
            #expect(kept.count == lines.count, "\(process.errors)")
            acknowledged.formUnion(kept)
            // Somebody reads it right after the kill, or nobody until the next start.
            guard round % 4 == 0 else { continue }
            let storage = try #require(
                try Storage(existing: fixture.path, keyFile: fixture.keyFile, isWritten: round % 8 == 0))
            Self.expect(kept, in: storage)
            await storage.close()
        }
        let storage = fixture.open()
        Self.expect(acknowledged, in: storage)
        #expect(acknowledged.count > 2 * Self.rounds)
        #expect(fixture.events.isEmpty)
        await storage.close()
    }

    private static func identity(_ line: Substring) -> WatchID? {
        let parts = line.split { $0 == " " || $0 == "/" }
        guard parts.count == 3, parts[0] == "kept", let number = Int(parts[2]) else { return nil }
        return WatchID(account: String(parts[1]), webhookID: number)
    }

    private static func expect(_ ids: Set<WatchID>, in storage: Storage) {
        for id in ids {
            let kept = storage.kept(of: id)
            guard case .pinned(let stored) = kept.baseline else {
                Issue.record("\(id) was acknowledged and is lost")
                continue
            }
            #expect(stored.baseline.orgID == id.webhookID && kept.observation?.id == id.webhookID)
        }
    }
}
