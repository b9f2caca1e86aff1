internal import Probing
internal import Transport

/// Reads `modules`.
struct ModuleReader {
    let reader: ValueReader
    let validatePattern: (String) -> String?

    static let defaultName = "http"

    /// The modules, `http` among them whether it is written or not, good or bad; their names in the file's order; and
    /// whether each of these could be read.
    func modules(_ node: YAMLNode?) -> (modules: [String: ProbeModule], names: [String], areAllNamed: Bool) {
        var modules = [Self.defaultName: ProbeModule(name: Self.defaultName)]
        var names = [Self.defaultName]
        guard let node else { return (modules, names, true) }
        guard let entries = reader.diagnostics.entries(node) else { return (modules, names, false) }
        var areAllNamed = true
        for entry in entries {
            guard Self.isName(entry.key) else {
                reader.fail(entry.keyPosition, "a module's name must be 1 to 64 characters without control characters")
                areAllNamed = false
                continue
            }
            if entry.key != Self.defaultName { names.append(entry.key) }
            let section: Section<ModuleKey> =
                entry.value.isNull ? Section(position: entry.keyPosition) : reader.section(entry.value)
            modules[entry.key] = module(entry.key, section)
        }
        return (modules, names, areAllNamed)
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.unicodeScalars.count)
            && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
    }

    private func module(_ name: String, _ section: Section<ModuleKey>) -> ProbeModule {
        var module = ProbeModule(name: name)
        module.method = reader.choice(section[.method], default: module.method)
        module.timeout = reader.duration(section[.timeout], default: module.timeout)
        module.headers = reader.headerFields(section[.headers])
        module.body = body(section, module.method)
        module.trustedOrigins = trustedOrigins(section[.trustedOrigins])
        module.sendsCustomHeaders = reader.boolean(section[.sendCustomHeaders], default: module.sendsCustomHeaders)
        module.followsRedirects = reader.boolean(section[.followRedirects], default: module.followsRedirects)
        module.ipProtocol = reader.choice(section[.ipProtocol], default: module.ipProtocol)
        module.maximumResponseBytes = maximumResponseBytes(
            section[.maximumResponseBytes], default: module.maximumResponseBytes)
        module.tls = tls(section.section(.tls, reader.diagnostics))
        module.retries = reader.integer(section[.retries], in: 0...100, default: module.retries)
        readVersionsAndCodes(section, into: &module)
        readRules(section, into: &module)
        readProxy(section, into: &module)
        readTargets(section, into: &module)
        return module
    }

    private func body(_ section: Section<ModuleKey>, _ method: HTTPMethod) -> [UInt8] {
        let bytes: [UInt8]
        if let node = section[.bodyFile] {
            if section[.body] != nil { reader.fail(node.position, "both `body` and `body_file`; keep one") }
            guard let path = reader.path(node) else { return [] }
            switch reader.contents(of: path, limit: ValueReader.maximumFileBytes) {
            case .success(let contents): bytes = contents.bytes
            case .failure(let failure):
                reader.fail(node.position, "`body_file`: the file \(failure.rawValue)")
                return []
            }
        } else {
            bytes = section[.body].flatMap(reader.text).map { Array($0.utf8) } ?? []
        }
        if !bytes.isEmpty, method != .post, method != .put {
            reader.diagnostics.warn(
                (section[.bodyFile] ?? section[.body])?.position,
                "a body is sent with POST and PUT only; this module's method is \(method.rawValue)")
        }
        return bytes
    }

    private func maximumResponseBytes(_ node: YAMLNode?, default value: Int) -> Int {
        guard let node else { return value }
        guard let size = node.text.flatMap(ScalarText.byteSize), (1...1 << 30).contains(size) else {
            reader.fail(
                node.position, "`\(node.name)` must be a size from 1 byte to 1GiB such as `64KiB`, `1MiB` or `65536`")
            return value
        }
        return size
    }

    private func tls(_ section: Section<ModuleTLSKey>) -> TLSOptions {
        var tls = TLSOptions()
        tls.caFile = reader.readablePath(section[.caFile], holding: .certificate)
        tls.certificateFile = reader.readablePath(section[.certificateFile], holding: .certificate)
        tls.keyFile = reader.readablePath(section[.keyFile], holding: .privateKey)
        if let certificate = section[.certificateFile], section[.keyFile] == nil {
            reader.fail(certificate.position, "`cert_file` without `key_file`; set both or none")
        }
        if let key = section[.keyFile], section[.certificateFile] == nil {
            reader.fail(key.position, "`key_file` without `cert_file`; set both or none")
        }
        tls.serverName = reader.nonEmptyText(section[.serverName])
        tls.minimumVersion = reader.choice(section[.minimumVersion], default: tls.minimumVersion)
        tls.insecureSkipVerify = reader.boolean(section[.insecureSkipVerify], default: tls.insecureSkipVerify)
        return tls
    }
}

extension ProbeModule {
    /// A warning, where a probe of a receiver that hangs can still run at its next turn.
    func slowness(_ interval: Duration, _ name: String) -> String? {
        let attempts = retries + 1
        guard timeout * attempts > interval else { return nil }
        let times = attempts == 1 ? "" : " times its \(attempts) attempts"
        return "the `timeout` of module `\(self.name)`\(times) is longer than \(name); turns will be missed"
    }
}
