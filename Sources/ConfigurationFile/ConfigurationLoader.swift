package import Watching

/// Reads the configuration file (README, "Configuration"): YAML to checked values, with every error found at once.
package struct ConfigurationLoader: Sendable {
    let fileSystem: any ConfigurationFileSystem
    let environment: @Sendable (String) -> String?
    let validatePattern: @Sendable (String) -> String?

    /// - Parameters:
    ///   - environment: The value of a variable, nil where it is not set.
    ///   - validatePattern: What is wrong with a PCRE2 pattern, without quoting it; nil for a good one.
    package init(
        fileSystem: any ConfigurationFileSystem = LocalFileSystem(),
        environment: @escaping @Sendable (String) -> String? = LocalFileSystem.environmentVariable,
        validatePattern: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.fileSystem = fileSystem
        self.environment = environment
        self.validatePattern = validatePattern
    }

    /// Reads the file and the watch files that it names. Bad watch files alone are no failure: see
    /// ``LoadedConfiguration/watchFiles``. Where the file itself is bad, the errors of the watch files that it is known to
    /// name stand behind its own.
    ///
    /// - Parameter known: the watch files that the configuration which was read is known to match; see `watchFilePaths`.
    package func load(
        path: String, known: (ExporterConfiguration) -> Set<String> = { _ in [] }
    ) -> Result<LoadedConfiguration, ConfigurationErrors> {
        let absolute = absolutePath(path)
        let reader = reader(file: path, path: absolute, policy: .configuration)
        let document: YAMLDocument
        switch read(absolute, into: reader) {
        case .failure(let failure):
            reader.fail(nil, "the file \(failure.rawValue)")
            return .failure(ConfigurationErrors(reader.diagnostics.sortedErrors()))
        case .success(let parsed): document = parsed
        }
        let root = document.root.map { YAMLNode($0, name: "the file", aliases: document.aliases) }
        let section: Section<RootKey>
        if let root, !root.isNull {
            section = reader.section(root)
        } else {
            section = Section(position: .start)
        }
        let assembled = ConfigurationAssembler(reader: reader, validatePattern: validatePattern).assemble(section)
        var configuration = assembled.configuration
        let watchFiles = loadWatchFiles(for: assembled, known: known(configuration))
        guard !reader.diagnostics.hasErrors else {
            return .failure(
                ConfigurationErrors(reader.diagnostics.sortedErrors() + watchFiles.flatMap(\.errors)))
        }
        let staticWatches = configuration.watches
        configuration.watches = WatchFileResult.merge(
            staticWatches, with: watchFiles.map { (try? $0.watches.get()) ?? [] })
        return .success(
            LoadedConfiguration(
                configuration: configuration, staticWatches: staticWatches,
                warnings: reader.diagnostics.warnings.sorted() + watchFiles.flatMap(\.warnings),
                files: reader.records, watchFiles: watchFiles))
    }

    /// Whether the files still hold what they held when they were recorded.
    package func isCurrent(_ files: [FileRecord]) -> Bool {
        current(files) == files
    }

    /// The files as they are now.
    package func current(_ files: [FileRecord]) -> [FileRecord] {
        files.map { record in
            switch fileSystem.read(record.path, limit: record.limit) {
            case .success(let contents):
                FileRecord(path: record.path, bytes: contents.bytes, limit: record.limit)
            case .failure: FileRecord(path: record.path, fingerprint: nil, limit: record.limit)
            }
        }
    }

    func reader(file: String, path: String, policy: ValueReader.ReferencePolicy) -> ValueReader {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        return ValueReader(
            file: file, directory: folder.isEmpty ? "/" : folder, fileSystem: fileSystem, environment: environment,
            policy: policy)
    }

    /// Reads and parses; faults of the text become errors of the reader.
    func read(_ path: String, into reader: ValueReader) -> Result<YAMLDocument, FileFailure> {
        reader.contents(of: path, limit: ValueReader.maximumFileBytes).map { contents in
            let document = YAMLDocument(bytes: contents.bytes)
            for fault in document.faults { reader.diagnostics.fail(fault) }
            return document
        }
    }

    private func absolutePath(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        let directory = fileSystem.currentDirectory
        return directory.hasSuffix("/") ? directory + path : "\(directory)/\(path)"
    }
}

/// What a load came to.
package struct LoadedConfiguration: Sendable {
    /// Its watches are the static ones and those of the good watch files.
    package var configuration: ExporterConfiguration
    /// The watches of the configuration file alone.
    package var staticWatches: [Watch]
    package var warnings: [ConfigurationIssue]
    /// The configuration file and the files that its values came from; those of the watch files are theirs.
    package var files: [FileRecord]
    /// One for each file that `watch_files` matches, sorted by path.
    package var watchFiles: [WatchFileResult]

    /// All that is wrong with the watch files.
    package var watchFileErrors: [ConfigurationIssue] {
        watchFiles.flatMap(\.errors)
    }
}

/// What one watch file came to. Each file stands for itself, so that a bad one can keep its last good list.
package struct WatchFileResult: Sendable {
    /// Absolute.
    package var path: String
    package var watches: Result<[Watch], ConfigurationErrors>
    package var warnings: [ConfigurationIssue]
    /// The file itself and the secrets that it names.
    package var files: [FileRecord]

    /// What is wrong with it.
    package var errors: [ConfigurationIssue] {
        if case .failure(let errors) = watches { errors.issues } else { [] }
    }

    /// The static watches, then those of each list whose identity is not there yet: the configuration file wins over the
    /// watch files, and an earlier one over a later one.
    package static func merge(_ staticWatches: [Watch], with lists: [[Watch]]) -> [Watch] {
        var known = Set(staticWatches.map(\.id))
        return staticWatches + lists.joined().filter { known.insert($0.id).inserted }
    }
}
