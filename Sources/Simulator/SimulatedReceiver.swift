import Synchronization

/// A webhook's receiver on loopback whose behaviour can be changed at any time.
package final class SimulatedReceiver: Sendable {
    package enum Behaviour: Sendable {
        case status(Int, headers: [String] = [], body: String = "")
        case slow(milliseconds: Int)
        case reaction(Reaction)
        /// Before TLS, before anything is read.
        case onConnect(Reaction)
    }

    private struct State {
        var behaviour: Behaviour
        var requests: [SimulatedRequest] = []
        var count = 0
    }

    private static let keptRequests = 20

    private let state: Mutex<State>
    private let server = Mutex<LoopbackServer?>(nil)
    private let identity: SimulatedCertificateAuthority.Identity?
    private let host: String

    package init(
        _ behaviour: Behaviour = .status(200), host: String = "127.0.0.1",
        identity: SimulatedCertificateAuthority.Identity?
    ) {
        state = Mutex(State(behaviour: behaviour))
        self.identity = identity
        self.host = host
    }

    /// - Returns: `https://host:port` (or `http`).
    package func start(port: Int = 0) async throws -> String {
        let started = try await LoopbackServer.start(
            host: host, port: port, identity: identity,
            onConnect: { [weak self] in
                if case .onConnect(let reaction)? = self?.behaviour { reaction } else { nil }
            }, respond: { [weak self] in self?.respond(to: $0) ?? .close })
        server.withLock { $0 = started }
        let shown = host.contains(":") ? "[\(host)]" : host
        return "\(identity == nil ? "http" : "https")://\(shown):\(started.port)"
    }

    /// Nothing listens any more.
    package func stop() async {
        let running = server.withLock { server in
            defer { server = nil }
            return server
        }
        await running?.stop()
    }

    package var behaviour: Behaviour {
        get { state.withLock { $0.behaviour } }
        set { state.withLock { $0.behaviour = newValue } }
    }

    /// The last requests, oldest first.
    package var requests: [SimulatedRequest] { state.withLock { $0.requests } }
    package var count: Int { state.withLock { $0.count } }

    private func respond(to request: SimulatedRequest) -> Reaction {
        let behaviour = state.withLock { state in
            state.count += 1
            state.requests.append(request)
            if state.requests.count > Self.keptRequests { state.requests.removeFirst() }
            return state.behaviour
        }
        let isHead = request.method == "HEAD"
        switch behaviour {
        case .status(let status, let headers, let body):
            return .response(status, body, headers: headers, isHead: isHead)
        case .slow(let milliseconds):
            return .response(200, after: .milliseconds(milliseconds), isHead: isHead)
        case .reaction(let reaction): return reaction
        case .onConnect: return .close
        }
    }
}
