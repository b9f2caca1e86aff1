import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Cuts a connection whose client does not do its part: a request that does not end, a body that is too large, an answer that
/// nobody takes. Idle connections and header blocks that do not end are the server's own idle timeout's.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: WebServer.Limits
    private var bodyBytes = 0
    private var reading: Scheduled<Void>?
    /// Parts that were handed to the connection and not taken yet.
    private var unsent = 0
    private var lastSent = NIODeadline.now()
    private var sending: Scheduled<Void>?

    init(limits: WebServer.Limits) {
        self.limits = limits
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            bodyBytes = 0
            reading = schedule(context, in: limits.readTimeout) { $0.close(promise: nil) }
        case .body(let buffer):
            bodyBytes += buffer.readableBytes
            guard bodyBytes <= limits.maximumBodyBytes else {
                stop()
                context.close(promise: nil)
                return
            }
        case .end:
            reading?.cancel()
            reading = nil
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        if unsent == 0 { lastSent = .now() }
        unsent += 1
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in
            unsent -= 1
            lastSent = .now()
        }
        if sending == nil { watchSending(context) }
        context.write(data, promise: promise)
    }

    private func watchSending(_ context: ChannelHandlerContext) {
        sending = schedule(context, in: limits.sendTimeout) { [self] context in
            sending = nil
            guard unsent > 0 else { return }
            if NIODeadline.now() - lastSent >= TimeAmount(limits.sendTimeout) {
                context.close(promise: nil)
            } else {
                watchSending(context)
            }
        }
    }

    private func schedule(
        _ context: ChannelHandlerContext, in delay: Duration, _ body: @escaping (ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { body(context) }
    }

    private func stop() {
        reading?.cancel()
        sending?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stop()
    }
}
