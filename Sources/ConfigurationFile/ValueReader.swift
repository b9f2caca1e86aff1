internal import Transport

/// Reads the values of one file: from nodes to checked values, with an error for each that is not what its key wants.
///
/// A reader never throws and never stops: what is wrong is noted and a default goes on, so that all errors of a file are
/// found at once. Whoever asked looks at ``Diagnostics/hasErrors`` before using what came out.
final class ValueReader {
    /// Where the file may take secrets from.
    enum ReferencePolicy {
        case configuration
        /// `{env}` is refused, and `{file}` must lie below the folder.
        case watchFile(SecretsFolder)
    }

    /// `watch_secrets_dir`.
    enum SecretsFolder {
        /// Nothing is taken from files.
        case none
        /// Absolute, without symbolic links.
        case folder(String)
        /// What the configuration says of it could not be understood.
        case unknown
    }

    let diagnostics: Diagnostics
    let fileSystem: any ConfigurationFileSystem
    let environment: @Sendable (String) -> String?
    let policy: ReferencePolicy
    /// Of the file, absolute; what relative paths start from.
    private let directory: String
    /// The files whose content went into the values.
    private(set) var records: [FileRecord] = []
    private var secretFiles: [String: Result<FileContents, FileFailure>] = [:]

    static let maximumSecretBytes = 1 << 20
    static let maximumFileBytes = 16 << 20

    init(
        file: String, directory: String, fileSystem: any ConfigurationFileSystem,
        environment: @escaping @Sendable (String) -> String?, policy: ReferencePolicy
    ) {
        diagnostics = Diagnostics(file: file)
        self.directory = directory
        self.fileSystem = fileSystem
        self.environment = environment
        self.policy = policy
    }

    func fail(_ position: Position?, _ message: @autoclosure () -> String) {
        diagnostics.fail(position, message())
    }

    func section<Key: SectionKey>(_ node: YAMLNode) -> Section<Key> {
        Section(node, diagnostics)
    }

    /// An absolute path; links and dots are left as they are.
    func absolutePath(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return directory.hasSuffix("/") ? directory + path : "\(directory)/\(path)"
    }

    /// The bytes of a file that the configuration names, read once.
    func contents(of path: String, limit: Int) -> Result<FileContents, FileFailure> {
        if let known = secretFiles[path] { return known }
        let result = fileSystem.read(path, limit: limit)
        secretFiles[path] = result
        switch result {
        case .success(let contents): records.append(FileRecord(path: path, bytes: contents.bytes, limit: limit))
        // So that it is noticed when it can be read.
        case .failure: records.append(FileRecord(path: path, fingerprint: nil, limit: limit))
        }
        return result
    }

    /// Notes a file that is not there yet, so that its coming is noticed; one that would lie outside of the folder is not
    /// looked at, then either.
    func expect(_ path: String, below folder: String) {
        let parent = path.lastIndex(of: "/").flatMap { fileSystem.resolve(String(path[..<$0])) }
        guard let parent, (parent + "/").hasPrefix(folder), fileSystem.resolve(path) == nil else { return }
        records.append(FileRecord(path: path, fingerprint: nil, limit: Self.maximumSecretBytes))
    }
}

extension ValueReader {
    /// The text of a scalar; numbers and booleans are taken as they are written.
    func text(_ node: YAMLNode) -> String? {
        guard let text = node.text, !node.hasForeignTag else {
            fail(node.position, "\(Spelling.quoted(node.name, or: "this value")) must be text")
            return nil
        }
        return text
    }

    /// Text that is not empty.
    func nonEmptyText(_ node: YAMLNode?) -> String? {
        guard let node, let text = text(node) else { return nil }
        guard !text.isEmpty else {
            fail(node.position, "\(Spelling.quoted(node.name, or: "this value")) must not be empty")
            return nil
        }
        return text
    }

    func boolean(_ node: YAMLNode?, default value: Bool) -> Bool {
        guard let node else { return value }
        switch node.plainText {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default:
            fail(node.position, "`\(node.name)` must be true or false")
            return value
        }
    }

    func integer(_ node: YAMLNode?, in range: ClosedRange<Int>, default value: Int) -> Int {
        integer(node, in: range) ?? value
    }

    func integer(_ node: YAMLNode?, in range: ClosedRange<Int>) -> Int? {
        guard let node else { return nil }
        guard let number = node.plainText.flatMap(ScalarText.integer), range.contains(number) else {
            let bounds =
                range.upperBound == .max
                ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            let quotes = node.plainText == nil && node.text != nil ? ", without quotes" : ""
            fail(node.position, "`\(node.name)` must be a whole number \(bounds)\(quotes)")
            return nil
        }
        return number
    }

    /// A duration; zero only where `allowsZero`.
    func duration(_ node: YAMLNode?, default value: Duration, allowsZero: Bool = false) -> Duration {
        guard let node else { return value }
        guard let duration = node.text.flatMap(ScalarText.duration), !node.hasForeignTag else {
            fail(node.position, "`\(node.name)` must be a duration such as `30s`, `1m30s`, `500ms` or `7d`")
            return value
        }
        guard duration > .zero || allowsZero else {
            fail(node.position, "`\(node.name)` must be longer than zero")
            return value
        }
        return duration
    }

    /// One of the words that a type knows.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ node: YAMLNode?, default value: Choice
    ) -> Choice {
        guard let node else { return value }
        if let text = node.text, let choice = Choice(rawValue: text) { return choice }
        let choices = Choice.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        fail(node.position, "`\(node.name)` must be one of \(choices)")
        return value
    }

    /// The items of a list; none where it is left out.
    func list(_ node: YAMLNode?) -> [YAMLNode] {
        node.flatMap(diagnostics.list) ?? []
    }

    /// The items of a list of text that is not empty.
    func texts(_ node: YAMLNode?) -> [String] {
        list(node).compactMap(nonEmptyText)
    }

    /// A path, absolute.
    func path(_ node: YAMLNode?) -> String? {
        guard let node, let text = nonEmptyText(node) else { return nil }
        guard !text.utf8.contains(0) else {
            fail(node.position, "`\(node.name)` must be a path")
            return nil
        }
        return absolutePath(text)
    }

    /// A path of a file that can be read now and holds such blocks, sound as far as ``PEMFile`` can tell.
    func readablePath(_ node: YAMLNode?, holding kind: PEMFile.Kind) -> String? {
        guard let node, let path = path(node) else { return nil }
        switch fileSystem.read(path, limit: Self.maximumFileBytes) {
        case .failure(let failure): fail(node.position, "`\(node.name)`: the file \(failure.rawValue)")
        case .success(let contents):
            let what = kind == .certificate ? "certificate" : "private key"
            do throws(PEMFile.Fault) {
                try PEMFile(contents.bytes).check(for: kind)
            } catch {
                switch error {
                case .absent:
                    let mark = "`-----BEGIN …\(kind.rawValue)`"
                    fail(node.position, "`\(node.name)`: the file holds no \(what) in PEM form (\(mark))")
                case .damaged: fail(node.position, "`\(node.name)`: the file holds a damaged \(what)")
                case .encrypted:
                    fail(node.position, "`\(node.name)`: the \(what) is encrypted; name a file where it is not")
                }
            }
        }
        return path
    }
}
