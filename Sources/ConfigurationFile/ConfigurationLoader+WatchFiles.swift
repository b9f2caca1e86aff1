internal import Watching

extension ConfigurationLoader {
    /// Reads every file that `watch_files` matches, each for itself. A watch that an earlier file (by path) has already is
    /// an error of the later one.
    ///
    /// - Parameter known: see `watchFilePaths`.
    package func loadWatchFiles(
        for configuration: ExporterConfiguration, known: Set<String> = []
    ) -> [WatchFileResult] {
        let folder = configuration.watchSecretsDirectory.map { fileSystem.resolve($0) ?? $0 }
        return loadWatchFiles(
            for: AssembledConfiguration(
                configuration: configuration,
                names: DefinedNames(
                    accounts: configuration.accounts.map(\.name), modules: configuration.modules.keys.sorted()),
                secrets: folder.map(ValueReader.SecretsFolder.folder) ?? .none),
            known: known)
    }

    func loadWatchFiles(for assembled: AssembledConfiguration, known: Set<String>) -> [WatchFileResult] {
        var seen: [WatchID: (file: String, line: Int)] = [:]
        return watchFilePaths(for: assembled.configuration, known: known).map { path in
            var seenHere = seen
            let result = loadWatchFile(path, for: assembled, seen: &seenHere)
            // A bad file does not count, or else it would take the good ones after it along.
            if case .success = result.watches { seen = seenHere }
            return result
        }
    }

    /// The files that `watch_files` matches now, sorted, each once.
    ///
    /// - Parameter known: what it matched before. Of these, only what is not there any more is left out: a folder that
    ///   cannot be looked into matches nothing, which says nothing of the files in it.
    package func watchFilePaths(for configuration: ExporterConfiguration, known: Set<String> = []) -> [String] {
        let found = Set(configuration.watchFiles.flatMap(fileSystem.glob))
        var files: Set<String> = []
        // One file under two names is one file.
        return found.union(known.subtracting(found).filter { !isGone($0) }).sorted()
            .filter { files.insert(fileSystem.resolve($0) ?? $0).inserted }
    }

    private func isGone(_ path: String) -> Bool {
        if case .failure(.notFound) = fileSystem.read(path, limit: 0) { true } else { false }
    }

    private func loadWatchFile(
        _ path: String, for assembled: AssembledConfiguration, seen: inout [WatchID: (file: String, line: Int)]
    ) -> WatchFileResult {
        let configuration = assembled.configuration
        let reader = reader(file: path, path: path, policy: .watchFile(assembled.secrets))
        var watches: [Watch] = []
        switch read(path, into: reader) {
        case .failure(let failure): reader.fail(nil, "the file \(failure.rawValue)")
        case .success(let document):
            let node = document.root.map { YAMLNode($0, name: "the file", aliases: document.aliases) }
            if let node, !node.isNull {
                if node.isMapping {
                    reader.fail(
                        node.position,
                        "a watch file holds a list of watches, not a mapping; begin each with `- webhook_id:`")
                } else {
                    let watchReader = WatchReader(
                        reader: reader, source: .file, names: assembled.names, modules: configuration.modules,
                        defaults: configuration.defaults)
                    watches = watchReader.watches(node, seen: &seen)
                }
            } else if !reader.diagnostics.hasErrors {
                // A file that is just being written is empty for a moment; that must not drop every watch in it.
                reader.fail(.start, "the file is empty; write `[]` for no watches")
            }
        }
        let diagnostics = reader.diagnostics
        return WatchFileResult(
            path: path,
            watches: diagnostics.hasErrors
                ? .failure(ConfigurationErrors(diagnostics.sortedErrors())) : .success(watches),
            warnings: diagnostics.warnings.sorted(),
            files: reader.records)
    }
}
