/// What the loader needs of a file system.
package protocol ConfigurationFileSystem: Sendable {
    /// Reads a regular file of at most `limit` bytes. Never blocks on a pipe or a device.
    func read(_ path: String, limit: Int) -> Result<FileContents, FileFailure>

    /// The absolute path without symbolic links and dots; nil where it does not exist.
    func resolve(_ path: String) -> String?

    /// The files that a shell pattern matches, sorted; empty where there are none.
    func glob(_ pattern: String) -> [String]

    /// Absolute.
    var currentDirectory: String { get }
}

package struct FileContents: Sendable {
    package var bytes: [UInt8]
    /// Where the bytes really came from: symbolic links and dots resolved after the file was opened, so that nobody can
    /// swap it in between.
    package var resolvedPath: String

    package init(bytes: [UInt8], resolvedPath: String) {
        self.bytes = bytes
        self.resolvedPath = resolvedPath
    }
}

/// Why a file could not be read; the raw value completes "the file …".
package enum FileFailure: String, Error, Sendable, Hashable, CaseIterable {
    case notFound = "does not exist"
    case notPermitted = "cannot be read: permission denied"
    case notRegular = "is not a regular file"
    case tooLarge = "is too large"
    case unreadable = "cannot be read"
}

/// A file that went into the configuration, for telling whether it has changed since.
package struct FileRecord: Sendable, Hashable {
    /// Absolute.
    package let path: String
    /// Of the content; comparable within this process only. nil: it could not be read.
    package let fingerprint: Int?
    /// More bytes could not be read.
    package let limit: Int

    package init(path: String, fingerprint: Int?, limit: Int) {
        self.path = path
        self.fingerprint = fingerprint
        self.limit = limit
    }

    init(path: String, bytes: [UInt8], limit: Int) {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        self.init(path: path, fingerprint: hasher.finalize(), limit: limit)
    }
}
