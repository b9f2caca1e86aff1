/// Which path answers what. Knows the lifecycle endpoints; metrics and pages are handed in.
package struct Routes: Sendable {
    package typealias Handler = @Sendable (WebRequest) async -> WebResponse

    /// What a reload came to; the message of a refusal is shown to whoever asked.
    package typealias Reload = @Sendable () async -> Result<Void, ReloadRefused>

    package struct ReloadRefused: Error, Sendable {
        package var message: String

        package init(_ message: String) {
            self.message = message
        }
    }

    /// What there is at a path.
    package enum Resource: Sendable {
        /// Answers GET and HEAD.
        case readable(Handler)
        /// Looks at the method itself.
        case other(Handler)
        /// Nothing; nil: no more is to be said about that.
        case absent(WebResponse?)
    }

    package var telemetryPath: String
    /// The path of the external URL, without a slash at its end. Answered with and without it, since some proxies take it
    /// away and others do not.
    package var prefix: String
    package var metrics: Handler
    package var isReady: @Sendable () async -> Bool
    /// nil: the endpoint is off.
    package var reload: Reload?
    /// The pages, asked for every path that is not one of the above; nil: there are none.
    package var pages: (@Sendable (String) async -> Resource)?

    package init(
        telemetryPath: String, prefix: String = "", metrics: @escaping Handler,
        isReady: @escaping @Sendable () async -> Bool, reload: Reload?,
        pages: (@Sendable (String) async -> Resource)?
    ) {
        self.telemetryPath = telemetryPath
        self.prefix = prefix
        self.metrics = metrics
        self.isReady = isReady
        self.reload = reload
        self.pages = pages
    }

    /// The path comes first, then the method: where nothing is, none is allowed.
    package func respond(to request: WebRequest) async -> WebResponse {
        switch await resource(at: request.path) {
        case .readable(let handler):
            request.method == "GET" || request.method == "HEAD" ? await handler(request) : .methodNotAllowed
        case .other(let handler): await handler(request)
        case .absent(let response): response ?? .text(404, "Not found.")
        }
    }

    /// First what is there without the prefix, so that none (like `/metrics`) hides anything.
    private func resource(at path: String) async -> Resource {
        let plain = await ownResource(at: path)
        guard case .absent(let said) = plain, !prefix.isEmpty, path.hasPrefix(prefix) else { return plain }
        let rest = path.dropFirst(prefix.count)
        if rest.isEmpty, case .readable = await ownResource(at: "/") {
            return .readable { [prefix] _ in .text(308, "\(prefix)/", headers: [("Location", "\(prefix)/")]) }
        }
        guard rest.first == "/" else { return plain }
        let below = await ownResource(at: String(rest))
        if case .absent(nil) = below { return .absent(said) }
        return below
    }

    private func ownResource(at path: String) async -> Resource {
        switch path {
        case telemetryPath: .readable(metrics)
        case "/-/healthy": .readable { _ in .text(200, "Healthy.") }
        case "/-/ready":
            .readable { [isReady] _ in
                await isReady() ? .text(200, "Ready.") : .text(503, "Not ready: not every watch was checked once yet.")
            }
        case "/-/reload": .other(respondToReload)
        default: await pages?(path) ?? .absent(nil)
        }
    }

    @Sendable private func respondToReload(_ request: WebRequest) async -> WebResponse {
        guard let reload else {
            return .text(403, "Lifecycle API is not enabled: start with --web.enable-lifecycle.")
        }
        guard request.method == "POST" else {
            return .text(405, "Only POST requests allowed.", headers: [("Allow", "POST")])
        }
        switch await reload() {
        case .success: return .text(200, "Reloaded.")
        case .failure(let refused): return .text(500, refused.message)
        }
    }
}
