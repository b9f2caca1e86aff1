import Exposition
import Glibc

/// Renders and joins the page of an exporter with many watches, and prints what that takes:
/// `swift run -c release ExpositionBenchmark [owners]`. With a format behind it (`text`, `openMetrics`, `protobuf`), writes
/// that page to standard output instead, for a validator to read.
let owners = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000
let clock = ContinuousClock()

func milliseconds(_ duration: Duration) -> String {
    let tenths = Int((duration.inSeconds * 10_000).rounded())
    return "\(tenths / 10).\(tenths % 10) ms"
}

func perSecond(_ bytes: Int, _ duration: Duration) -> String {
    "\(Int((Double(bytes) / duration.inSeconds / 1e6).rounded())) MB/s"
}

/// The best of a few runs: what the work costs when nothing else is in the way.
func best<Result>(of runs: Int, _ body: () throws -> Result) rethrows -> (time: Duration, result: Result) {
    var start = clock.now
    var result = try body()
    var time = start.duration(to: clock.now)
    for _ in 1..<runs {
        start = clock.now
        result = try body()
        time = min(time, start.duration(to: clock.now))
    }
    return (time, result)
}

let workload = try BenchmarkWorkload()
if let format = CommandLine.arguments.dropFirst(2).first.flatMap(ExpositionFormat.init) {
    let page = ExpositionPage(workload.catalogue, blocks: (0..<owners).map(workload.block))
    for chunk in page.chunks(format) {
        var rest = chunk[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            guard written > 0 else { exit(1) }
            rest = rest.dropFirst(written)
        }
    }
    exit(0)
}
let rendering = best(of: 3) { (0..<owners).map(workload.block) }
let blocks = rendering.result
let held = blocks.reduce(0) { $0 + $1.byteCount }
let each = rendering.time / owners
print("\(owners) owners, \(workload.catalogue.families.count) families")
print("render one block: \(Int(each.inSeconds * 1e9)) ns; held: \(held / owners) bytes a block, \(held / 1_000_000) MB")

let page = ExpositionPage(workload.catalogue, blocks: blocks)
for format in ExpositionFormat.allCases {
    let joined = best(of: 5) { page.render(format).count }
    let pieces = best(of: 5) { page.chunks(format).reduce(0) { $0 + $1.count } }
    let zipped = try best(of: 1) {
        let gzip = try Gzip()
        var size = 0
        for chunk in page.chunks(format) { size += try gzip.compress(chunk).count }
        return size + (try gzip.finish().count)
    }
    let size = joined.result
    print(
        """
        \(format): \(size) bytes; joined in \(milliseconds(joined.time)) (\(perSecond(size, joined.time))), \
        in chunks \(milliseconds(pieces.time)), gzipped \(milliseconds(zipped.time)) to \(zipped.result) bytes
        """)
}
