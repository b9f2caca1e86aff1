package import Transport

/// What a check of one configuration came to.
package enum CheckOutcome: Sendable {
    case configuration(WebhookConfiguration)
    /// The API's own 404: this webhook does not exist.
    case missing
    case failure(APIFailure)
}

/// Why the API could not be read.
package struct APIFailure: Error, Sendable, Hashable {
    package var reason: CheckFailureReason
    /// One sentence without secrets.
    package var message: String
    /// How long the API asks to be left alone, after a 429.
    package var retryAfter: Duration?

    package init(_ reason: CheckFailureReason, _ message: String, retryAfter: Duration? = nil) {
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
    }
}

/// One call to the API, for the metrics.
package struct APICall: Sendable {
    package enum Endpoint: String, Sendable, CaseIterable {
        case webhook, webhooks
    }

    package var endpoint: Endpoint
    /// nil: no answer.
    package var status: Int?
    package var duration: Duration
    /// nil: the answer was understood, a missing webhook included.
    package var failure: APIFailure?

    package init(endpoint: Endpoint, status: Int?, duration: Duration, failure: APIFailure? = nil) {
        self.endpoint = endpoint
        self.status = status
        self.duration = duration
        self.failure = failure
    }
}

/// Reads an account's webhook configurations. One call is one request: budget, backoff and retries are the caller's.
package struct PartooClient: Sendable {
    package static let maximumAnswerBytes = 1 << 20

    private let transport: any Transport
    private let baseURL: String
    private let apiKey: Secret
    private let userAgent: String
    private let timeout: Duration
    private let tls: TLSOptions
    private let now: @Sendable () -> Double

    /// - Parameters:
    ///   - baseURL: without a trailing slash.
    ///   - now: seconds since 1970, for an HTTP-date in `Retry-After`.
    package init(
        transport: any Transport, baseURL: String, apiKey: Secret, userAgent: String,
        timeout: Duration = .seconds(15), caFile: String? = nil, now: @escaping @Sendable () -> Double
    ) {
        self.transport = transport
        self.baseURL = baseURL
        self.apiKey = apiKey
        self.userAgent = userAgent
        self.timeout = timeout
        self.tls = TLSOptions(caFile: caFile)
        self.now = now
    }

    /// `GET /webhooks/{id}`.
    ///
    /// - Returns: nil where the task was cancelled.
    package func fetchWebhook(_ id: Int, orgID: Int?) async -> (outcome: CheckOutcome, call: APICall)? {
        let query = orgID.map { "?org_id=\($0)" } ?? ""
        let transfer = await get("/webhooks/\(id)\(query)")
        let outcome: CheckOutcome
        switch Self.answer(transfer, of: .webhook, now: now()) {
        case nil: return nil
        case .failure(let failure) where failure.reason == .notFound: outcome = .missing
        case .failure(let failure): outcome = .failure(failure)
        case .success(let body):
            do {
                outcome = .configuration(try WebhookConfiguration(json: body, id: id))
            } catch {
                outcome = .failure(APIFailure(.malformed, "the API's answer is not as documented: \(error)"))
            }
        }
        var call = Self.call(.webhook, transfer)
        if case .failure(let failure) = outcome { call.failure = failure }
        return (outcome, call)
    }

    /// `GET /webhooks`, one page.
    ///
    /// - Returns: nil where the task was cancelled.
    package func listWebhooks(
        orgID: Int?, page: Int, perPage: Int = 100
    ) async -> (result: Result<WebhookList, APIFailure>, call: APICall)? {
        let organisation = orgID.map { "org_id=\($0)&" } ?? ""
        let transfer = await get("/webhooks?\(organisation)page=\(page)&per_page=\(perPage)")
        guard let answer = Self.answer(transfer, of: .webhooks, now: now()) else { return nil }
        let result = answer.flatMap { body in
            Result { () throws(MalformedAnswer) in try WebhookList(json: body) }
                .mapError { APIFailure(.malformed, "the API's list is not as documented: \($0)") }
        }
        var call = Self.call(.webhooks, transfer)
        if case .failure(let failure) = result { call.failure = failure }
        return (result, call)
    }

    private func get(_ path: String) async -> Transfer {
        await transport.perform(
            Request(
                method: .get, url: Secret(baseURL + path),
                headers: [
                    HeaderField(name: "x-APIKey", value: apiKey), HeaderField("Accept", "application/json"),
                    HeaderField("User-Agent", userAgent),
                ],
                // HTTP/2 of older libcurl can report a cut body as whole.
                timeout: timeout, httpVersion: .http1_1, maximumResponseBytes: Self.maximumAnswerBytes, tls: tls))
    }

    private static func call(_ endpoint: APICall.Endpoint, _ transfer: Transfer) -> APICall {
        let status: Int? =
            switch transfer.result {
            case .success(let response): response.status
            case .failure: nil
            }
        return APICall(endpoint: endpoint, status: status, duration: transfer.timings.total)
    }

    /// The body of a good answer, or why there is none; nil for a cancelled transfer.
    private static func answer(
        _ transfer: Transfer, of endpoint: APICall.Endpoint, now: Double
    ) -> Result<[UInt8], APIFailure>? {
        switch transfer.result {
        case .failure(let error):
            guard error.reason != .cancelled else { return nil }
            return .failure(APIFailure(reason(error.reason), "the API could not be reached: \(error.message)"))
        case .success(let response):
            switch response.status {
            case 200:
                return response.isTruncated
                    ? .failure(APIFailure(.malformed, "the API's answer is longer than \(maximumAnswerBytes) bytes"))
                    : .success(response.body)
            case 401: return .failure(APIFailure(.unauthorized, "the API refused the key (401)"))
            case 403: return .failure(APIFailure(.forbidden, "the API did not allow the operation (403)"))
            // A list is never missing.
            case 404 where endpoint == .webhook && APIErrorBody.isAPIError(response.body):
                return .failure(APIFailure(.notFound, "the API knows no such webhook (404)"))
            case 429:
                let delay = RetryAfter.delay(response.header("Retry-After"), now: now)
                return .failure(APIFailure(.rateLimited, "the API's rate limit is reached (429)", retryAfter: delay))
            case 500...599:
                return .failure(APIFailure(.serverError, "the API answered with status \(response.status)"))
            default:
                return .failure(
                    APIFailure(.unexpectedStatus, "the API answered with the unexpected status \(response.status)"))
            }
        }
    }

    private static func reason(_ reason: TransferError.Reason) -> CheckFailureReason {
        switch reason {
        case .dns: .dns
        case .connectRefused, .connectTimeout, .connect, .reset, .emptyResponse, .proxy, .addressForbidden: .connect
        case .tlsExpired, .tlsNotYetValid, .tlsHostname, .tlsUntrusted, .tlsHandshake, .tlsTimeout: .tls
        case .responseTimeout: .timeout
        case .httpProtocol: .malformed
        case .urlInvalid, .headerInvalid, .schemeForbidden, .cancelled, .internal: .internal
        }
    }
}
