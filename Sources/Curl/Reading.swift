import CCurl
import Glibc
import Transport

/// Reads from an easy handle what a transfer came to. libcurl's own message only helps to tell faults apart: it may hold
/// anything, so it is never passed on.
struct Reading {
    private let pointer: UnsafeMutableRawPointer
    private let seen: EasyHandle.Seen
    private let message: String
    private let request: Request
    private let target: URLParts
    private let proxy: ProxyChoice
    /// Whether what is connected to first, the proxy where there is one, is an address and needs no lookup. What a SOCKS proxy's
    /// target is called libcurl looks up while it connects.
    private let isLiteral: Bool

    init(
        _ pointer: UnsafeMutableRawPointer, seen: EasyHandle.Seen, message: String, request: Request, target: URLParts,
        proxy: ProxyChoice
    ) {
        self.pointer = pointer
        self.seen = seen
        self.message = message
        self.request = request
        self.target = target
        self.proxy = proxy
        isLiteral = (proxy.url == nil ? target.host : proxy.host).flatMap { IPAddress($0) } != nil
    }

    func transfer(_ code: CURLcode) -> Transfer {
        let result = result(code)
        let progress = progress
        var transfer = Transfer(result: result, timings: timings(result, progress))
        if progress >= .connected { transfer.remoteAddress = string(CURLINFO_PRIMARY_IP).flatMap { IPAddress($0) } }
        transfer.tls = seen.tls
        if request.wantsTrace { transfer.trace = trace(transfer) }
        return transfer
    }

    // MARK: How far it came

    private enum Progress: Int, Comparable {
        case nothing, resolved, connected, secured, answered

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    private var isTLS: Bool { target.scheme == "https" }

    private var progress: Progress {
        if seen.response.hasStatusLine { return .answered }
        if isKept { return isTLS ? .secured : .connected }
        if isTLS, seen.tls != nil || time(CURLINFO_APPCONNECT_TIME_T) > 0 { return .secured }
        // A proxy that stands is not yet the target.
        if isBeforeTunnel { return isLiteral || seen.hasAllowedAddress ? .resolved : .nothing }
        if seen.handshakeBegan != nil || time(CURLINFO_CONNECT_TIME_T) > 0 { return .connected }
        if isLiteral || seen.hasAllowedAddress || seen.hasForbiddenAddress || time(CURLINFO_NAMELOOKUP_TIME_T) > 0 {
            return .resolved
        }
        return .nothing
    }

    /// Whether the request went over a connection that stood already: nothing was looked up or connected.
    private var isKept: Bool { number(CURLINFO_NUM_CONNECTS) == 0 && time(CURLINFO_PRETRANSFER_TIME_T) > 0 }

    private var usesProxy: Bool { proxy.url != nil }

    /// Whether a proxy was to open a tunnel and has not.
    private var isBeforeTunnel: Bool {
        guard usesProxy, isTLS, !isKept else { return false }
        return seen.handshakeBegan == nil || (!proxy.isSOCKS && number(CURLINFO_HTTP_CONNECTCODE) / 100 != 2)
    }

    /// Phases that add up to the whole, to the microsecond: each begins where the one before ended, and the phase in which
    /// the transfer ended takes what is left.
    private func timings(_ result: Result<Response, TransferError>, _ progress: Progress) -> Timings {
        let total = max(time(CURLINFO_TOTAL_TIME_T), 0)
        var at = 0
        func until(_ end: Int) -> Duration {
            let end = min(max(end, at), total)
            defer { at = end }
            return .microseconds(end - at)
        }
        var timings = Timings(total: .microseconds(total))
        if isKept {
            timings.processing = until(progress == .answered ? responseBegan : total)
            if progress == .answered { timings.transfer = until(total) }
            return timings
        }
        // libcurl says 0 where the handshake failed. Through a proxy, its tunnel is part of connecting.
        let reported = time(CURLINFO_CONNECT_TIME_T)
        let connected = usesProxy || reported == 0 ? max(reported, time(of: seen.handshakeBegan)) : reported
        if !isLiteral { timings.resolve = until(progress == .nothing ? total : time(CURLINFO_NAMELOOKUP_TIME_T)) }
        guard progress > .nothing else { return timings }
        timings.connect = until(progress == .resolved ? total : connected)
        guard progress > .resolved else { return timings }
        if isTLS {
            timings.tls = until(progress == .connected ? total : time(CURLINFO_APPCONNECT_TIME_T))
            guard progress > .connected else { return timings }
        }
        timings.processing = until(progress == .answered ? responseBegan : total)
        guard progress == .answered else { return timings }
        timings.transfer = until(total)
        return timings
    }

    /// Where a body goes out by itself, as over HTTP/2 or past 64 KiB, its first byte is what libcurl calls the response's.
    private var responseBegan: Int {
        let reported = time(CURLINFO_STARTTRANSFER_TIME_T)
        let hasBody = request.method == .post || request.method == .put
        return hasBody ? max(reported, time(of: seen.response.began)) : reported
    }

    /// On libcurl's clock for the transfer; 0 for what did not happen.
    private func time(of instant: ContinuousClock.Instant?) -> Int {
        guard let instant else { return 0 }
        let (seconds, attoseconds) = (instant - (seen.clockBegan ?? seen.started)).components
        return Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000)
    }

    private func time(_ info: CURLINFO) -> Int {
        var value: curl_off_t = 0
        return partoo_easy_get_offset(pointer, info, &value) == CURLE_OK ? Int(value) : 0
    }

    private func number(_ info: CURLINFO) -> Int {
        var value = 0
        return partoo_easy_get_long(pointer, info, &value) == CURLE_OK ? value : 0
    }

    private func string(_ info: CURLINFO) -> String? {
        var value: UnsafePointer<CChar>?
        guard partoo_easy_get_string(pointer, info, &value) == CURLE_OK, let value else { return nil }
        return String(cString: value)
    }

    // MARK: What it came to

    private func result(_ code: CURLcode) -> Result<Response, TransferError> {
        let response = seen.response
        if response.hasTooManyHeaders, !isBeforeTunnel {
            return .failure(TransferError(.httpProtocol, "the response's header block is past the limit"))
        }
        if seen.lacksHTTP2 {
            let why = isTLS ? "the server does not offer it" : "a proxy without a tunnel is asked in HTTP/1.1"
            return .failure(TransferError(.httpProtocol, "HTTP/2 was not to be had, \(why)"))
        }
        if response.hasSwitched, !isBeforeTunnel {
            return .failure(TransferError(.httpProtocol, "the receiver changed to another protocol, unasked"))
        }
        guard code == CURLE_OK || (code == CURLE_WRITE_ERROR && response.isTruncated) else {
            return .failure(error(code))
        }
        let status = number(CURLINFO_RESPONSE_CODE)
        // libcurl is content with a header block that was cut, and with an interim response that nothing follows.
        guard response.hasWholeBlock, status >= 200 else { return .failure(cutError) }
        if usesProxy, !isTLS, status == 407 {
            return .failure(TransferError(.proxy, "the proxy asks for credentials (status 407)"))
        }
        let version: HTTPVersion
        switch number(CURLINFO_HTTP_VERSION) {
        case CURL_HTTP_VERSION_1_0: version = .http1_0
        case CURL_HTTP_VERSION_2_0:
            // libcurl goes by the status line, which over HTTP/1.1 may say anything.
            guard seen.speaksHTTP2 else {
                return .failure(TransferError(.httpProtocol, "the answer calls itself HTTP/2, and is HTTP/1.1"))
            }
            version = .http2
        default: version = .http1_1
        }
        return .success(
            Response(
                status: status, version: version, headers: response.headers,
                body: response.body, isTruncated: response.isTruncated))
    }

    private func error(_ code: CURLcode) -> TransferError {
        if let fault = ownFault(code) { return fault }
        if isBeforeTunnel, code != CURLE_URL_MALFORMAT, code != CURLE_UNSUPPORTED_PROTOCOL { return tunnelError(code) }
        if usesProxy, !isTLS, code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR {
            return TransferError(.proxy, "the TLS handshake with the proxy failed")
        }
        switch code {
        case CURLE_URL_MALFORMAT: return TransferError(.urlInvalid, "the URL cannot be read")
        case CURLE_UNSUPPORTED_PROTOCOL:
            // The same code stands for an answer that is no HTTP that libcurl knows.
            return progress >= .connected
                ? TransferError(.httpProtocol, "the answer is not HTTP")
                : TransferError(.schemeForbidden, "the URL's scheme is neither http nor https")
        case CURLE_COULDNT_RESOLVE_HOST: return TransferError(.dns, "the name cannot be resolved\(toFamily)")
        case CURLE_COULDNT_RESOLVE_PROXY: return TransferError(.proxy, "the proxy's name cannot be resolved")
        case CURLE_PROXY: return TransferError(.proxy, "the proxy refused")
        case CURLE_COULDNT_CONNECT: return connectError
        case CURLE_OPERATION_TIMEDOUT: return timeoutError
        case CURLE_PEER_FAILED_VERIFICATION: return verificationError
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_CLIENTCERT, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_USE_SSL_FAILED:
            return isReset
                ? TransferError(.reset, "the peer reset the connection in the TLS handshake")
                : TransferError(.tlsHandshake, "the TLS handshake failed")
        // Interim responses are nothing to libcurl.
        case CURLE_GOT_NOTHING where seen.response.hasStatusLine: return cutError
        case CURLE_GOT_NOTHING where request.httpVersion == .http2 && !isTLS:
            return TransferError(.httpProtocol, "HTTP/2 was not to be had, the answer is none")
        case CURLE_GOT_NOTHING: return TransferError(.emptyResponse, "the peer closed without a response")
        case CURLE_SEND_ERROR:
            return isAlert ? alertError : TransferError(.reset, "the peer broke off while the request was sent")
        case CURLE_RECV_ERROR: return receiveError
        case CURLE_PARTIAL_FILE: return cutError
        // A body that cannot be decoded is a failed write; our own callbacks fail for limits only, dealt with before.
        case CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR:
            return TransferError(.httpProtocol, "the answer breaks the HTTP protocol")
        // A header line that is none.
        case CURLE_BAD_FUNCTION_ARGUMENT where progress == .answered:
            return TransferError(.httpProtocol, "the answer breaks the HTTP protocol")
        case CURLE_OUT_OF_MEMORY where progress >= .connected:
            // How libcurl calls a line that does not end.
            return TransferError(.httpProtocol, "a line of the response's header is past the limit")
        default: return TransferError(.internal, "libcurl gave up with code \(code.rawValue)")
        }
    }

    /// Neither the peer's nor the proxy's, however far the transfer came.
    private func ownFault(_ code: CURLcode) -> TransferError? {
        switch code {
        case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED:
            TransferError(.internal, "a configured certificate or key file cannot be read")
        case CURLE_COULDNT_RESOLVE_HOST where message.contains("thread failed to start"),
            CURLE_COULDNT_RESOLVE_PROXY where message.contains("thread failed to start"):
            TransferError(.internal, "the machine has no thread or descriptor left for a name lookup")
        default: nil
        }
    }

    /// A write after the reset finds a broken pipe; and where the reset was quicker than libcurl's look at whom it is
    /// connected to, the message tells of that look only.
    private var isReset: Bool {
        let errors = [ECONNRESET, EPIPE, ENOTCONN]
        return errors.contains { number(CURLINFO_OS_ERRNO) == Int($0) || message.contains("errno \($0)") }
            || message.contains("reset by peer") || message.contains("Broken pipe")
    }

    /// The peer said by a TLS alert why it goes; with TLS 1.3 that comes after the handshake.
    private var isAlert: Bool { message.contains("SSL") && message.contains(" alert ") }

    private var alertError: TransferError {
        TransferError(.tlsHandshake, "the peer ended TLS with an alert")
    }

    private var cutError: TransferError { TransferError(.httpProtocol, "the response was cut short") }

    private func tunnelError(_ code: CURLcode) -> TransferError {
        let status = number(CURLINFO_HTTP_CONNECTCODE)
        if status != 0, status / 100 != 2 {
            return TransferError(.proxy, "the proxy refused the tunnel with status \(status)")
        }
        switch code {
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST:
            return TransferError(.proxy, "the proxy's name cannot be resolved")
        case CURLE_COULDNT_CONNECT: return connectError
        case CURLE_OPERATION_TIMEDOUT: return TransferError(.proxy, "the proxy did not open a tunnel in time")
        case CURLE_PROXY: return TransferError(.proxy, "the proxy refused")
        default: return TransferError(.proxy, "the proxy opened no tunnel")
        }
    }

    private var connectError: TransferError {
        if seen.hasForbiddenAddress, !seen.hasAllowedAddress {
            return TransferError(.addressForbidden, "the name leads to forbidden addresses only")
        }
        if seen.lacksDescriptor { return TransferError(.internal, "the machine has no descriptor left") }
        if usesProxy { return TransferError(.proxy, "the proxy cannot be connected to") }
        if request.ipProtocol != .any, !seen.hasAllowedAddress, !seen.hasForbiddenAddress {
            // libcurl tried none. With other resolvers it finds already in the lookup that a name has none.
            return isLiteral
                ? TransferError(.connect, "the address is not an \(family) address, as ip_protocol asks for")
                : TransferError(.dns, "the name cannot be resolved\(toFamily)")
        }
        switch number(CURLINFO_OS_ERRNO) {
        case Int(ECONNREFUSED): return TransferError(.connectRefused, "the connection was refused")
        case Int(ETIMEDOUT): return TransferError(.connectTimeout, "connecting took too long")
        // A peer that resets at once can be quicker than the look whether the connection stands.
        case Int(ECONNRESET): return TransferError(.reset, "the peer reset the connection")
        default: return TransferError(.connect, "no connection came about")
        }
    }

    private var family: String { request.ipProtocol == .ipv4 ? "IPv4" : "IPv6" }

    private var toFamily: String { request.ipProtocol == .any ? "" : " to an \(family) address" }

    private var timeoutError: TransferError {
        if usesProxy, progress <= .resolved {
            return TransferError(.proxy, "the proxy was not connected to in time")
        }
        switch progress {
        case .nothing: return TransferError(.dns, "the name was not resolved in time")
        case .resolved: return TransferError(.connectTimeout, "connecting took too long")
        case .connected where isTLS: return TransferError(.tlsTimeout, "the TLS handshake took too long")
        case .connected, .secured, .answered:
            return TransferError(.responseTimeout, "the response did not come in time")
        }
    }

    /// Verify results of OpenSSL: 9 not yet valid, 10 expired. A wrong host is libcurl's own finding, after the handshake: the
    /// result is good then, and only the message tells.
    private var verificationError: TransferError {
        if ["subject name", "common name", "cert name"].contains(where: message.contains) {
            return TransferError(.tlsHostname, "the certificate is for another host")
        }
        switch number(CURLINFO_SSL_VERIFYRESULT) {
        // Nothing is wrong with the peer's certificates: it is the peer that found ours expired.
        case 0: return alertError
        case 9: return TransferError(.tlsNotYetValid, "a certificate is not valid yet")
        case 10: return TransferError(.tlsExpired, "a certificate has expired")
        default: return TransferError(.tlsUntrusted, "the certificate's chain is not trusted")
        }
    }

    private var receiveError: TransferError {
        if isAlert, !seen.response.hasStatusLine { return alertError }
        if isReset { return TransferError(.reset, "the peer reset the connection") }
        if seen.response.hasStatusLine { return cutError }
        // OpenSSL calls a close without the closing alert an unexpected end.
        return message.contains("unexpected eof")
            ? TransferError(.emptyResponse, "the peer closed without a response")
            : TransferError(.httpProtocol, "the answer breaks the HTTP protocol")
    }

    // MARK: Trace

    private func trace(_ transfer: Transfer) -> [String] {
        var lines = [
            "\(request.method.rawValue) \(target.scheme)://\(target.sentHost):\(target.port) (path withheld)"
        ]
        lines.append("sent headers: \(request.headers.map(\.name).joined(separator: ", ")) (values withheld)")
        if let address = transfer.remoteAddress { lines.append("connected to \(address)") }
        if let tls = transfer.tls {
            lines.append("\(tls.version ?? "TLS"), \(tls.cipher ?? "no cipher"), verified: \(tls.isVerified)")
        }
        switch transfer.result {
        case .success(let response):
            lines.append("HTTP/\(response.version.rawValue) \(response.status), \(response.body.count) body bytes")
            // The receiver chose them, and a terminal may show them.
            let names = response.headers.prefix(100).map { header in
                String(header.name.unicodeScalars.prefix(80).filter { (0x21...0x7e).contains($0.value) })
            }
            lines.append("received headers: \(names.joined(separator: ", ")) (values withheld)")
        case .failure(let error): lines.append("failed: \(error.message)")
        }
        return lines
    }
}
