import Foundation
import Partoo
import Storage
import Synchronization
import Transport
import Watching

/// A folder of a test's own, with what goes into it.
final class StorageFixture: Sendable {
    let folder: URL
    private let clock = Mutex(Duration.seconds(100))
    private let told = Mutex<[StorageEvent]>([])

    var path: String { folder.appendingPathComponent("state.db").path }
    var keyFile: String { path + ".key" }
    var events: [StorageEvent] { told.withLock { $0 } }
    /// Those that a log shows.
    var lines: [String] {
        events.compactMap { if case .failed(let text, isNew: true) = $0 { text } else { nil } }
    }

    var failures: Int { events.count { if case .failed = $0 { true } else { false } } }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("partoo-storage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func open() -> Storage {
        Storage(
            path: path, keyFile: keyFile, now: { [self] in clock.withLock { $0 } },
            tell: { [self] event in told.withLock { $0.append(event) } })
    }

    func pass(_ duration: Duration) {
        clock.withLock { $0 += duration }
    }

    /// A database with the baselines of 1 to `count`, and nothing left in its log.
    @discardableResult
    func fill(_ count: Int = 3) async -> [WatchID: LearnedBaseline] {
        let storage = open()
        var baselines: [WatchID: LearnedBaseline] = [:]
        for number in 1...count {
            let record = Self.record(number, storage)
            _ = await storage.save(record)
            baselines[record.id] = record.proposal
        }
        await storage.close()
        return baselines
    }

    /// How many baselines there are of these.
    static func baselines(_ numbers: ClosedRange<Int>, in storage: Storage) -> Int {
        storage.kept(of: numbers.map(id)).values.count { if case .pinned = $0.baseline { true } else { false } }
    }

    static func id(_ number: Int) -> WatchID { WatchID(account: "acme", webhookID: number) }

    static func configuration(_ number: Int, url: String? = nil) -> WebhookConfiguration {
        WebhookConfiguration(
            id: number,
            url: Secret(url ?? "https://canary-user:canary-pass@a.example/canary-path?canary-query=\(number)"),
            eventType: "business_\u{0}created", createdAt: 1, orgID: 42,
            customHeaders: [HeaderField("X-Auth-Token", "canary-header-\(number)")])
    }

    static func record(_ number: Int, _ storage: Storage, url: String? = nil) -> WatchRecord {
        let seen = configuration(number, url: url)
        return WatchRecord(
            id: id(number),
            proposal: LearnedBaseline(seen, source: .learned, since: 1000.25, key: storage.fingerprintKey),
            observation: seen, driftedSince: 7)
    }
}
