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

    package var telemetryPath: String
    /// The path of the external URL, without a slash at its end. Answered with and without it, since some proxies take it
    /// away and others do not.
    package var prefix: String
    package var metrics: Handler
    package var isReady: @Sendable () async -> Bool
    /// nil: the endpoint is off.
    package var reload: Reload?
    /// The pages, tried for every path that is not one of the above; nil: not found.
    package var page: (@Sendable (WebRequest) async -> WebResponse?)?

    package init(
        telemetryPath: String, prefix: String = "", metrics: @escaping Handler,
        isReady: @escaping @Sendable () async -> Bool, reload: Reload?,
        page: (@Sendable (WebRequest) async -> WebResponse?)?
    ) {
        self.telemetryPath = telemetryPath
        self.prefix = prefix
        self.metrics = metrics
        self.isReady = isReady
        self.reload = reload
        self.page = page
    }

    package func respond(to request: WebRequest) async -> WebResponse {
        var request = request
        if !prefix.isEmpty {
            if request.path == prefix, page != nil {
                return await read(request) { _ in .text(308, "\(prefix)/", headers: [("Location", "\(prefix)/")]) }
            }
            if request.path.hasPrefix(prefix + "/") { request.path.removeFirst(prefix.count) }
        }
        switch request.path {
        case telemetryPath:
            return await read(request, metrics)
        case "/-/healthy":
            return await read(request) { _ in .text(200, "Healthy.") }
        case "/-/ready":
            return await read(request) { _ in
                await isReady() ? .text(200, "Ready.") : .text(503, "Not ready: not every watch was checked once yet.")
            }
        case "/-/reload":
            return await respondToReload(request)
        default:
            guard let page else { return Self.notFound }
            return await read(request) { await page($0) ?? Self.notFound }
        }
    }

    private static let notFound = WebResponse.text(404, "Not found.")

    private func read(_ request: WebRequest, _ handler: Handler) async -> WebResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return .text(405, "Method not allowed.", headers: [("Allow", "GET, HEAD")])
        }
        return await handler(request)
    }

    private func respondToReload(_ request: WebRequest) async -> WebResponse {
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
