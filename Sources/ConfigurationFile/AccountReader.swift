internal import Probing
internal import Transport
internal import Watching

/// Reads `accounts`.
struct AccountReader {
    let reader: ValueReader
    let watchReader: WatchReader
    let defaults: WatchDefaults

    static let defaultBaseURL = "https://api.partoo.co/v2"

    /// The accounts, and whether each could be read as far as its name. A watch of any other bad account is no error of
    /// its own either.
    func accounts(_ node: YAMLNode?) -> (accounts: [Account], areAllNamed: Bool) {
        guard let node else { return ([], true) }
        guard let items = reader.diagnostics.list(node) else { return ([], false) }
        var accounts: [Account] = []
        var lines: [String: Int] = [:]
        var areAllNamed = true
        for item in items {
            guard item.isMapping else {
                reader.fail(item.position, "an account must be a mapping with `name`")
                areAllNamed = false
                continue
            }
            let section: Section<AccountKey> = reader.section(item)
            let name = name(section)
            let account = Account(
                name: name ?? "", baseURL: baseURL(section[.baseURL]), apiKey: apiKey(section) ?? Secret(""),
                requestsPerMinute: reader.integer(section[.requestsPerMinute], in: 1...1_000_000, default: 240),
                caFile: caFile(section), discovery: section[.discover].map(discovery))
            guard let name else {
                areAllNamed = false
                continue
            }
            if let line = lines[name] {
                reader.fail(
                    section[.name]?.position, "duplicate account `\(name)`: it is already in line \(line); keep one")
                continue
            }
            lines[name] = section[.name]?.position.line
            accounts.append(account)
        }
        return (accounts, areAllNamed)
    }

    private func name(_ section: Section<AccountKey>) -> String? {
        guard let node = section.required(.name, reader.diagnostics), let name = reader.text(node) else { return nil }
        let isValid =
            (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == 0x5f || $0 == 0x2d }
        guard isValid else {
            reader.fail(node.position, "`name` must be 1 to 64 letters, digits, `_` or `-`")
            return nil
        }
        return name
    }

    private func baseURL(_ node: YAMLNode?) -> String {
        guard let node, let text = reader.text(node) else { return Self.defaultBaseURL }
        let failed: (String) -> String = { message in
            reader.fail(node.position, "`base_url` \(message)")
            return Self.defaultBaseURL
        }
        guard let origin = Origin(url: text), origin.scheme == "https" || origin.scheme == "http" else {
            return failed("must be a URL such as `\(Self.defaultBaseURL)`")
        }
        guard !text.utf8.contains(UInt8(ascii: "@")) else { return failed("must not hold a user or a password") }
        guard !text.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) else {
            return failed("must not hold a query or a fragment")
        }
        guard origin.scheme == "https" || Self.isLoopback(origin.host) else {
            return failed("must begin with https://; plain http is for loopback hosts only")
        }
        var url = text[...]
        while url.hasSuffix("/") { url = url.dropLast() }
        return String(url)
    }

    static func isLoopback(_ host: String) -> Bool {
        guard let address = IPAddress(host) else { return host == "localhost" }
        if address.family == .ipv4 { return address.bytes.first == 127 }
        return address.bytes == [UInt8](repeating: 0, count: 15) + [1]
    }

    private func apiKey(_ section: Section<AccountKey>) -> Secret? {
        let sources = [AccountKey.apiKeyFile, .apiKeyEnvironment, .apiKey].filter { section[$0] != nil }
        guard sources.count == 1, let source = sources.first, let node = section[source] else {
            reader.fail(
                section.position,
                sources.isEmpty
                    ? "the API key is missing; set `api_key_file`, `api_key_env` or `api_key`"
                    : "several API keys; keep one of `api_key_file`, `api_key_env` and `api_key`")
            return nil
        }
        let key: Secret?
        switch source {
        case .apiKeyFile: key = reader.fileSecret(node, for: node.name)
        case .apiKeyEnvironment: key = reader.environmentSecret(node, for: node.name)
        default:
            reader.diagnostics.warn(
                node.position, "`api_key` stands in the file in clear; `api_key_file` keeps it out")
            key = reader.nonEmptyText(node).map(Secret.init)
        }
        if let key, !ValueReader.isSendable(key) {
            reader.fail(node.position, "`\(node.name)`: the key holds a line break or NUL and cannot be sent")
        }
        return key
    }

    private func caFile(_ section: Section<AccountKey>) -> String? {
        let tls: Section<AccountTLSKey> = section.section(.tls, reader.diagnostics)
        return reader.readablePath(tls[.caFile], holding: .certificate)
    }

    private func discovery(_ node: YAMLNode) -> DiscoverySettings {
        let section: Section<DiscoverKey> = reader.section(node)
        var settings = DiscoverySettings()
        var seen: Set<Int> = []
        settings.orgIDs = reader.list(section[.orgIDs]).compactMap { reader.integer($0, in: 1...Int.max) }
            .filter { seen.insert($0).inserted }
        settings.eventTypes = reader.texts(section[.eventTypes])
        settings.interval = reader.duration(section[.interval], default: settings.interval)
        settings.missingRetention = reader.duration(
            section[.missingRetention], default: settings.missingRetention, allowsZero: true)
        settings.maximumWebhooks = reader.integer(
            section[.maximumWebhooks], in: 1...Int.max, default: settings.maximumWebhooks)
        settings.module = watchReader.moduleName(section[.module], default: defaults.module)
        settings.labels = reader.labels(section[.labels], over: defaults.labels)
        let module = watchReader.modules[settings.module]
        if let text = module?.slowness(defaults.probeInterval, "the default probe interval") {
            reader.diagnostics.warn(node.position, text)
        }
        return settings
    }
}
