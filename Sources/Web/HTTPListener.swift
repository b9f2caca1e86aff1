import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Listens on one address and has its connections served until it is told to stop: then it takes no more of them, ends the
/// idle ones at once and the others with their answers.
struct HTTPListener: Service {
    let server: WebServer
    let host: String
    let port: Int
    let onListening: @Sendable (Int) async -> Void

    /// The listening socket failed.
    struct Failure: Error {}

    func run() async throws {
        let connections = OpenConnections()
        let listener = try await bootstrap(connections).bind(host: host, port: port).get()
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                await onListening(listener.localAddress?.port ?? port)
                try await listener.closeFuture.get()
                let isWanted = connections.isEnding
                connections.end()
                await connections.allEnded()
                if !isWanted { throw Failure() }
            } onGracefulShutdown: {
                connections.end()
                listener.close(promise: nil)
            }
        } onCancel: {
            connections.cut()
            listener.close(promise: nil)
        }
    }

    private func bootstrap(_ connections: OpenConnections) -> ServerBootstrap {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = server.limits.maximumHeaderBytes
        limits.maxHeaderListSize = server.limits.maximumHeaderBytes
        limits.maxHeaderFieldCount = 100
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // A client may say all that it has to say and then read.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
            .childChannelInitializer { [server, limits] channel in
                channel.eventLoop.makeCompletedFuture {
                    try server.secure(channel)
                    let decoder = HTTPRequestDecoder(limitConfiguration: limits)
                    try channel.pipeline.syncOperations.addHandlers([
                        HTTPResponseEncoder(), ByteToMessageHandler(decoder),
                        HTTPConnection(server: server, connections: connections),
                    ])
                }
            }
    }
}

/// The connections of one listener, so that all of them can be ended, and their end waited for.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isEnding = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Tells a connection that there is no time left.
    struct CutEvent: Sendable {}

    enum Standing {
        case welcome
        /// Too late: to be closed.
        case ending
    }

    private let state = Mutex(State())

    var isEnding: Bool { state.withLock { $0.isEnding } }

    func add(_ channel: any Channel, of connection: ObjectIdentifier) -> Standing {
        state.withLock { state in
            state.channels[connection] = channel
            return state.isEnding ? .ending : .welcome
        }
    }

    func remove(_ connection: ObjectIdentifier) {
        let waiters = state.withLock { state in
            state.channels[connection] = nil
            return Self.freed(&state)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Connections without a request are closed, the others once it is answered.
    func end() { end(ChannelShouldQuiesceEvent()) }

    /// All are closed, and their tasks cancelled.
    func cut() { end(CutEvent()) }

    private func end(_ event: some Sendable) {
        let channels = state.withLock { state in
            state.isEnding = true
            return Array(state.channels.values)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(event) }
    }

    /// Returns once none is left after `end` or `cut`.
    func allEnded() async {
        await withCheckedContinuation { continuation in
            let waiters = state.withLock { state in
                state.waiters.append(continuation)
                return Self.freed(&state)
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    private static func freed(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        guard state.isEnding, state.channels.isEmpty else { return [] }
        defer { state.waiters = [] }
        return state.waiters
    }
}
