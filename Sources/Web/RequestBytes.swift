import NIOCore
import Transport

/// What a client sends, seen before it is parsed: the parser tells neither that a header block has begun nor what the line
/// was that it could not read. On the channel's event loop.
final class RequestBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Fired after what came has been parsed.
    struct Came: Sendable {}

    /// Whether what came last may be the beginning of more. False only where it ends as a header block does.
    private(set) var isMidway = false
    /// While it is parsed.
    private var current: ByteBuffer?

    private static let commonMethods = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
    ]

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        isMidway = !buffer.readableBytesView.suffix(4).elementsEqual("\r\n\r\n".utf8)
        current = buffer
        context.fireChannelRead(data)
        current = nil
        context.fireUserInboundEventTriggered(Came())
    }

    /// Whether a request line is among what is parsed now whose method the parser does not know, but which is one.
    var holdsUnknownMethod: Bool {
        guard let current else { return false }
        let lines = current.readableBytesView.split(separator: UInt8(ascii: "\n"))
        return lines.contains { line in
            let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard parts.count == 3, parts[2].starts(with: "HTTP/1.".utf8) else { return false }
            let method = String(decoding: parts[0], as: UTF8.self)
            return method.isHTTPToken && !Self.commonMethods.contains(method)
        }
    }
}
