import Monitoring
import Partoo
import Synchronization
import TestSupport
import Transport

/// Partoo's API with many webhooks of several accounts, in memory, on a virtual clock. A base URL's host names the account.
final class FleetWorld: Sendable {
    struct Call: Sendable {
        var at: Duration
        var account: String
        /// nil: a page of the list.
        var id: Int?
        /// nil: a webhook.
        var page: Int?
    }

    private struct Webhook {
        var version = 0
        var updatedAt: String
    }

    private struct State {
        var webhooks: [String: [Int: Webhook]] = [:]
        /// In the order of the list.
        var order: [String: [Int]] = [:]
        var faults: [String: Transfer] = [:]
        var webhookFaults: [Int: Transfer] = [:]
        var listFault: Transfer?
        /// Lists claim so many more than they hold.
        var lacking = 0
        var calls: [Call] = []
    }

    let latency = Duration.milliseconds(200)
    private let time: VirtualTimekeeper
    private let state = Mutex(State())

    init(_ time: VirtualTimekeeper) {
        self.time = time
    }

    var calls: [Call] { state.withLock { $0.calls } }

    func calls(of account: String, after begin: Duration = .zero) -> [Duration] {
        calls.filter { $0.account == account && $0.at > begin }.map(\.at)
    }

    func put(_ ids: some Sequence<Int>, in account: String) {
        let stamp = stamp()
        state.withLock { state in
            for id in ids {
                state.webhooks[account, default: [:]][id] = Webhook(updatedAt: stamp)
                state.order[account, default: []].append(id)
            }
        }
    }

    func delete(_ id: Int, in account: String) {
        state.withLock { state in
            state.webhooks[account]?[id] = nil
            state.order[account]?.removeAll { $0 == id }
        }
    }

    /// Changes one field, another one at each time.
    ///
    /// - Parameter isMoved: whether `updated_at` moves with it.
    func change(_ id: Int, in account: String, isMoved: Bool) {
        let stamp = stamp()
        state.withLock { state in
            state.webhooks[account]?[id]?.version += 1
            if isMoved { state.webhooks[account]?[id]?.updatedAt = stamp }
        }
    }

    /// What an account answers to everything; nil: well again.
    func setFault(_ fault: Transfer?, in account: String) {
        state.withLock { $0.faults[account] = fault }
    }

    func setFault(_ fault: Transfer?, of id: Int) {
        state.withLock { $0.webhookFaults[id] = fault }
    }

    /// What every page of a list answers; nil: well again.
    func setListFault(_ fault: Transfer?) {
        state.withLock { $0.listFault = fault }
    }

    func setLacking(_ count: Int) {
        state.withLock { $0.lacking = count }
    }

    // MARK: Answers

    var api: ScriptedTransport {
        ScriptedTransport { [self] request in
            let url = request.url.reveal()
            let host = url.dropFirst("https://".count).prefix { $0 != "/" }
            let account = String(host.prefix { $0 != "." })
            let parts = url.split(separator: "?")
            let id = parts[0].split(separator: "/").last.flatMap { Int($0) }
            let page = id == nil ? Self.number("page=", in: String(parts[1])) : nil
            state.withLock { $0.calls.append(Call(at: time.now(), account: account, id: id, page: page)) }
            guard (try? await time.sleep(until: time.now() + latency)) != nil else { return .failure(.cancelled) }
            return state.withLock { state in
                if let fault = state.faults[account] { return fault }
                guard let id else { return state.listFault ?? Self.page(page ?? 1, of: account, state) }
                if let fault = state.webhookFaults[id] { return fault }
                guard let webhook = state.webhooks[account]?[id] else { return ScriptedWorld.ownError }
                return .answer(200, Self.json(id, webhook, isWhole: true))
            }
        }
    }

    private static func number(_ key: String, in query: String) -> Int {
        query.split(separator: "&").first { $0.hasPrefix(key) }.flatMap { Int($0.dropFirst(key.count)) } ?? 0
    }

    private static func page(_ page: Int, of account: String, _ state: State) -> Transfer {
        let order = state.order[account] ?? []
        let items = order.dropFirst((page - 1) * 100).prefix(100).compactMap { id in
            state.webhooks[account]?[id].map { json(id, $0, isWhole: false) }
        }
        return .answer(
            200,
            #"{"page":\#(page),"max_page":\#(max(1, (order.count + 99) / 100)),"count":\#(order.count + state.lacking),"items":["#
                + items.joined(separator: ",") + "]}")
    }

    private static func json(_ id: Int, _ webhook: Webhook, isWhole: Bool) -> String {
        // The four fields take turns.
        let counts = (0..<4).map { (webhook.version + 3 - $0) / 4 }
        let headers = isWhole ? #","custom_headers":{"X-Version":"\#(counts[3])"}"# : ""
        return #"{"id":\#(id),"url":"https://r.example/\#(id)/\#(counts[0])","event_type":"type_\#(counts[1])","#
            + #""org_id":\#(counts[2]),"created_at":"2026-01-01T00:00:00Z","updated_at":"\#(webhook.updatedAt)"\#(headers)}"#
    }

    private func stamp() -> String {
        let micros = time.now().nanoseconds / 1000
        let digits = String(micros % 1_000_000 + 1_000_000).dropFirst()
        func two(_ number: Int64) -> String { String(number + 100).suffix(2).description }
        let seconds = micros / 1_000_000
        return "2026-01-\(two(seconds / 86_400 % 28 + 1))T\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):"
            + "\(two(seconds % 60)).\(digits)Z"
    }
}
