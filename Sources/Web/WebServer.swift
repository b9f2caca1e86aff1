import HummingbirdCore
package import Logging
package import ServiceLifecycle
import Glibc
import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization

/// Serves the routes on several addresses. Knows nothing of what they answer.
package struct WebServer: Sendable {
    package typealias Handler = @Sendable (WebRequest) async -> WebResponse

    /// What a client may cost.
    package struct Limits: Sendable {
        /// Requests of `limitedPaths` answered at once, until the answer is taken; 503 above. 0: no limit.
        package var maximumRequests: Int
        package var limitedPaths: Set<String>
        /// A connection on which no request begins, or a header block does not end, for so long is closed.
        package var idleTimeout: Duration
        /// From the end of a request's headers to that of its body.
        package var readTimeout: Duration
        /// A client that takes nothing of its answer for so long is cut.
        package var sendTimeout: Duration
        package var maximumHeaderBytes: Int
        package var maximumBodyBytes: Int

        package init(
            maximumRequests: Int = 40, limitedPaths: Set<String> = ["/metrics"], idleTimeout: Duration = .seconds(60),
            readTimeout: Duration = .seconds(10), sendTimeout: Duration = .seconds(30),
            maximumHeaderBytes: Int = 32_768, maximumBodyBytes: Int = 65_536
        ) {
            self.maximumRequests = maximumRequests
            self.limitedPaths = limitedPaths
            self.idleTimeout = idleTimeout
            self.readTimeout = readTimeout
            self.sendTimeout = sendTimeout
            self.maximumHeaderBytes = maximumHeaderBytes
            self.maximumBodyBytes = maximumBodyBytes
        }
    }

    private let handler: Handler
    private let limits: Limits
    private let security: WebSecurity?
    private let logger: Logger
    private let onRefusal: @Sendable () -> Void
    private let inFlight = Counter()

    /// - Parameters:
    ///   - security: nil: plain HTTP for everybody.
    ///   - onRefusal: told of every request above the limit.
    package init(
        limits: Limits = Limits(), security: WebSecurity? = nil, logger: Logger,
        onRefusal: @escaping @Sendable () -> Void = {}, handler: @escaping Handler
    ) {
        self.handler = handler
        self.limits = limits
        self.security = security
        self.logger = logger
        self.onRefusal = onRefusal
    }

    private final class Counter: Sendable {
        let value = Mutex(0)
    }

    /// A service that listens on one address until it is shut down gracefully; a request in flight is finished.
    ///
    /// - Parameter onListening: called once with the bound port.
    /// - Throws: from the service's `run()`, where the address cannot be listened on.
    package func service(
        on address: ListenAddress, onListening: @escaping @Sendable (Int) async -> Void
    ) throws -> any Service {
        let channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuard(limits: limits)], idleTimeout: TimeAmount(limits.idleTimeout),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.maximumHeaderBytes, maxHeaderListSize: limits.maximumHeaderBytes,
                maxHeaderFieldCount: 100))
        let builder = HTTPServerBuilder { responder in
            SecuredChannel(base: HTTP1Channel(responder: responder, configuration: channel), security: security)
        }
        return try builder.buildServer(
            configuration: ServerConfiguration(
                address: .hostname(address.host.isEmpty ? Self.anyHost : address.host, port: address.port)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            responder: { request, writer, _ in try await respond(to: request, writer) },
            onServerRunning: { await onListening($0.localAddress?.port ?? address.port) })
    }

    /// `::` takes IPv4 too on Linux, unless IPv6 is off.
    private static let anyHost: String = {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return "0.0.0.0" }
        close(descriptor)
        return "::"
    }()

    private func respond(to request: Request, _ writer: consuming ResponseWriter) async throws {
        let isHead = request.method == .head
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.maximumBodyBytes {
            let answer = WebResponse.text(413, "The body is too large.", headers: [("Connection", "close")])
            return try await write(answer, isHead: isHead, to: writer)
        }
        let request = WebRequest(
            method: request.method.rawValue, target: request.head.path ?? "/",
            headers: request.headers.map { ($0.name.canonicalName, $0.value) })
        // Held until the answer is written, since that is what a scrape costs memory for.
        let holdsPlace = limits.limitedPaths.contains(request.path)
        guard !holdsPlace || takePlace() else {
            onRefusal()
            let text = "Limit of concurrent requests reached (\(limits.maximumRequests)), try again later."
            return try await write(.text(503, text), isHead: isHead, to: writer)
        }
        defer { if holdsPlace { inFlight.value.withLock { $0 -= 1 } } }
        if let security {
            try await write(await security.guarded(request, handler), isHead: isHead, to: writer)
        } else {
            try await write(await handler(request), isHead: isHead, to: writer)
        }
    }

    private func takePlace() -> Bool {
        inFlight.value.withLock { count in
            guard limits.maximumRequests == 0 || count < limits.maximumRequests else { return false }
            count += 1
            return true
        }
    }

    /// In pieces, so that a client which takes some of them is seen to do so.
    private static let pieceSize = 256 << 10

    private func write(_ answer: WebResponse, isHead: Bool, to writer: consuming ResponseWriter) async throws {
        var fields = HTTPFields()
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        fields[.contentLength] = String(answer.body.count)
        var body = try await writer.writeHead(HTTPResponse(status: .init(code: answer.status), headerFields: fields))
        if !isHead {
            var start = 0
            while start < answer.body.count {
                let end = min(start + Self.pieceSize, answer.body.count)
                try await body.write(ByteBuffer(bytes: answer.body[start..<end]))
                start = end
            }
        }
        try await body.finish(nil)
    }
}

/// TLS, where the web configuration wants it, before HTTP/1.1.
private struct SecuredChannel: ServerChildChannel {
    let base: HTTP1Channel
    let security: WebSecurity?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.eventLoop.makeCompletedFuture { try security?.secure(channel) }
            .flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
