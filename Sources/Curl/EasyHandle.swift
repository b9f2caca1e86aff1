import CCurl
import Glibc
import Transport

/// One easy handle with all that a transfer needs: header list, error buffer, response. Lives on the loop's thread.
final class EasyHandle {
    let pointer: UnsafeMutableRawPointer
    private(set) var job: Job?
    /// What the callbacks have seen.
    var seen = Seen()
    private(set) var target: URLParts?
    private(set) var proxy: ProxyChoice?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var connectTo: UnsafeMutablePointer<curl_slist>?
    private let errorBuffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    /// The first option that libcurl did not take; a transfer without it would not be the one that was asked for.
    private var refusal: CURLcode?
    /// The first transfer, while the second handshake looks at the certificates.
    private var first: Transfer?

    struct Seen {
        var response = ResponseCollector()
        var tls: TLSFacts?
        /// When the TLS handshake began, which is when the connection stood.
        var handshakeBegan: ContinuousClock.Instant?
        var started = ContinuousClock.now
        /// When libcurl's clock for the transfer began, which is later where the loop was busy; known from the first socket on,
        /// or where a kept connection is taken up.
        var clockBegan: ContinuousClock.Instant?
        var hasAllowedAddress = false
        var hasForbiddenAddress = false
        /// The machine had no descriptor left.
        var lacksDescriptor = false
        /// Frames go over the connection, and no text.
        var speaksHTTP2 = false
        /// HTTP/2 was asked for, and is not offered or not spoken to such a proxy; no request was sent.
        var lacksHTTP2 = false
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
    ///
    /// - Returns: whether the handle is as good as a new one. libcurl keeps the last system error over a reset, and the next
    ///   transfer's failure would be read by it. Below 8.1.0 it also keeps an address of the last header that it has freed: an
    ///   answer whose first header is a folded line would write there.
    func reset() -> Bool {
        let hasRun = proxy != nil
        var systemError = 0
        _ = partoo_easy_get_long(pointer, CURLINFO_OS_ERRNO, &systemError)
        curl_easy_reset(pointer)
        curl_slist_free_all(headerList)
        curl_slist_free_all(connectTo)
        headerList = nil
        connectTo = nil
        job = nil
        first = nil
        target = nil
        proxy = nil
        refusal = nil
        seen = Seen()
        return systemError == 0 && (!hasRun || Self.forgetsHeaders)
    }

    private static let forgetsHeaders = curl_version_info(CURLVERSION_TENTH).pointee.version_num >= 0x08_0100

    static func from(_ pointer: UnsafeMutableRawPointer?) -> EasyHandle? {
        pointer.map { Unmanaged<EasyHandle>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Preparing

    /// Sets everything that the request asks for.
    ///
    /// - Returns: why it cannot be sent.
    func prepare(_ job: Job, _ settings: CurlTransport.Settings) -> TransferError? {
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
        proxy = ProxyChoice(request, target)
        if let fault = setHeaders(request, target) { return fault }
        guard let sent = sentURL(request, target) else {
            return TransferError(.internal, "the configured server name cannot be one")
        }
        setCommon(request, url: sent, connections: settings.connections)
        setMethod(request)
        setTLS(request.tls, settings)
        if let refusal { return TransferError(.internal, "libcurl refused an option (code \(refusal.rawValue))") }
        seen.response.maximumBodyBytes = max(request.maximumResponseBytes, 0)
        seen.started = .now
        return nil
    }

    /// Another name than the URL's for SNI and verification: libcurl takes both from the URL, so the URL gets that name, and
    /// the connection and the Host header keep the URL's own.
    private func sentURL(_ request: Request, _ target: URLParts) -> String? {
        guard let name = request.tls.serverName, target.scheme == "https" else { return target.text }
        connect(to: target.sentHost, target.port)
        return target.replacingHost(with: name)
    }

    /// Wherever the URL leads. Nothing is followed, so there is one URL; and a name to compare it with would have to be as
    /// libcurl has it by then: an international one in its ASCII form.
    private func connect(to host: String, _ port: Int) {
        curl_slist_free_all(connectTo)
        connectTo = curl_slist_append(nil, "::\(host):\(port)")
        note(connectTo == nil ? CURLE_OUT_OF_MEMORY : CURLE_OK)
        set(CURLOPT_CONNECT_TO, UnsafeMutableRawPointer(connectTo))
    }

    private func setHeaders(_ request: Request, _ target: URLParts) -> TransferError? {
        var lines: [String] = []
        var hasContentType = false
        for header in request.headers {
            let value = header.value.reveal()
            // libcurl looks for the first colon, and else for a semicolon, so that only a token is sent as it is.
            guard header.name.isHTTPToken else {
                return TransferError(.headerInvalid, "a header name is not an HTTP token")
            }
            guard !value.utf8.contains(where: { $0 == 0x0d || $0 == 0x0a || $0 == 0 }) else {
                return TransferError(.headerInvalid, "a header value holds a line break or NUL")
            }
            if header.name.lowercased() == "content-type" { hasContentType = true }
            // With a colon and nothing but space behind it, libcurl would drop the header.
            let isBlank = value.utf8.allSatisfy { $0 == 0x20 || (0x09...0x0d).contains($0) }
            lines.append(isBlank ? "\(header.name);" : "\(header.name): \(value)")
        }
        lines.append("Expect:")
        if !hasContentType, request.method == .post || request.method == .put { lines.append("Content-Type:") }
        if request.tls.serverName != nil, target.scheme == "https" { lines.append("Host: \(target.authority)") }
        // Appended to its last node, which libcurl gives back: from the first one it would walk the whole list each time.
        var last = headerList
        for line in lines {
            guard let list = curl_slist_append(last, line) else {
                return TransferError(.internal, "no memory for the headers")
            }
            if headerList == nil { headerList = list }
            last = list.pointee.next ?? list
        }
        set(CURLOPT_HTTPHEADER, UnsafeMutableRawPointer(headerList))
        return nil
    }

    // MARK: Options

    func set(_ option: CURLoption, _ value: Int) {
        note(partoo_easy_set_long(pointer, option, value))
    }

    func set(_ option: CURLoption, _ value: String?) {
        note(partoo_easy_set_string(pointer, option, value))
    }

    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        note(partoo_easy_set_pointer(pointer, option, value))
    }

    func note(_ code: CURLcode) {
        if code != CURLE_OK, refusal == nil { refusal = code }
    }

    func setErrorBuffer() {
        errorBuffer[0] = 0
        set(CURLOPT_ERRORBUFFER, errorBuffer)
    }

    // MARK: Results

    func outcome(_ code: CURLcode) -> Transfer {
        guard let job, let target, let proxy else {
            return Transfer(result: .failure(TransferError(.internal, "a transfer ended without a request")))
        }
        if let first { return finishCertificates(first) }
        let message = String(cString: errorBuffer)
        return Reading(pointer, seen: seen, message: message, request: job.request, target: target, proxy: proxy)
            .transfer(code)
    }

    /// What another handle needs for the second handshake.
    struct CertificateRequest {
        var job: Job
        var first: Transfer
        var target: URLParts
        var proxy: ProxyChoice
        var address: IPAddress
        var remaining: Duration
    }

    /// When verification failed there is no certificate to be seen; a second handshake, without verification, inside what is
    /// left of the timeout and to the same address, shows it.
    func certificateRequest(after transfer: Transfer) -> CertificateRequest? {
        guard first == nil, let job, let target, let proxy, case .failure(let error) = transfer.result,
            [.tlsExpired, .tlsNotYetValid, .tlsHostname, .tlsUntrusted].contains(error.reason),
            let address = transfer.remoteAddress
        else { return nil }
        let remaining = job.request.timeout - (ContinuousClock.now - seen.started)
        guard remaining > .milliseconds(1) else { return nil }
        return CertificateRequest(
            job: job, first: transfer, target: target, proxy: proxy, address: address, remaining: remaining)
    }

    /// - Returns: false where it cannot be done.
    func prepareCertificates(_ second: CertificateRequest, _ settings: CurlTransport.Settings) -> Bool {
        var request = second.job.request
        request.timeout = second.remaining
        job = second.job
        target = second.target
        proxy = second.proxy
        first = second.first
        guard let sent = sentURL(request, second.target) else { return false }
        setCommon(request, url: sent, connections: .fresh)
        if second.proxy.url == nil {
            let address = second.address.family == .ipv6 ? "[\(second.address)]" : "\(second.address)"
            connect(to: address, second.target.port)
        }
        set(CURLOPT_NOBODY, 1)
        seen.stopsBeforeRequest = true
        setTLS(request.tls, settings, verifies: false)
        return refusal == nil
    }

    private func finishCertificates(_ first: Transfer) -> Transfer {
        var transfer = first
        var tls = seen.tls ?? TLSFacts(isVerified: false)
        tls.isVerified = false
        transfer.tls = tls
        return transfer
    }
}
