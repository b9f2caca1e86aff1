import ArgumentParser
import ConfigurationFile
import Curl
import Foundation
import Partoo
import Storage
import Transport
import Watching

/// From learned to declared in one step: every webhook as it is now, as the configuration's `watches`.
struct BaselineExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Read every watched configuration now and write it as `watches:` with `expect`; secrets as hashes.")

    @OptionGroup var flags: CheckFlags

    func run() async throws {
        let loaded = try ConfigurationSource.load(flags.chosen.configFile)
        let settings = flags.chosen.storage.settings(loaded.configuration.storage)
        let transport = try Transports.make(.kept)
        defer { transport.shutdown() }
        // Only to know what discovery found: what is exported is read afresh.
        let discovers = loaded.configuration.accounts.contains { $0.discovery != nil }
        let watches = try flags.chosen.watches(
            in: loaded.configuration, discovers ? try StoredState.existing(settings) : nil)
        let checker = WatchChecker(
            loaded.configuration, transport: transport, storage: settings, requestsPerMinute: flags.requestsPerMinute)
        var text = WatchListText(defaults: loaded.configuration.defaults)
        var unread: [(reason: String, watches: [WatchID])] = []
        var drifted: [WatchID] = []
        for (index, watch) in watches.enumerated() {
            var watch = watch
            var notes: [String] = []
            if watch.isEnabled {
                StandardStream.progress("\(index + 1)/\(watches.count) \(watch.id)")
                let state = try await checker.check(watch, isPatient: true)
                StandardStream.progress("")
                if state.lastCheck?.failure == nil, let observed = state.observation {
                    let fields = ConfigurationField.allCases.filter(state.drift.fields.contains).map(\.rawValue)
                    if !fields.isEmpty {
                        let names = fields.joined(separator: ", ")
                        notes.append("drifted from its baseline: \(names); what was observed is written")
                        drifted.append(watch.id)
                    }
                    watch.expectation = Self.expectation(observed, over: watch.expectation)
                } else {
                    notes.append("not read: \(state.unknownReason); what was declared is left as it was")
                    let reason = state.unknownReason
                    if let index = unread.firstIndex(where: { $0.reason == reason }) {
                        unread[index].watches.append(watch.id)
                    } else {
                        unread.append((reason, [watch.id]))
                    }
                }
            }
            text.append(watch, notes: notes)
        }
        FileHandle.standardOutput.write(Data(text.text.utf8))
        if !drifted.isEmpty {
            StandardStream.error(
                "warning: \(Self.names(drifted)): drifted from the baseline; what was observed is written")
        }
        guard unread.isEmpty else {
            throw Failure(status: 1, lines: unread.map { "error: \(Self.names($0.watches)): \($0.reason)" })
        }
    }

    private static func names(_ watches: [WatchID]) -> String {
        let shown = watches.prefix(3).map { "\($0)" }.joined(separator: ", ")
        return watches.count > 3 ? "\(shown) and \(watches.count - 3) more" : shown
    }

    /// The configuration as it is, declared. A header whose value does not matter goes on not mattering.
    private static func expectation(_ observed: WebhookConfiguration, over declared: Expectation) -> Expectation {
        let indifferent = Set(
            (declared.customHeaders ?? []).filter { $0.value == .any }.map { HeaderName($0.name) })
        return Expectation(
            url: .hashed(observed.url), eventType: observed.eventType, orgID: observed.orgID,
            customHeaders: observed.customHeaders.map {
                let isIndifferent = indifferent.contains(HeaderName($0.name))
                return ExpectedHeader(name: $0.name, value: isIndifferent ? .any : .hashed($0.value))
            })
    }
}
