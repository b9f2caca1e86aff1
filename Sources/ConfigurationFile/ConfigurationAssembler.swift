internal import Probing
internal import Transport
internal import Watching

/// What a configuration file comes to. It is good only if its reader has no errors; otherwise it holds what could be read.
struct AssembledConfiguration {
    let configuration: ExporterConfiguration
    let names: DefinedNames
    let secrets: ValueReader.SecretsFolder
}

/// Puts the configuration together from the sections of the file.
struct ConfigurationAssembler {
    let reader: ValueReader
    let validatePattern: (String) -> String?

    func assemble(_ root: Section<RootKey>) -> AssembledConfiguration {
        let (modules, moduleNames, areModulesNamed) =
            ModuleReader(reader: reader, validatePattern: validatePattern).modules(root[.modules])
        var names = DefinedNames(
            accounts: [], modules: moduleNames, knowsModules: areModulesNamed && isKnown(.modules, in: root))
        let watchReader = { (defaults: WatchDefaults) in
            WatchReader(reader: reader, source: .static, names: names, modules: modules, defaults: defaults)
        }
        let defaults = defaults(root.section(.defaults, reader.diagnostics), watchReader(WatchDefaults()))
        let accountReader = AccountReader(reader: reader, watchReader: watchReader(defaults), defaults: defaults)
        let (accounts, areAccountsNamed) = accountReader.accounts(root[.accounts])
        names.accounts = accounts.map(\.name)
        names.knowsAccounts = areAccountsNamed && isKnown(.accounts, in: root)
        var seen: [WatchID: (file: String, line: Int)] = [:]
        let watches = root[.watches].map { watchReader(defaults).watches($0, seen: &seen) } ?? []
        if accounts.isEmpty, !reader.diagnostics.hasErrors {
            reader.diagnostics.warn(root.position, "no account is configured, so nothing is watched")
        }
        let storageSection: Section<StorageKey> = root.section(.storage, reader.diagnostics)
        let (secretsPath, secrets) = secrets(root)
        var configuration = ExporterConfiguration(
            accounts: accounts, defaults: defaults, modules: modules, watches: watches,
            watchFiles: reader.list(root[.watchFiles]).compactMap(reader.glob), watchSecretsDirectory: secretsPath,
            storage: storage(storageSection), maximumProbesInFlight: maximumInFlight(root))
        if let buckets = latencyBuckets(root) { configuration.latencyBuckets = buckets }
        if configuration.storage.path == StorageSettings.memoryPath, configuration.learnsBaselines {
            reader.diagnostics.warn(
                storageSection[.path]?.position,
                "`path` is `:memory:`: learned baselines are lost at every restart; name a file")
        }
        return AssembledConfiguration(configuration: configuration, names: names, secrets: secrets)
    }

    /// Whether a section that is lacking is really left out, and one that is there is whole. Otherwise a part of it may be
    /// under a key that is unknown, or where the text itself has a fault.
    private func isKnown(_ key: RootKey, in root: Section<RootKey>) -> Bool {
        (root[key] != nil || root.isWhole) && !reader.diagnostics.hasFaults
    }

    private func defaults(_ section: Section<DefaultsKey>, _ names: WatchReader) -> WatchDefaults {
        let standard = WatchDefaults()
        return WatchDefaults(
            checkInterval: reader.duration(section[.checkInterval], default: standard.checkInterval),
            probeInterval: reader.duration(section[.probeInterval], default: standard.probeInterval),
            module: names.moduleName(section[.module], default: standard.module),
            labels: reader.labels(section[.labels]))
    }

    private func secrets(_ root: Section<RootKey>) -> (path: String?, folder: ValueReader.SecretsFolder) {
        guard let node = root[.watchSecretsDirectory] else {
            return (nil, isKnown(.watchSecretsDirectory, in: root) ? .none : .unknown)
        }
        guard let path = reader.path(node) else { return (nil, .unknown) }
        guard reader.fileSystem.resolve(path) != nil else {
            reader.fail(node.position, "`\(node.name)`: the folder does not exist")
            return (path, .unknown)
        }
        guard let folder = reader.fileSystem.resolve(path + "/.") else {
            reader.fail(node.position, "`\(node.name)`: it is a file, not a folder")
            return (path, .unknown)
        }
        return (path, .folder(folder))
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
