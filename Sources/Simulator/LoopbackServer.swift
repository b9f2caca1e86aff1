import Glibc
import NIOCore
import NIOPosix
package import NIOSSL

/// A request as a simulated server reads it.
package struct SimulatedRequest: Sendable {
    package var method: String
    package var target: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The value of a query parameter.
    package func query(_ name: String) -> String? {
        guard let mark = target.firstIndex(of: "?") else { return nil }
        return target[target.index(after: mark)...].split(separator: "&")
            .first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    package var path: String { String(target.prefix { $0 != "?" }) }
}

/// What a server does about a request, or about a connection.
package enum Reaction: Sendable {
    /// Bytes after a while; then the connection is kept, unless it is closed.
    case answer([UInt8], after: Duration = .zero, closes: Bool = false)
    case hang
    case reset
    case close
    /// A first part at once, then a byte each interval.
    case drip([UInt8], [UInt8], every: Duration)
    /// The first part, again and again.
    case flood([UInt8])

    /// A whole response with its length.
    package static func response(
        _ status: Int, _ body: String = "", headers: [String] = [], after: Duration = .zero, isHead: Bool = false
    ) -> Reaction {
        let lines = ["HTTP/1.1 \(status) Simulated", "Content-Length: \(body.utf8.count)"] + headers
        return .answer(Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + (isHead ? "" : body)).utf8), after: after)
    }
}

/// An HTTP/1.1 server on loopback that does exactly what it is told, good or bad.
package final class LoopbackServer: Sendable {
    private let channel: any Channel
    package let port: Int

    /// - Parameters:
    ///   - identity: nil: plain text.
    ///   - onConnect: what to do with a connection before anything is read from it, TLS included; nil: go on.
    package static func start(
        host: String = "127.0.0.1", port: Int = 0, identity: SimulatedCertificateAuthority.Identity? = nil,
        minimumTLS: TLSVersion = .tlsv12, maximumTLS: TLSVersion? = nil,
        onConnect: @escaping @Sendable () -> Reaction? = { nil },
        respond: @escaping @Sendable (SimulatedRequest) -> Reaction
    ) async throws -> LoopbackServer {
        var tls: NIOSSLContext?
        if let identity {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: identity.chain.map { .certificate($0) }, privateKey: .privateKey(identity.key))
            configuration.minimumTLSVersion = minimumTLS
            configuration.maximumTLSVersion = maximumTLS
            tls = try NIOSSLContext(configuration: configuration)
        }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [tls] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let reaction = onConnect() {
                        try channel.pipeline.syncOperations.addHandler(ConnectionHandler(reaction))
                        return
                    }
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(RequestHandler(respond))
                }
            }
            .bind(host: host, port: port).get()
        return LoopbackServer(channel)
    }

    private init(_ channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    package func stop() async {
        try? await channel.close().get()
    }
}

/// A port on loopback that is taken but not listened on: whoever connects is refused, and nobody else can get it meanwhile.
package final class RefusingPort: Sendable {
    package let port: Int
    private let descriptor: Int32

    /// nil where the machine has no descriptor or port left.
    package init?() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { [descriptor] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard isBound else {
            close(descriptor)
            return nil
        }
    }

    deinit {
        close(descriptor)
    }
}

/// Deals with a connection without reading a request.
private final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let reaction: Reaction

    init(_ reaction: Reaction) {
        self.reaction = reaction
    }

    func channelActive(context: ChannelHandlerContext) {
        react(reaction, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// Reads requests one after the other, within limits, and reacts to each.
private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private static let maximumBytes = 1 << 20

    private let respond: @Sendable (SimulatedRequest) -> Reaction
    private var received: [UInt8] = []

    init(_ respond: @escaping @Sendable (SimulatedRequest) -> Reaction) {
        self.respond = respond
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        received += buffer.readBytes(length: buffer.readableBytes) ?? []
        guard received.count <= Self.maximumBytes else {
            context.close(promise: nil)
            return
        }
        while let request = nextRequest() { react(respond(request), context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func nextRequest() -> SimulatedRequest? {
        guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            let sides = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { return nil }
            return (String(sides[0]), String(sides[1].drop { $0 == " " }))
        }
        var request = SimulatedRequest(
            method: words.first.map(String.init) ?? "", target: words.count > 1 ? String(words[1]) : "/",
            headers: headers, body: [])
        let length = request.header("Content-Length").flatMap { Int($0) } ?? 0
        guard length >= 0, received.count - end.upperBound >= length else { return nil }
        request.body = Array(received[end.upperBound..<(end.upperBound + length)])
        received.removeFirst(end.upperBound + length)
        return request
    }
}

private func react(_ reaction: Reaction, _ context: ChannelHandlerContext) {
    let channel = context.channel
    switch reaction {
    case .answer(let bytes, let delay, let closes):
        channel.eventLoop.scheduleTask(in: TimeAmount(delay)) {
            let written = channel.writeAndFlush(ByteBuffer(bytes: bytes))
            if closes { written.whenComplete { _ in channel.close(promise: nil) } }
        }
    case .hang: break
    case .close: channel.close(promise: nil)
    case .reset: reset(channel)
    case .drip(let head, let rest, let interval):
        channel.writeAndFlush(ByteBuffer(bytes: head), promise: nil)
        for (index, byte) in rest.enumerated() {
            channel.eventLoop.scheduleTask(in: TimeAmount(interval * (index + 1))) {
                channel.writeAndFlush(ByteBuffer(bytes: [byte]), promise: nil)
            }
        }
    case .flood(let bytes): flood(channel, bytes)
    }
}

/// A close that the peer sees as a reset: unread or lingering bytes are thrown away, and TLS says no goodbye.
private func reset(_ channel: any Channel) {
    guard let socket = channel as? any SocketOptionProvider else { return }
    socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
        if let context = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
            context.close(promise: nil)
        } else {
            channel.close(promise: nil)
        }
    }
}

private func flood(_ channel: any Channel, _ bytes: [UInt8]) {
    channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenSuccess {
        if channel.isActive { channel.eventLoop.execute { flood(channel, bytes) } }
    }
}
