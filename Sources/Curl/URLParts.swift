import CCurl
import Transport

/// A URL as libcurl's own parser reads it.
struct URLParts {
    /// Lower case.
    let scheme: String
    /// Without brackets.
    let host: String
    /// The host as it is looked up, and named to a proxy: an IPv6 address in brackets, an international name in its ASCII form,
    /// read in the thread's locale.
    let sentHost: String
    /// 0 where the URL has none and neither has its scheme.
    let port: Int
    /// The URL as it may be sent: what is not ASCII behind the host is percent-encoded, since libcurl would send it raw.
    let text: String
    private let hasPort: Bool

    init?(_ text: String) {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
            let scheme = Self.part(handle, CURLUPART_SCHEME), let host = Self.part(handle, CURLUPART_HOST),
            let sentHost = host.utf8.allSatisfy({ $0 < 0x80 }) ? host : Self.asciiForm(handle)
        else { return nil }
        self.scheme = scheme
        self.sentHost = sentHost
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = Self.part(handle, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)).flatMap { Int($0) } ?? 0
        hasPort = Self.part(handle, CURLUPART_PORT) != nil
        self.text = Self.encoded(text)
    }

    /// nil where there is none, and where it is no name: IDNA makes digits, dots and slashes of what looks like them, and nobody
    /// has vetted the address or the authority that comes of it.
    private static func asciiForm(_ handle: OpaquePointer) -> String? {
        guard let name = part(handle, CURLUPART_HOST, UInt32(CURLU_PUNYCODE)),
            let origin = Origin(url: "http://\(name)"), origin.host == name, IPAddress(name) == nil
        else { return nil }
        return name
    }

    /// What the Host header says.
    var authority: String { hasPort ? "\(sentHost):\(port)" : sentHost }

    /// nil: it cannot be the name of a host.
    func replacingHost(with name: String) -> String? {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
            curl_url_set(handle, CURLUPART_HOST, name.contains(":") ? "[\(name)]" : name, 0) == CURLUE_OK
        else { return nil }
        return Self.part(handle, CURLUPART_URL)
    }

    private static func encoded(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }), let start = text.firstRange(of: "://")?.upperBound,
            let path = text.utf8[start...].firstIndex(where: { "/?#".utf8.contains($0) })
        else { return text }
        return String(decoding: Array(text.utf8[..<path]) + text.utf8[path...].percentEncoded, as: UTF8.self)
    }

    private static func part(_ handle: OpaquePointer, _ part: CURLUPart, _ flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}

extension Sequence<UInt8> {
    /// What is not ASCII as `%XX`.
    var percentEncoded: [UInt8] {
        let hexadecimal = Array("0123456789ABCDEF".utf8)
        return flatMap { $0 < 0x80 ? [$0] : [0x25, hexadecimal[Int($0 >> 4)], hexadecimal[Int($0 & 0xf)]] }
    }
}
