package import Transport

/// The identity of a watch: account and webhook id.
package struct WatchID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let account: String
    package let webhookID: Int

    package init(account: String, webhookID: Int) {
        self.account = account
        self.webhookID = webhookID
    }

    /// `account/webhook_id`, which also feeds the phase and the shard hash.
    package var description: String { "\(account)/\(webhookID)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.account, left.webhookID) < (right.account, right.webhookID)
    }
}

/// The fields of a configuration that can drift. The raw values are the label `field`.
package enum ConfigurationField: String, Sendable, Hashable, CaseIterable {
    case url
    case eventType = "event_type"
    case orgID = "org_id"
    case customHeaders = "custom_headers"
}

/// Where a watch came from; `rawValue` is the label `source` of `partoo_exporter_watches`.
package enum WatchSource: String, Sendable, Hashable, CaseIterable {
    case `static`, file, discovered
}

/// One webhook configuration that is looked after, as the operator defined it.
package struct Watch: Sendable, Hashable {
    package var id: WatchID
    package var source: WatchSource
    /// Sent as `?org_id=`.
    package var orgID: Int?
    /// A name in the configuration's `modules`.
    package var module: String
    package var checkInterval: Duration
    package var probeInterval: Duration
    /// false: neither checked nor probed; its baseline is kept.
    package var isEnabled: Bool
    /// The operator's labels, sorted by name.
    package var labels: [Label]
    package var expectation: Expectation
    /// Fields without drift series and without a part in the state.
    package var ignoredFields: Set<ConfigurationField>

    package init(
        id: WatchID, source: WatchSource = .static, orgID: Int? = nil, module: String = "http",
        checkInterval: Duration = .seconds(60), probeInterval: Duration = .seconds(30), isEnabled: Bool = true,
        labels: [Label] = [], expectation: Expectation = Expectation(), ignoredFields: Set<ConfigurationField> = []
    ) {
        self.id = id
        self.source = source
        self.orgID = orgID
        self.module = module
        self.checkInterval = checkInterval
        self.probeInterval = probeInterval
        self.isEnabled = isEnabled
        self.labels = labels
        self.expectation = expectation
        self.ignoredFields = ignoredFields
    }
}

/// A label of the operator's own on every series of a watch.
package struct Label: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// The declared part of a baseline; nil fields are learned.
package struct Expectation: Sendable, Hashable {
    package var url: ExpectedValue?
    package var eventType: String?
    /// The watch's `org_id` unless `expect` says otherwise.
    package var orgID: Int?
    /// The whole set: name (as written) to value. Names are unique without case.
    package var customHeaders: [ExpectedHeader]?

    package init(
        url: ExpectedValue? = nil, eventType: String? = nil, orgID: Int? = nil, customHeaders: [ExpectedHeader]? = nil
    ) {
        self.url = url
        self.eventType = eventType
        self.orgID = orgID
        self.customHeaders = customHeaders
    }
}

package struct ExpectedHeader: Sendable, Hashable {
    package var name: String
    package var value: ExpectedValue

    package init(name: String, value: ExpectedValue) {
        self.name = name
        self.value = value
    }
}

/// What a secret value should be.
package enum ExpectedValue: Sendable, Hashable {
    case exactly(Secret)
    /// `hash` is SHA-256 over the salt's bytes followed by the value's UTF-8 bytes.
    case sha256(hash: [UInt8], salt: [UInt8])
    /// Present, whatever its value (headers only).
    case any
}
