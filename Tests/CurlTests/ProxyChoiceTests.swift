import Testing
import Transport

@testable import Curl

/// Which variable of the environment counts, by libcurl's rules.
@Suite struct ProxyChoiceTests {
    /// - Returns: nil without a proxy.
    private func proxy(for url: String, _ environment: [String: String]) throws -> String? {
        let request = Request(method: .get, url: Secret(url), timeout: .seconds(1), proxyFromEnvironment: true)
        return ProxyChoice(request, try #require(URLParts(url))) { environment[$0] }.url?.reveal()
    }

    @Test(
        arguments: [
            ([:], nil), (["https_proxy": "a", "HTTPS_PROXY": "b", "all_proxy": "c"], "a"),
            (["HTTPS_PROXY": "b", "all_proxy": "c", "ALL_PROXY": "d"], "b"),
            (["all_proxy": "c", "ALL_PROXY": "d"], "c"),
            (["ALL_PROXY": "d"], "d"), (["http_proxy": "e"], nil),
            // An empty one is as one that is not set.
            (["https_proxy": ""], nil), (["https_proxy": "", "HTTPS_PROXY": "b"], "b"),
            (["https_proxy": "", "HTTPS_PROXY": "", "all_proxy": "", "ALL_PROXY": "d"], "d"),
        ] as [([String: String], String?)])
    func theFirstThatHasAValue(environment: [String: String], proxy expected: String?) throws {
        #expect(try proxy(for: "https://receiver.example/", environment) == expected)
    }

    @Test(
        arguments: [
            (["http_proxy": "a"], "a"), (["http_proxy": "", "all_proxy": "c"], "c"), (["HTTP_PROXY": "b"], nil),
        ] as [([String: String], String?)])
    func withoutTLS(environment: [String: String], proxy expected: String?) throws {
        #expect(try proxy(for: "http://receiver.example/", environment) == expected)
    }

    @Test(arguments: [
        (["no_proxy": "*"], true), (["NO_PROXY": "*"], true), (["no_proxy": "", "NO_PROXY": "*"], true),
        (["no_proxy": "other.example", "NO_PROXY": "*"], false), (["no_proxy": "", "NO_PROXY": ""], false),
    ])
    func exceptions(environment: [String: String], isExcepted: Bool) throws {
        let all = environment.merging(["https_proxy": "a"]) { first, _ in first }
        #expect(try proxy(for: "https://receiver.example/", all) == (isExcepted ? nil : "a"))
    }
}
