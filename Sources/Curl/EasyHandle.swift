import CCurl
import Glibc
import Transport

/// One easy handle with all that a transfer needs: header list, error buffer, response. Lives on the loop's thread.
final class EasyHandle {
    let pointer: UnsafeMutableRawPointer
    private(set) var job: Job?
    /// What the callbacks have seen.
    var seen = Seen()
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var connectTo: UnsafeMutablePointer<curl_slist>?
    private let errorBuffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var target: URLParts?
    /// The first transfer, while the second handshake looks at the certificates.
    private var first: Transfer?

    struct Seen {
        var response = ResponseCollector()
        var tls: TLSFacts?
        /// When the TLS handshake began, which is when the connection stood.
        var handshakeBegan: ContinuousClock.Instant?
        var started = ContinuousClock.now
        var hasAllowedAddress = false
        var hasForbiddenAddress = false
        /// The second handshake ends before a request is sent.
        var stopsBeforeRequest = false
    }

    init?() {
        guard let pointer = curl_easy_init() else { return nil }
        self.pointer = pointer
    }

    deinit {
        curl_easy_cleanup(pointer)
        curl_slist_free_all(headerList)
        curl_slist_free_all(connectTo)
        errorBuffer.deallocate()
    }

    /// Forgets the transfer and its secrets.
    func reset() {
        curl_easy_reset(pointer)
        curl_slist_free_all(headerList)
        curl_slist_free_all(connectTo)
        headerList = nil
        connectTo = nil
        job = nil
        first = nil
        target = nil
        seen = Seen()
    }

    // MARK: Preparing

    /// Sets everything that the request asks for.
    ///
    /// - Returns: why it cannot be sent.
    func prepare(_ job: Job, connections: CurlTransport.Connections) -> TransferError? {
        self.job = job
        let request = job.request
        let url = request.url.reveal()
        guard !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }), let target = URLParts(url) else {
            return TransferError(.urlInvalid, "the URL cannot be read")
        }
        guard target.scheme == "http" || target.scheme == "https" else {
            return TransferError(.schemeForbidden, "the URL's scheme is neither http nor https")
        }
        self.target = target
        if let fault = setHeaders(request, target) { return fault }
        setCommon(request, url: sentURL(request, target) ?? url, connections: connections)
        setMethod(request)
        guard setTLS(request.tls) else { return TransferError(.internal, "libcurl refused the TLS options") }
        seen.response.maximumBodyBytes = max(request.maximumResponseBytes, 0)
        seen.started = .now
        return nil
    }

    /// Another name than the URL's for SNI and verification: libcurl takes both from the URL, so the URL gets that name, and
    /// the connection and the Host header keep the URL's own.
    private func sentURL(_ request: Request, _ target: URLParts) -> String? {
        guard let name = request.tls.serverName, target.scheme == "https" else { return nil }
        connectTo = curl_slist_append(nil, "\(name):\(target.port):\(target.bracketedHost):\(target.port)")
        guard connectTo != nil else { return nil }
        _ = partoo_easy_set_pointer(pointer, CURLOPT_CONNECT_TO, connectTo)
        return target.replacingHost(with: name)
    }

    private func setCommon(_ request: Request, url: String, connections: CurlTransport.Connections) {
        let own = Unmanaged.passUnretained(self).toOpaque()
        errorBuffer[0] = 0
        _ = partoo_easy_set_pointer(pointer, CURLOPT_ERRORBUFFER, errorBuffer)
        set(CURLOPT_URL, url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_NOSIGNAL, 1)
        // Otherwise the end of a transfer waits for a name lookup that hangs, and the whole loop with it.
        set(CURLOPT_QUICK_EXIT, 1)
        let timeout = request.timeout.components
        let milliseconds = max(Int(timeout.seconds * 1000 + timeout.attoseconds / 1_000_000_000_000_000), 1)
        set(CURLOPT_TIMEOUT_MS, milliseconds)
        set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds)
        if case .fresh = connections {
            set(CURLOPT_FRESH_CONNECT, 1)
            set(CURLOPT_FORBID_REUSE, 1)
            set(CURLOPT_SSL_SESSIONID_CACHE, 0)
            set(CURLOPT_DNS_CACHE_TIMEOUT, 0)
        }
        switch request.ipProtocol {
        case .any: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_WHATEVER))
        case .ipv4: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V4))
        case .ipv6: set(CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V6))
        }
        switch request.httpVersion {
        case .automatic: set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
        case .http1_1: set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        case .http2:
            let isTLS = target?.scheme == "https"
            set(CURLOPT_HTTP_VERSION, isTLS ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
        }
        if let proxy = request.proxy {
            set(CURLOPT_PROXY, proxy.reveal())
        } else if !request.proxyFromEnvironment {
            set(CURLOPT_PROXY, "")
        }
        _ = partoo_easy_set_data(pointer, CURLOPT_HEADERFUNCTION) { data, size, count, own in
            EasyHandle.from(own)?.seen.response.takeHeader(data, size * count) ?? 0
        }
        _ = partoo_easy_set_pointer(pointer, CURLOPT_HEADERDATA, own)
        _ = partoo_easy_set_data(pointer, CURLOPT_WRITEFUNCTION) { data, size, count, own in
            EasyHandle.from(own)?.seen.response.takeBody(data, size * count) ?? 0
        }
        _ = partoo_easy_set_pointer(pointer, CURLOPT_WRITEDATA, own)
        _ = partoo_easy_set_open_socket(pointer) { own, _, address in
            guard let address, let handle = EasyHandle.from(own) else { return CURL_SOCKET_BAD }
            return handle.openSocket(address)
        }
        _ = partoo_easy_set_pointer(pointer, CURLOPT_OPENSOCKETDATA, own)
        _ = partoo_easy_set_prerequest(pointer) { own, _, _, _, _ in
            EasyHandle.from(own)?.beforeRequest() ?? CURL_PREREQFUNC_ABORT
        }
        _ = partoo_easy_set_pointer(pointer, CURLOPT_PREREQDATA, own)
    }

    private func setMethod(_ request: Request) {
        switch request.method {
        case .head: set(CURLOPT_NOBODY, 1)
        case .get: set(CURLOPT_HTTPGET, 1)
        case .options:
            set(CURLOPT_HTTPGET, 1)
            set(CURLOPT_CUSTOMREQUEST, "OPTIONS")
        case .post, .put:
            set(CURLOPT_POST, 1)
            if request.method == .put { set(CURLOPT_CUSTOMREQUEST, "PUT") }
            _ = partoo_easy_set_offset(pointer, CURLOPT_POSTFIELDSIZE_LARGE, Int(request.body.count))
            // Copied by libcurl, so that it does not matter where Swift keeps the array; an empty body needs an address too.
            (request.body.isEmpty ? [0] : request.body).withUnsafeBytes { bytes in
                _ = partoo_easy_set_pointer(
                    pointer, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            }
        }
    }

    private func setTLS(_ tls: TLSOptions, verifies: Bool = true) -> Bool {
        // With a CA path libcurl does not cache the store, and every handshake reads all certificates again.
        _ = partoo_easy_set_string(pointer, CURLOPT_CAPATH, nil)
        set(CURLOPT_CAINFO, tls.caFile ?? Self.systemBundle)
        set(CURLOPT_CA_CACHE_TIMEOUT, 600)
        let isVerified = verifies && !tls.insecureSkipVerify
        set(CURLOPT_SSL_VERIFYPEER, isVerified ? 1 : 0)
        set(CURLOPT_SSL_VERIFYHOST, isVerified ? 2 : 0)
        let version =
            switch tls.minimumVersion {
            case .v1_0: CURL_SSLVERSION_TLSv1_0
            case .v1_1: CURL_SSLVERSION_TLSv1_1
            case .v1_2: CURL_SSLVERSION_TLSv1_2
            case .v1_3: CURL_SSLVERSION_TLSv1_3
            }
        set(CURLOPT_SSLVERSION, version)
        if verifies, let certificate = tls.certificateFile {
            set(CURLOPT_SSLCERT, certificate)
            set(CURLOPT_SSLKEY, tls.keyFile ?? certificate)
        }
        let code = partoo_easy_set_ssl_context(pointer) { _, _, own in
            // libcurl reports a connect time of 0 when the handshake fails or hangs; this runs right after connecting.
            EasyHandle.from(own)?.seen.handshakeBegan = .now
            return CURLE_OK
        }
        _ = partoo_easy_set_pointer(pointer, CURLOPT_SSL_CTX_DATA, Unmanaged.passUnretained(self).toOpaque())
        return code == CURLE_OK
    }

    /// Debian's bundle; the only file, since a path costs.
    private static let systemBundle = "/etc/ssl/certs/ca-certificates.crt"

    private func setHeaders(_ request: Request, _ target: URLParts) -> TransferError? {
        var lines: [String] = []
        var hasContentType = false
        for header in request.headers {
            let value = header.value.reveal()
            guard !header.name.isEmpty,
                !(header.name + value).utf8.contains(where: { $0 == 0x0d || $0 == 0x0a || $0 == 0 })
            else { return TransferError(.headerInvalid, "a header holds a line break or NUL, or has no name") }
            if header.name.lowercased() == "content-type" { hasContentType = true }
            // With a colon and nothing behind it, libcurl would drop the header.
            lines.append(value.allSatisfy { $0 == " " || $0 == "\t" } ? "\(header.name);" : "\(header.name): \(value)")
        }
        lines.append("Expect:")
        if !hasContentType, request.method == .post || request.method == .put { lines.append("Content-Type:") }
        if request.tls.serverName != nil, target.scheme == "https" { lines.append("Host: \(target.authority)") }
        for line in lines {
            guard let longer = curl_slist_append(headerList, line) else {
                return TransferError(.internal, "no memory for the headers")
            }
            headerList = longer
        }
        _ = partoo_easy_set_pointer(pointer, CURLOPT_HTTPHEADER, headerList)
        return nil
    }

    private func set(_ option: CURLoption, _ value: Int) {
        _ = partoo_easy_set_long(pointer, option, value)
    }

    private func set(_ option: CURLoption, _ value: String) {
        _ = partoo_easy_set_string(pointer, option, value)
    }

    static func from(_ pointer: UnsafeMutableRawPointer?) -> EasyHandle? {
        pointer.map { Unmanaged<EasyHandle>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Callbacks

    /// Every resolved address comes by here before it is connected to; one that is refused is skipped.
    private func openSocket(_ address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
        if let isAllowed = job?.request.isAddressAllowed {
            guard let ip = IPAddress(address), isAllowed(ip) else {
                seen.hasForbiddenAddress = true
                return CURL_SOCKET_BAD
            }
        }
        seen.hasAllowedAddress = true
        let kind = address.pointee
        return socket(kind.family, kind.socktype | Int32(SOCK_CLOEXEC.rawValue), kind.protocol)
    }

    private func beforeRequest() -> Int32 {
        seen.tls = sessionFacts() ?? seen.tls
        return seen.stopsBeforeRequest ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK
    }

    private func sessionFacts() -> TLSFacts? {
        var session: UnsafePointer<curl_tlssessioninfo>?
        guard partoo_easy_get_session(pointer, &session) == CURLE_OK, let internals = session?.pointee.internals else {
            return nil
        }
        let isVerified = !(job?.request.tls.insecureSkipVerify ?? true) && !seen.stopsBeforeRequest
        return TLSFacts(session: OpaquePointer(internals), isVerified: isVerified)
    }

    // MARK: Results

    func outcome(_ code: CURLcode) -> Transfer {
        guard let job, let target else {
            return Transfer(result: .failure(TransferError(.internal, "a transfer ended without a request")))
        }
        if let first { return finishCertificates(first) }
        let message = String(cString: errorBuffer)
        return Reading(pointer, seen: seen, message: message, request: job.request, target: target).transfer(code)
    }

    struct CertificateRequest {
        var address: IPAddress
        var remaining: Duration
    }

    /// When verification failed there is no certificate to be seen; a second handshake, without verification, inside what is
    /// left of the timeout and to the same address, shows it.
    func certificateRequest(after transfer: Transfer) -> CertificateRequest? {
        guard first == nil, let job, case .failure(let error) = transfer.result,
            [.tlsExpired, .tlsNotYetValid, .tlsHostname, .tlsUntrusted].contains(error.reason),
            let address = transfer.remoteAddress
        else { return nil }
        let remaining = job.request.timeout - (ContinuousClock.now - seen.started)
        guard remaining > .milliseconds(1) else { return nil }
        return CertificateRequest(address: address, remaining: remaining)
    }

    func prepareCertificates(_ second: CertificateRequest, first: Transfer) -> Bool {
        guard let job, let target else { return false }
        reset()
        var request = job.request
        request.method = .head
        request.headers = []
        request.body = []
        request.timeout = second.remaining
        request.tls.insecureSkipVerify = true
        request.tls.certificateFile = nil
        request.tls.keyFile = nil
        self.job = job
        self.target = target
        self.first = first
        setCommon(request, url: target.replacingHost(with: request.tls.serverName ?? target.host), connections: .fresh)
        if request.proxy == nil, !request.proxyFromEnvironment {
            let name = request.tls.serverName ?? target.bracketedHost
            let address = second.address.family == .ipv6 ? "[\(second.address)]" : "\(second.address)"
            connectTo = curl_slist_append(nil, "\(name):\(target.port):\(address):\(target.port)")
            _ = partoo_easy_set_pointer(pointer, CURLOPT_CONNECT_TO, connectTo)
        }
        set(CURLOPT_NOBODY, 1)
        seen.stopsBeforeRequest = true
        return setTLS(request.tls, verifies: false)
    }

    private func finishCertificates(_ first: Transfer) -> Transfer {
        var transfer = first
        var tls = seen.tls ?? TLSFacts(isVerified: false)
        tls.isVerified = false
        transfer.tls = tls
        return transfer
    }
}
