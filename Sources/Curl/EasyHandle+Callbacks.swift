import CCurl
import Glibc
import Transport

extension EasyHandle {
    /// Every resolved address comes by here before it is connected to; one that is refused is skipped. With a proxy it is the
    /// proxy's address, which the operator chose.
    func openSocket(_ address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
        if seen.clockBegan == nil { seen.clockBegan = clockBegan }
        if proxy?.url == nil, let isAllowed = job?.request.isAddressAllowed {
            guard let ip = IPAddress(address), isAllowed(ip) else {
                seen.hasForbiddenAddress = true
                return CURL_SOCKET_BAD
            }
        }
        seen.hasAllowedAddress = true
        let kind = address.pointee
        let descriptor = socket(kind.family, kind.socktype | Int32(SOCK_CLOEXEC.rawValue), kind.protocol)
        if descriptor < 0, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { seen.lacksDescriptor = true }
        return descriptor
    }

    private var clockBegan: ContinuousClock.Instant {
        var lookup: curl_off_t = 0
        _ = partoo_easy_get_offset(pointer, CURLINFO_NAMELOOKUP_TIME_T, &lookup)
        return .now - .microseconds(lookup)
    }

    /// Runs when the connection stands, verified, and nothing of the request was sent.
    func beforeRequest() -> Int32 {
        guard let job, let target else { return CURL_PREREQFUNC_ABORT }
        // A kept connection opened no socket; libcurl has just taken it up.
        if seen.clockBegan == nil { seen.clockBegan = clockBegan }
        if target.scheme == "https", let session {
            let isVerified = !job.request.tls.insecureSkipVerify && !seen.stopsBeforeRequest
            seen.tls = TLSFacts(session: session, isVerified: isVerified)
            seen.speaksHTTP2 = Self.hasChosenHTTP2(session)
        } else {
            // Known beforehand, but not to an HTTP proxy, to which libcurl speaks HTTP/1.1.
            let isDirect = proxy?.url == nil || proxy?.isSOCKS == true
            seen.speaksHTTP2 = target.scheme == "http" && job.request.httpVersion == .http2 && isDirect
        }
        seen.lacksHTTP2 = job.request.httpVersion == .http2 && !seen.speaksHTTP2
        return seen.stopsBeforeRequest || seen.lacksHTTP2 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK
    }

    private var session: OpaquePointer? {
        var session: UnsafePointer<curl_tlssessioninfo>?
        guard partoo_easy_get_session(pointer, &session) == CURLE_OK else { return nil }
        return session?.pointee.internals.map { OpaquePointer($0) }
    }

    private static func hasChosenHTTP2(_ session: OpaquePointer) -> Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(session, &name, &length)
        return UnsafeBufferPointer(start: name, count: Int(length)).elementsEqual("h2".utf8)
    }
}
