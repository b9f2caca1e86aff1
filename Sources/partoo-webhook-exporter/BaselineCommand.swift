import ArgumentParser
import ConfigurationFile
import Foundation
import Partoo
import Storage
import Transport
import Watching

/// What each webhook is meant to be: look at it, take what is for what should be, write it into the configuration.
struct BaselineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baseline", abstract: "Show, accept or export what each webhook is meant to be.",
        subcommands: [BaselineShowCommand.self, BaselineAcceptCommand.self, BaselineExportCommand.self])
}

/// What is pinned, since when, and by whom. Nothing secret is shown.
struct BaselineShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what each webhook is compared with: declared or learned, since when; values are withheld.")

    @OptionGroup var flags: WatchFlags

    @Flag(name: .customLong("json"), help: "One JSON object a webhook, for scripts.")
    var isJSON = false

    private struct Line: Encodable {
        struct Field: Encodable {
            var source: String
            var since: String?
            var value: String?
        }

        var account: String
        var webhook_id: Int
        var fields: [String: Field]
    }

    func run() async throws {
        let loaded = try ConfigurationSource.load(flags.configFile)
        let storage = try StoredState.existing(flags.storage.settings(loaded.configuration.storage))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var unreadable = 0
        for watch in try flags.watches(in: loaded.configuration, storage) {
            let baseline = storage?.kept(of: watch.id).baseline ?? .absent
            if baseline == .unreadable { unreadable += 1 }
            let fields = Dictionary(
                uniqueKeysWithValues: ConfigurationField.allCases.map {
                    ($0.rawValue, Self.field($0, of: watch, baseline))
                })
            if isJSON {
                let line = Line(account: watch.id.account, webhook_id: watch.id.webhookID, fields: fields)
                print(String(decoding: try encoder.encode(line), as: UTF8.self))
            } else {
                print(watch.id)
                for name in ConfigurationField.allCases.map(\.rawValue) {
                    guard let field = fields[name] else { continue }
                    let since = (field.since ?? "").padded(to: 20)
                    let text = "  \(name.padded(to: 15)) \(field.source.padded(to: 10)) \(since) \(field.value ?? "")"
                    print(text.reversed().drop { $0 == " " }.reversed().map(String.init).joined())
                }
            }
        }
        if unreadable > 0 { throw Failure("error: \(unreadable) learned baselines cannot be read") }
    }

    private static func field(
        _ field: ConfigurationField, of watch: Watch, _ baseline: KeptBaseline
    ) -> Line.Field {
        if watch.ignoredFields.contains(field) { return Line.Field(source: "ignored") }
        if watch.expectation.declares(field) {
            return Line.Field(source: "declared", value: declared(field, watch.expectation))
        }
        switch baseline {
        case .absent: return Line.Field(source: "none")
        case .unreadable: return Line.Field(source: "unreadable")
        case .pinned(let stored):
            return Line.Field(
                source: stored.baseline.source.rawValue,
                since: Date(timeIntervalSince1970: stored.baseline.since).formatted(.iso8601),
                value: learned(field, stored.baseline))
        }
    }

    private static func declared(_ field: ConfigurationField, _ expectation: Expectation) -> String? {
        switch field {
        case .url:
            if case .exactly(let url) = expectation.url { url.redactedURL } else { "(a hash)" }
        case .eventType: expectation.eventType?.printable
        case .orgID: expectation.orgID.map(String.init)
        case .customHeaders: names(expectation.customHeaders?.map(\.name.printable) ?? [])
        }
    }

    private static func learned(_ field: ConfigurationField, _ baseline: LearnedBaseline) -> String {
        switch field {
        case .url: "\(baseline.redactedURL) [\(baseline.url)]"
        case .eventType: baseline.eventType.printable
        case .orgID: String(baseline.orgID)
        case .customHeaders: names(baseline.customHeaders.map { "\($0.name.printable) [\($0.value)]" })
        }
    }

    private static func names(_ names: [String]) -> String {
        names.isEmpty ? "(none)" : names.joined(separator: ", ")
    }
}

/// Takes what was last observed for what should be. A running exporter follows at its next check.
struct BaselineAcceptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Take the last observation of a webhook (or of all) as its new learned baseline.")

    @OptionGroup var flags: WatchFlags

    @Flag(name: .customLong("all"), help: "All watched webhooks.")
    var isAll = false

    func validate() throws {
        guard isAll != (flags.webhookID != nil) else {
            throw ValidationError("choose either --webhook-id N or --all")
        }
    }

    func run() async throws {
        let loaded = try ConfigurationSource.load(flags.configFile)
        let settings = flags.storage.settings(loaded.configuration.storage)
        guard let storage = try StoredState.existing(settings, isWritten: true) else {
            throw Failure("error: there is no database \(settings.path): nothing was observed yet")
        }
        let watches = try flags.watches(in: loaded.configuration, storage)
        if !isAll, watches.count > 1 {
            throw Failure("error: \(watches.count) accounts have webhook \(watches[0].id.webhookID): add --account")
        }
        let now = Date().timeIntervalSince1970
        var unseen: [WatchID] = []
        for watch in watches {
            var state = WatchState(
                watch: watch, key: storage.fingerprintKey, at: now, kept: storage.kept(of: watch.id))
            guard let declared = state.accept(at: now), let baseline = state.learned else {
                unseen.append(watch.id)
                continue
            }
            do {
                try storage.accept(baseline, for: watch.id)
            } catch {
                throw Failure("error: \(watch.id): \(error)")
            }
            print("\(watch.id): accepted, \(baseline.redactedURL) [\(baseline.url)]")
            if !declared.isEmpty {
                let fields = declared.map(\.rawValue).sorted().joined(separator: ", ")
                print("  still drifted, because declared otherwise: \(fields)")
            }
        }
        await storage.close()
        guard unseen.isEmpty else {
            throw Failure(
                status: 1, lines: unseen.map { "error: \($0): no observation is kept, so there is nothing to accept" })
        }
    }
}
