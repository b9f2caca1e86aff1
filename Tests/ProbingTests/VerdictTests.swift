import Probing
import TestSupport
import Testing
import Transport

@Suite(.ownThread) struct VerdictTests {
    private let patterns = PatternCache()

    private func module(_ change: (inout ProbeModule) -> Void = { _ in }) -> ProbeModule {
        var module = ProbeModule(name: "m")
        module.method = .get
        change(&module)
        return module
    }

    private func reason(
        _ module: ProbeModule, _ status: Int = 200, body: String = "", headers: [(String, String)] = [],
        version: HTTPVersion = .http1_1
    ) -> ProbeFailureReason? {
        let response = Response(
            status: status, version: version, headers: headers.map { HeaderField($0.0, $0.1) }, body: Array(body.utf8))
        var budget = SearchBudget.full()
        return Verdict.failure(of: response, module: module, patterns: patterns, budget: &budget)?.reason
    }

    /// Contract section 5, "A good probe", for every status there is.
    @Test(arguments: HTTPMethod.allCases)
    func statusesAcceptedWithoutCodesOfOnesOwn(method: HTTPMethod) {
        for status in 100...599 {
            let accepted: Bool
            switch method {
            case .head, .get, .options:
                accepted = status / 100 == 2 || (status / 100 == 4 && ![404, 410].contains(status))
            case .post, .put:
                accepted = status / 100 == 2 || [400, 401, 403].contains(status)
            }
            #expect(Verdict.accepts(status: status, module: module { $0.method = method }) == accepted, "\(status)")
            #expect((reason(module { $0.method = method }, status) == nil) == accepted)
        }
    }

    @Test func codesOfOnesOwnReplaceTheDefaults() {
        let own = module { $0.validStatusCodes = [204...204, 300...399, 404...404] }
        for status in 100...599 {
            let accepted = status == 204 || status / 100 == 3 || status == 404
            #expect((reason(own, status) == nil) == accepted, "\(status)")
        }
    }

    @Test func versions() {
        let own = module { $0.validHTTPVersions = [.http1_1, .http2] }
        #expect(reason(own, version: .http1_0) == .httpProtocol)
        #expect(reason(own, version: .http1_1) == nil && reason(own, version: .http2) == nil)
        #expect(reason(module(), version: .http1_0) == nil)
    }

    @Test(
        arguments: [
            // Matches, must match, allow missing, header present, value, reason
            (false, false, "prod", ProbeFailureReason.header as ProbeFailureReason?), (false, false, "staging", nil),
            (false, false, nil, .header), (false, true, nil, nil), (true, false, "prod", nil),
            (true, false, "staging", .header),
            (true, false, nil, .header), (true, true, nil, nil), (true, true, "staging", .header),
        ] as [(Bool, Bool, String?, ProbeFailureReason?)])
    func headerRules(mustMatch: Bool, allowMissing: Bool, value: String?, expected: ProbeFailureReason?) {
        let rule = HeaderRule(header: "X-Env", regexp: "^prod$", allowMissing: allowMissing)
        let own = module {
            if mustMatch { $0.failIfHeaderNotMatches = [rule] } else { $0.failIfHeaderMatches = [rule] }
        }
        #expect(reason(own, headers: value.map { [("x-env", $0)] } ?? []) == expected)
    }

    @Test func aHeaderThatStandsTwiceFailsIfEitherMatches() {
        let both = [("X-Env", "prod"), ("x-env", "staging")]
        let forbidden = HeaderRule(header: "X-Env", regexp: "staging")
        let wanted = HeaderRule(header: "X-Env", regexp: "prod")
        #expect(reason(module { $0.failIfHeaderMatches = [forbidden] }, headers: both) == .header)
        #expect(reason(module { $0.failIfHeaderNotMatches = [wanted] }, headers: both) == nil)
    }

    @Test func bodyRules() {
        let forbidden = module { $0.failIfBodyMatches = ["error", "(?i)fatal"] }
        #expect(reason(forbidden, body: "all is well") == nil && reason(forbidden, body: "") == nil)
        #expect(reason(forbidden, body: "an error") == .body && reason(forbidden, body: "FATAL") == .body)
        let wanted = module { $0.failIfBodyNotMatches = ["^ok$"] }
        #expect(
            reason(wanted, body: "ok") == nil && reason(wanted, body: "not ok") == .body
                && reason(wanted, body: "") == .body)
    }

    @Test func theOrderIsStatusVersionHeaderBody() {
        var own = module {
            $0.validHTTPVersions = [.http2]
            $0.failIfHeaderNotMatches = [HeaderRule(header: "A", regexp: "x")]
            $0.failIfBodyNotMatches = ["x"]
        }
        #expect(reason(own, 500) == .status && reason(own) == .httpProtocol)
        own.validHTTPVersions = []
        #expect(reason(own) == .header && reason(own, headers: [("A", "x")]) == .body)
    }

    /// Patterns that would run for hours end at the limit, and then the rule counts as broken.
    @Test(arguments: ["^(a+)+$", "(a|aa)+$", "(.*a){25}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
    func aRuleThatReachesTheLimitIsBroken(pattern: String) {
        let text = String(repeating: "a", count: 60) + "!"
        #expect(reason(module { $0.failIfBodyMatches = [pattern] }, body: text) == .body)
        #expect(reason(module { $0.failIfBodyNotMatches = [pattern] }, body: text) == .body)
        let rule = HeaderRule(header: "A", regexp: pattern)
        #expect(reason(module { $0.failIfHeaderMatches = [rule] }, headers: [("A", text)]) == .header)
        #expect(reason(module { $0.failIfHeaderNotMatches = [rule] }, headers: [("A", text)]) == .header)
    }

    /// Otherwise a receiver would get it once more with each header that it sends.
    @Test func theValuesOfAHeaderShareTheBudgetOfARule() {
        let line = String(repeating: "a", count: 1_000)
        let rule = HeaderRule(header: "A", regexp: "a.*[0-9]")
        let own = module { $0.failIfHeaderMatches = [rule] }
        #expect(reason(own, headers: [("A", line)]) == nil)
        #expect(reason(own, headers: Array(repeating: ("A", line), count: 30)) == .header)
        // The next rule has its own.
        let many = module { $0.failIfHeaderMatches = Array(repeating: rule, count: 30) }
        #expect(reason(many, headers: [("A", line)]) == nil)
    }

    @Test(arguments: [
        (200, DeliveryOutlook.acknowledged), (500, .retried), (503, .retried), (599, .retried), (400, .undetermined),
        (401, .undetermined), (403, .undetermined), (201, .lost), (204, .lost), (302, .lost), (404, .lost),
        (429, .lost),
        (600, .lost),
    ])
    func outlook(status: Int, outlook: DeliveryOutlook) {
        #expect(DeliveryOutlook(status: status) == outlook)
    }

    @Test func whatToDoGoesByTheReasonAndTheStatus() {
        func advice(_ reason: ProbeFailureReason?, _ status: Int) -> String? {
            ProbeResult(isReachable: true, failure: reason, status: status).advice
        }
        #expect(advice(nil, 200) == nil)
        for (status, part) in [
            (301, "no redirect"), (404, "route"), (410, "route"), (500, "backends"), (599, "backends"),
            (204, "valid_status_codes"), (405, "valid_status_codes"),
        ] {
            #expect(advice(.status, status)?.contains(part) == true, "\(status)")
        }
        // Whatever the status, a body is a matter of its rules; and every reason has something of its own.
        #expect(advice(.body, 404)?.contains("fail_if_body_") == true)
        #expect(Set(ProbeFailureReason.allCases.map { advice($0, 0) }).count == ProbeFailureReason.allCases.count)
    }
}
