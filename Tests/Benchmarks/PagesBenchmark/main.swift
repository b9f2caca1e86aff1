import Monitoring
import WatchSamples
import Web

/// What a page of the list costs, as HTML and as JSON, and how that grows with the watches behind it:
/// `swift run -c release PagesBenchmark [watches...]`. A page shows 200 at most, so that only the looking through may grow.
let counts = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let clock = ContinuousClock()

/// The best of a few runs, in milliseconds.
func best<Result>(of runs: Int = 5, _ body: () -> Result) -> Double {
    (0..<runs).map { _ in
        let time = clock.measure { _ = body() }
        return Double(time.components.seconds) * 1e3 + Double(time.components.attoseconds) * 1e-15
    }.min() ?? 0
}

func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

func figure(_ value: Double) -> String { padded(String(Int((value * 100).rounded()) / 100) + "." + tenths(value), 9) }

func tenths(_ value: Double) -> String { String(Int((value * 10).rounded(.down)) % 10) }

let questions = [
    ("first page", "/"), ("last page", "/?page=LAST"), ("by state", "/?state=failing"), ("by text", "/?q=receiver-42"),
]
var first: [String: Double] = [:]
print("milliseconds, and times what it takes of the first number of watches")
for count in counts.isEmpty ? [100, 1_000, 10_000] : counts {
    let details = WatchSamples.details(count)
    let listing = WatchListing(details, prefix: "", telemetryPath: "/metrics")
    let last = (count + 199) / 200
    var lines = [("copied for a page", best { details.map { $0 } }, 0)]
    for (name, query) in questions {
        let target = query.replacing("LAST", with: String(last))
        let page = WebRequest(method: "GET", target: target)
        let list = WebRequest(method: "GET", target: "/api/v1/webhooks" + target.dropFirst())
        lines.append(("HTML, \(name)", best { listing.page(for: page) }, listing.page(for: page).body.count))
        lines.append(("JSON, \(name)", best { listing.json(for: list) }, listing.json(for: list).body.count))
    }
    print("\n\(count) watches")
    for (name, time, bytes) in lines {
        let ratio = time / first[name, default: time]
        first[name] = first[name] ?? time
        let size = bytes > 0 ? padded("\(bytes) bytes", 16) : ""
        print("  \(name)\(String(repeating: " ", count: 20 - name.count))\(figure(time)) ms  ×\(figure(ratio))\(size)")
    }
}
