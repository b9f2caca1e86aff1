/// What one transfer came to: the response or the failure, and what was measured on the way whichever it was.
package struct Transfer: Sendable {
    package var result: Result<Response, TransferError>
    package var timings: Timings
    /// The peer that was connected to, nil where no connection came about.
    package var remoteAddress: IPAddress?
    /// nil without TLS or before it began.
    package var tls: TLSFacts?
    /// Lines for a person who looks for a fault, without header values, URL paths or queries; empty unless asked for.
    package var trace: [String]

    package init(
        result: Result<Response, TransferError>, timings: Timings = Timings(), remoteAddress: IPAddress? = nil,
        tls: TLSFacts? = nil, trace: [String] = []
    ) {
        self.result = result
        self.timings = timings
        self.remoteAddress = remoteAddress
        self.tls = tls
        self.trace = trace
    }
}

package struct Response: Sendable {
    package var status: Int
    package var version: HTTPVersion
    /// The final response's headers in their order, names as received.
    package var headers: [HeaderField]
    package var body: [UInt8]
    /// Whether the body went on past `maximumResponseBytes`.
    package var isTruncated: Bool

    package init(
        status: Int, version: HTTPVersion = .http1_1, headers: [HeaderField] = [], body: [UInt8] = [],
        isTruncated: Bool = false
    ) {
        self.status = status
        self.version = version
        self.headers = headers
        self.body = body
        self.isTruncated = isTruncated
    }

    /// The first header of that name, compared without case.
    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value.reveal()
    }
}

/// Where the time of a transfer went. A phase that did not take place is nil; those that did add up to `total`.
package struct Timings: Sendable, Hashable {
    package var resolve: Duration?
    package var connect: Duration?
    package var tls: Duration?
    /// From the request's first byte out to the response's first byte in.
    package var processing: Duration?
    /// From the response's first byte to its last.
    package var transfer: Duration?
    package var total: Duration

    package init(
        resolve: Duration? = nil, connect: Duration? = nil, tls: Duration? = nil, processing: Duration? = nil,
        transfer: Duration? = nil, total: Duration = .zero
    ) {
        self.resolve = resolve
        self.connect = connect
        self.tls = tls
        self.processing = processing
        self.transfer = transfer
        self.total = total
    }
}

/// What a TLS handshake showed.
package struct TLSFacts: Sendable, Hashable {
    /// Whether the chain and the host name were verified as configured.
    package var isVerified: Bool
    /// As the field writes it: `TLS 1.2`, `TLS 1.3`.
    package var version: String?
    /// The OpenSSL name of the cipher.
    package var cipher: String?
    /// Seconds since 1970 at which the leaf certificate ends.
    package var leafNotAfter: Int64?
    /// The earliest end in the chain that the peer sent.
    package var earliestNotAfter: Int64?

    package init(
        isVerified: Bool, version: String? = nil, cipher: String? = nil, leafNotAfter: Int64? = nil,
        earliestNotAfter: Int64? = nil
    ) {
        self.isVerified = isVerified
        self.version = version
        self.cipher = cipher
        self.leafNotAfter = leafNotAfter
        self.earliestNotAfter = earliestNotAfter
    }

    /// Whole days between two times in seconds since 1970, rounded down: to the end of a certificate that has ended they
    /// are never 0.
    package static func days(from start: Double, to end: Double) -> Int {
        Int(((end - start) / 86_400).rounded(.down))
    }
}

/// Why a transfer brought no response: one of a fixed list, with a sentence that holds no secret.
package struct TransferError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case urlInvalid, headerInvalid, schemeForbidden, addressForbidden
        /// The name could not be resolved, or not in time.
        case dns
        case connectRefused, connectTimeout, connect
        case tlsExpired, tlsNotYetValid, tlsHostname, tlsUntrusted, tlsHandshake, tlsTimeout
        case responseTimeout, reset, emptyResponse
        /// Not HTTP, headers past the limit, a body cut short, a version that was not to be had.
        case httpProtocol
        case proxy
        case cancelled
        /// A fault of this program or of its configuration (a CA file that cannot be read).
        case `internal`
    }

    package var reason: Reason
    /// One sentence without header values, URL path, query or user-info.
    package var message: String

    package init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    package var description: String { message }
}

/// Runs one request at a time for each call; any number of calls at once.
package protocol Transport: Sendable {
    /// Runs the request to its end. Never throws: a failure is a `Transfer` too. Cancelling the task ends the transfer at
    /// once with `cancelled`.
    func perform(_ request: Request) async -> Transfer
}
