import ArgumentParser
import Foundation
import Simulator
import Web

/// The exporter on a simulated Partoo, to be looked at.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run on a simulated Partoo and simulated receivers on loopback, with faults that come and go.")

    @Option(
        name: .customLong("web.listen-address"), help: "Address to listen on.")
    var listenAddress = "127.0.0.1:9879"

    @OptionGroup var logging: LogFlags

    func run() async throws {
        let signals = await ProcessSignals.trapped()
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("partoo-webhook-exporter-demo-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        } catch {
            let parent = folder.deletingLastPathComponent().path
            throw Failure("error: cannot make a folder in \(parent); set TMPDIR to one that can be written")
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        let world = try await DemoWorld.start(in: folder)
        let web = try WebFlags.parse(["--web.listen-address", listenAddress])
        let play = Task { await world.play() }
        let exporter = Exporter(
            configFile: world.configurationPath, web: web, logging: logging, storage: try StorageFlags.parse([]),
            signals: signals,
            onListening: { Self.welcome($0.map(\.description).first ?? "", world.configurationPath) })
        do {
            try await exporter.run()
        } catch {
            play.cancel()
            await world.stop()
            throw error
        }
        play.cancel()
        await world.stop()
    }

    private static func welcome(_ address: String, _ configuration: String) {
        // As it was called, so that the lines below can be copied.
        let program = CommandLine.arguments.first ?? "partoo-webhook-exporter"
        var text = """

            The exporter watches a simulated Partoo on http://\(address)

              http://\(address)/          what is wrong now, for a person
              http://\(address)/metrics   the same for Prometheus


            """
        for exhibit in DemoWorld.exhibits {
            let number = String(exhibit.id)
            text += "  \(String(repeating: " ", count: 4 - number.count))\(number)  \(exhibit.shows)\n"
        }
        text += """

            Try, in another terminal:
              curl -s http://\(address)/metrics | grep -E 'config_state|probe_failure' | grep ' 1$'
              \(program) diff --config.file=\(configuration)
              \(program) probe --config.file=\(configuration) --webhook-id=8

            Ctrl-C stops it.


            """
        // Not print, which keeps text for a pipe back until the end.
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}
