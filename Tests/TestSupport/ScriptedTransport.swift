import Synchronization
package import Transport

/// A transport that answers as a test says, and remembers what it was asked.
package final class ScriptedTransport: Transport {
    private let script: @Sendable (Request) async -> Transfer
    private let log = Mutex<[Request]>([])

    package init(_ script: @escaping @Sendable (Request) async -> Transfer) {
        self.script = script
    }

    /// Answers one after another, and the last one for ever.
    package convenience init(_ answers: [Transfer]) {
        let next = Mutex(0)
        self.init { _ in
            let index = next.withLock { next in
                defer { next += 1 }
                return next
            }
            return answers[min(index, answers.count - 1)]
        }
    }

    package func perform(_ request: Request) async -> Transfer {
        log.withLock { $0.append(request) }
        return await script(request)
    }

    package var requests: [Request] { log.withLock { $0 } }
}

extension Transfer {
    package static func answer(
        _ status: Int, _ body: String = "", headers: [(String, String)] = [], version: HTTPVersion = .http1_1,
        truncated: Bool = false, timings: Timings = Timings(), tls: TLSFacts? = nil
    ) -> Transfer {
        Transfer(
            result: .success(
                Response(
                    status: status, version: version, headers: headers.map { HeaderField($0.0, $0.1) },
                    body: Array(body.utf8), isTruncated: truncated)), timings: timings, tls: tls)
    }

    package static func failure(_ reason: TransferError.Reason, timings: Timings = Timings()) -> Transfer {
        Transfer(result: .failure(TransferError(reason, "as scripted")), timings: timings)
    }
}

extension Request {
    /// The values of a header in clear, in their order.
    package func values(of name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map { $0.value.reveal() }
    }
}
