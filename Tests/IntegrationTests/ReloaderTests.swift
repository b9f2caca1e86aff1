import ConfigurationFile
import ExporterMetrics
import Exposition
import Foundation
import Logging
import Monitoring
import Synchronization
import TestSupport
import Testing

@testable import partoo_webhook_exporter

/// Loads that come while an earlier one is put into force.
@Suite(.timeLimit(.minutes(5))) struct ReloaderTests {
    /// A reloader whose configurations come into force when the test lets them.
    private final class Rig: Sendable {
        private let folder: URL
        private let store: MetricsStore
        private let executor = SerialTaskExecutor()
        private let begun: AsyncStream<Void>
        private let gate: AsyncStream<Void>.Continuation
        private let reloader: Reloader
        private let steps: Steps

        final class Steps: Sendable {
            private let list = Mutex<[String]>([])
            func add(_ step: String) { list.withLock { $0.append(step) } }
            var all: [String] { list.withLock { $0 } }
        }

        init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("partoo-reload-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let file = folder.appendingPathComponent("config.yml")
            try Data(Self.good(1).utf8).write(to: file)
            try Data("key".utf8).write(to: folder.appendingPathComponent("api.key"))
            let loader = ConfigurationLoader(environment: { _ in nil })
            let loaded = try loader.load(path: file.path).get()
            store = MetricsStore(
                families: try MetricCatalogue(),
                build: MetricsStore.BuildInfo(
                    version: "1", revision: "r", swiftVersion: "6", libcurlVersion: "7", tlsLibrary: "t"),
                latencyBuckets: loaded.configuration.latencyBuckets)
            let (begun, begin) = AsyncStream.makeStream(of: Void.self)
            let (gate, open) = AsyncStream.makeStream(of: Void.self)
            let steps = Steps()
            (self.begun, self.gate, self.steps) = (begun, open, steps)
            reloader = Reloader(
                ConfigurationKeeper(path: file.path, loader: loader, loaded: loaded),
                storage: loaded.configuration.storage, store: store, time: SystemTimekeeper(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                apply: { configuration in
                    steps.add("begin \(configuration.watches.count)")
                    begin.yield()
                    for await _ in gate { break }
                    steps.add("end \(configuration.watches.count)")
                })
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        static func good(_ watches: Int) -> String {
            let list = (1...watches).map { "{webhook_id: \($0)}" }.joined(separator: ", ")
            return "accounts: [{name: acme, api_key_file: api.key}]\nwatches: [\(list)]"
        }

        var did: [String] { steps.all }
        var isSuccess: Bool {
            let samples = Samples(String(decoding: store.page().render(.text), as: UTF8.self))
            return samples["partoo_exporter_config_last_reload_successful"] == 1
        }

        /// Asks for a load of a text; returns when it waits for something, or has ended.
        func reload(_ text: String) async throws -> Task<Bool, Never> {
            try Data(text.utf8).write(to: folder.appendingPathComponent("config.yml"), options: .atomic)
            let task = Task(executorPreference: executor) { [reloader] in
                if case .success = await reloader.reload() { true } else { false }
            }
            await executor.idle()
            return task
        }

        /// Returns when one more begins to be put into force.
        func begins() async {
            for await _ in begun { break }
        }

        func open() { gate.yield() }
    }

    @Test func aBadLoadIsNotForgottenWhenTheGoodOneBeforeItComesIntoForce() async throws {
        let rig = try Rig()
        let good = try await rig.reload(Rig.good(2))
        await rig.begins()
        #expect(try await !rig.reload("nonsense").value)
        #expect(!rig.isSuccess)
        rig.open()
        #expect(await good.value)
        #expect(!rig.isSuccess, "the last load has failed")
    }

    @Test func loadsComeIntoForceInTheirOrderAndAreAnsweredThen() async throws {
        let rig = try Rig()
        let first = try await rig.reload(Rig.good(2))
        await rig.begins()
        let second = try await rig.reload(Rig.good(3))
        #expect(rig.did == ["begin 2"])
        rig.open()
        #expect(await first.value)
        await rig.begins()
        #expect(rig.did == ["begin 2", "end 2", "begin 3"])
        rig.open()
        #expect(await second.value)
        #expect(rig.did.last == "end 3" && rig.isSuccess)
    }
}
