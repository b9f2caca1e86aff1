/// The request methods that this program sends.
package enum HTTPMethod: String, Sendable, Hashable, CaseIterable {
    case head = "HEAD"
    case get = "GET"
    case options = "OPTIONS"
    case post = "POST"
    case put = "PUT"
}

/// Which HTTP version a request asks for.
package enum HTTPVersionChoice: String, Sendable, Hashable, CaseIterable {
    /// HTTP/2 where the server offers it by ALPN, HTTP/1.1 otherwise.
    case automatic = "auto"
    case http1_1 = "1.1"
    /// HTTP/2; a server that does not offer it is an error (`protocol`).
    case http2 = "2"
}

/// The version a response came in.
package enum HTTPVersion: String, Sendable, Hashable, CaseIterable {
    case http1_0 = "1.0"
    case http1_1 = "1.1"
    case http2 = "2"
}

/// Which address families a connection may use.
package enum IPProtocolChoice: String, Sendable, Hashable, CaseIterable {
    case any, ipv4, ipv6
}

/// How a TLS connection is made and verified.
package struct TLSOptions: Sendable, Hashable {
    package enum Version: String, Sendable, Hashable, CaseIterable, Comparable {
        case v1_0 = "1.0"
        case v1_1 = "1.1"
        case v1_2 = "1.2"
        case v1_3 = "1.3"

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// A bundle of trusted certificates instead of the system's, for a proxy with TLS too; an absolute path.
    package var caFile: String?
    /// The client certificate and its key; absolute paths.
    package var certificateFile: String?
    package var keyFile: String?
    /// The name asked for (SNI) and verified instead of the URL's host.
    package var serverName: String?
    package var minimumVersion: Version
    package var insecureSkipVerify: Bool

    package init(
        caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, serverName: String? = nil,
        minimumVersion: Version = .v1_2, insecureSkipVerify: Bool = false
    ) {
        self.caFile = caFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.serverName = serverName
        self.minimumVersion = minimumVersion
        self.insecureSkipVerify = insecureSkipVerify
    }
}

/// One HTTP request. Redirects are never followed by a transport.
package struct Request: Sendable {
    package var method: HTTPMethod
    package var url: Secret
    /// Sent as they are, an empty value as an empty value. Names and values with CR, LF or NUL make the transfer fail with
    /// `headerInvalid` and are not sent.
    package var headers: [HeaderField]
    /// Sent with POST and PUT only; no Content-Type is added for it.
    package var body: [UInt8]
    /// The whole transfer, name lookup included.
    package var timeout: Duration
    package var httpVersion: HTTPVersionChoice
    package var ipProtocol: IPProtocolChoice
    /// At most this many body bytes are read and kept; then the transfer is done and `isTruncated`.
    package var maximumResponseBytes: Int
    package var tls: TLSOptions
    /// nil: no proxy, whatever the environment says.
    package var proxy: Secret?
    /// true: libcurl's own reading of `https_proxy` and its kin.
    package var proxyFromEnvironment: Bool
    /// Asked at connect time for every resolved address; an address it refuses is skipped. Not asked for a proxy's address.
    package var isAddressAllowed: (@Sendable (IPAddress) -> Bool)?
    /// true: a redacted account of the transfer is kept (`Transfer.trace`).
    package var wantsTrace: Bool

    package init(
        method: HTTPMethod, url: Secret, headers: [HeaderField] = [], body: [UInt8] = [], timeout: Duration,
        httpVersion: HTTPVersionChoice = .automatic, ipProtocol: IPProtocolChoice = .any,
        maximumResponseBytes: Int = 1 << 20, tls: TLSOptions = TLSOptions(), proxy: Secret? = nil,
        proxyFromEnvironment: Bool = false, isAddressAllowed: (@Sendable (IPAddress) -> Bool)? = nil,
        wantsTrace: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.httpVersion = httpVersion
        self.ipProtocol = ipProtocol
        self.maximumResponseBytes = maximumResponseBytes
        self.tls = tls
        self.proxy = proxy
        self.proxyFromEnvironment = proxyFromEnvironment
        self.isAddressAllowed = isAddressAllowed
        self.wantsTrace = wantsTrace
    }
}
