import Foundation
import Simulator
import TestSupport
import Testing

/// `--shard=auto` on a host name of the test's own.
@Suite struct AutomaticShardTests {
    private static let isPossible = geteuid() == 0

    private func configure(_ world: World) throws -> String {
        for id in 1...40 { world.partoo.put(.init(id: id, url: "http://127.0.0.1/\(id)")) }
        return try world.configure((1...40).map { "webhook_id: \($0)" }, storage: "\":memory:\"")
    }

    /// A command that gives the exporter a host name in a namespace of its own.
    private func hostName(_ name: String) -> [String] {
        ["/usr/bin/unshare", "--uts", "/bin/sh", "-ec", "hostname '\(name)'; exec \"$0\" \"$@\""]
    }

    private func start(_ path: String, _ arguments: [String], host: String) throws -> ExporterProcess {
        try ExporterProcess(
            ["serve", "--config.file", path, "--web.listen-address", "127.0.0.1:0"] + arguments,
            wrappedIn: hostName(host))
    }

    private func watches(of exporter: ExporterProcess) async throws -> (shard: Double?, ids: Set<String>) {
        let samples = try await exporter.samples { $0["partoo_exporter_watches", ["source": "static"]] ?? 0 > 0 }
        let series = samples.series("partoo_webhook_config_checks_total")
        let ids = (1...40).map(String.init).filter { id in series.contains { $0.contains("webhook_id=\"\(id)\"") } }
        #expect(await exporter.stop() == 0)
        return (samples["partoo_exporter_shard"], Set(ids))
    }

    @Test(.enabled(if: isPossible, "unshare --uts takes root"))
    func theOrdinalAtTheEndOfTheHostNameIsTheShard() async throws {
        let world = try await World()
        let path = try configure(world)
        let auto = try await watches(
            of: try start(
                path, ["--shard=auto", "--total-shards=3"], host: "partoo-webhook-exporter-2"))
        #expect(auto.shard == 2 && auto.ids.count > 5)
        var all = auto.ids
        for shard in 0..<2 {
            let other = try await watches(
                of: try world.start(path, ["--shard=\(shard)", "--total-shards=3"]))
            #expect(other.ids.isDisjoint(with: all) && other.ids.count > 5)
            all.formUnion(other.ids)
        }
        #expect(all.count == 40)
        // The domain after the name is none of it.
        let same = try await watches(
            of: try start(path, ["--shard=auto", "--total-shards=3"], host: "exporter-2.example"))
        #expect(same.ids == auto.ids)
    }

    @Test(
        .enabled(if: isPossible, "unshare --uts takes root"),
        arguments: [
            ("exporter", "does not end in a number"), ("7", "does not end in a number"),
            ("exporter-3", "must be below"),
        ])
    func aHostNameThatGivesNoShardIsOneClearLine(host: String, says: String) async throws {
        let world = try await World()
        let path = try configure(world)
        let exporter = try start(path, ["--shard=auto", "--total-shards=3"], host: host)
        #expect(await exporter.exitStatus() == 1)
        let lines = exporter.errors.split(separator: "\n")
        #expect(lines.count == 1 && exporter.errors.contains(says) && exporter.errors.contains("shard"), "\(lines)")
        if says == "does not end in a number" { #expect(exporter.errors.contains("'\(host)'")) }
    }
}
