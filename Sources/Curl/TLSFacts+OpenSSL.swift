import CCurl
import Glibc
import Transport

extension TLSFacts {
    /// From a session whose handshake has ended.
    init(session: OpaquePointer, isVerified: Bool) {
        self.init(isVerified: isVerified)
        version = SSL_get_version(session).map { Self.shown(String(cString: $0)) }
        cipher = SSL_get_current_cipher(session).flatMap { SSL_CIPHER_get_name($0) }.map { String(cString: $0) }
        guard let chain = SSL_get_peer_cert_chain(session) else { return }
        for index in 0..<partoo_chain_count(chain) {
            guard let certificate = partoo_chain_item(chain, index), let end = Self.notAfter(certificate) else {
                continue
            }
            if index == 0 { leafNotAfter = end }
            earliestNotAfter = min(earliestNotAfter ?? end, end)
        }
    }

    /// OpenSSL writes `TLSv1.3`, the field `TLS 1.3`.
    private static func shown(_ version: String) -> String {
        guard version.hasPrefix("TLSv") else { return version }
        let number = version.dropFirst(4)
        return "TLS \(number == "1" ? "1.0" : number)"
    }

    private static func notAfter(_ certificate: OpaquePointer) -> Int64? {
        var time = tm()
        guard let end = X509_get0_notAfter(certificate), ASN1_TIME_to_tm(end, &time) == 1 else { return nil }
        return Int64(timegm(&time))
    }
}

extension IPAddress {
    /// libcurl hands over a larger structure than it declares: an IPv6 address lies past the end of `addr`.
    init?(_ pointer: UnsafePointer<curl_sockaddr>) {
        guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
        let raw = UnsafeRawPointer(pointer) + offset
        let length = Int(pointer.pointee.addrlen)
        let range: Range<Int>
        switch pointer.pointee.family {
        case AF_INET: range = 4..<8
        case AF_INET6: range = 8..<24
        default: return nil
        }
        guard length >= range.upperBound else { return nil }
        self.init(bytes: UnsafeRawBufferPointer(start: raw, count: length)[range])
    }
}
