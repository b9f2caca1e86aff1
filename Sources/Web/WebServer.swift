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
        /// Requests answered at once; 503 above. 0: no limit.
        package var maximumRequests: Int
        /// A connection that sends or takes nothing for so long is closed.
        package var idleTimeout: Duration
        package var maximumHeaderBytes: Int

        package init(maximumRequests: Int = 40, idleTimeout: Duration = .seconds(60), maximumHeaderBytes: Int = 32_768)
        {
            self.maximumRequests = maximumRequests
            self.idleTimeout = idleTimeout
            self.maximumHeaderBytes = maximumHeaderBytes
        }
    }

    private let handler: Handler
    private let limits: Limits
    private let logger: Logger
    private let inFlight = Counter()

    package init(limits: Limits = Limits(), logger: Logger, handler: @escaping Handler) {
        self.handler = handler
        self.limits = limits
        self.logger = logger
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
        let idle = TimeAmount(limits.idleTimeout)
        let channel = HTTP1Channel.Configuration(
            idleTimeout: idle,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.maximumHeaderBytes, maxHeaderListSize: limits.maximumHeaderBytes,
                maxHeaderFieldCount: 100))
        return try HTTPServerBuilder.http1(configuration: channel).buildServer(
            configuration: ServerConfiguration(
                address: .hostname(address.host.isEmpty ? Self.anyHost : address.host, port: address.port)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            responder: { request, writer, _ in
                let response = await respond(to: request)
                try await writer.write(response: response.head, body: response.body)
            },
            onServerRunning: { await onListening($0.localAddress?.port ?? address.port) })
    }

    /// `::` takes IPv4 too on Linux, unless IPv6 is off.
    private static let anyHost: String = {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return "0.0.0.0" }
        close(descriptor)
        return "::"
    }()

    private func respond(to request: Request) async -> Response {
        let admitted = inFlight.value.withLock { count in
            guard limits.maximumRequests == 0 || count < limits.maximumRequests else { return false }
            count += 1
            return true
        }
        guard admitted else {
            return Self.response(
                .text(503, "Limit of concurrent requests reached (\(limits.maximumRequests)), try again later."),
                isHead: request.method == .head)
        }
        defer { inFlight.value.withLock { $0 -= 1 } }
        let answer = await handler(
            WebRequest(
                method: request.method.rawValue, target: request.head.path ?? "/",
                headers: request.headers.map { ($0.name.canonicalName, $0.value) }))
        return Self.response(answer, isHead: request.method == .head)
    }

    private static func response(_ answer: WebResponse, isHead: Bool) -> Response {
        var fields = HTTPFields()
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        fields[.contentLength] = String(answer.body.count)
        let body = isHead ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
        var response = Response(status: .init(code: answer.status), headers: fields, body: body)
        response.headers[.contentLength] = String(answer.body.count)
        return response
    }
}
