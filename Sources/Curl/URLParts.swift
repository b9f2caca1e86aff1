import CCurl

/// A URL as libcurl's own parser reads it.
struct URLParts {
    let scheme: String
    /// Without brackets.
    let host: String
    let port: Int
    private let handleText: String
    private let hasPort: Bool

    init?(_ text: String) {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
            let scheme = Self.part(handle, CURLUPART_SCHEME), let host = Self.part(handle, CURLUPART_HOST),
            let port = Self.part(handle, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)).flatMap({ Int($0) })
        else { return nil }
        self.scheme = scheme
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = port
        hasPort = Self.part(handle, CURLUPART_PORT) != nil
        handleText = text
    }

    var bracketedHost: String { host.contains(":") ? "[\(host)]" : host }

    /// What the Host header says.
    var authority: String { hasPort ? "\(bracketedHost):\(port)" : bracketedHost }

    func replacingHost(with name: String) -> String {
        guard let handle = curl_url() else { return handleText }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, handleText, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
            curl_url_set(handle, CURLUPART_HOST, name.contains(":") ? "[\(name)]" : name, 0) == CURLUE_OK
        else { return handleText }
        return Self.part(handle, CURLUPART_URL) ?? handleText
    }

    private static func part(_ handle: OpaquePointer, _ part: CURLUPart, _ flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
