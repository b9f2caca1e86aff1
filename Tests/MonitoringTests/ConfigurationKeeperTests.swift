import ConfigurationFile
import Monitoring
import Probing
import Synchronization
import Testing
import Transport
import Watching

/// What is read again when, and what stays in force meanwhile.
@Suite struct ConfigurationKeeperTests {
    /// Files by absolute path; a star matches within a folder.
    private final class Files: ConfigurationFileSystem {
        private let texts: Mutex<[String: String]>
        /// The start of what can neither be listed nor read.
        private let forbidden = Mutex<String?>(nil)

        init(_ texts: [String: String]) { self.texts = Mutex(texts) }

        subscript(path: String) -> String? {
            get { texts.withLock { $0[path] } }
            set { texts.withLock { $0[path] = newValue } }
        }

        func forbid(_ start: String?) { forbidden.withLock { $0 = start } }

        private func isForbidden(_ path: some StringProtocol) -> Bool {
            forbidden.withLock { $0.map { path.hasPrefix($0) } ?? false }
        }

        func read(_ path: String, limit: Int) -> Result<FileContents, FileFailure> {
            guard !isForbidden(path) else { return .failure(.notPermitted) }
            guard let text = self[path] else { return .failure(.notFound) }
            return .success(FileContents(bytes: Array(text.utf8), resolvedPath: path))
        }

        func resolve(_ path: String) -> String? { path }

        func glob(_ pattern: String) -> [String] {
            let prefix = pattern.prefix { $0 != "*" }
            guard !isForbidden(prefix) else { return [] }
            return texts.withLock { $0.keys.filter { $0.hasPrefix(prefix) }.sorted() }
        }

        var currentDirectory: String { "/e" }
    }

    private static let configuration = """
        accounts: [{name: acme, api_key_file: acme.key}]
        modules: {special: {}}
        watches: [{webhook_id: 1}]
        watch_files: [w/*]
        """

    private let files = Files([
        "/e/c.yml": Self.configuration, "/e/acme.key": "k1", "/e/w/a.yml": "[{webhook_id: 2, module: special}]",
        "/e/w/b.yml": "[{webhook_id: 3}]",
    ])

    private func keeper() throws -> ConfigurationKeeper {
        let loader = ConfigurationLoader(fileSystem: files, environment: { _ in nil })
        return ConfigurationKeeper(
            path: "/e/c.yml", loader: loader, loaded: try loader.load(path: "/e/c.yml").get())
    }

    private func watches(_ poll: ConfigurationKeeper.Poll) -> [Int]? {
        noticed(poll)?.configuration.watches.map(\.id.webhookID)
    }

    private func noticed(_ poll: ConfigurationKeeper.Poll) -> ConfigurationKeeper.Change? {
        if case .watchFiles(let change) = poll { change } else { nil }
    }

    private func isUnchanged(_ poll: ConfigurationKeeper.Poll) -> Bool {
        if case .unchanged = poll { true } else { false }
    }

    @Test func nothingIsReadAgainWithoutAChange() throws {
        var keeper = try keeper()
        #expect(isUnchanged(keeper.poll()))
        // An edit of the configuration itself waits for whoever asks.
        files["/e/c.yml"] = Self.configuration + "\nprobing: {max_in_flight: 9}"
        #expect(isUnchanged(keeper.poll()))
        #expect(try keeper.reload().get().configuration.maximumProbesInFlight == 9)
    }

    @Test func aBadWatchFileKeepsItsLastGoodListAndIsToldOnce() throws {
        var keeper = try keeper()
        files["/e/w/a.yml"] = "[{webhook_id: x}]"
        let change = try #require(noticed(keeper.poll()))
        #expect(change.configuration.watches.map(\.id.webhookID) == [1, 2, 3])
        #expect(change.newFaults.count == 1 && keeper.badWatchFiles == ["/e/w/a.yml"])
        #expect(isUnchanged(keeper.poll()))
        // Also over a reload, and as far as the new configuration has a place for it.
        #expect(try keeper.reload().get().newFaults.isEmpty)
        files["/e/c.yml"] = Self.configuration.replacing("modules: {special: {}}", with: "")
        #expect(try keeper.reload().get().configuration.watches.map(\.id.webhookID) == [1, 2, 3])
        files["/e/w/a.yml"] = "[{webhook_id: 4}]"
        #expect(watches(keeper.poll()) == [1, 4, 3])
        #expect(keeper.badWatchFiles.isEmpty)
    }

    @Test func aFileThatIsAwayForAMomentIsBeingReplaced() throws {
        var keeper = try keeper()
        files["/e/w/b.yml"] = nil
        #expect(isUnchanged(keeper.poll()))
        files["/e/w/b.yml"] = "[{webhook_id: 3}]"
        #expect(isUnchanged(keeper.poll()))
        files["/e/w/b.yml"] = nil
        #expect(isUnchanged(keeper.poll()))
        #expect(watches(keeper.poll()) == [1, 2])
        files["/e/w/c.yml"] = "[{webhook_id: 5}]"
        #expect(watches(keeper.poll()) == [1, 2, 5])
    }

    /// It matches nothing, which says nothing of the files in it.
    @Test func aFolderThatCannotBeLookedIntoTakesNobodyAlong() throws {
        var keeper = try keeper()
        files.forbid("/e/w/")
        #expect(watches(keeper.poll()) == [1, 2, 3])
        #expect(keeper.badWatchFiles == ["/e/w/a.yml", "/e/w/b.yml"])
        for _ in 0..<3 { #expect(isUnchanged(keeper.poll())) }
        #expect(try keeper.reload().get().configuration.watches.map(\.id.webhookID) == [1, 2, 3])
        files.forbid(nil)
        files["/e/w/b.yml"] = "[{webhook_id: 4}]"
        #expect(watches(keeper.poll()) == [1, 2, 4])
        #expect(keeper.badWatchFiles.isEmpty)
        // What another configuration does not match is not looked for.
        files.forbid("/e/w/")
        files["/e/c.yml"] = Self.configuration.replacing("w/*", with: "x/*")
        #expect(try keeper.reload().get().configuration.watches.map(\.id.webhookID) == [1])
    }

    @Test func whileOneFileIsAwayAnotherIsTakenInAlone() throws {
        var keeper = try keeper()
        files["/e/w/b.yml"] = nil
        files["/e/w/a.yml"] = "[{webhook_id: 6}]"
        #expect(watches(keeper.poll()) == [1, 6, 3])
        #expect(watches(keeper.poll()) == [1, 6])
    }

    @Test func aReloadBeginsToWaitAnew() throws {
        var keeper = try keeper()
        let file = files["/e/w/b.yml"]
        files["/e/w/b.yml"] = nil
        #expect(isUnchanged(keeper.poll()))
        files["/e/w/b.yml"] = file
        #expect(try keeper.reload().get().recovered.isEmpty)
        files["/e/w/b.yml"] = nil
        #expect(isUnchanged(keeper.poll()))
        #expect(watches(keeper.poll()) == [1, 2])
    }

    @Test func whatHasBecomeGoodIsToldOnceAndWarningsWithWhatTheyAreAbout() throws {
        var keeper = try keeper()
        files["/e/w/a.yml"] = "["
        #expect(watches(keeper.poll()) == [1, 2, 3])
        files["/e/w/a.yml"] = "[{webhook_id: 2, probe_interval: 1s}]"
        let change = try #require(noticed(keeper.poll()))
        #expect(change.recovered == ["/e/w/a.yml"] && change.newFaults.isEmpty)
        #expect(change.warnings.map(\.file) == ["/e/w/a.yml"])
        let again = try keeper.reload().get()
        #expect(again.recovered.isEmpty && again.warnings.map(\.file) == ["/e/w/a.yml"])
    }

    private static func withModules(_ modules: String) -> String {
        configuration.replacing("modules: {special: {}}", with: "modules: {\(modules)}")
    }

    @Test func aKeptListKeepsTheModulesThatItWasReadWith() throws {
        files["/e/c.yml"] = Self.withModules("special: {timeout: 7s}")
        var keeper = try keeper()
        files["/e/c.yml"] = Self.withModules("renamed: {timeout: 7s}")
        for round in 1...3 {
            let change = try keeper.reload().get()
            #expect(change.configuration.watches.map(\.id.webhookID) == [1, 2, 3])
            #expect(change.configuration.modules.keys.sorted() == ["http", "renamed", "special"])
            #expect(change.configuration.modules["special"]?.timeout == .seconds(7))
            #expect(change.newFaults.map(\.kept) == (round == 1 ? [.all] : []) && change.departures.isEmpty)
            #expect(keeper.badWatchFiles == ["/e/w/a.yml"])
        }
        // Nobody else finds it: neither a file that is read anew nor the configuration itself.
        files["/e/w/c.yml"] = "[{webhook_id: 4, module: special}]"
        #expect(watches(keeper.poll()) == [1, 2, 3])
        #expect(keeper.badWatchFiles == ["/e/w/a.yml", "/e/w/c.yml"])
        files["/e/c.yml"] = Self.withModules("renamed: {}")
            .replacing("webhook_id: 1", with: "webhook_id: 1, module: special")
        guard case .failure(let errors) = keeper.reload() else {
            Issue.record("the configuration found a module that it does not define")
            return
        }
        #expect(errors.issues.contains { $0.file == "/e/c.yml" && $0.message.contains("unknown module `special`") })
        // It goes with the last watch that needs it.
        files["/e/w/a.yml"] = "[{webhook_id: 2, module: renamed}]"
        let change = try #require(noticed(keeper.poll()))
        #expect(change.configuration.watches.map(\.module) == ["http", "renamed", "http"])
        #expect(change.configuration.modules.keys.sorted() == ["http", "renamed"])
    }

    @Test func aModuleThatIsDefinedAnewHoldsForAKeptListToo() throws {
        var keeper = try keeper()
        files["/e/w/a.yml"] = "["
        _ = keeper.poll()
        let timeout = { (modules: String) in
            files["/e/c.yml"] = Self.withModules(modules)
            return try keeper.reload().get().configuration.modules["special"]?.timeout
        }
        #expect(try timeout("special: {timeout: 3s}") == .seconds(3))
        #expect(try timeout("") == .seconds(3))
        #expect(try timeout("special: {timeout: 4s}") == .seconds(4))
        #expect(try timeout("other: {}") == .seconds(4))
    }

    @Test func onlyWatchesWithoutAnAccountLeaveAKeptListAndThatIsTold() throws {
        let accounts = "accounts: [{name: acme, api_key_file: acme.key}, {name: other, api_key_file: acme.key}]"
        let rest = "\nmodules: {special: {}}\nwatch_files: [w/*]"
        files["/e/c.yml"] = accounts + rest
        files["/e/w/a.yml"] = "[{account: other, webhook_id: 2}, {account: acme, webhook_id: 8, module: special}]"
        files["/e/w/b.yml"] = nil
        var keeper = try keeper()
        files["/e/w/a.yml"] = "["
        #expect(watches(keeper.poll()) == [2, 8])
        files["/e/c.yml"] = "accounts: [{name: acme, api_key_file: acme.key}]\nwatch_files: [w/*]"
        let change = try keeper.reload().get()
        #expect(change.configuration.watches.map(\.id.webhookID) == [8])
        #expect(change.departures.map { "\($0.file) \($0.account) \($0.watches)" } == ["/e/w/a.yml other 1"])
        #expect(try keeper.reload().get().departures.isEmpty)
        files["/e/w/a.yml"] = ""
        let again = try #require(noticed(keeper.poll()))
        #expect(again.newFaults.map(\.kept) == [.part] && again.departures.isEmpty)
        // The list itself is whole: it waits for its account.
        files["/e/c.yml"] = accounts + rest
        #expect(try keeper.reload().get().configuration.watches.map(\.id.webhookID) == [2, 8])
    }

    @Test func aFileThatWasNeverGoodHasNothingToKeep() throws {
        var keeper = try keeper()
        files["/e/w/c.yml"] = "["
        let change = try #require(noticed(keeper.poll()))
        #expect(change.newFaults.map(\.kept) == [.nothing])
    }

    @Test func whatAReloadHasReadIsNotReadAgain() throws {
        var keeper = try keeper()
        files["/e/acme.key"] = "k2"
        #expect(try keeper.reload().get().configuration.accounts.first?.apiKey.reveal() == "k2")
        #expect(isUnchanged(keeper.poll()))
    }

    @Test func aChangedKeyIsLoadedAndABadOneTriedOnce() throws {
        var keeper = try keeper()
        files["/e/acme.key"] = ""
        guard case .configuration(.failure) = keeper.poll() else {
            Issue.record("an empty key was taken")
            return
        }
        #expect(isUnchanged(keeper.poll()))
        files["/e/acme.key"] = "k2"
        guard case .configuration(.success(let change)) = keeper.poll() else {
            Issue.record("the new key was not taken")
            return
        }
        #expect(change.configuration.accounts.first?.apiKey.reveal() == "k2")
    }
}
