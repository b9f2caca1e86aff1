import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
package import ServiceLifecycle
import Synchronization

/// An address that is listened on. Whoever connects waits in the kernel until a server takes it over.
package struct HTTPListener: Sendable {
    /// With the real port, where the system was to choose one.
    package let address: ListenAddress
    private let channel: any Channel
    private let door: Door

    /// Why it cannot listen, or does so no longer; one sentence for a person.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        init(_ address: ListenAddress, _ reason: String) {
            description = "cannot listen on \(address): \(reason)"
        }
    }

    /// Listens on all of the addresses, or on none.
    package static func listen(on addresses: [ListenAddress]) async throws(Failure) -> [HTTPListener] {
        var listeners: [HTTPListener] = []
        for address in addresses {
            do {
                listeners.append(try await HTTPListener(address))
            } catch {
                for listener in listeners { await listener.close() }
                throw error
            }
        }
        return listeners
    }

    private init(_ address: ListenAddress) async throws(Failure) {
        let door = Door()
        do {
            let host = address.host.isEmpty ? Self.anyHost : address.host
            channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.autoRead, value: false)
                // A client may say all that it has to say and then read.
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                // Above the mark with one piece, so that none is added to it.
                .childChannelOption(
                    .writeBufferWaterMark, value: .init(low: 64 << 10, high: HTTPConnection.pieceBytes - 1)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try door.welcome(channel) }
                }
                .bind(host: host, port: address.port).get()
        } catch {
            throw Failure(address, Self.reason(error))
        }
        self.address = channel.localAddress?.port.map { ListenAddress(host: address.host, port: $0) } ?? address
        self.door = door
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError where error.errnoCode == EADDRINUSE: "the address is already in use"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as SocketAddressError.UnknownHost: error.errorDescription
        default: "\(error)"
        }
    }

    /// `::` takes IPv4 too on Linux, unless IPv6 is off.
    private static let anyHost: String = {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return "0.0.0.0" }
        Glibc.close(descriptor)
        return "::"
    }()

    /// Instead of the service: those that wait are turned away.
    package func close() async {
        try? await channel.close().get()
    }

    /// Has the connections served until it is shut down gracefully: then it takes no more of them, ends the idle ones at once
    /// and the others with their answers.
    ///
    /// - Throws: `Failure` from the service's `run()`, where the address is listened on no longer.
    package func service(_ server: WebServer) -> any Service {
        ListeningService(listener: self, server: server)
    }

    fileprivate func serve(_ server: WebServer) async throws {
        let connections = OpenConnections(limit: server.limits.maximumConnections)
        door.open { try Self.serve($0, server, connections) }
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                // Fails where it is closed already, which the next line tells, too.
                try? await channel.setOption(.autoRead, value: true).get()
                try await channel.closeFuture.get()
                let isWanted = connections.isEnding
                connections.end()
                await connections.allEnded()
                if !isWanted { throw Failure(address, "the listening socket has failed") }
            } onGracefulShutdown: {
                connections.end()
                channel.close(promise: nil)
            }
        } onCancel: {
            connections.cut()
            channel.close(promise: nil)
        }
    }

    /// On the channel's event loop.
    private static func serve(_ channel: any Channel, _ server: WebServer, _ connections: OpenConnections) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = server.limits.maximumHeaderBytes
        limits.maxHeaderListSize = server.limits.maximumHeaderBytes
        limits.maxHeaderFieldCount = 100
        let standing = try connections.add(channel)
        do {
            try server.secure(channel)
            let decoder = HTTPRequestDecoder(limitConfiguration: limits)
            let bytes = RequestBytes()
            try channel.pipeline.syncOperations.addHandlers([
                HTTPResponseEncoder(), bytes, ByteToMessageHandler(decoder),
                HTTPConnection(channel, server: server, connections: connections, standing, bytes),
            ])
        } catch {
            connections.remove(channel)
            throw error
        }
    }

    /// Where connections go in, once it is open.
    private final class Door: Sendable {
        private let server = Mutex<(@Sendable (any Channel) throws -> Void)?>(nil)

        private struct Closed: Error {}

        func open(_ server: @escaping @Sendable (any Channel) throws -> Void) {
            self.server.withLock { $0 = server }
        }

        func welcome(_ channel: any Channel) throws {
            guard let server = server.withLock({ $0 }) else { throw Closed() }
            try server(channel)
        }
    }
}

private struct ListeningService: Service {
    let listener: HTTPListener
    let server: WebServer

    func run() async throws { try await listener.serve(server) }
}
