/// Every key of the configuration file, defined once.
package enum ConfigurationSchema {
    /// Dotted paths such as `modules.*.tls.ca_file`, `*` for a list's index or a name of the user's own. Without the forms
    /// of a value (`{env: …}`), which stand in many places: see ``valueForms``.
    package static var allKeys: [String] {
        keys(of: RootKey.self) + keys(of: AccountKey.self) + keys(of: AccountTLSKey.self) + keys(of: DiscoverKey.self)
            + keys(of: DefaultsKey.self) + keys(of: ModuleKey.self) + keys(of: ModuleTLSKey.self)
            + ["fail_if_header_matches", "fail_if_header_not_matches"].flatMap { list in
                HeaderRuleKey.allCases.map { "modules.*.\(list).*.\($0.rawValue)" }
            } + keys(of: WatchKey.self) + keys(of: ExpectKey.self) + keys(of: StorageKey.self)
            + keys(of: ProbingKey.self) + keys(of: MetricsKey.self)
    }

    /// The keys that may stand for a value: `env`, `file`, `sha256`, `salt`, `any`.
    package static var valueForms: [String] { ValueKey.allCases.map(\.rawValue) }

    private static func keys<Key: SectionKey>(of type: Key.Type) -> [String] {
        Key.allCases.map { Key.sectionPath.isEmpty ? $0.rawValue : "\(Key.sectionPath).\($0.rawValue)" }
    }
}

enum RootKey: String, SectionKey {
    case accounts, defaults, modules, watches
    case watchFiles = "watch_files"
    case watchSecretsDirectory = "watch_secrets_dir"
    case storage, probing, metrics

    static let sectionPath = ""
}

enum AccountKey: String, SectionKey {
    case name
    case baseURL = "base_url"
    case apiKeyFile = "api_key_file"
    case apiKeyEnvironment = "api_key_env"
    case apiKey = "api_key"
    case requestsPerMinute = "requests_per_minute"
    case tls, discover

    static let sectionPath = "accounts.*"
}

enum AccountTLSKey: String, SectionKey {
    case caFile = "ca_file"

    static let sectionPath = "accounts.*.tls"
}

enum DiscoverKey: String, SectionKey {
    case orgIDs = "org_ids"
    case eventTypes = "event_types"
    case interval
    case missingRetention = "missing_retention"
    case maximumWebhooks = "max_webhooks"
    case module, labels

    static let sectionPath = "accounts.*.discover"
}

enum DefaultsKey: String, SectionKey {
    case checkInterval = "check_interval"
    case probeInterval = "probe_interval"
    case module, labels

    static let sectionPath = "defaults"
}

enum ModuleKey: String, SectionKey {
    case method, timeout
    case validStatusCodes = "valid_status_codes"
    case validHTTPVersions = "valid_http_versions"
    case headers, body
    case bodyFile = "body_file"
    case trustedOrigins = "trusted_origins"
    case sendCustomHeaders = "send_custom_headers"
    case followRedirects = "follow_redirects"
    case httpVersion = "http_version"
    case ipProtocol = "ip_protocol"
    case maximumResponseBytes = "max_response_bytes"
    case failIfBodyMatches = "fail_if_body_matches"
    case failIfBodyNotMatches = "fail_if_body_not_matches"
    case failIfHeaderMatches = "fail_if_header_matches"
    case failIfHeaderNotMatches = "fail_if_header_not_matches"
    case tls
    case proxyURL = "proxy_url"
    case proxyFromEnvironment = "proxy_from_environment"
    case retries
    case allowedSchemes = "allowed_schemes"
    case allowedNetworks = "allowed_networks"

    static let sectionPath = "modules.*"
}

enum ModuleTLSKey: String, SectionKey {
    case caFile = "ca_file"
    case certificateFile = "cert_file"
    case keyFile = "key_file"
    case serverName = "server_name"
    case minimumVersion = "min_version"
    case insecureSkipVerify = "insecure_skip_verify"

    static let sectionPath = "modules.*.tls"
}

enum HeaderRuleKey: String, SectionKey {
    case header, regexp
    case allowMissing = "allow_missing"

    /// The section stands under two keys; ``ConfigurationSchema/allKeys`` names both.
    static let sectionPath = "modules.*.fail_if_header_matches.*"
}

enum WatchKey: String, SectionKey {
    case webhookID = "webhook_id"
    case account
    case orgID = "org_id"
    case module
    case checkInterval = "check_interval"
    case probeInterval = "probe_interval"
    case enabled, labels, expect, ignore

    static let sectionPath = "watches.*"
}

enum ExpectKey: String, SectionKey {
    case url
    case eventType = "event_type"
    case orgID = "org_id"
    case customHeaders = "custom_headers"

    static let sectionPath = "watches.*.expect"
}

enum StorageKey: String, SectionKey {
    case path
    case keyFile = "key_file"

    static let sectionPath = "storage"
}

enum ProbingKey: String, SectionKey {
    case maximumInFlight = "max_in_flight"

    static let sectionPath = "probing"
}

enum MetricsKey: String, SectionKey {
    case latencyBuckets = "latency_buckets"

    static let sectionPath = "metrics"
}

/// The forms that a value may take instead of being written out.
enum ValueKey: String, SectionKey {
    case env, file, sha256, salt, any

    static let sectionPath = "*"
}
