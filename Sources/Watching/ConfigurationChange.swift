package import Partoo
package import Transport

/// One change of an observed configuration, fit to be kept and shown: no secret is in it.
package struct ConfigurationChange: Sendable, Hashable {
    /// Who noticed: the check in its turn, or discovery, whose list showed that something had moved.
    package enum Notice: String, Sendable, Hashable, CaseIterable {
        case check, discovery
    }

    package struct Side: Sendable, Hashable {
        /// Redacted where it is a secret.
        package var text: String
        /// nil where the text says it all.
        package var fingerprint: Fingerprint?

        package init(text: String, fingerprint: Fingerprint? = nil) {
            self.text = text
            self.fingerprint = fingerprint
        }
    }

    /// Seconds since 1970.
    package var at: Double
    package var field: ConfigurationField
    /// The name of the custom header that changed.
    package var header: String?
    /// nil: a header that was added.
    package var from: Side?
    /// nil: a header that was removed.
    package var to: Side?
    package var noticedBy: Notice

    package init(
        at: Double, field: ConfigurationField, header: String? = nil, from: Side?, to: Side?, noticedBy: Notice
    ) {
        self.at = at
        self.field = field
        self.header = header
        self.from = from
        self.to = to
        self.noticedBy = noticedBy
    }

    /// All that changed from one observation to the next; each header by itself.
    package static func between(
        _ old: WebhookConfiguration, _ new: WebhookConfiguration, key: FingerprintKey, at now: Double,
        noticedBy: Notice
    ) -> [ConfigurationChange] {
        let drift = Drift.difference(from: old, to: new)
        func change(_ field: ConfigurationField, _ from: Side?, _ to: Side?, header: String? = nil) -> Self {
            Self(at: now, field: field, header: header, from: from, to: to, noticedBy: noticedBy)
        }
        func header(_ name: String, of configuration: WebhookConfiguration) -> Side? {
            configuration.customHeaders.first { $0.name.asciiLowercased == name.asciiLowercased }.map {
                Side(text: "(redacted)", fingerprint: key.fingerprint($0.value, purpose: .header))
            }
        }
        var changes: [ConfigurationChange] = []
        if drift.fields.contains(.url) {
            changes.append(change(.url, Side(url: old.url, key: key), Side(url: new.url, key: key)))
        }
        if drift.fields.contains(.eventType) {
            changes.append(change(.eventType, Side(text: old.eventType), Side(text: new.eventType)))
        }
        if drift.fields.contains(.orgID) {
            changes.append(change(.orgID, Side(text: String(old.orgID)), Side(text: String(new.orgID))))
        }
        changes += drift.addedHeaders.map { change(.customHeaders, nil, header($0, of: new), header: $0) }
        changes += drift.removedHeaders.map { change(.customHeaders, header($0, of: old), nil, header: $0) }
        changes += drift.changedHeaders.map {
            change(.customHeaders, header($0, of: old), header($0, of: new), header: $0)
        }
        return changes
    }
}

extension ConfigurationChange.Side {
    package init(url: Secret, key: FingerprintKey) {
        self.init(text: url.redactedURL, fingerprint: key.fingerprint(url, purpose: .url))
    }
}

extension Secret {
    /// A URL without what may be secret in it.
    package var redactedURL: String {
        (Origin(url: reveal())?.description).map { $0 + "/(redacted)" } ?? "an unreadable URL"
    }
}
