import CCurl
import TestSupport

/// OpenSSL on the other side, for what the server of the other tests does not do.
enum OpenSSLPeer {
    /// Serves one request. Asks for a client certificate, takes any or none, and notes whether it got one and a request.
    ///
    /// - Parameters:
    ///   - certificate: a PEM file, as `key` is.
    ///   - version: the highest.
    static func serve(
        _ connection: RawServer.Connection, certificate: String, key: String, version: Int32 = TLS1_3_VERSION
    ) {
        let context = SSL_CTX_new(TLS_server_method())
        defer { SSL_CTX_free(context) }
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM)
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { _, _ in 1 }
        let session = SSL_new(context)
        defer { SSL_free(session) }
        SSL_set_fd(session, connection.number)
        guard SSL_accept(session) == 1 else { return connection.keep("no handshake") }
        let shown = SSL_get1_peer_certificate(session)
        defer { X509_free(shown) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let hasRequest = SSL_read(session, &buffer, Int32(buffer.count)) > 0
        connection.keep("certificate: \(shown != nil), request: \(hasRequest)")
        let answer = Array(page().utf8)
        if hasRequest { SSL_write(session, answer, Int32(answer.count)) }
    }

    /// A certificate that signs itself and names its host in the subject only.
    ///
    /// - Parameter key: PEM.
    static func certificate(named name: [UInt8], key: String) -> String {
        let source = BIO_new_mem_buf(key, Int32(key.utf8.count))
        let result = BIO_new(BIO_s_mem())
        let pair = PEM_read_bio_PrivateKey(source, nil, nil, nil)
        let certificate = X509_new()
        defer {
            BIO_free(source)
            BIO_free(result)
            EVP_PKEY_free(pair)
            X509_free(certificate)
        }
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
        let subject = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, name, Int32(name.count), -1, 0)
        X509_set_issuer_name(certificate, subject)
        X509_set_pubkey(certificate, pair)
        X509_sign(certificate, pair, EVP_sha256())
        PEM_write_bio_X509(result, certificate)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = BIO_read(result, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(max(count, 0))), as: UTF8.self)
    }
}
