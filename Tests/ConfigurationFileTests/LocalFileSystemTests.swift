import ConfigurationFile
import Foundation
import Glibc
import Testing

/// The real file system: what the memory one only claims.
@Suite("Local file system")
final class LocalFileSystemTests {
    private let folder: String
    private let fileSystem = LocalFileSystem()

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("configuration-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = try #require(LocalFileSystem().resolve(url.path))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func write(_ name: String, _ text: String) throws {
        let url = URL(fileURLWithPath: "\(folder)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func failure(_ path: String, limit: Int = 100) -> FileFailure? {
        if case .failure(let failure) = fileSystem.read(path, limit: limit) { return failure }
        return nil
    }

    @Test("reads a file, through links too, and says where it was")
    func read() throws {
        try write("real/a", "text")
        symlink("\(folder)/real", "\(folder)/link")
        let contents = try fileSystem.read("\(folder)/link/../link/a", limit: 4).get()
        #expect(contents.bytes == Array("text".utf8))
        #expect(contents.resolvedPath == "\(folder)/real/a")
    }

    @Test("refuses what is no regular file, too large or not there, and never hangs")
    func refuse() throws {
        try write("a", "text")
        mkfifo("\(folder)/pipe", 0o600)
        symlink("loop", "\(folder)/loop")
        #expect(failure("\(folder)/a", limit: 3) == .tooLarge)
        #expect(failure("\(folder)/pipe") == .notRegular)
        #expect(failure(folder) == .notRegular)
        #expect(failure("/dev/zero") == .notRegular)
        #expect(failure("\(folder)/none") == .notFound)
        #expect(failure("\(folder)/a/b") == .notFound)
        #expect(failure("\(folder)/loop") == .unreadable)
        #expect(fileSystem.resolve("\(folder)/none") == nil)
    }

    @Test("globs, sorted")
    func glob() throws {
        for name in ["w/b.yml", "w/a.yml", "w/c.json", "w/.hidden.yml"] { try write(name, "[]") }
        #expect(fileSystem.glob("\(folder)/w/*.yml") == ["\(folder)/w/a.yml", "\(folder)/w/b.yml"])
        #expect(fileSystem.glob("\(folder)/none/*") == [])
        #expect(fileSystem.glob("\(folder)/w/[") == [])
    }

    @Test("a secret that a link leads out of the folder is refused; Kubernetes' links within are not")
    func secrets() throws {
        try write("secrets/..data-1/token", "CANARY\n")
        try write("outside", "CANARY\n")
        symlink("..data-1", "\(folder)/secrets/..data")
        symlink("..data/token", "\(folder)/secrets/token")
        symlink("../outside", "\(folder)/secrets/escape")
        try write("w/good.yml", "- webhook_id: 1\n  expect: {custom_headers: {X-A: {file: ../secrets/token}}}\n")
        try write("w/link.yml", "- webhook_id: 2\n  expect: {custom_headers: {X-A: {file: ../secrets/escape}}}\n")
        try write("w/dots.yml", "- webhook_id: 3\n  expect: {custom_headers: {X-A: {file: ../secrets/../outside}}}\n")
        try write(
            "c.yml",
            "accounts: [{name: a, api_key_file: outside}]\nwatch_files: [w/*.yml]\nwatch_secrets_dir: secrets\n")
        let loaded = try ConfigurationLoader().load(path: "\(folder)/c.yml").get()
        #expect(loaded.configuration.watches.count == 1)
        #expect(
            loaded.watchFileErrors.map(\.description)
                == ["dots", "link"].map {
                    "\(folder)/w/\($0).yml:2:41: `X-A`: there is no such file below `watch_secrets_dir`"
                })
    }

    @Test("a folder whose name looks like a pattern")
    func oddFolder() throws {
        try write("[a]*/w/a.yml", "- webhook_id: 1\n")
        try write("[a]*/c.yml", "accounts: [{name: a, api_key: k}]\nwatch_files: [w/*.yml]\n")
        #expect(try ConfigurationLoader().load(path: "\(folder)/[a]*/c.yml").get().configuration.watches.count == 1)
    }
}
