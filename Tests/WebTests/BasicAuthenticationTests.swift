import FoundationEssentials
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Web

/// What a password costs, and who is let in.
@Suite struct BasicAuthenticationTests {
    /// "correct horse", at the lowest cost there is.
    private static let hash = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
    private static let password = "correct horse"

    /// Every hash that was worked through, by the real bcrypt.
    private final class Work: Sendable {
        private let done = Mutex<[Secret]>([])

        func verify(_ password: [UInt8], _ hash: Secret) -> Bool {
            done.withLock { $0.append(hash) }
            return Bcrypt.matches(password, hash.reveal())
        }

        /// Since the last call.
        func taken() -> [String] {
            done.withLock { done in
                defer { done = [] }
                return done.map { $0.reveal() }
            }
        }
    }

    private func header(_ user: String, _ password: String) -> String {
        "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    /// Whoever is refused costs as much as the dearest hash does, to the last round.
    @Test func nobodyIsToldFromAWrongPasswordByItsWork() async {
        let work = Work()
        let users = Dictionary(
            uniqueKeysWithValues: ["alice": "04", "bob": "05", "dora": "07"].map {
                ($0.key, Secret(Self.hash.replacing("$04$", with: "$\($0.value)$")))
            })
        let authentication = BasicAuthentication(users: users) { work.verify($0, $1) }
        for user in ["alice", "bob", "dora", "", "ALICE", "alice ", "carol"] {
            for password in ["wrong", "", "a\0b"] + (users[user] == nil ? [Self.password] : []) {
                #expect(await !authentication.accepts(header(user, password)))
                let hashes = work.taken()
                #expect(hashes.allSatisfy { $0.count == 60 })
                let rounds = hashes.compactMap { Int($0.dropFirst(4).prefix(2)) }.reduce(0) { $0 + 1 << $1 }
                #expect(rounds == 1 << 7, "\(user): \(hashes)")
            }
        }
        // The right one costs what it costs.
        #expect(await authentication.accepts(header("alice", Self.password)))
        #expect(work.taken() == [Self.hash])
    }

    @Test func whatNamesNobodyCostsNothing() async {
        let work = Work()
        let authentication = BasicAuthentication(users: ["alice": Secret(Self.hash)]) { work.verify($0, $1) }
        let colonless = "Basic " + Data("alice".utf8).base64EncodedString()
        let long = header("alice", String(repeating: "a", count: 10_000))
        for text in [nil, "", "Basic", "Basic ", "Basic ????", "Bearer abc", colonless, long] {
            #expect(await !authentication.accepts(text))
        }
        #expect(work.taken().isEmpty)
    }

    @Test func aPasswordThatWasRightCostsNothingMore() async {
        let work = Work()
        let authentication = BasicAuthentication(users: ["alice": Secret(Self.hash)]) { work.verify($0, $1) }
        for _ in 0..<5 { #expect(await authentication.accepts(header("alice", Self.password))) }
        #expect(work.taken().count == 1)
        #expect(await authentication.accepts("basic  " + header("alice", Self.password).dropFirst(6)))
        #expect(work.taken().isEmpty)
        // What was wrong is never remembered, and the right one beside it stays.
        for _ in 0..<2 { #expect(await !authentication.accepts(header("alice", Self.password + "x"))) }
        #expect(work.taken().count == 2)
        #expect(await authentication.accepts(header("alice", Self.password)))
        #expect(work.taken().isEmpty)
    }

    /// Too many are forgotten, and worked for again.
    @Test func whatIsRememberedIsBounded() async {
        let count = 1000
        let checks = Mutex(0)
        let users = Dictionary(uniqueKeysWithValues: (0..<count).map { ("user\($0)", Secret(Self.hash)) })
        let authentication = BasicAuthentication(users: users) { _, _ in
            checks.withLock { $0 += 1 }
            return true
        }
        for number in 0..<count { #expect(await authentication.accepts(header("user\(number)", "a"))) }
        #expect(checks.withLock { $0 } == count)
        for number in 0..<count { #expect(await authentication.accepts(header("user\(number)", "a"))) }
        #expect(checks.withLock { $0 } >= 2 * count - 200, "all were remembered")
    }

    @Test func aChangedHashHoldsFromTheNextRequestOn() async throws {
        try await withFiles([:]) { folder in
            let file = "\(folder)/web.yml"
            let write = { (hash: String) in
                let text = "basic_auth_users: {alice: \"\(hash)\"}"
                try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
            }
            try write(Self.hash)
            let security = try WebSecurity(path: file, logger: ServerRig.quiet)
            let request = WebRequest(
                method: "GET", target: "/", headers: [("Authorization", header("alice", Self.password))])
            let status = { await security.guarded(request, from: nil) { _ in .text(200, "ok") }.status }
            for _ in 0..<2 { #expect(await status() == 200) }
            // Another salt, so no password of ours.
            try write(Self.hash.replacing("abcdef", with: "abcdeg"))
            #expect(await status() == 401)
            try write(Self.hash)
            #expect(await status() == 200)
        }
    }

    /// Whoever stays need not be asked again because a certificate was renewed or somebody else came.
    @Test func whatWasRightIsRememberedOverAReload() async {
        let work = Work()
        let first = BasicAuthentication(users: ["alice": Secret(Self.hash)]) { work.verify($0, $1) }
        #expect(await first.accepts(header("alice", Self.password)))
        #expect(work.taken().count == 1)
        let both = BasicAuthentication(users: ["alice": Secret(Self.hash), "bob": Secret(Self.hash)], previous: first) {
            work.verify($0, $1)
        }
        #expect(await both.accepts(header("alice", Self.password)))
        #expect(work.taken().isEmpty)
        #expect(await both.accepts(header("bob", Self.password)))
        #expect(work.taken().count == 1)
        let other = BasicAuthentication(users: ["bob": Secret(Self.hash)], previous: both) { work.verify($0, $1) }
        #expect(await !other.accepts(header("alice", Self.password)))
        #expect(work.taken().count == 1)
    }

    /// A crowd of wrong passwords from one address, of which none is worked through to its end.
    @Test func aCrowdOfWrongPasswordsShutsNobodyOut() async throws {
        let executor = SerialTaskExecutor()
        let (turns, next) = AsyncStream.makeStream(of: Void.self)
        let work = Mutex(0)
        let users = ["alice": Secret(Self.hash), "bob": Secret(Self.hash)]
        let authentication = BasicAuthentication(users: users) { password, _ in
            work.withLock { $0 += 1 }
            if password == Array("wrong".utf8) { for await _ in turns { break } }
            return password == Array(Self.password.utf8)
        }
        let (crowd, guest) = (try network("192.0.2.1"), try network("192.0.2.2"))
        func ask(_ user: String, _ password: String, _ network: ClientNetwork) async
            -> Task<BasicAuthentication.Verdict, Never>
        {
            let header = header(user, password)
            let task = Task(executorPreference: executor) {
                await authentication.verdict(on: header, from: network)
            }
            await executor.idle()
            return task
        }
        #expect(await ask("alice", Self.password, guest).value == .accepted)
        var strangers: [Task<BasicAuthentication.Verdict, Never>] = []
        for number in 0..<100 { strangers.append(await ask(number % 2 == 0 ? "alice" : "carol", "wrong", crowd)) }
        #expect(work.withLock { $0 } == 2, "the first of them is worked through")
        #expect(await ask("alice", Self.password, crowd).value == .accepted, "known, and not kept waiting")
        #expect(await ask("bob", Self.password, crowd).value == .crowded)
        let bob = [await ask("bob", Self.password, guest), await ask("bob", Self.password, guest)]
        for _ in 0..<100 { next.yield() }
        for task in bob { #expect(await task.value == .accepted) }
        var verdicts: [BasicAuthentication.Verdict] = []
        for task in strangers { verdicts.append(await task.value) }
        #expect(verdicts.count { $0 == .refused } == 15 && verdicts.count { $0 == .crowded } == 85)
        #expect(work.withLock { $0 } == 1 + 15 + 1, "whoever waited for the same password needs no work of his own")
    }

    private func network(_ text: String) throws -> ClientNetwork { ClientNetwork(try #require(IPAddress(text))) }
}

extension BasicAuthentication {
    fileprivate func accepts(_ header: String?) async -> Bool { await verdict(on: header, from: nil) == .accepted }
}
