import NIOCore
import NIOHTTP1
import Synchronization

/// Serves the routes, on however many addresses. Knows nothing of what they answer.
package struct WebServer: Sendable {
    package typealias Handler = @Sendable (WebRequest) async -> WebResponse

    /// What a client may cost.
    package struct Limits: Sendable {
        /// Requests answered at once, until the answer is taken, of each group of `limitedPaths`; 503 above. 0: no limit.
        package var maximumRequests: Int
        /// Groups of paths, so that those of one hold up none of another.
        package var limitedPaths: [Set<String>]
        /// Open at once on one address; above it, the oldest makes room for one that comes. Each costs a descriptor, which
        /// probes need too.
        package var maximumConnections: Int
        /// A header block ends so long after its first byte, the first of a connection so long after that has come; or the
        /// connection is closed.
        package var headerTimeout: Duration
        /// A connection on which no further request begins for so long is closed. Longer than a minute, at which most scrapes
        /// come: one that is sent just as the connection closes fails.
        package var idleTimeout: Duration
        /// From the end of a request's headers to that of its body.
        package var readTimeout: Duration
        /// A connection whose buffers have no room for the next 256 KiB of its answer, or what is left of it, within so long is
        /// cut.
        package var sendTimeout: Duration
        package var maximumHeaderBytes: Int
        package var maximumBodyBytes: Int

        package init(
            maximumRequests: Int = 40, limitedPaths: [Set<String>] = [["/metrics"]], maximumConnections: Int = 512,
            headerTimeout: Duration = .seconds(60), idleTimeout: Duration = .seconds(120),
            readTimeout: Duration = .seconds(10), sendTimeout: Duration = .seconds(30),
            maximumHeaderBytes: Int = 32_768, maximumBodyBytes: Int = 65_536
        ) {
            self.maximumRequests = maximumRequests
            self.limitedPaths = limitedPaths
            self.maximumConnections = maximumConnections
            self.headerTimeout = headerTimeout
            self.idleTimeout = idleTimeout
            self.readTimeout = readTimeout
            self.sendTimeout = sendTimeout
            self.maximumHeaderBytes = maximumHeaderBytes
            self.maximumBodyBytes = maximumBodyBytes
        }
    }

    let limits: Limits
    private let handler: Handler
    private let security: WebSecurity?
    private let onRefusal: @Sendable (Int) -> Void
    private let inFlight: [Counter]

    /// - Parameters:
    ///   - security: nil: plain HTTP for everybody.
    ///   - onRefusal: told of every request above the limit: the index of its group.
    package init(
        limits: Limits = Limits(), security: WebSecurity? = nil,
        onRefusal: @escaping @Sendable (Int) -> Void = { _ in },
        handler: @escaping Handler
    ) {
        self.handler = handler
        self.limits = limits
        self.security = security
        self.onRefusal = onRefusal
        inFlight = limits.limitedPaths.map { _ in Counter() }
    }

    private final class Counter: Sendable {
        let value = Mutex(0)
    }

    /// TLS, where the web configuration wants it. On the channel's event loop.
    func secure(_ channel: any Channel) throws {
        try security?.secure(channel)
    }

    struct Answer: Sendable {
        var response: WebResponse
        /// The group in which it has a place; to be given back once the answer is written, since that is what a scrape
        /// costs memory for.
        var place: Int?
    }

    func answer(_ head: HTTPRequestHead, from client: SocketAddress?) async -> Answer {
        let request = WebRequest(
            method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) })
        guard let security else { return await admitted(request) }
        var place: Int?
        // Places are for those who may ask: a wrong password takes none from a scrape while it is worked through.
        let response = await security.guarded(request, from: ClientNetwork(client)) { request in
            let answer = await admitted(request)
            place = answer.place
            return answer.response
        }
        return Answer(response: response, place: place)
    }

    private func admitted(_ request: WebRequest) async -> Answer {
        let place = limits.limitedPaths.firstIndex { $0.contains(request.path) }
        if let place, !takePlace(in: place) {
            onRefusal(place)
            let text = "Limit of concurrent requests reached (\(limits.maximumRequests)), try again later."
            return Answer(response: .text(503, text))
        }
        return Answer(response: await handler(request), place: place)
    }

    private func takePlace(in group: Int) -> Bool {
        inFlight[group].value.withLock { count in
            guard limits.maximumRequests == 0 || count < limits.maximumRequests else { return false }
            count += 1
            return true
        }
    }

    func givePlaceBack(in group: Int) {
        inFlight[group].value.withLock { $0 -= 1 }
    }
}
