internal import Probing
internal import Transport

extension ModuleReader {
    func readVersionsAndCodes(_ section: Section<ModuleKey>, into module: inout ProbeModule) {
        module.validStatusCodes = reader.list(section[.validStatusCodes]).compactMap { item in
            guard let codes = item.text.flatMap(ScalarText.statusCodes) else {
                reader.fail(item.position, "`\(item.name)` must hold codes from 100 to 599: `204`, `2xx` or `200-299`")
                return nil
            }
            return codes
        }
        for item in reader.list(section[.validHTTPVersions]) {
            module.validHTTPVersions.insert(reader.choice(item, default: HTTPVersion.http1_1))
        }
        module.httpVersion = reader.choice(section[.httpVersion], default: module.httpVersion)
    }

    func readRules(_ section: Section<ModuleKey>, into module: inout ProbeModule) {
        module.failIfBodyMatches = patterns(section[.failIfBodyMatches])
        module.failIfBodyNotMatches = patterns(section[.failIfBodyNotMatches])
        module.failIfHeaderMatches = headerRules(section[.failIfHeaderMatches])
        module.failIfHeaderNotMatches = headerRules(section[.failIfHeaderNotMatches])
        if module.method == .head, module.hasBodyRules {
            let node = section[.failIfBodyMatches] ?? section[.failIfBodyNotMatches]
            reader.fail(
                node?.position, "`\(node?.name ?? "")` with method HEAD, whose responses have no body; use GET or POST")
        }
    }

    private func patterns(_ node: YAMLNode?) -> [String] {
        reader.list(node).compactMap(pattern)
    }

    private func pattern(_ node: YAMLNode) -> String? {
        guard let text = reader.nonEmptyText(node) else { return nil }
        if let problem = validatePattern(text) {
            reader.fail(node.position, "`\(node.name)`: not a valid PCRE2 pattern: \(problem)")
            return nil
        }
        return text
    }

    private func headerRules(_ node: YAMLNode?) -> [HeaderRule] {
        reader.list(node).compactMap { item in
            guard item.isMapping else {
                reader.fail(item.position, "`\(item.name)` must hold mappings such as `{header: X-Env, regexp: prod}`")
                return nil
            }
            let section: Section<HeaderRuleKey> = reader.section(item)
            let header = reader.nonEmptyText(section.required(.header, reader.diagnostics))
            let regexp = section.required(.regexp, reader.diagnostics).flatMap(pattern)
            let allowMissing = reader.boolean(section[.allowMissing], default: false)
            guard let header, let regexp else { return nil }
            return HeaderRule(header: header, regexp: regexp, allowMissing: allowMissing)
        }
    }

    func readProxy(_ section: Section<ModuleKey>, into module: inout ProbeModule) {
        module.proxyFromEnvironment = reader.boolean(section[.proxyFromEnvironment], default: false)
        if let node = section[.proxyURL], let url = reader.secret(node), !url.isEmpty {
            let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
            if let origin = Origin(url: url.reveal()), schemes.contains(origin.scheme) {
                module.proxy = url
            } else {
                reader.fail(node.position, "`proxy_url` must be a URL such as `http://proxy.example.com:3128`")
            }
            if module.proxyFromEnvironment {
                reader.fail(node.position, "both `proxy_url` and `proxy_from_environment`; keep one")
            }
        }
        if module.proxy != nil || module.proxyFromEnvironment {
            reader.diagnostics.warn(
                (section[.proxyURL] ?? section[.proxyFromEnvironment])?.position,
                "through a proxy only literal addresses can be vetted; the proxy must refuse private targets itself")
        }
    }

    func trustedOrigins(_ node: YAMLNode?) -> Set<Origin> {
        var origins: Set<Origin> = []
        for item in reader.list(node) {
            guard let text = item.text, let origin = Origin(url: text), ["https", "http"].contains(origin.scheme),
                !text.utf8.contains(UInt8(ascii: "@")), Self.hasNoPath(text)
            else {
                reader.fail(
                    item.position, "`\(item.name)` must hold origins such as `https://example.com:8443`, without a path"
                )
                continue
            }
            origins.insert(origin)
        }
        return origins
    }

    private static func hasNoPath(_ url: String) -> Bool {
        guard let authority = url.firstRange(of: "://")?.upperBound else { return false }
        return !url[authority...].utf8.contains { "/?#".utf8.contains($0) }
    }

    func readTargets(_ section: Section<ModuleKey>, into module: inout ProbeModule) {
        if let node = section[.allowedSchemes], let items = reader.diagnostics.list(node) {
            if items.isEmpty { reader.fail(node.position, "`\(node.name)` must hold `https`, `http` or both") }
            var schemes: Set<String> = []
            for item in items {
                guard let scheme = item.text, ["https", "http"].contains(scheme) else {
                    reader.fail(item.position, "`\(item.name)` may hold `https` and `http`")
                    continue
                }
                schemes.insert(scheme)
            }
            module.allowedSchemes = schemes
        }
        module.allowedNetworks = reader.list(section[.allowedNetworks]).compactMap { item in
            guard let network = item.text.flatMap({ IPNetwork($0) }) else {
                reader.fail(item.position, "`\(item.name)` must hold networks such as `10.0.0.0/8` or `fd00::/8`")
                return nil
            }
            return network
        }
    }
}
