import Foundation
import Synchronization

/// Partoo's webhooks API on loopback, as its reference describes it, with faults on demand.
package final class SimulatedPartoo: Sendable {
    /// A configuration as the API holds it.
    package struct Webhook: Sendable {
        package var id: Int
        package var url: String
        package var eventType: String
        package var orgID: Int
        package var customHeaders: [String: String]
        package var createdAt = "2026-01-05T09:00:00.000000Z"
        package var updatedAt = "2026-01-05T09:00:00.000000Z"

        package init(
            id: Int, url: String, eventType: String = "business_created", orgID: Int = 42,
            customHeaders: [String: String] = [:]
        ) {
            self.id = id
            self.url = url
            self.eventType = eventType
            self.orgID = orgID
            self.customHeaders = customHeaders
        }
    }

    /// What the API does instead of answering well.
    package indirect enum Fault: Sendable {
        /// For one request.
        case once(Fault)
        case status(Int, headers: [String] = [])
        /// Not the API's own 404.
        case foreign404
        case body(String)
        case reaction(Reaction)
    }

    private struct State {
        var webhooks: [Int: Webhook] = [:]
        var faults: [Int: Fault] = [:]
        var generalFault: Fault?
        var listFaults: [Int: Fault] = [:]
        /// What is deleted right before a page is answered.
        var deletions: [Int: [Int]] = [:]
        var counts: [String: Int] = [:]
        var lastRequest: SimulatedRequest?
        var updates = 0
    }

    package let apiKey: String
    private let state = Mutex(State())
    private let server = Mutex<LoopbackServer?>(nil)

    package init(apiKey: String) {
        self.apiKey = apiKey
    }

    /// - Returns: the base URL for the exporter's configuration.
    package func start() async throws -> String {
        let started = try await LoopbackServer.start { [weak self] in
            self?.respond(to: $0) ?? .close
        }
        server.withLock { $0 = started }
        return "http://127.0.0.1:\(started.port)/v2"
    }

    package func stop() async {
        let running = server.withLock { server in
            defer { server = nil }
            return server
        }
        await running?.stop()
    }

    // MARK: What it holds

    package func put(_ webhook: Webhook) {
        state.withLock { $0.webhooks[webhook.id] = webhook }
    }

    /// Changes a webhook, whose `updated_at` moves.
    package func edit(_ id: Int, _ change: (inout Webhook) -> Void) {
        state.withLock { state in
            guard var webhook = state.webhooks[id] else { return }
            change(&webhook)
            state.updates += 1
            webhook.updatedAt = String(
                format: "2026-02-01T%02d:%02d:%02d.%06dZ", 10, state.updates / 60 % 60, state.updates % 60,
                state.updates)
            state.webhooks[id] = webhook
        }
    }

    package func delete(_ id: Int) {
        state.withLock { $0.webhooks[id] = nil }
    }

    package func webhook(_ id: Int) -> Webhook? {
        state.withLock { $0.webhooks[id] }
    }

    /// nil: answer well again.
    package func setFault(_ fault: Fault?, for id: Int) {
        state.withLock { $0.faults[id] = fault }
    }

    package func setFault(_ fault: Fault?) {
        state.withLock { $0.generalFault = fault }
    }

    /// nil: answer this page of the list well again.
    package func setListFault(_ fault: Fault?, page: Int) {
        state.withLock { $0.listFaults[page] = fault }
    }

    /// Deletes webhooks in the middle of a listing: once, right before this page is answered.
    package func delete(_ ids: [Int], beforePage page: Int) {
        state.withLock { $0.deletions[page] = ids }
    }

    /// How often a path was asked for.
    package func count(_ path: String) -> Int {
        state.withLock { $0.counts[path] ?? 0 }
    }

    package var lastRequest: SimulatedRequest? {
        state.withLock { $0.lastRequest }
    }

    // MARK: Answers

    private func respond(to request: SimulatedRequest) -> Reaction {
        state.withLock { state in
            state.lastRequest = request
            if state.counts.count < 10_000 || state.counts[request.path] != nil {
                state.counts[request.path, default: 0] += 1
            }
            if let fault = state.generalFault { return Self.reaction(fault) }
            guard request.header("x-APIKey") == apiKey else {
                return .response(401, #"{"error":{"authentication":"User not authenticated"}}"#)
            }
            guard request.method == "GET" else { return .response(405, #"{"error":{"json":"Method not allowed"}}"#) }
            let parts = request.path.split(separator: "/")
            guard parts.first == "v2", parts.count >= 2, parts[1] == "webhooks" else { return Self.notFound }
            if parts.count == 2 { return Self.list(&state, request) }
            guard parts.count == 3, let id = Int(parts[2]) else { return Self.notFound }
            if let fault = state.faults[id] {
                if case .once = fault { state.faults[id] = nil }
                return Self.reaction(fault)
            }
            guard let webhook = state.webhooks[id], Self.belongs(webhook, request) else { return Self.notFound }
            return .response(200, Self.json(webhook, withHeaders: true), headers: ["Content-Type: application/json"])
        }
    }

    private static let notFound = Reaction.response(404, #"{"error":{"json":"Resource not found"}}"#)

    private static func belongs(_ webhook: Webhook, _ request: SimulatedRequest) -> Bool {
        request.query("org_id").map { Int($0) == webhook.orgID } ?? true
    }

    private static func list(_ state: inout State, _ request: SimulatedRequest) -> Reaction {
        let page = request.query("page").flatMap { Int($0) } ?? 1
        if let fault = state.listFaults[page] { return reaction(fault) }
        for id in state.deletions.removeValue(forKey: page) ?? [] { state.webhooks[id] = nil }
        let perPage = request.query("per_page").flatMap { Int($0) } ?? 30
        guard page >= 1, (1...100).contains(perPage) else {
            return .response(400, #"{"error":{"json":{"per_page":"must be between 1 and 100"}}}"#)
        }
        let all = state.webhooks.values.filter { belongs($0, request) }.sorted { $0.id < $1.id }
        let items = all.dropFirst((page - 1) * perPage).prefix(perPage).map { json($0, withHeaders: false) }
        let last = max(1, (all.count + perPage - 1) / perPage)
        return .response(
            200,
            #"{"page":\#(page),"max_page":\#(last),"count":\#(all.count),"items":[\#(items.joined(separator: ","))]}"#,
            headers: ["Content-Type: application/json"])
    }

    private static func json(_ webhook: Webhook, withHeaders: Bool) -> String {
        var object: [String: Any] = [
            "id": webhook.id, "url": webhook.url, "event_type": webhook.eventType, "org_id": webhook.orgID,
            "created_at": webhook.createdAt, "updated_at": webhook.updatedAt,
        ]
        if withHeaders { object["custom_headers"] = webhook.customHeaders }
        let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private static func reaction(_ fault: Fault) -> Reaction {
        switch fault {
        case .once(let fault): return reaction(fault)
        case .status(404, let headers):
            return .response(404, #"{"error":{"json":"Resource not found"}}"#, headers: headers)
        case .status(401, let headers):
            return .response(401, #"{"error":{"authentication":"User not authenticated"}}"#, headers: headers)
        case .status(403, let headers):
            return .response(403, #"{"error":{"authorization":"Operation not allowed"}}"#, headers: headers)
        case .status(let status, let headers):
            return .response(status, #"{"error":{"json":"Simulated"}}"#, headers: headers)
        case .foreign404:
            return .response(404, "<html>not here</html>", headers: ["Content-Type: text/html"])
        case .body(let body): return .response(200, body, headers: ["Content-Type: application/json"])
        case .reaction(let reaction): return reaction
        }
    }
}
