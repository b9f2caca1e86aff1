import ConfigurationFile

/// Files by absolute path, links by what they point to; enough of a file system for the loader.
struct MemoryFileSystem: ConfigurationFileSystem {
    var files: [String: [UInt8]] = [:]
    var folders: Set<String> = []
    var links: [String: String] = [:]
    var currentDirectory = "/etc/partoo"

    init(_ files: [String: String] = [:]) {
        for (path, text) in files { self.files[path] = Array(text.utf8) }
    }

    func read(_ path: String, limit: Int) -> Result<FileContents, FileFailure> {
        guard let resolved = resolve(path) else { return .failure(.notFound) }
        guard let bytes = files[resolved] else { return .failure(.notRegular) }
        guard bytes.count <= limit else { return .failure(.tooLarge) }
        return .success(FileContents(bytes: bytes, resolvedPath: resolved))
    }

    func resolve(_ path: String) -> String? {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
            if let target = links["/" + parts.joined(separator: "/")] { parts = target.split(separator: "/") }
        }
        let resolved = "/" + parts.joined(separator: "/")
        if path.hasSuffix("/."), files[resolved] != nil { return nil }
        let isFolder = folders.contains(resolved) || files.keys.contains { $0.hasPrefix(resolved + "/") }
        return files[resolved] != nil || isFolder ? resolved : nil
    }

    /// A star at the end of the folder only.
    func glob(_ pattern: String) -> [String] {
        guard let star = pattern.firstIndex(of: "*") else { return files[pattern] == nil ? [] : [pattern] }
        let suffix = pattern[pattern.index(after: star)...]
        return files.keys.filter { $0.hasPrefix(pattern[..<star]) && $0.hasSuffix(suffix) }.sorted()
    }
}

extension MemoryFileSystem {
    /// A loader over these files and variables. Patterns with an open parenthesis are bad.
    func loader(_ environment: [String: String] = [:]) -> ConfigurationLoader {
        ConfigurationLoader(
            fileSystem: self, environment: { environment[$0] },
            validatePattern: { $0.contains("(") && !$0.contains(")") ? "missing closing parenthesis" : nil })
    }
}

/// The lines of errors of a load; empty for a good one.
func errors(_ result: Result<LoadedConfiguration, ConfigurationErrors>) -> [String] {
    guard case .failure(let errors) = result else { return [] }
    return errors.issues.map(\.description)
}
