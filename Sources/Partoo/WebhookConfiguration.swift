package import Transport

/// One webhook configuration as the API gives it. Source: `GET /v2/webhooks/{webhook_id}` of the Partoo API reference.
package struct WebhookConfiguration: Sendable, Hashable {
    package var id: Int
    /// Where the events are sent. May hold a shared secret in its path or query.
    package var url: Secret
    /// As received, known or not.
    package var eventType: String
    /// Seconds since 1970; nil where the text could not be read.
    package var createdAt: Double?
    package var updatedAt: Double?
    package var orgID: Int
    /// Added to every delivery; in the order of their names.
    package var customHeaders: [HeaderField]

    package init(
        id: Int, url: Secret, eventType: String, createdAt: Double? = nil, updatedAt: Double? = nil, orgID: Int,
        customHeaders: [HeaderField] = []
    ) {
        self.id = id
        self.url = url
        self.eventType = eventType
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.orgID = orgID
        self.customHeaders = customHeaders
    }
}

/// Why the API could not be read. The raw values are the labels of `config_check_failure` and `api_failure`.
package enum CheckFailureReason: String, Sendable, Hashable, CaseIterable {
    case dns, connect, tls, timeout
    /// 401
    case unauthorized
    /// 403
    case forbidden
    /// 404 with the API's own JSON error
    case notFound = "not_found"
    /// 429
    case rateLimited = "rate_limited"
    /// 5xx
    case serverError = "server_error"
    case unexpectedStatus = "unexpected_status"
    /// Not the documented JSON, or another id than asked for.
    case malformed
    case `internal`
}

/// A documented rule that a configuration can break. The raw values are the label `rule` of `config_violation`.
package enum WebhookRule: String, Sendable, Hashable, CaseIterable {
    case https
    case eventType = "event_type"
    case headerPrefix = "header_prefix"
    case headerReserved = "header_reserved"
    case headerCount = "header_count"
    case headerNameLength = "header_name_length"
    case headerValueLength = "header_value_length"
    case headerNameCharacters = "header_name_characters"
}
