import ArgumentParser
import ConfigurationFile
import Curl
import Foundation
import Partoo
import Watching

/// Every watch against its baseline, like a plan.
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: """
            Read every watched configuration now and show where it differs from its baseline; exit code 2 where one does or \
            is gone.
            """)

    @OptionGroup var flags: CheckFlags

    @Flag(name: .customLong("json"), help: "One JSON object a webhook, for scripts.")
    var isJSON = false

    private struct Line: Encodable {
        var account: String
        var webhook_id: Int
        var state: String
        var reason: String?
        var changes: [String]
        /// Neither declared nor learned; left out where there is none.
        var not_compared: [String]?
    }

    func run() async throws {
        let loaded = try ConfigurationSource.load(flags.chosen.configFile)
        let transport = try Transports.make(.kept)
        defer { transport.shutdown() }
        let checker = WatchChecker(
            loaded.configuration, transport: transport,
            storage: flags.chosen.storage.settings(loaded.configuration.storage),
            requestsPerMinute: flags.requestsPerMinute)
        let chosen = try flags.watches(in: loaded.configuration, checker.storage)
        let watches = chosen.filter(\.isEnabled)
        let paint = Paint(isOn: StandardStream.isOutputTerminal && !isJSON)
        var counts: [ConfigurationState: Int] = [:]
        for (index, watch) in watches.enumerated() {
            StandardStream.progress("\(index + 1)/\(watches.count) \(watch.id)")
            let state = try await checker.check(watch, isPatient: true)
            let known = state.state(at: checker.now)
            counts[known, default: 0] += 1
            StandardStream.progress("")
            try show(state, known, checker.uncompared(watch), paint)
        }
        if !isJSON {
            for watch in chosen where !watch.isEnabled { print("  \(watch.id): disabled, not read") }
            print(ConfigurationState.allCases.map { "\($0.rawValue): \(counts[$0] ?? 0)" }.joined(separator: ", "))
        }
        if counts[.drifted] != nil || counts[.missing] != nil { throw Failure(status: 2) }
        if counts[.unknown] != nil { throw Failure("error: not everything could be read and compared") }
    }

    private func show(
        _ state: WatchState, _ known: ConfigurationState, _ uncompared: [ConfigurationField], _ paint: Paint
    ) throws {
        let lines = DriftLines.lines(state)
        let reason = state.lastCheck?.failure
        if isJSON {
            let line = Line(
                account: state.id.account, webhook_id: state.id.webhookID, state: known.rawValue,
                reason: reason?.reason.rawValue, changes: lines,
                not_compared: uncompared.isEmpty ? nil : uncompared.map(\.rawValue))
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(line), as: UTF8.self))
            return
        }
        switch known {
        case .inSync: print("  \(state.id): in sync")
        case .drifted: print(paint(.yellow, "~ \(state.id): drifted"))
        case .missing: print(paint(.red, "- \(state.id): missing, \(reason?.message ?? "")"))
        case .unknown: print(paint(.red, "? \(state.id): unknown, \(state.unknownReason)"))
        }
        for line in lines {
            let colour: Paint.Colour = line.hasPrefix("+") ? .green : line.hasPrefix("-") ? .red : .yellow
            print("    " + paint(colour, line))
        }
        if let line = state.uncomparedLine(uncompared, known) { print("    \(line)") }
    }
}
