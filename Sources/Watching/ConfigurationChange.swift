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

    /// So much is kept of an event type or of a header's name, which the API may make as long as it likes.
    fileprivate static let maximumText = WebhookRule.maximumNameLength

    /// All that changed from one observation to the next; each header by itself.
    package static func between(
        _ old: WebhookConfiguration, _ new: WebhookConfiguration, key: FingerprintKey, at now: Double,
        noticedBy: Notice
    ) -> [ConfigurationChange] {
        let drift = Drift.difference(from: old, to: new)
        func change(_ field: ConfigurationField, _ from: Side?, _ to: Side?, header: String? = nil) -> Self {
            Self(
                at: now, field: field, header: header?.shortened(to: maximumText), from: from, to: to,
                noticedBy: noticedBy)
        }
        var changes: [ConfigurationChange] = []
        if drift.fields.contains(.url) {
            changes.append(change(.url, Side(url: old.url, key: key), Side(url: new.url, key: key)))
        }
        if drift.fields.contains(.eventType) {
            changes.append(change(.eventType, Side(outside: old.eventType), Side(outside: new.eventType)))
        }
        if drift.fields.contains(.orgID) {
            changes.append(change(.orgID, Side(text: String(old.orgID)), Side(text: String(new.orgID))))
        }
        guard drift.fields.contains(.customHeaders) else { return changes }
        let before = old.customHeaders.firstByHeader(\.name)
        let after = new.customHeaders.firstByHeader(\.name)
        func side(_ name: String, _ headers: [HeaderName: HeaderField]) -> Side? {
            headers[HeaderName(name)].map {
                Side(text: "(redacted)", fingerprint: key.fingerprint($0.value, purpose: .header))
            }
        }
        changes += drift.addedHeaders.map { change(.customHeaders, nil, side($0, after), header: $0) }
        changes += drift.removedHeaders.map { change(.customHeaders, side($0, before), nil, header: $0) }
        changes += drift.changedHeaders.map {
            change(.customHeaders, side($0, before), side($0, after), header: $0)
        }
        return changes
    }
}

extension ConfigurationChange.Side {
    fileprivate init(outside text: String) {
        self.init(text: text.shortened(to: ConfigurationChange.maximumText))
    }

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
