internal import Probing
internal import Transport
internal import Watching

/// Puts the configuration together from the sections of the file. What it returns is good only if the reader has no errors.
struct ConfigurationAssembler {
    let reader: ValueReader
    let validatePattern: (String) -> String?

    mutating func assemble(_ root: Section<RootKey>) -> ExporterConfiguration {
        let moduleReader = ModuleReader(reader: reader, validatePattern: validatePattern)
        let (modules, moduleNames) = moduleReader.modules(root[.modules])
        var names = WatchReader(
            reader: reader, source: .static, accountNames: [], moduleNames: moduleNames, modules: modules,
            defaults: WatchDefaults())
        let defaults = defaults(root.section(.defaults, reader.diagnostics), names)
        let accountReader = AccountReader(reader: reader, watchReader: names, defaults: defaults)
        let (accounts, accountNames) = accountReader.accounts(root[.accounts])
        names = WatchReader(
            reader: reader, source: .static, accountNames: accountNames, moduleNames: moduleNames, modules: modules,
            defaults: defaults)
        var seen: [WatchID: (file: String, line: Int)] = [:]
        let watches = root[.watches].map { names.watches($0, seen: &seen) } ?? []
        if accountNames.isEmpty, !reader.diagnostics.hasErrors {
            reader.diagnostics.warn(root.position, "no account is configured, so nothing is watched")
        }
        let storageSection: Section<StorageKey> = root.section(.storage, reader.diagnostics)
        var configuration = ExporterConfiguration(
            accounts: accounts, defaults: defaults, modules: modules, watches: watches,
            watchFiles: reader.list(root[.watchFiles]).compactMap(reader.glob),
            watchSecretsDirectory: secretsDirectory(root[.watchSecretsDirectory]), storage: storage(storageSection),
            maximumProbesInFlight: maximumInFlight(root))
        if let buckets = latencyBuckets(root) { configuration.latencyBuckets = buckets }
        if configuration.storage.path == StorageSettings.memoryPath, configuration.learnsBaselines {
            reader.diagnostics.warn(
                storageSection[.path]?.position,
                "`path` is `:memory:`: learned baselines are lost at every restart; name a file")
        }
        return configuration
    }

    private func defaults(_ section: Section<DefaultsKey>, _ names: WatchReader) -> WatchDefaults {
        let standard = WatchDefaults()
        return WatchDefaults(
            checkInterval: reader.duration(section[.checkInterval], default: standard.checkInterval),
            probeInterval: reader.duration(section[.probeInterval], default: standard.probeInterval),
            module: names.moduleName(section[.module], default: standard.module),
            labels: reader.labels(section[.labels]))
    }

    private func secretsDirectory(_ node: YAMLNode?) -> String? {
        guard let node, let path = reader.path(node) else { return nil }
        if reader.fileSystem.resolve(path) == nil {
            reader.fail(node.position, "`\(node.name)`: the folder does not exist")
        }
        return path
    }

    private func storage(_ section: Section<StorageKey>) -> StorageSettings {
        let keyFile = reader.path(section[.keyFile])
        if section[.path]?.text == StorageSettings.memoryPath {
            return StorageSettings(path: StorageSettings.memoryPath, keyFile: keyFile ?? StorageSettings.memoryPath)
        }
        let path = reader.path(section[.path]) ?? reader.absolutePath("data/state.db")
        return StorageSettings(path: path, keyFile: keyFile ?? path + ".key")
    }

    private func maximumInFlight(_ root: Section<RootKey>) -> Int {
        let section: Section<ProbingKey> = root.section(.probing, reader.diagnostics)
        return reader.integer(section[.maximumInFlight], in: 1...100_000, default: 256)
    }

    private func latencyBuckets(_ root: Section<RootKey>) -> [Double]? {
        let section: Section<MetricsKey> = root.section(.metrics, reader.diagnostics)
        guard let node = section[.latencyBuckets], let items = reader.diagnostics.list(node) else { return nil }
        if items.isEmpty { reader.fail(node.position, "`\(node.name)` must hold at least one number") }
        var buckets: [Double] = []
        for item in items {
            guard let bound = item.plainText.flatMap(ScalarText.number), bound > 0 else {
                reader.fail(item.position, "`\(node.name)` must hold numbers above zero, in seconds, without infinity")
                return nil
            }
            guard bound > buckets.last ?? 0 else {
                reader.fail(item.position, "`\(node.name)` must ascend: each bound above the one before")
                return nil
            }
            buckets.append(bound)
        }
        return buckets
    }
}
