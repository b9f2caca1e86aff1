package import Probing
package import Transport
package import Watching

/// The whole configuration, validated: what every other part works from.
package struct ExporterConfiguration: Sendable, Hashable {
    /// In the file's order; names are unique.
    package var accounts: [Account]
    /// What a watch has that does not say otherwise, discovered ones included.
    package var defaults: WatchDefaults
    /// By name; `http` is always among them.
    package var modules: [String: ProbeModule]
    /// The static ones and those of the watch files, in this order; identities are unique.
    package var watches: [Watch]
    /// The globs of `watch_files`, absolute.
    package var watchFiles: [String]
    /// `watch_secrets_dir`, absolute.
    package var watchSecretsDirectory: String?
    package var storage: StorageSettings
    /// How many probes run at once.
    package var maximumProbesInFlight: Int
    /// Upper bounds in seconds, ascending.
    package var latencyBuckets: [Double]

    package init(
        accounts: [Account] = [], defaults: WatchDefaults = WatchDefaults(), modules: [String: ProbeModule] = [:],
        watches: [Watch] = [], watchFiles: [String] = [], watchSecretsDirectory: String? = nil,
        storage: StorageSettings, maximumProbesInFlight: Int = 256,
        latencyBuckets: [Double] = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    ) {
        self.accounts = accounts
        self.defaults = defaults
        self.modules = modules
        self.watches = watches
        self.watchFiles = watchFiles
        self.watchSecretsDirectory = watchSecretsDirectory
        self.storage = storage
        self.maximumProbesInFlight = maximumProbesInFlight
        self.latencyBuckets = latencyBuckets
    }
}

/// `defaults`.
package struct WatchDefaults: Sendable, Hashable {
    package var checkInterval: Duration
    package var probeInterval: Duration
    package var module: String
    /// Sorted by name.
    package var labels: [Label]

    package init(
        checkInterval: Duration = .seconds(60), probeInterval: Duration = .seconds(30), module: String = "http",
        labels: [Label] = []
    ) {
        self.checkInterval = checkInterval
        self.probeInterval = probeInterval
        self.module = module
        self.labels = labels
    }
}

/// One entry of `accounts`, with its key read.
package struct Account: Sendable, Hashable {
    package var name: String
    /// Without a trailing slash.
    package var baseURL: String
    package var apiKey: Secret
    package var requestsPerMinute: Int
    package var caFile: String?
    package var discovery: DiscoverySettings?

    /// Whether what one asks the API the other would ask alike.
    package func asksLike(_ other: Account) -> Bool {
        name == other.name && baseURL == other.baseURL && apiKey == other.apiKey && caFile == other.caFile
    }

    package init(
        name: String, baseURL: String, apiKey: Secret, requestsPerMinute: Int = 240, caFile: String? = nil,
        discovery: DiscoverySettings? = nil
    ) {
        self.name = name
        self.baseURL = baseURL
        self.apiKey = apiKey
        self.requestsPerMinute = requestsPerMinute
        self.caFile = caFile
        self.discovery = discovery
    }
}

/// `accounts[].discover`.
package struct DiscoverySettings: Sendable, Hashable {
    package var orgIDs: [Int]
    package var eventTypes: [String]
    package var interval: Duration
    package var missingRetention: Duration
    package var maximumWebhooks: Int
    package var module: String
    /// Those of `defaults` included, sorted by name.
    package var labels: [Label]

    package init(
        orgIDs: [Int] = [], eventTypes: [String] = [], interval: Duration = .seconds(600),
        missingRetention: Duration = .seconds(7 * 86_400), maximumWebhooks: Int = 10_000, module: String = "http",
        labels: [Label] = []
    ) {
        self.orgIDs = orgIDs
        self.eventTypes = eventTypes
        self.interval = interval
        self.missingRetention = missingRetention
        self.maximumWebhooks = maximumWebhooks
        self.module = module
        self.labels = labels
    }
}

/// `storage`.
package struct StorageSettings: Sendable, Hashable {
    /// What `path` says for a database that is gone when the program ends.
    package static let memoryPath = ":memory:"

    /// Absolute, or ":memory:".
    package var path: String
    /// Absolute; ":memory:" where the database is in memory and no key file is named.
    package var keyFile: String

    package init(path: String, keyFile: String) {
        self.path = path
        self.keyFile = keyFile
    }
}

extension ExporterConfiguration {
    /// Whether any part of a baseline is learned, and so is lost where the storage does not last.
    package var learnsBaselines: Bool {
        accounts.contains { $0.discovery != nil } || !watchFiles.isEmpty
            || watches.contains { $0.isEnabled && $0.learnsBaseline }
    }
}

extension Watch {
    /// Whether a field that counts is left to be learned.
    package var learnsBaseline: Bool {
        var undeclared: Set<ConfigurationField> = []
        if expectation.url == nil { undeclared.insert(.url) }
        if expectation.eventType == nil { undeclared.insert(.eventType) }
        if expectation.orgID == nil { undeclared.insert(.orgID) }
        if expectation.customHeaders == nil { undeclared.insert(.customHeaders) }
        return !undeclared.subtracting(ignoredFields).isEmpty
    }
}
