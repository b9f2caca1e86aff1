import Foundation
import TestSupport
import Testing

/// What needs a process or a network of its own: the resolver, the environment, limits. Each line is what the scenario saw.
@Suite struct ProcessTests {
    private static let binary = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("CurlScenarios").path

    private func lines(_ scenario: String, isPrivate: Bool = true) async throws -> [String] {
        let run =
            isPrivate
            ? try await PrivateNetwork.run(Self.binary, [scenario])
            : try await ChildProcess.run(Self.binary, [scenario])
        #expect(run.status == 0, "\(run.output) \(run.errors)")
        return run.output.split(separator: "\n").map(String.init)
    }

    // MARK: A lookup that hangs

    // The resolver answers only when the scenario has seen the others end, so their order is no matter of time.

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func aCancelDuringALookupDelaysNobody() async throws {
        #expect(
            try await lines("cancel-lookup") == [
                "the one that looks up: cancelled", "another: 200", "lookups after it: 1", "lookups at the end: 0",
            ])
    }

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func aTimeoutDuringALookupDelaysNobody() async throws {
        #expect(
            try await lines("time-out-lookup") == [
                "the one that looks up: dns", "another: 200", "lookups after it: 1", "all of it resolving: true",
                "at least the timeout: true", "no further phase: true", "lookups at the end: 0",
            ])
    }

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func aShutdownDuringLookupsWaitsForNone() async throws {
        let expected =
            ["lookups after it: 5"] + Array(repeating: "one: cancelled", count: 5) + ["lookups at the end: 0"]
        #expect(try await lines("shut-down-lookup") == expected)
    }

    // MARK: Names

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func everyAddressOfANameIsVetted() async throws {
        #expect(
            try await lines("names") == [
                "all forbidden: addressForbidden; asked 127.0.0.1 127.0.0.2 ::1",
                "all forbidden with TLS: addressForbidden; asked 127.0.0.1 127.0.0.2 ::1",
                "connections: 0",
                "some forbidden: 200 at 127.0.0.2; asked 127.0.0.1 127.0.0.2 ::1",
                "the good ones forbidden: connectRefused; asked 127.0.0.1 127.0.0.2 ::1",
                "IPv4 only: addressForbidden; asked 127.0.0.1 127.0.0.2",
                "IPv6 only: addressForbidden; asked ::1",
                "IPv6: 200 at ::1; asked ::1",
                "four, ipv6: dns, the name cannot be resolved to an IPv6 address",
                "six, ipv4: dns, the name cannot be resolved to an IPv4 address",
                "nowhere, ipv6: dns, the name cannot be resolved to an IPv6 address",
                "nowhere, any: dns, the name cannot be resolved",
                "localhost: addressForbidden; asked 127.0.0.1 ::1",
                "no such name: dns; asked ",
                "resolving only: true",
                "first: 200 at 127.0.0.2; asked 127.0.0.2",
                "then: addressForbidden; asked 127.0.0.1",
                "lookups of it: 2",
                "foreign: 200",
                "foreign host: Host: xn--bcher-kva.test:PORT",
                "unknown proxy: proxy",
                "proxy that is not found in time: proxy",
            ])
    }

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func theSecondHandshakeLooksUpNoName() async throws {
        #expect(
            try await lines("pinned") == [
                "cert.test: tlsUntrusted, certificate seen: true, lookups: 1",
                "b\u{fc}cher.test: tlsUntrusted, certificate seen: true, lookups: 1",
            ])
    }

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func anInternationalNameIsReachedAsAnotherToo() async throws {
        #expect(try await lines("another-name") == ["200, host xn--bcher-kva.test"])
    }

    // MARK: The process

    @Test func environmentProxiesAreForWhoAsksForThem() async throws {
        #expect(
            try await lines("environment-proxy", isPrivate: false) == [
                "not asked: 200, proxied 0",
                "asked: 403, proxied 1",
                "asked, TLS: proxy, proxied 2",
                "tunnel asked for: true",
                "the proxy's address is not vetted: 403, proxied 3",
                "excepted: 200, proxied 3",
                "excepted and forbidden: addressForbidden, proxied 3",
                "configured: 403, proxied 4",
                "all excepted: 200, proxied 4",
                "none there: addressForbidden, proxied 4",
            ])
    }

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func descriptorsAreNotLeaked() async throws {
        #expect(try await lines("descriptors") == ["transfers: 540", "grown by less than 20: true"])
    }

    @Test(.enabled(if: PrivateNetwork.isPossible))
    func aMachineWithoutDescriptorsIsNotTheReceiversFault() async throws {
        #expect(
            try await lines("no-descriptors") == [
                "with descriptors: responseTimeout", "address: internal", "name: internal",
                "proxy's address: internal", "proxy's name: internal",
                "another transport: refused",
                "with descriptors again: responseTimeout",
            ])
    }

    @Test func theProcessIsNotEndedByThePeerOrByOpenSSL() async throws {
        #expect(
            try await lines("process", isPrivate: false) == [
                "SIGPIPE ignored: true", "a transfer: 200, SIGPIPE changed within: false", "end",
            ])
    }

    @Test func nobodyIsAskedForAPassphrase() async throws {
        #expect(
            try await lines("passphrase", isPrivate: false) == [
                "key in clear: 200", "key under a passphrase: internal",
            ])
    }

    @Test func noAnswerMakesLibcurlUseWhatItHasFreed() async throws {
        #expect(
            try await lines("folded-header", isPrivate: false) == [
                "a transfer: 200", "a transfer: httpProtocol", "a transfer: httpProtocol", "blocks were freed: true",
                "uses of freed memory: 0",
            ])
    }
}
