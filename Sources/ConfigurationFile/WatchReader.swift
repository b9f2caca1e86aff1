internal import Probing
internal import Transport
internal import Watching

/// Reads lists of watches, of the configuration file or of a watch file.
struct WatchReader {
    let reader: ValueReader
    let source: WatchSource
    let names: DefinedNames
    let modules: [String: ProbeModule]
    let defaults: WatchDefaults

    private struct Pace: Hashable {
        let module: String
        let probeInterval: Duration
    }

    /// The watches of a list. `seen` holds the places of those that the same tier has already, and gets these.
    func watches(_ node: YAMLNode, seen: inout [WatchID: (file: String, line: Int)]) -> [Watch] {
        var paces: Set<Pace> = []
        var watches: [Watch] = []
        let items = reader.list(node)
        watches.reserveCapacity(items.count)
        for item in items {
            guard item.isMapping else {
                reader.fail(item.position, "a watch must be a mapping with `webhook_id`")
                continue
            }
            let section: Section<WatchKey> = reader.section(item)
            guard let watch = watch(section) else { continue }
            let file = reader.diagnostics.file
            if let first = seen[watch.id] {
                let place = first.file == file ? "line \(first.line)" : "\(first.file), line \(first.line)"
                reader.fail(section.position, "duplicate watch \(watch.id): it is already in \(place); keep one")
                continue
            }
            seen[watch.id] = (file, section.position.line)
            if paces.insert(Pace(module: watch.module, probeInterval: watch.probeInterval)).inserted {
                warnIfSlow(watch.module, interval: watch.probeInterval, at: section)
            }
            watches.append(watch)
        }
        return watches
    }

    private func watch(_ section: Section<WatchKey>) -> Watch? {
        let webhookID = reader.integer(section.required(.webhookID, reader.diagnostics), in: 1...Int.max)
        let account = account(section)
        let orgID = reader.integer(section[.orgID], in: 1...Int.max)
        let module = moduleName(section[.module], default: defaults.module)
        let checkInterval = reader.duration(section[.checkInterval], default: defaults.checkInterval)
        let probeInterval = reader.duration(section[.probeInterval], default: defaults.probeInterval)
        let isEnabled = reader.boolean(section[.enabled], default: true)
        let labels = reader.labels(section[.labels], over: defaults.labels)
        let expectation = expectation(section[.expect], orgID: orgID)
        let ignored = ignoredFields(section[.ignore])
        guard let webhookID, let account else { return nil }
        return Watch(
            id: WatchID(account: account, webhookID: webhookID), source: source, orgID: orgID, module: module,
            checkInterval: checkInterval, probeInterval: probeInterval, isEnabled: isEnabled, labels: labels,
            expectation: expectation, ignoredFields: ignored)
    }

    private func account(_ section: Section<WatchKey>) -> String? {
        guard let node = section[.account] else {
            // One that could not be read may be the one, or one of several.
            guard names.knowsAccounts else { return nil }
            if names.accounts.count == 1 { return names.accounts.first }
            let reason = names.accounts.isEmpty ? "no account is defined" : "there are several accounts"
            reader.fail(section.position, "`account` is missing, and \(reason)")
            return nil
        }
        guard let name = reader.nonEmptyText(node) else { return nil }
        guard names.accounts.contains(name) else {
            if names.knowsAccounts { reader.fail(node.position, unknown("account", name, among: names.accounts)) }
            return nil
        }
        return name
    }

    /// A module's name, which must be defined.
    func moduleName(_ node: YAMLNode?, default name: String) -> String {
        guard let node, let text = reader.nonEmptyText(node) else { return name }
        if names.knowsModules, !names.modules.contains(text) {
            reader.fail(node.position, unknown("module", text, among: names.modules))
        }
        return text
    }

    private func unknown(_ kind: String, _ name: String, among names: [String]) -> String {
        let known = names.isEmpty ? "; none is defined" : Spelling.suggestion(for: name, among: names)
        return "unknown \(kind)\(Spelling.quoted(name, prefix: " "))\(known)"
    }

    private func expectation(_ node: YAMLNode?, orgID: Int?) -> Expectation {
        guard let node else { return Expectation(orgID: orgID) }
        let section: Section<ExpectKey> = reader.section(node)
        var expectation = Expectation(orgID: reader.integer(section[.orgID], in: 1...Int.max) ?? orgID)
        if let url = section[.url] {
            expectation.url = reader.expectedValue(url, isHeader: false)
            if case .exactly(let text) = expectation.url, Origin(url: text.reveal()) == nil {
                reader.fail(url.position, "`url` must be a whole URL such as `https://example.com/webhook`")
            }
        }
        expectation.eventType = reader.nonEmptyText(section[.eventType])
        expectation.customHeaders = section[.customHeaders].map(reader.expectedHeaders)
        return expectation
    }

    private func ignoredFields(_ node: YAMLNode?) -> Set<ConfigurationField> {
        var fields: Set<ConfigurationField> = []
        for item in reader.list(node) {
            guard let field = item.text.flatMap(ConfigurationField.init) else {
                let choices = ConfigurationField.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
                reader.fail(item.position, "`ignore` may hold \(choices)")
                continue
            }
            fields.insert(field)
        }
        return fields
    }

    private func warnIfSlow(_ module: String, interval: Duration, at section: Section<WatchKey>) {
        guard let text = modules[module]?.slowness(interval, "the probe interval of this watch") else { return }
        reader.diagnostics.warn(section[.probeInterval]?.position ?? section.position, text)
    }
}
