package import Transport

/// What is probed: the observed URL with the observed headers.
package struct ProbeTarget: Sendable {
    package var url: Secret
    package var customHeaders: [HeaderField]
    /// The operator's own headers, body and client certificate are meant for it; nil where it is not known.
    package var baselineOrigin: Origin?

    package init(url: Secret, customHeaders: [HeaderField] = [], baselineOrigin: Origin? = nil) {
        self.url = url
        self.customHeaders = customHeaders
        self.baselineOrigin = baselineOrigin
    }
}

/// Sends one probe, with its retries and redirects, and judges it.
package struct Prober: Sendable {
    package static let maximumRedirects = 10

    private let transport: any Transport
    private let userAgent: String
    private let judge = Judge()

    /// - Parameter transport: one that makes a fresh connection for every request.
    package init(transport: any Transport, userAgent: String) {
        self.transport = transport
        self.userAgent = userAgent
    }

    /// Probes, and confirms a failure as often as the module asks for.
    ///
    /// - Returns: nil where the task was cancelled: there is nothing to be counted.
    package func probe(
        target: ProbeTarget, module: ProbeModule, wantsTrace: Bool = false
    ) async -> ProbeResult? {
        var retries = 0
        while true {
            guard var result = await attempt(target, module, wantsTrace) else { return nil }
            result.retries = retries
            guard retries < module.retries, let failure = result.failure, Self.mayPass(failure) else { return result }
            retries += 1
        }
    }

    /// What depends on the configuration alone is the same at once again.
    private static func mayPass(_ failure: ProbeFailureReason) -> Bool {
        switch failure {
        case .urlInvalid, .headerInvalid, .schemeForbidden, .addressForbidden, .internal: false
        default: true
        }
    }

    private func attempt(_ target: ProbeTarget, _ module: ProbeModule, _ wantsTrace: Bool) async -> ProbeResult? {
        let url = target.url.reveal()
        // Of another scheme there is no more to be read: its URLs need not have a host.
        if let scheme = RedirectTarget.foreignScheme(of: url), !module.allowedSchemes.contains(scheme) {
            return .forbidden(scheme, module)
        }
        guard let origin = Origin(url: url) else {
            return .failed(.urlInvalid, "the URL cannot be read", module)
        }
        guard module.allowedSchemes.contains(origin.scheme) else { return .forbidden(origin.scheme, module) }
        if module.sendsCustomHeaders, let fault = HeaderPolicy.fault(in: target.customHeaders) {
            return .failed(.headerInvalid, fault, module)
        }
        var hop = Hop(url: target.url, origin: origin, method: module.method)
        var timings = Timings()
        var trace: [String] = []
        var redirects = 0
        // The one that led to the hop that is under way.
        var redirecting: ProbeResult?
        while true {
            let remaining = module.timeout - timings.total
            let transfer = await send(hop, target, module, remaining: remaining, wantsTrace)
            timings.add(transfer.timings)
            trace += transfer.trace
            if case .failure(let error) = transfer.result, error.reason == .cancelled { return nil }
            var result = ProbeResult(
                isReachable: false, failure: nil, timings: timings, tls: transfer.tls,
                remoteAddress: transfer.remoteAddress, redirects: module.followsRedirects ? redirects : nil,
                trace: trace)
            if module.method == .post { result.outlook = result.delivery }
            switch transfer.result {
            case .failure(let error):
                if var redirecting, error.reason == .addressForbidden || error.reason == .schemeForbidden {
                    // A response came; that we do not go where it leads is no fault of the connection.
                    redirecting.failure = .redirectForbidden
                    redirecting.message = error.message
                    redirecting.trace = trace
                    return redirecting
                }
                result.failure = ProbeFailureReason(error.reason)
                result.message = error.message
                return result
            case .success(let response):
                result.describe(response, module)
                guard module.followsRedirects, [301, 302, 303, 307, 308].contains(response.status),
                    let location = response.header("Location"), !location.isEmpty
                else {
                    switch await judge.judgement(on: response, module, remaining: module.timeout - timings.total) {
                    case .good: break
                    case .bad(let reason, let message):
                        result.failure = reason
                        result.message = message
                    case .cancelled: return nil
                    }
                    return result
                }
                guard redirects < Self.maximumRedirects else {
                    result.failure = .tooManyRedirects
                    result.message = "more than \(Self.maximumRedirects) redirects"
                    return result
                }
                let next = RedirectTarget.resolve(location, base: hop.url.reveal())
                if let scheme = next.flatMap(RedirectTarget.scheme), !module.allowedSchemes.contains(scheme) {
                    result.failure = .redirectForbidden
                    result.message = "the receiver redirects to \(RedirectTarget.name(ofScheme: scheme))"
                    return result
                }
                guard let next, let nextHop = hop.redirected(to: next, status: response.status) else {
                    result.failure = .httpProtocol
                    result.message = "the receiver redirects to a URL that cannot be read"
                    return result
                }
                guard timings.total < module.timeout else {
                    result.failure = .responseTimeout
                    result.message = "the timeout came between two redirects"
                    return result
                }
                redirects += 1
                redirecting = result
                hop = nextHop
            }
        }
    }

    private func send(
        _ hop: Hop, _ target: ProbeTarget, _ module: ProbeModule, remaining: Duration, _ wantsTrace: Bool
    ) async -> Transfer {
        let policy = AddressPolicy(allowedNetworks: module.allowedNetworks)
        let usesProxy = module.proxy != nil || module.proxyFromEnvironment
        if usesProxy, let literal = AddressPolicy.literal(host: hop.origin.host), !policy.allows(literal) {
            return Transfer(result: .failure(TransferError(.addressForbidden, "the address \(literal) is forbidden")))
        }
        let isTrusted = hop.origin == target.baselineOrigin || module.trustedOrigins.contains(hop.origin)
        let isObservedOrigin = hop.origin == Origin(url: target.url.reveal())
        let body = isTrusted && (hop.method == .post || hop.method == .put) ? module.body : []
        var tls = module.tls
        if !isTrusted {
            tls.certificateFile = nil
            tls.keyFile = nil
        }
        let version: HTTPVersionChoice =
            module.httpVersion == .automatic && module.hasBodyRules ? .http1_1 : module.httpVersion
        let sent = headers(
            custom: isObservedOrigin && module.sendsCustomHeaders ? target.customHeaders : [],
            own: isTrusted ? module.headers : [], hasBody: !body.isEmpty)
        let isAllowed: @Sendable (IPAddress) -> Bool = { policy.allows($0) }
        return await transport.perform(
            Request(
                method: hop.method, url: hop.url, headers: sent, body: body,
                timeout: max(remaining, .milliseconds(1)), httpVersion: version,
                ipProtocol: module.ipProtocol, maximumResponseBytes: module.maximumResponseBytes, tls: tls,
                proxy: module.proxy, proxyFromEnvironment: module.proxyFromEnvironment, isAddressAllowed: isAllowed,
                wantsTrace: wantsTrace))
    }

    /// The observed headers win over the operator's, since they are what Partoo sends; both win over our own.
    private func headers(custom: [HeaderField], own: [HeaderField], hasBody: Bool) -> [HeaderField] {
        var headers = custom
        var names = Set(custom.map { $0.name.lowercased() })
        for header in own where !names.contains(header.name.lowercased()) { headers.append(header) }
        names.formUnion(own.map { $0.name.lowercased() })
        if hasBody, !names.contains("content-type") {
            headers.append(HeaderField("Content-Type", "application/json"))
        }
        if !names.contains("user-agent") { headers.append(HeaderField("User-Agent", userAgent)) }
        return headers
    }

    /// One request of a probe.
    private struct Hop {
        var url: Secret
        var origin: Origin
        var method: HTTPMethod

        /// As browsers and curl do it: 303 always, 301 and 302 after a POST, go on with GET.
        func redirected(to text: String, status: Int) -> Hop? {
            guard let origin = Origin(url: text) else { return nil }
            let becomesGet = (status == 303 && method != .head) || ((status == 301 || status == 302) && method == .post)
            return Hop(url: Secret(text), origin: origin, method: becomesGet ? .get : method)
        }
    }
}

extension ProbeResult {
    fileprivate static func forbidden(_ scheme: String, _ module: ProbeModule) -> Self {
        let what = RedirectTarget.isKnown(scheme) ? "the scheme \(scheme)" : "the URL's scheme"
        return .failed(.schemeForbidden, "\(what) is not among allowed_schemes", module)
    }

    fileprivate static func failed(_ reason: ProbeFailureReason, _ message: String, _ module: ProbeModule) -> Self {
        ProbeResult(
            isReachable: false, failure: reason, message: message, redirects: module.followsRedirects ? 0 : nil)
    }

    fileprivate mutating func describe(_ response: Response, _ module: ProbeModule) {
        isReachable = true
        status = response.status
        httpVersion = response.version
        responseBytes = response.body.count
        if module.method == .post { outlook = delivery }
    }
}

extension ProbeFailureReason {
    package init(_ reason: TransferError.Reason) {
        switch reason {
        case .urlInvalid: self = .urlInvalid
        case .headerInvalid: self = .headerInvalid
        case .schemeForbidden: self = .schemeForbidden
        case .addressForbidden: self = .addressForbidden
        case .dns: self = .dns
        case .connectRefused: self = .connectRefused
        case .connectTimeout: self = .connectTimeout
        case .connect: self = .connect
        case .tlsExpired: self = .tlsExpired
        case .tlsNotYetValid: self = .tlsNotYetValid
        case .tlsHostname: self = .tlsHostname
        case .tlsUntrusted: self = .tlsUntrusted
        case .tlsHandshake: self = .tlsHandshake
        case .tlsTimeout: self = .tlsTimeout
        case .responseTimeout: self = .responseTimeout
        case .reset: self = .reset
        case .emptyResponse: self = .emptyResponse
        case .httpProtocol: self = .httpProtocol
        case .proxy: self = .proxy
        case .cancelled, .internal: self = .internal
        }
    }
}

extension Timings {
    /// Phases of one hop after the other; an absent phase stays absent where no hop has it.
    fileprivate mutating func add(_ other: Timings) {
        func sum(_ left: Duration?, _ right: Duration?) -> Duration? {
            left == nil && right == nil ? nil : (left ?? .zero) + (right ?? .zero)
        }
        resolve = sum(resolve, other.resolve)
        connect = sum(connect, other.connect)
        tls = sum(tls, other.tls)
        processing = sum(processing, other.processing)
        transfer = sum(transfer, other.transfer)
        total += other.total
    }
}
