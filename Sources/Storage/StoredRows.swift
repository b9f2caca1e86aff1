import FoundationEssentials
import GRDB
import Partoo
import Transport
import Watching

/// Rows as they lie in the database. Every text that comes from the API is inside JSON: SQLite's own ends at a NUL.
enum StoredRows {
    struct Undecodable: Error {}

    // MARK: Baselines

    private struct BaselineBody: Codable {
        struct Header: Codable {
            var name: String
            var value: Data
        }

        var url: Data
        var target: String?
        var eventType: String
        var orgID: Int
        var customHeaders: [Header]
    }

    static func body(_ baseline: LearnedBaseline) throws -> Data {
        let body = BaselineBody(
            url: Data(baseline.url.bytes), target: baseline.target, eventType: baseline.eventType,
            orgID: baseline.orgID,
            customHeaders: baseline.customHeaders.map { .init(name: $0.name, value: Data($0.value.bytes)) })
        return try JSONEncoder().encode(body)
    }

    static func tag(_ id: WatchID, source: String, since: Double, body: Data, _ keys: StorageKeys) -> Data {
        keys.tag([Data(id.description.utf8), Data(source.utf8), Data(since.bitPattern.description.utf8), body])
    }

    /// A row as it was read; nil where a column is not of its type, which a fault of the disk can bring about.
    struct BaselineRow: Sendable {
        var version: Int64?
        var source: String?
        var since: Double?
        var body: Data?
        var tag: Data?

        init(_ row: Row) {
            version = Int64.fromDatabaseValue(row["version"])
            source = String.fromDatabaseValue(row["source"])
            since = Double.fromDatabaseValue(row["since"])
            body = Data.fromDatabaseValue(row["body"])
            tag = Data.fromDatabaseValue(row["tag"])
        }
    }

    /// Whether the row is as we wrote it.
    static func isGenuine(_ row: BaselineRow, of id: WatchID, _ keys: StorageKeys) -> Bool {
        guard let source = row.source, let since = row.since, let body = row.body else { return false }
        return row.tag == tag(id, source: source, since: since, body: body, keys)
    }

    static func baseline(_ row: BaselineRow, of id: WatchID, _ keys: StorageKeys) throws -> StoredBaseline {
        guard let version = row.version, let sourceText = row.source,
            let source = LearnedBaseline.Source(rawValue: sourceText), let since = row.since, let bytes = row.body,
            row.tag == tag(id, source: sourceText, since: since, body: bytes, keys),
            let body = try? JSONDecoder().decode(BaselineBody.self, from: bytes)
        else { throw Undecodable() }
        return StoredBaseline(
            LearnedBaseline(
                source: source, since: since, url: Fingerprint(bytes: Array(body.url)), target: body.target,
                eventType: body.eventType, orgID: body.orgID,
                customHeaders: body.customHeaders.map {
                    .init(name: $0.name, value: Fingerprint(bytes: Array($0.value)))
                }),
            version: version)
    }

    // MARK: Observations

    private struct Observation: Codable {
        struct Header: Codable {
            var name: String
            var value: String
        }

        struct Configuration: Codable {
            var id: Int
            var url: String
            var eventType: String
            var createdAt: Double?
            var updatedAt: Double?
            var orgID: Int
            var customHeaders: [Header]
        }

        var configuration: Configuration?
        struct Discovery: Codable {
            var orgID: Int?
        }

        var isMissing: Bool
        var driftedSince: Double?
        /// Older versions of this program do not write it.
        var discovery: Discovery?
    }

    static func sealed(_ record: WatchRecord, _ keys: StorageKeys) throws -> Data {
        let observation = Observation(
            configuration: record.observation.map { seen in
                .init(
                    id: seen.id, url: seen.url.reveal(), eventType: seen.eventType, createdAt: seen.createdAt,
                    updatedAt: seen.updatedAt, orgID: seen.orgID,
                    customHeaders: seen.customHeaders.map { .init(name: $0.name, value: $0.value.reveal()) })
            }, isMissing: record.isMissing, driftedSince: record.driftedSince,
            discovery: record.discovery.map { .init(orgID: $0.orgID) })
        return try keys.seal(JSONEncoder().encode(observation), for: record.id)
    }

    /// What was sealed, without the baseline.
    static func observation(_ sealed: Data, of id: WatchID, _ keys: StorageKeys) throws -> KeptWatch {
        guard let bytes = keys.open(sealed, for: id),
            let kept = try? JSONDecoder().decode(Observation.self, from: bytes)
        else { throw Undecodable() }
        return KeptWatch(
            observation: kept.configuration.map { seen in
                WebhookConfiguration(
                    id: seen.id, url: Secret(seen.url), eventType: seen.eventType, createdAt: seen.createdAt,
                    updatedAt: seen.updatedAt, orgID: seen.orgID,
                    customHeaders: seen.customHeaders.map { HeaderField($0.name, $0.value) })
            }, isMissing: kept.isMissing, driftedSince: kept.driftedSince,
            discovery: kept.discovery.map { DiscoveryOrigin(orgID: $0.orgID) })
    }

    // MARK: Changes

    private struct ChangeBody: Codable {
        struct Side: Codable {
            var text: String
            var fingerprint: Data?

            init?(_ side: ConfigurationChange.Side?) {
                guard let side else { return nil }
                text = side.text
                fingerprint = side.fingerprint.map { Data($0.bytes) }
            }

            var side: ConfigurationChange.Side {
                .init(text: text, fingerprint: fingerprint.map { Fingerprint(bytes: Array($0)) })
            }
        }

        var field: String
        var header: String?
        var from: Side?
        var to: Side?
        var noticedBy: String
    }

    static func body(_ change: ConfigurationChange) throws -> Data {
        try JSONEncoder().encode(
            ChangeBody(
                field: change.field.rawValue, header: change.header, from: .init(change.from), to: .init(change.to),
                noticedBy: change.noticedBy.rawValue))
    }

    /// nil for a row that cannot be read.
    static func change(_ row: Row) -> ConfigurationChange? {
        // No more authentic than the disk: up to the year 9999.
        guard let at = Double.fromDatabaseValue(row["at"]), (0..<253_402_300_800).contains(at),
            let bytes = Data.fromDatabaseValue(row["body"]),
            let body = try? JSONDecoder().decode(ChangeBody.self, from: bytes),
            let field = ConfigurationField(rawValue: body.field),
            let notice = ConfigurationChange.Notice(rawValue: body.noticedBy)
        else { return nil }
        return ConfigurationChange(
            at: at, field: field, header: body.header, from: body.from?.side, to: body.to?.side, noticedBy: notice)
    }
}
