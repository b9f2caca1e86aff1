// Writes baselines until it is killed, and says of each on standard error that it is kept once the storage says so.
//
// usage: StorageCrashWriter DATABASE ROUND
import Glibc
import Partoo
import Storage
import Transport
import Watching

@Sendable func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}

let storage = Storage(
    path: CommandLine.arguments[1], keyFile: CommandLine.arguments[1] + ".key",
    tell: { event in
        if case .failed(let text, _) = event {
            say("failed: \(text)")
            exit(1)
        }
    })
let round = Int(CommandLine.arguments[2]) ?? 0

await withDiscardingTaskGroup { group in
    for lane in 0..<4 {
        group.addTask {
            for number in 0... {
                let id = WatchID(account: "lane\(lane)", webhookID: round * 1_000_000 + number + 1)
                let seen = WebhookConfiguration(
                    id: id.webhookID, url: Secret("https://a.example/\(id)"), eventType: "business_created",
                    orgID: id.webhookID)
                let baseline = LearnedBaseline(
                    seen, source: .learned, since: Double(number), key: storage.fingerprintKey)
                let saved = await storage.save(WatchRecord(id: id, proposal: baseline, observation: seen))
                guard saved.isOnDisk else { exit(2) }
                say("kept \(id)")
            }
        }
    }
}
