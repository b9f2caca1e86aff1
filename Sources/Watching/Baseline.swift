package import Partoo
import Transport

/// What a configuration was when it was learned or accepted. Holds no secret in clear, so it may be kept.
package struct LearnedBaseline: Sendable, Hashable {
    package enum Source: String, Sendable, Hashable, CaseIterable {
        case learned, accepted
    }

    /// The URL without what may be secret in it.
    package var redactedURL: String { target.map { $0 + "/(redacted)" } ?? "an unreadable URL" }

    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: Fingerprint

        package init(name: String, value: Fingerprint) {
            self.name = name
            self.value = value
        }
    }

    package var source: Source
    /// Seconds since 1970.
    package var since: Double
    package var url: Fingerprint
    /// Scheme, host and port of the URL, to be shown; nil where it is unreadable.
    package var target: String?
    package var eventType: String
    package var orgID: Int
    package var customHeaders: [Header]

    package init(
        source: Source, since: Double, url: Fingerprint, target: String?, eventType: String, orgID: Int,
        customHeaders: [Header]
    ) {
        self.source = source
        self.since = since
        self.url = url
        self.target = target
        self.eventType = eventType
        self.orgID = orgID
        self.customHeaders = customHeaders
    }

    package init(_ observed: WebhookConfiguration, source: Source, since: Double, key: FingerprintKey) {
        self.init(
            source: source, since: since, url: key.fingerprint(observed.url, purpose: .url),
            target: Origin(url: observed.url.reveal())?.description, eventType: observed.eventType,
            orgID: observed.orgID,
            customHeaders: observed.customHeaders.map {
                Header(name: $0.name, value: key.fingerprint($0.value, purpose: .header))
            })
    }
}

/// Where a field's baseline comes from.
package enum BaselineSource: String, Sendable, Hashable, CaseIterable {
    case declared, learned, accepted
}

extension Expectation {
    package func declares(_ field: ConfigurationField) -> Bool {
        switch field {
        case .url: url != nil
        case .eventType: eventType != nil
        case .orgID: orgID != nil
        case .customHeaders: customHeaders != nil
        }
    }
}
