package import Transport

/// Whether a response is what the module asks for: pure.
package enum Verdict {
    /// The reason and a sentence; nil for success. Asked in the order status, version, headers, body.
    package static func failure(
        of response: Response, module: ProbeModule, patterns: PatternCache, budget: inout SearchBudget
    ) -> (reason: ProbeFailureReason, message: String)? {
        guard accepts(status: response.status, module: module) else {
            return (.status, "the receiver answered with status \(response.status)")
        }
        guard module.validHTTPVersions.isEmpty || module.validHTTPVersions.contains(response.version) else {
            return (.httpProtocol, "the receiver answered in HTTP/\(response.version.rawValue)")
        }
        return headerFailure(response, module, patterns, &budget) ?? bodyFailure(response, module, patterns, &budget)
    }

    /// Without codes of the module's own, a receiver that refuses an unsigned request is there, and one that answers 404 or
    /// 410 lost its route; a POST or PUT is accepted where Partoo's own could be.
    package static func accepts(status: Int, module: ProbeModule) -> Bool {
        guard module.validStatusCodes.isEmpty else { return module.validStatusCodes.contains { $0.contains(status) } }
        switch module.method {
        case .head, .get, .options:
            return (200...299).contains(status) || ((400...499).contains(status) && status != 404 && status != 410)
        case .post, .put:
            return (200...299).contains(status) || [400, 401, 403].contains(status)
        }
    }

    private static func headerFailure(
        _ response: Response, _ module: ProbeModule, _ patterns: PatternCache, _ budget: inout SearchBudget
    ) -> (ProbeFailureReason, String)? {
        for (rules, mustMatch) in [(module.failIfHeaderMatches, false), (module.failIfHeaderNotMatches, true)] {
            for rule in rules {
                let name = rule.header.lowercased()
                let values = response.headers.filter { $0.name.lowercased() == name }
                guard !values.isEmpty else {
                    if rule.allowMissing { continue }
                    return (.header, "the response has no header \(rule.header)")
                }
                guard let pattern = patterns.pattern(rule.regexp) else { return (.internal, "a pattern is invalid") }
                budget.renew()
                let texts = values.lazy.map { Array($0.value.reveal().utf8) }
                let isBroken =
                    mustMatch
                    ? !texts.contains { pattern.match($0, budget: &budget) == .matched }
                    : texts.contains { pattern.match($0, budget: &budget) != .notMatched }
                if isBroken {
                    return (.header, "the header \(rule.header) breaks a rule of the module")
                }
            }
        }
        return nil
    }

    private static func bodyFailure(
        _ response: Response, _ module: ProbeModule, _ patterns: PatternCache, _ budget: inout SearchBudget
    ) -> (ProbeFailureReason, String)? {
        for (rules, mustMatch) in [(module.failIfBodyMatches, false), (module.failIfBodyNotMatches, true)] {
            for (index, rule) in rules.enumerated() {
                guard let pattern = patterns.pattern(rule) else { return (.internal, "a pattern is invalid") }
                budget.renew()
                switch (pattern.match(response.body, budget: &budget), mustMatch) {
                case (.matched, true), (.notMatched, false): continue
                case (.undecided, _):
                    return (.body, "a body rule reached the matching limit (rule \(index + 1))")
                case (.matched, false):
                    return (.body, "the body matches fail_if_body_matches (rule \(index + 1))")
                case (.notMatched, true):
                    return (.body, "the body does not match fail_if_body_not_matches (rule \(index + 1))")
                }
            }
        }
        return nil
    }
}
