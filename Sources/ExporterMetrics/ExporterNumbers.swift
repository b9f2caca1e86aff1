import Exposition
import Monitoring
import Partoo
import Watching

/// The exporter's numbers about itself.
struct ExporterNumbers: Sendable {
    struct AccountNumbers: Sendable {
        /// nil before the first call.
        var isUp: Bool?
        var failure: CheckFailureReason?
        var requests: [APICall.Endpoint: [String: Int]] = [:]
        var durations: [APICall.Endpoint: Histogram]
        var waited = Duration.zero
        var rateLimited = 0
        var discovers: Bool
        var discovery: DiscoveryReport?

        init(discovers: Bool) {
            self.discovers = discovers
            durations = Dictionary(
                uniqueKeysWithValues: APICall.Endpoint.allCases.map { ($0, Histogram(ExporterNumbers.apiBuckets)) })
        }

        mutating func record(_ call: APICall) {
            requests[call.endpoint, default: [:]][call.status.map(String.init) ?? "000", default: 0] += 1
            durations[call.endpoint]?.observe(call.duration)
            if call.status == 429 { rateLimited += 1 }
            failure = Self.outage(call)
            isUp = failure == nil
        }

        /// Why the account is down: not answered, or refused. What an answer says of one webhook is no matter of the account,
        /// so one that is malformed or of an unexpected status leaves it up.
        private static func outage(_ call: APICall) -> CheckFailureReason? {
            guard let reason = call.failure?.reason else { return nil }
            switch reason {
            case .notFound, .malformed, .unexpectedStatus: return call.status == nil ? reason : nil
            case .dns, .connect, .tls, .timeout, .unauthorized, .forbidden, .rateLimited, .serverError, .internal:
                return reason
            }
        }
    }

    static let apiBuckets = BucketBounds([0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
    static let latenessBuckets = BucketBounds([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30])

    var accounts: [String: AccountNumbers] = [:]
    var lateness = Dictionary(
        uniqueKeysWithValues: TurnKind.allCases.map { ($0, Histogram(ExporterNumbers.latenessBuckets)) })
    var missed: [TurnKind: Int] = [:]
    var probesInFlight = 0
    var lastReloadSuccessful = true
    var lastReloadSuccess: Double?
    var removedByReload = 0
    var storageErrors = 0
    var removedByRetention = 0
    var badWatchFiles: [String] = []
    var scrapesInFlight = 0
    var scrapes: [Int: Int] = [:]

    mutating func set(_ reports: [AccountReport]) {
        var kept: [String: AccountNumbers] = [:]
        for report in reports {
            var numbers = accounts[report.name] ?? AccountNumbers(discovers: report.discovers)
            numbers.discovers = report.discovers
            kept[report.name] = numbers
        }
        accounts = kept
    }
}

/// The block of the exporter's own series.
struct ExporterRendering {
    let families: MetricCatalogue
    let numbers: ExporterNumbers
    let sources: [WatchSource: Int]
    let build: MetricsStore.BuildInfo
    let shard: (number: Int, total: Int)

    /// Counted from 0 on for the codes that matter; others from their first occurrence.
    private static let usualCodes = ["200", "401", "403", "404", "429", "500", "000"]

    func block() -> SeriesBlock {
        var builder = SeriesBlock.Builder(families.catalogue)
        builder.add(
            families[.buildInfo], 1,
            Labels([
                ("version", build.version), ("revision", build.revision), ("swift_version", build.swiftVersion),
                ("libcurl_version", build.libcurlVersion), ("tls_library", build.tlsLibrary),
            ]))
        builder.add(families[.lastReloadSuccessful], numbers.lastReloadSuccessful)
        builder.add(families[.lastReloadSuccess], numbers.lastReloadSuccess)
        for file in numbers.badWatchFiles { builder.add(families[.watchFileError], 1, ["file": file]) }
        for source in WatchSource.allCases {
            builder.add(families[.watches], sources[source] ?? 0, ["source": source.rawValue])
        }
        builder.add(families[.watchesRemoved], numbers.removedByReload, ["reason": "reload"])
        builder.add(families[.watchesRemoved], numbers.removedByRetention, ["reason": "retention"])
        for (name, account) in numbers.accounts.sorted(by: { $0.key < $1.key }) {
            add(account, ["account": name], &builder)
        }
        for kind in TurnKind.allCases {
            let labels: Labels = ["kind": kind.rawValue]
            builder.add(families[.scheduleLateness], numbers.lateness[kind]?.snapshot, labels)
            builder.add(families[.scheduleMissed], numbers.missed[kind] ?? 0, labels)
        }
        builder.add(families[.probesInFlight], numbers.probesInFlight)
        builder.add(families[.shard], shard.number)
        builder.add(families[.totalShards], shard.total)
        builder.add(families[.storageErrors], numbers.storageErrors)
        addProcess(&builder)
        return builder.build()
    }

    private func add(
        _ account: ExporterNumbers.AccountNumbers, _ labels: Labels, _ builder: inout SeriesBlock.Builder
    ) {
        builder.add(families[.apiUp], account.isUp, labels)
        if let failure = account.failure {
            builder.add(families[.apiFailure], 1, labels.with("reason", failure.rawValue))
        }
        for endpoint in APICall.Endpoint.allCases {
            let labels = labels.with("endpoint", endpoint.rawValue)
            let counts = account.requests[endpoint] ?? [:]
            for code in Set(counts.keys).union(Self.usualCodes).sorted() {
                builder.add(families[.apiRequests], counts[code] ?? 0, labels.with("code", code))
            }
            builder.add(families[.apiRequestDuration], account.durations[endpoint]?.snapshot, labels)
        }
        builder.add(families[.apiRateLimitWait], account.waited.seconds, labels)
        builder.add(families[.apiRateLimited], account.rateLimited, labels)
        if account.discovers {
            let discovery = account.discovery ?? DiscoveryReport()
            builder.add(families[.discoveryLastSuccess], discovery.lastSuccess, labels)
            builder.add(families[.discoveryTruncated], discovery.isTruncated, labels)
            builder.add(families[.discoveryFailures], discovery.failures, labels)
        }
    }

    private func addProcess(_ builder: inout SeriesBlock.Builder) {
        let process = ProcessStatistics.read()
        builder.add(families[.cpu], process.cpuSeconds)
        builder.add(families[.openDescriptors], process.openDescriptors)
        builder.add(families[.maximumDescriptors], process.maximumDescriptors)
        builder.add(families[.virtualMemory], process.virtualBytes)
        builder.add(families[.maximumVirtualMemory], process.maximumVirtualBytes)
        builder.add(families[.residentMemory], process.residentBytes)
        builder.add(families[.started], process.startSeconds)
        builder.add(families[.networkReceived], process.receivedBytes)
        builder.add(families[.networkSent], process.sentBytes)
        builder.add(families[.handlerInFlight], numbers.scrapesInFlight)
        for code in Set(numbers.scrapes.keys).union([200, 500, 503]).sorted() {
            builder.add(families[.handlerRequests], numbers.scrapes[code] ?? 0, ["code": String(code)])
        }
    }
}
