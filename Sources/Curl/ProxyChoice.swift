import Glibc
import Transport

/// Which proxy a request goes through. The environment is read here, by libcurl's rules, and not left to libcurl: whether
/// there is a proxy decides whether addresses are vetted, so it must be known beforehand.
struct ProxyChoice {
    /// nil: none.
    let url: Secret?

    init(_ request: Request, _ target: URLParts, environment: (String) -> String? = ProxyChoice.variable) {
        // An empty variable counts for none, and hides no other.
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        if let proxy = request.proxy {
            url = proxy
        } else if request.proxyFromEnvironment, !Self.isExcepted(target.host, variable) {
            // Upper-case HTTP_PROXY is left out as everywhere: a CGI server would let its clients set it.
            var names = ["\(target.scheme)_proxy"]
            if target.scheme != "http" { names.append("\(target.scheme.uppercased())_PROXY") }
            names += ["all_proxy", "ALL_PROXY"]
            url = names.compactMap(variable).first.map { Secret($0) }
        } else {
            url = nil
        }
    }

    /// Without brackets, as libcurl reads it; nil where there is no proxy or its URL cannot be read.
    var host: String? {
        guard let text = url?.reveal() else { return nil }
        return URLParts(text.contains("://") ? text : "http://\(text)")?.host
    }

    var isSOCKS: Bool { url?.reveal().lowercased().hasPrefix("socks") ?? false }

    static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// Whether `no_proxy` names the host: itself, a domain it lies in, an address, or a network.
    private static func isExcepted(_ host: String, _ environment: (String) -> String?) -> Bool {
        guard let list = environment("no_proxy") ?? environment("NO_PROXY") else { return false }
        if list == "*" { return true }
        let address = IPAddress(host)
        let name = host.lowercased().trimmingDot
        return list.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }).contains { item in
            if let address { return matches(address, item) }
            let domain = (item.hasPrefix(".") ? item.dropFirst() : item).lowercased().trimmingDot
            return !domain.isEmpty && (name == domain || name.hasSuffix("." + domain))
        }
    }

    private static func matches(_ address: IPAddress, _ item: Substring) -> Bool {
        let sides = item.split(separator: "/", maxSplits: 1)
        guard let first = sides.first, let network = IPAddress(first), network.family == address.family else {
            return false
        }
        let bits = sides.count == 2 ? Int(sides[1]) ?? -1 : network.bytes.count * 8
        guard (0...network.bytes.count * 8).contains(bits) else { return false }
        return zip(network.bytes, address.bytes).enumerated().allSatisfy { index, pair in
            let mask = UInt8(truncatingIfNeeded: 0xff00 >> min(max(bits - 8 * index, 0), 8))
            return (pair.0 ^ pair.1) & mask == 0
        }
    }
}

extension String {
    fileprivate var trimmingDot: String { hasSuffix(".") ? String(dropLast()) : self }
}
