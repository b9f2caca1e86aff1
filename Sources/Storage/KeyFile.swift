import Glibc

/// The file of 32 random bytes from which every other key is derived.
enum KeyFile {
    static let length = 32

    enum Failure: Error, Hashable {
        case missing
        case other(String)

        var text: String {
            switch self {
            case .missing: "the key file is missing"
            case .other(let text): text
            }
        }
    }

    static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            if errno == ENOENT { throw .missing }
            throw .other("the key file \(path) cannot be read: \(SystemError.text())")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .other("the key file \(path) is not a regular file")
        }
        var buffer = [UInt8](repeating: 0, count: length + 1)
        var filled = 0
        while filled < buffer.count {
            let count = buffer[filled...].withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .other("the key file \(path) cannot be read: \(SystemError.text())") }
            if count == 0 { break }
            filled += count
        }
        guard filled == length else {
            throw .other("the key file \(path) does not hold \(length) bytes; put the right one back")
        }
        return Array(buffer[..<length])
    }

    /// Puts a key where none is. The file is there whole, readable by its owner only and on disk, or not at all.
    ///
    /// - Returns: what the file holds: another process may have been first.
    static func make(_ path: String, _ key: [UInt8]) throws(Failure) -> [UInt8] {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .other("the key file \(path) cannot be made: \(SystemError.text())") }
        defer { unlink(temporary) }
        let written = key.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        let isOnDisk = written == key.count && fsync(descriptor) == 0
        let reason = SystemError.text()
        close(descriptor)
        guard isOnDisk else { throw .other("the key file \(path) cannot be written: \(reason)") }
        // Unlike a rename, a link does not replace what is there.
        guard link(temporary, path) == 0 || errno == EEXIST else {
            throw .other("the key file \(path) cannot be made: \(SystemError.text())")
        }
        SystemError.syncFolder(of: path)
        return try read(path)
    }
}

enum SystemError {
    /// The text of `errno`.
    static func text() -> String {
        String(cString: strerror(errno))
    }

    /// A new name is on disk only once its folder is.
    static func syncFolder(of path: String) {
        let descriptor = open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Makes the folder of a file, and those above it; what is there is left alone.
    static func makeFolder(of path: String) {
        let folder = folder(of: path)
        guard folder != ".", folder != "/", access(folder, F_OK) != 0 else { return }
        makeFolder(of: folder)
        if mkdir(folder, 0o700) == 0 { syncFolder(of: folder) }
    }

    /// The size of a file; nil where there is none.
    ///
    /// - Throws: where it cannot be told.
    static func size(_ path: String) throws(StorageFault) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw StorageFault(.unreadable, "\(path) cannot be read: \(text())")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StorageFault(.unreadable, "\(path) is not a regular file")
        }
        return Int(status.st_size)
    }
}
