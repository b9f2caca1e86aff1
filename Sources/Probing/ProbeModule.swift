package import Transport

/// How to probe: one entry of `modules` in the configuration, checked and with its secrets read.
package struct ProbeModule: Sendable, Hashable {
    package var name: String
    package var method: HTTPMethod = .head
    /// The whole probe, redirects and the certificate handshake included; each retry has its own.
    package var timeout: Duration = .seconds(10)
    /// Empty: the defaults of the method (README, "A good probe").
    package var validStatusCodes: [ClosedRange<Int>] = []
    /// Empty: all.
    package var validHTTPVersions: Set<HTTPVersion> = []
    /// The operator's own headers, sent to trusted origins only.
    package var headers: [HeaderField] = []
    package var body: [UInt8] = []
    /// Besides the baseline's origin.
    package var trustedOrigins: Set<Origin> = []
    package var sendsCustomHeaders = true
    package var followsRedirects = false
    package var httpVersion: HTTPVersionChoice = .automatic
    package var ipProtocol: IPProtocolChoice = .any
    package var maximumResponseBytes = 1 << 20
    /// PCRE2 patterns.
    package var failIfBodyMatches: [String] = []
    package var failIfBodyNotMatches: [String] = []
    package var failIfHeaderMatches: [HeaderRule] = []
    package var failIfHeaderNotMatches: [HeaderRule] = []
    package var tls = TLSOptions()
    package var proxy: Secret?
    package var proxyFromEnvironment = false
    /// Immediate confirmations before a failure counts.
    package var retries = 0
    package var allowedSchemes: Set<String> = ["https"]
    package var allowedNetworks: [IPNetwork] = []

    package init(name: String) {
        self.name = name
    }

    /// Body rules need the body as sent, so they keep a probe on HTTP/1.1 unless told otherwise.
    package var hasBodyRules: Bool { !failIfBodyMatches.isEmpty || !failIfBodyNotMatches.isEmpty }
}

/// A rule about a response header.
package struct HeaderRule: Sendable, Hashable {
    package var header: String
    /// A PCRE2 pattern.
    package var regexp: String
    /// A missing header is no failure of the rule.
    package var allowMissing: Bool

    package init(header: String, regexp: String, allowMissing: Bool = false) {
        self.header = header
        self.regexp = regexp
        self.allowMissing = allowMissing
    }
}

/// A CIDR block.
package struct IPNetwork: Sendable, Hashable {
    package let address: IPAddress
    package let prefixLength: Int

    /// nil unless the text is `address` or `address/prefix`.
    package init?(_ text: some StringProtocol) {
        let parts = String(text).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let head = parts.first, let address = IPAddress(head) else { return nil }
        let bits = address.bytes.count * 8
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy(\.isASCIIDigit), let length = Int(parts[1]),
                (0...bits).contains(length)
            else { return nil }
            prefixLength = length
        } else {
            prefixLength = bits
        }
        self.address = address
    }

    package func contains(_ other: IPAddress) -> Bool {
        guard other.family == address.family else { return false }
        var remaining = prefixLength
        for (left, right) in zip(address.bytes, other.bytes) {
            if remaining <= 0 { return true }
            let mask: UInt8 = remaining >= 8 ? 0xff : ~(0xff >> UInt8(remaining))
            if left & mask != right & mask { return false }
            remaining -= 8
        }
        return true
    }
}

/// Why a probe failed. The raw values are the label `reason`; exactly one for a failed probe.
package enum ProbeFailureReason: String, Sendable, Hashable, CaseIterable {
    case urlInvalid = "url_invalid"
    case headerInvalid = "header_invalid"
    case schemeForbidden = "scheme_forbidden"
    case addressForbidden = "address_forbidden"
    case dns
    case connectRefused = "connect_refused"
    case connectTimeout = "connect_timeout"
    case connect
    case tlsExpired = "tls_expired"
    case tlsNotYetValid = "tls_not_yet_valid"
    case tlsHostname = "tls_hostname"
    case tlsUntrusted = "tls_untrusted"
    case tlsHandshake = "tls_handshake"
    case tlsTimeout = "tls_timeout"
    case responseTimeout = "response_timeout"
    case reset
    case emptyResponse = "empty_response"
    case httpProtocol = "protocol"
    case tooManyRedirects = "too_many_redirects"
    case redirectForbidden = "redirect_forbidden"
    case status, body, header, proxy
    case `internal`
}

/// What Partoo would make of a status, for POST modules.
package enum DeliveryOutlook: String, Sendable, Hashable, CaseIterable {
    case acknowledged, retried, undetermined, lost

    package init(status: Int) {
        switch status {
        case 200: self = .acknowledged
        case 500...599: self = .retried
        case 400, 401, 403: self = .undetermined
        default: self = .lost
        }
    }
}

/// What one probe, its retries included, came to.
package struct ProbeResult: Sendable {
    package var isReachable: Bool
    /// nil: success.
    package var failure: ProbeFailureReason?
    /// One sentence about the failure, without secrets.
    package var message: String
    /// 0: no response.
    package var status: Int
    package var httpVersion: HTTPVersion?
    /// Of the last attempt.
    package var timings: Timings
    package var tls: TLSFacts?
    package var remoteAddress: IPAddress?
    package var responseBytes: Int
    /// nil where the module does not follow redirects.
    package var redirects: Int?
    /// Attempts after the first.
    package var retries: Int
    /// What Partoo would make of the answer; POST modules with a response only.
    package var outlook: DeliveryOutlook?
    package var trace: [String]

    package var isSuccess: Bool { failure == nil }

    /// Whether it went where a redirect led.
    package var isRedirected: Bool { redirects ?? 0 > 0 }

    /// What Partoo, which follows no redirect, would make of a delivery that is answered so; nil without an answer.
    package var delivery: DeliveryOutlook? {
        isRedirected ? .lost : status == 0 ? nil : DeliveryOutlook(status: status)
    }

    package init(
        isReachable: Bool, failure: ProbeFailureReason?, message: String = "", status: Int = 0,
        httpVersion: HTTPVersion? = nil, timings: Timings = Timings(), tls: TLSFacts? = nil,
        remoteAddress: IPAddress? = nil, responseBytes: Int = 0, redirects: Int? = nil, retries: Int = 0,
        outlook: DeliveryOutlook? = nil, trace: [String] = []
    ) {
        self.isReachable = isReachable
        self.failure = failure
        self.message = message
        self.status = status
        self.httpVersion = httpVersion
        self.timings = timings
        self.tls = tls
        self.remoteAddress = remoteAddress
        self.responseBytes = responseBytes
        self.redirects = redirects
        self.retries = retries
        self.outlook = outlook
        self.trace = trace
    }
}
