internal import Transport

/// Reads `--web.config.file`. Whether certificates and keys are any good is for whoever makes a TLS context of them.
package struct WebConfigurationLoader: Sendable {
    private let loader: ConfigurationLoader

    package init(fileSystem: any ConfigurationFileSystem = LocalFileSystem()) {
        loader = ConfigurationLoader(fileSystem: fileSystem, environment: { _ in nil })
    }

    package func load(path: String) -> LoadedWebConfiguration {
        let folder = loader.fileSystem.currentDirectory
        let absolute = path.hasPrefix("/") ? path : folder + (folder.hasSuffix("/") ? "" : "/") + path
        let reader = loader.reader(file: path, path: absolute, policy: .configuration)
        let document: YAMLDocument
        switch loader.read(absolute, into: reader) {
        case .failure(let failure):
            reader.fail(nil, "the file \(failure.rawValue)")
            return LoadedWebConfiguration(
                result: .failure(ConfigurationErrors(reader.diagnostics.sortedErrors())), warnings: [],
                files: [absolute])
        case .success(let parsed): document = parsed
        }
        var root = Section<WebRootKey>(position: .start)
        if let content = document.root {
            let node = YAMLNode(content, name: "the file", aliases: document.aliases)
            if !node.isNull { root = reader.section(node) }
        }
        var sections = WebConfigurationReader(reader: reader)
        let configuration = sections.read(root)
        return LoadedWebConfiguration(
            result: reader.diagnostics.hasErrors
                ? .failure(ConfigurationErrors(reader.diagnostics.sortedErrors())) : .success(configuration),
            warnings: reader.diagnostics.warnings.sorted(), files: [absolute] + sections.files)
    }
}

enum WebRootKey: String, SectionKey {
    case tls = "tls_server_config"
    case http = "http_server_config"
    case users = "basic_auth_users"
    case rateLimit = "rate_limit"

    static let sectionPath = ""
}

enum WebTLSKey: String, SectionKey {
    case certificateFile = "cert_file"
    case keyFile = "key_file"
    case clientCAFile = "client_ca_file"
    case certificate = "cert"
    case key
    case clientCA = "client_ca"
    case clientAuthentication = "client_auth_type"
    case clientAllowedSANs = "client_allowed_sans"
    case minimumVersion = "min_version"
    case maximumVersion = "max_version"
    case cipherSuites = "cipher_suites"
    case preferServerCipherSuites = "prefer_server_cipher_suites"
    case curves = "curve_preferences"

    static let sectionPath = "tls_server_config"
}

enum WebHTTPKey: String, SectionKey {
    case http2, headers

    static let sectionPath = "http_server_config"
}

enum WebHeaderKey: String, SectionKey {
    case contentSecurityPolicy = "Content-Security-Policy"
    case contentTypeOptions = "X-Content-Type-Options"
    case frameOptions = "X-Frame-Options"
    case strictTransportSecurity = "Strict-Transport-Security"
    case xssProtection = "X-XSS-Protection"

    static let sectionPath = "http_server_config.headers"

    /// nil: whatever one likes.
    var choices: [String]? {
        switch self {
        case .contentTypeOptions: ["nosniff"]
        case .frameOptions: ["deny", "sameorigin"]
        default: nil
        }
    }
}

enum WebRateKey: String, SectionKey {
    case interval, burst

    static let sectionPath = "rate_limit"
}

/// From the sections to checked values.
struct WebConfigurationReader {
    let reader: ValueReader
    /// Those that are named so far. Absolute.
    private(set) var files: [String] = []

    init(reader: ValueReader) {
        self.reader = reader
    }

    mutating func read(_ root: Section<WebRootKey>) -> WebConfiguration {
        var configuration = WebConfiguration()
        configuration.tls = tls(root.section(.tls, reader.diagnostics), at: root[.tls]?.position)
        let http: Section<WebHTTPKey> = root.section(.http, reader.diagnostics)
        if let node = http[.http2], reader.boolean(node, default: true) {
            reader.diagnostics.warn(node.position, "`http2`: HTTP/1.1 is all that is served")
        }
        configuration.headers = headers(http.section(.headers, reader.diagnostics))
        configuration.users = users(root[.users])
        configuration.rateLimit = rateLimit(root)
        return configuration
    }

    // MARK: TLS

    private mutating func tls(_ section: Section<WebTLSKey>, at position: Position?) -> WebConfiguration.TLS? {
        let certificate = material(section, .certificateFile, .certificate)
        let key = material(section, .keyFile, .key)
        let clientCA = material(section, .clientCAFile, .clientCA)
        let authentication = reader.choice(
            section[.clientAuthentication], default: WebConfiguration.ClientAuthentication.none)
        let minimum = reader.choice(section[.minimumVersion], default: WebConfiguration.Version.tls12)
        let maximum = reader.choice(section[.maximumVersion], default: WebConfiguration.Version.tls13)
        let suites = words(section[.cipherSuites], WebConfiguration.CipherSuite.self)
        let curves = words(section[.curves], WebConfiguration.Curve.self)
        let names = reader.texts(section[.clientAllowedSANs])
        if let node = section[.preferServerCipherSuites], reader.boolean(node, default: false) {
            reader.diagnostics.warn(node.position, "`\(node.name)`: the client's order holds, of what the list allows")
        }
        // As exporter-toolkit does it: a section without any of these is plain HTTP.
        guard certificate != nil || key != nil || clientCA != nil || section[.clientAuthentication] != nil else {
            return nil
        }
        guard let certificate, let key else {
            reader.fail(position, "`\(certificate == nil ? "cert_file" : "key_file")` is missing")
            return nil
        }
        if clientCA != nil, authentication == .none {
            reader.fail(position, "`client_ca_file` needs a `client_auth_type` other than `NoClientCert`")
        }
        if let node = section[.clientAllowedSANs], !node.isNull, names.isEmpty {
            reader.fail(node.position, "`\(node.name)` must name somebody, or be left out")
        }
        if !names.isEmpty, authentication == .none {
            reader.fail(position, "`client_allowed_sans` needs a `client_auth_type` other than `NoClientCert`")
        }
        if minimum > maximum { reader.fail(position, "`min_version` is above `max_version`") }
        if !suites.isEmpty, suites.allSatisfy(\.isTLS13), minimum < .tls13 {
            reader.diagnostics.warn(
                position, "`cipher_suites` names suites of TLS 1.3 only, which are always on; it chooses nothing")
        }
        return WebConfiguration.TLS(
            certificate: certificate, key: key, clientCA: clientCA, clientAuthentication: authentication,
            clientAllowedSANs: names, minimumVersion: minimum, maximumVersion: maximum, cipherSuites: suites,
            curves: curves)
    }

    private mutating func material(
        _ section: Section<WebTLSKey>, _ file: WebTLSKey, _ inline: WebTLSKey
    ) -> WebConfiguration.Material? {
        // An empty value counts as left out.
        let path = section[file].flatMap { $0.text == "" ? nil : reader.path($0) }
        let text = section[inline].flatMap { $0.text == "" ? nil : reader.text($0) }
        if path != nil, text != nil {
            reader.fail(
                section[inline]?.position, "only one of `\(file.rawValue)` and `\(inline.rawValue)` may be given")
        }
        if let path { files.append(path) }
        return path.map { .file($0) } ?? text.map { .text(Secret($0)) }
    }

    private func words<Word: RawRepresentable<String> & CaseIterable>(_ node: YAMLNode?, _ type: Word.Type) -> [Word] {
        reader.list(node).compactMap { item in
            if let word = item.text.flatMap(Word.init) { return word }
            let all = Word.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            reader.fail(item.position, "`\(item.name)` must hold of these: \(all)")
            return nil
        }
    }

    // MARK: HTTP

    private func headers(_ section: Section<WebHeaderKey>) -> [WebConfiguration.Header] {
        WebHeaderKey.allCases.compactMap { key in
            guard let node = section[key], let value = reader.text(node), !value.isEmpty else { return nil }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                reader.fail(node.position, "`\(key.rawValue)` must be one line of text")
                return nil
            }
            if let choices = key.choices, !choices.contains(value) {
                let words = choices.map { "`\($0)`" }.joined(separator: ", ")
                reader.fail(node.position, "`\(key.rawValue)` must be one of \(words)")
            }
            return WebConfiguration.Header(name: key.rawValue, value: value)
        }
    }

    private func users(_ node: YAMLNode?) -> [String: Secret] {
        guard let node else { return [:] }
        var users: [String: Secret] = [:]
        for entry in reader.diagnostics.entries(node) ?? [] {
            guard let hash = entry.value.text, Self.isBcrypt(hash) else {
                reader.fail(
                    entry.value.position,
                    "`basic_auth_users`: the password must be a bcrypt hash that begins with $2a$, $2b$ or $2y$")
                continue
            }
            users[entry.key] = Secret(hash)
        }
        return users
    }

    /// `$2y$`, a cost from 04 to 31, `$`, 53 characters of bcrypt's base 64.
    static func isBcrypt(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 60, ["$2a$", "$2b$", "$2y$"].contains(where: text.hasPrefix), bytes[6] == 0x24,
            bytes[4].isASCIIDigit, bytes[5].isASCIIDigit,
            (4...31).contains(Int(bytes[4] - 48) * 10 + Int(bytes[5] - 48))
        else { return false }
        return bytes[7...].allSatisfy { $0.isASCIIDigit || $0.isASCIILetter || $0 == 0x2e || $0 == 0x2f }
    }

    private func rateLimit(_ root: Section<WebRootKey>) -> WebConfiguration.RateLimit? {
        let section: Section<WebRateKey> = root.section(.rateLimit, reader.diagnostics)
        let interval = reader.duration(section[.interval], default: .zero, allowsZero: true)
        let burst = reader.integer(section[.burst], in: 0...1_000_000, default: 0)
        // As exporter-toolkit does it: without an interval there is no limit, and without a burst nothing is answered.
        guard interval > .zero else { return nil }
        if burst == 0 {
            reader.diagnostics.warn(root[.rateLimit]?.position, "`rate_limit`: a `burst` of 0 refuses every request")
        }
        return WebConfiguration.RateLimit(interval: interval, burst: burst)
    }
}
