import NIOCore
import NIOHTTP1
import NIOSSL
import Transport

/// One connection: takes a request, has a task answer it, writes the answer, and then takes the next. A client that does not
/// do its part is cut: a request that does not end, a body that is too large, an answer that nobody takes.
///
/// Everything runs on the connection's event loop, but for the task.
final class HTTPConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// No request has come, or not all of its header block.
        case waiting
        case reading(HTTPRequestHead, bodyBytes: Int)
        case answering
        case writing(Outgoing)
        /// All is said. What still comes is thrown away.
        case closing
        case ended
    }

    private struct Outgoing {
        var body: [UInt8]
        var written = 0
        var isLast: Bool
        /// The client may be sending still, and a close at once would reset the connection and take the answer along.
        var isEarly: Bool
    }

    /// What has to wait until the request before it is answered.
    private enum Event {
        case part(HTTPServerRequestPart)
        case refusal(WebResponse)
        case inputClosed
    }

    private let channel: any Channel
    private let server: WebServer
    private let connections: OpenConnections
    private let bytes: RequestBytes
    private var context: ChannelHandlerContext?
    private var phase = Phase.waiting
    private var backlog = CircularBuffer<Event>(initialCapacity: 0)
    private var task: Task<Void, Never>?
    private var place: Int?
    /// The server stops, or another needs the room: the request that was begun is the last.
    private var isEnding: Bool
    /// Of the next request something has come, or it is the first one: the time for its header block runs.
    private var isHeaderAwaited = true
    private var wantsToRead = false
    private var isInputClosed = false
    private var isWritingPieces = false
    /// When the client must have done its part; nil while nothing is awaited of it.
    private var deadline: NIODeadline?
    private var alarm: (at: NIODeadline, scheduled: Scheduled<Void>)?

    /// In pieces, so that a client which takes some of them is seen to do so.
    static let pieceBytes = 256 << 10
    /// Parts of requests that a client may send ahead of the answers.
    private static let maximumBacklog = 2048
    /// How long a client has to read a refusal and stop sending.
    private static let farewell = Duration.seconds(2)
    private static let bodyTooLarge = WebResponse.text(413, "The body is too large.")

    init(
        _ channel: any Channel, server: WebServer, connections: OpenConnections, _ standing: OpenConnections.Standing,
        _ bytes: RequestBytes
    ) {
        self.channel = channel
        self.server = server
        self.connections = connections
        self.bytes = bytes
        isEnding = standing == .ending
    }

    // MARK: What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        take(.part(unwrapInboundIn(data)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: take(.refusal(.text(431, "The headers are too large.")))
        case HTTPParserError.invalidMethod where bytes.holdsUnknownMethod: take(.refusal(.methodNotAllowed))
        case is HTTPParserError: take(.refusal(.text(400, "This is no request of HTTP/1.1.")))
        // More bytes after those that could not be read.
        case is ByteToMessageDecoderError: break
        // Said along with the end of input.
        case NIOSSLError.uncleanShutdown: break
        default: close()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is RequestBytes.Came:
            if case .waiting = phase, bytes.isMidway { awaitHeader() }
        case ChannelEvent.inputClosed:
            isInputClosed = true
            take(.inputClosed)
        case is ChannelShouldQuiesceEvent:
            isEnding = true
            // One that is not active yet closes when it is.
            if case .waiting = phase, context.channel.isActive { close() }
        case is OpenConnections.LeaveEvent:
            isEnding = true
            switch phase {
            case .waiting where context.channel.isActive, .reading: close()
            case .waiting, .answering, .writing, .closing, .ended: break
            }
        case is OpenConnections.CutEvent:
            close()
            end()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Nothing is read ahead of the answers but what came along with a request.
    func read(context: ChannelHandlerContext) {
        switch phase {
        case .answering, .writing: wantsToRead = true
        case .waiting, .reading, .closing, .ended: context.read()
        }
    }

    private func take(_ event: Event) {
        switch phase {
        case .waiting, .reading:
            handle(event)
        case .writing(let outgoing) where outgoing.isLast:
            break
        case .answering, .writing:
            backlog.append(event)
            if backlog.count > Self.maximumBacklog { close() }
        case .closing:
            if isInputClosed { context?.close(promise: nil) }
        case .ended:
            break
        }
    }

    private func handle(_ event: Event) {
        switch (event, phase) {
        case (.part(.head(let head)), _):
            begin(head)
        case (.part(.body(let buffer)), .reading(let head, let bytes)):
            let bytes = bytes + buffer.readableBytes
            phase = .reading(head, bodyBytes: bytes)
            if bytes > server.limits.maximumBodyBytes { refuse(Self.bodyTooLarge) }
        case (.part(.end), .reading(let head, _)):
            answer(head)
        case (.part, _):
            break
        case (.refusal(let response), _):
            refuse(response)
        case (.inputClosed, _):
            close()
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        phase = .reading(head, bodyBytes: 0)
        expect(within: server.limits.readTimeout)
        let isModern = head.version.minor > 0
        if isModern, head.headers["Host"].count != 1 {
            refuse(.text(400, "A request has one header `Host`."))
        } else if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }),
            length > server.limits.maximumBodyBytes
        {
            refuse(Self.bodyTooLarge)
        } else if isModern, head.headers.first(name: "Expect")?.lowercased() == "100-continue" {
            put(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
            context?.flush()
        }
    }

    // MARK: Answers

    private func answer(_ head: HTTPRequestHead) {
        guard let loop = context?.eventLoop else { return }
        phase = .answering
        deadline = nil
        let connection = NIOLoopBound(self, eventLoop: loop)
        task = Task { [server, client = channel.remoteAddress] in
            let answer = await server.answer(head, from: client)
            loop.execute { connection.value.answered(answer, to: head) }
        }
    }

    private func answered(_ answer: WebServer.Answer, to head: HTTPRequestHead) {
        task = nil
        place = answer.place
        guard case .answering = phase else {
            if case .ended = phase { end() }
            return
        }
        // After these the decoder reads no further request.
        let isForeign = head.method == .CONNECT || head.headers.contains(name: "Upgrade")
        send(
            answer.response, version: head.version, hasBody: head.method != .HEAD,
            isLast: isEnding || isForeign || !head.isKeepAlive)
    }

    /// The last answer of the connection, to what is no request or more than is allowed.
    private func refuse(_ response: WebResponse) {
        send(response, version: .http1_1, hasBody: true, isLast: true, isEarly: true)
    }

    private func send(
        _ response: WebResponse, version: NIOHTTP1.HTTPVersion, hasBody: Bool, isLast: Bool, isEarly: Bool = false
    ) {
        var headers = HTTPHeaders()
        for (name, value) in response.headers where Self.canBeSent(name, value) {
            headers.add(name: name, value: value)
        }
        headers.add(name: "Content-Length", value: String(response.body.count))
        headers.add(name: "Date", value: DateHeader.now())
        if isLast || version.minor == 0 { headers.add(name: "Connection", value: isLast ? "close" : "keep-alive") }
        let head = HTTPResponseHead(
            version: version, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
        let body = hasBody && head.status.mayHaveResponseBody ? response.body : []
        phase = .writing(Outgoing(body: body, isLast: isLast, isEarly: isEarly))
        expect(within: server.limits.sendTimeout)
        put(.head(head), promise: body.isEmpty ? taken() : nil)
        if body.isEmpty {
            put(.end(nil))
            context?.flush()
        } else {
            writePieces()
        }
    }

    /// As much as the connection takes now. Each piece is flushed before the next: TLS encrypts no earlier, and until then
    /// nothing counts as not yet taken.
    private func writePieces() {
        // A flush may say at once that the connection takes more.
        guard !isWritingPieces else { return }
        isWritingPieces = true
        defer { isWritingPieces = false }
        while case .writing(var outgoing) = phase, outgoing.written < outgoing.body.count, let context,
            context.channel.isWritable
        {
            let end = min(outgoing.written + Self.pieceBytes, outgoing.body.count)
            let piece = ByteBuffer(bytes: outgoing.body[outgoing.written..<end])
            outgoing.written = end
            phase = .writing(outgoing)
            let isAll = end == outgoing.body.count
            put(.body(.byteBuffer(piece)), promise: isAll ? taken() : nil)
            if isAll { put(.end(nil)) }
            context.flush()
        }
    }

    private func put(_ part: HTTPServerResponsePart, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(part), promise: promise)
    }

    /// Kept when the kernel has taken the whole answer.
    private func taken() -> EventLoopPromise<Void>? {
        guard let loop = context?.eventLoop else { return nil }
        let promise = loop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success: proceed()
            case .failure: close()
            }
        }
        return promise
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .writing = phase, context.channel.isWritable {
            expect(within: server.limits.sendTimeout)
            writePieces()
        }
        context.fireChannelWritabilityChanged()
    }

    /// The answer is taken: on to the next request, or to the end.
    private func proceed() {
        guard case .writing(let outgoing) = phase, let context else { return }
        givePlaceBack()
        if outgoing.isEarly, !isInputClosed {
            phase = .closing
            expect(within: Self.farewell)
            context.close(mode: .output, promise: nil)
        } else if outgoing.isLast || isEnding {
            return close()
        } else {
            phase = .waiting
            isHeaderAwaited = false
            if bytes.isMidway { awaitHeader() } else { expect(within: server.limits.idleTimeout) }
            while let event = backlog.popFirst() {
                handle(event)
                switch phase {
                case .waiting, .reading: continue
                case .answering, .writing, .closing, .ended: return
                }
            }
        }
        if wantsToRead {
            wantsToRead = false
            context.read()
        }
    }

    private func givePlaceBack() {
        if let place { server.givePlaceBack(in: place) }
        place = nil
    }

    /// What would end its line is not sent.
    private static func canBeSent(_ name: String, _ value: String) -> Bool {
        name.isHTTPToken && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
    }

    // MARK: Time

    private func expect(within time: Duration) {
        let at = NIODeadline.now() + TimeAmount(time)
        deadline = at
        if alarm.map({ $0.at > at }) ?? true { setAlarm(at) }
    }

    /// However its bytes trickle in.
    private func awaitHeader() {
        guard !isHeaderAwaited else { return }
        isHeaderAwaited = true
        expect(within: server.limits.headerTimeout)
    }

    private func setAlarm(_ at: NIODeadline) {
        guard let context else { return }
        alarm?.scheduled.cancel()
        alarm = (at, context.eventLoop.assumeIsolated().scheduleTask(deadline: at) { [self] in ring() })
    }

    /// A deadline mostly moves on before it comes, so the alarm is set anew when it rings and not each time.
    private func ring() {
        alarm = nil
        guard let deadline else { return }
        if deadline <= .now() { close() } else { setAlarm(deadline) }
    }

    // MARK: Beginning and end

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        if isEnding { close() } else { expect(within: server.limits.headerTimeout) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    private func close() {
        if case .ended = phase { return }
        phase = .closing
        deadline = nil
        context?.close(promise: nil)
    }

    /// Others see the connection until its task, too, has ended.
    private func end() {
        phase = .ended
        alarm?.scheduled.cancel()
        (alarm, deadline) = (nil, nil)
        backlog.removeAll()
        if let task {
            task.cancel()
        } else {
            givePlaceBack()
            connections.remove(channel)
        }
    }
}
