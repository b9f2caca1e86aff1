internal import Transport
internal import Watching

// No error here holds a value, the name of a variable or the path of a file: a secret in the wrong place would be any of them.
extension ValueReader {
    /// A secret written out, or `{env: X}`, or `{file: X}`.
    func secret(_ node: YAMLNode) -> Secret? {
        guard node.isMapping else { return text(node).map(Secret.init) }
        let allowed: [ValueKey] = [.env, .file]
        guard let (key, value) = single(form(node, of: allowed), of: allowed, in: node) else { return nil }
        return key == .env ? environmentSecret(value, for: node.name) : fileSecret(value, for: node.name)
    }

    /// What a value should be: written out, `{env: X}`, `{file: X}`, `{sha256: HEX, salt: HEX}`, for headers `{any: true}`.
    func expectedValue(_ node: YAMLNode, isHeader: Bool) -> ExpectedValue? {
        guard node.isMapping else { return text(node).map { .exactly(Secret($0)) } }
        let allowed: [ValueKey] = isHeader ? [.env, .file, .sha256, .any] : [.env, .file, .sha256]
        let form = form(node, of: allowed)
        if form[.any] != nil, !isHeader {
            fail(form[.any]?.position, "`any` is for headers only; leave `\(node.name)` out to have it learned")
            return nil
        }
        guard let (key, value) = single(form, of: allowed, in: node) else { return nil }
        switch key {
        case .env: return environmentSecret(value, for: node.name).map(ExpectedValue.exactly)
        case .file: return fileSecret(value, for: node.name).map(ExpectedValue.exactly)
        case .any:
            if value.plainText != "true" { fail(value.position, "`any` must be true") }
            return .any
        case .sha256, .salt: return hash(value, salt: form[.salt])
        }
    }

    private func hash(_ node: YAMLNode, salt: YAMLNode?) -> ExpectedValue? {
        var saltBytes: [UInt8] = []
        if let salt {
            if let bytes = salt.text.flatMap(ScalarText.hexadecimal), !bytes.isEmpty {
                saltBytes = bytes
            } else {
                fail(salt.position, "`salt` must be pairs of hexadecimal digits")
            }
        }
        guard let bytes = node.text.flatMap(ScalarText.hexadecimal), bytes.count == 32 else {
            fail(node.position, "`sha256` must be 64 hexadecimal digits")
            return nil
        }
        return .sha256(hash: bytes, salt: saltBytes)
    }

    private func form(_ node: YAMLNode, of allowed: [ValueKey]) -> Section<ValueKey> {
        Section(node, diagnostics) { key in
            // A key in the place of a value may be the value itself, so only a slip is shown.
            let known = offered(allowed).map(\.rawValue) + (allowed.contains(.sha256) ? [ValueKey.salt.rawValue] : [])
            if let name = Spelling.slip(key, among: known) { return "unknown key `\(key)`; did you mean `\(name)`?" }
            return "unknown key (not shown: it may be a secret); \(choice(of: allowed, in: node))"
        }
    }

    /// Which of the forms this file may use.
    private func offered(_ allowed: [ValueKey]) -> [ValueKey] {
        switch policy {
        case .configuration: allowed
        case .watchFile(.none): allowed.filter { $0 != .env && $0 != .file }
        case .watchFile: allowed.filter { $0 != .env }
        }
    }

    private func choice(of allowed: [ValueKey], in node: YAMLNode) -> String {
        let choices = offered(allowed).map { $0 == .any ? "`{any: true}`" : "`{\($0.rawValue): …}`" }
            .joined(separator: ", ")
        return "\(Spelling.quoted(node.name, or: "this value")) must be text or exactly one of \(choices)"
    }

    /// The one form that is given.
    private func single(
        _ form: Section<ValueKey>, of allowed: [ValueKey], in node: YAMLNode
    ) -> (key: ValueKey, value: YAMLNode)? {
        // What else is wrong may follow from the key that nobody knows.
        guard form.isWhole else { return nil }
        let given = allowed.compactMap { key in form[key].map { (key: key, value: $0) } }
        let refused = ValueKey.allCases.contains { form[$0] != nil && !allowed.contains($0) && $0 != .salt }
        if given.count == 1, let first = given.first, !refused {
            if first.key != .sha256, let salt = form[.salt] {
                fail(salt.position, "`salt` goes with `sha256` only")
            }
            return first
        }
        fail(node.position, choice(of: allowed, in: node))
        return nil
    }

    /// The value of the variable that `node` names.
    func environmentSecret(_ node: YAMLNode, for key: String) -> Secret? {
        let key = Spelling.quoted(key, or: "this value")
        if case .watchFile = policy {
            fail(node.position, "\(key): `env` is not allowed in a watch file; use `file` below `watch_secrets_dir`")
            return nil
        }
        guard let name = nonEmptyText(node) else { return nil }
        guard let value = name.utf8.contains(0) ? nil : environment(name) else {
            fail(node.position, "\(key): the environment variable that it names is not set")
            return nil
        }
        guard !value.isEmpty else {
            fail(node.position, "\(key): the environment variable that it names is empty")
            return nil
        }
        return Secret(value)
    }

    /// The content of the file that `node` names, without one trailing newline.
    func fileSecret(_ node: YAMLNode, for key: String) -> Secret? {
        let key = Spelling.quoted(key, or: "this value")
        guard let path = path(node) else { return nil }
        var folder: String?
        if case .watchFile(let secrets) = policy {
            let secretsDirectory: String
            switch secrets {
            case .folder(let path): secretsDirectory = path
            case .none:
                fail(node.position, "\(key): `file` is not allowed in a watch file unless `watch_secrets_dir` is set")
                return nil
            // That there is none is an error of the configuration, told there.
            case .unknown: return nil
            }
            folder = secretsDirectory.hasSuffix("/") ? secretsDirectory : secretsDirectory + "/"
            // Before it is opened too, so that nothing outside is touched; and in the same words, so that nobody can ask
            // this way what files there are.
            guard let folder, let resolved = fileSystem.resolve(path), resolved.hasPrefix(folder) else {
                if let folder { expect(path, below: folder) }
                fail(node.position, "\(key): there is no such file below `watch_secrets_dir`")
                return nil
            }
        }
        switch contents(of: path, limit: Self.maximumSecretBytes) {
        case .failure(let failure):
            fail(node.position, "\(key): the file that it names \(failure.rawValue)")
            return nil
        case .success(let contents):
            if let folder, !contents.resolvedPath.hasPrefix(folder) {
                fail(node.position, "\(key): there is no such file below `watch_secrets_dir`")
                return nil
            }
            guard var text = String(validating: contents.bytes, as: UTF8.self) else {
                fail(node.position, "\(key): the file that it names is not UTF-8 text")
                return nil
            }
            if let last = text.last, last == "\n" || last == "\r\n" { text.removeLast() }
            guard !text.isEmpty else {
                fail(node.position, "\(key): the file that it names is empty")
                return nil
            }
            return Secret(text)
        }
    }
}
