import CCurl
import Transport

extension EasyHandle {
    func setCommon(_ request: Request, url: String, connections: CurlTransport.Connections) {
        setErrorBuffer()
        set(CURLOPT_URL, url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_NOSIGNAL, 1)
        // Otherwise the end of a transfer waits for a name lookup that hangs, and the whole loop with it.
        set(CURLOPT_QUICK_EXIT, 1)
        let milliseconds = Self.milliseconds(request.timeout)
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
        setProxy(request.tls)
        setCallbacks()
    }

    /// libcurl refuses what does not fit, and would then have no timeout at all.
    private static func milliseconds(_ timeout: Duration) -> Int {
        let (seconds, attoseconds) = timeout.components
        guard seconds >= 0 else { return 1 }
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        return max(Int(seconds * 1000 + attoseconds / 1_000_000_000_000_000), 1)
    }

    private func setProxy(_ tls: TLSOptions) {
        // Empty: none, whatever the environment says. `no_proxy` would else put even a configured proxy aside.
        set(CURLOPT_PROXY, proxy?.url?.reveal() ?? "")
        set(CURLOPT_NOPROXY, "")
        // What a proxy says about the tunnel is no part of the response.
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_PROXY_CAPATH, nil as String?)
        // Whoever runs a private authority has the proxy's certificate from it too.
        set(CURLOPT_PROXY_CAINFO, tls.caFile ?? Self.systemBundle)
    }

    private func setCallbacks() {
        let own = Unmanaged.passUnretained(self).toOpaque()
        note(
            partoo_easy_set_data(pointer, CURLOPT_HEADERFUNCTION) { data, size, count, own in
                EasyHandle.from(own)?.seen.response.takeHeader(data, size * count) ?? 0
            })
        set(CURLOPT_HEADERDATA, own)
        note(
            partoo_easy_set_data(pointer, CURLOPT_WRITEFUNCTION) { data, size, count, own in
                EasyHandle.from(own)?.seen.response.takeBody(data, size * count) ?? 0
            })
        set(CURLOPT_WRITEDATA, own)
        note(
            partoo_easy_set_open_socket(pointer) { own, _, address in
                guard let address, let handle = EasyHandle.from(own) else { return CURL_SOCKET_BAD }
                return handle.openSocket(address)
            })
        set(CURLOPT_OPENSOCKETDATA, own)
        note(
            partoo_easy_set_prerequest(pointer) { own, _, _, _, _ in
                EasyHandle.from(own)?.beforeRequest() ?? CURL_PREREQFUNC_ABORT
            })
        set(CURLOPT_PREREQDATA, own)
    }

    func setMethod(_ request: Request) {
        switch request.method {
        case .head: set(CURLOPT_NOBODY, 1)
        case .get: set(CURLOPT_HTTPGET, 1)
        case .options:
            set(CURLOPT_HTTPGET, 1)
            set(CURLOPT_CUSTOMREQUEST, "OPTIONS")
        case .post, .put:
            set(CURLOPT_POST, 1)
            if request.method == .put { set(CURLOPT_CUSTOMREQUEST, "PUT") }
            note(partoo_easy_set_offset(pointer, CURLOPT_POSTFIELDSIZE_LARGE, Int(request.body.count)))
            // Copied by libcurl, so that it does not matter where Swift keeps the array; an empty body needs an address too.
            (request.body.isEmpty ? [0] : request.body).withUnsafeBytes { bytes in
                set(CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            }
        }
    }

    func setTLS(_ tls: TLSOptions, _ settings: CurlTransport.Settings, verifies: Bool = true) {
        // With a CA path libcurl does not cache the store, and every handshake reads all certificates again.
        set(CURLOPT_CAPATH, nil as String?)
        set(CURLOPT_CAINFO, tls.caFile ?? Self.systemBundle)
        set(CURLOPT_CA_CACHE_TIMEOUT, Int(settings.bundleLifetime.components.seconds))
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
        // OpenSSL 3 does not do the old versions above its lowest security level.
        if tls.minimumVersion < .v1_2 { set(CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0") }
        if verifies, let certificate = tls.certificateFile {
            set(CURLOPT_SSLCERT, certificate)
            set(CURLOPT_SSLKEY, tls.keyFile ?? certificate)
            // For a key under a passphrase OpenSSL would ask at the terminal, and the loop would wait for an answer.
            set(CURLOPT_KEYPASSWD, "")
        }
        note(
            partoo_easy_set_ssl_context(pointer) { _, context, own in
                // libcurl reports a connect time of 0 when the handshake fails or hangs; this runs right after connecting.
                EasyHandle.from(own)?.seen.handshakeBegan = .now
                if let context { EasyHandle.tellUntrusted(OpaquePointer(context)) }
                return CURLE_OK
            })
        set(CURLOPT_SSL_CTX_DATA, Unmanaged.passUnretained(self).toOpaque())
    }

    /// A chain that does not hold because of a signature leaves reasons of its own before OpenSSL's "certificate verify
    /// failed". libcurl goes by the first one, and would call it a failed handshake.
    private static func tellUntrusted(_ context: OpaquePointer) {
        SSL_CTX_set_cert_verify_callback(
            context,
            { store, _ in
                let isGood = X509_verify_cert(store) == 1
                if !isGood { ERR_clear_error() }
                return isGood ? 1 : 0
            }, nil)
    }

    /// Debian's bundle; the only file, since a path costs.
    private static let systemBundle = "/etc/ssl/certs/ca-certificates.crt"
}
