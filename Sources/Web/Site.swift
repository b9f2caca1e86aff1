package import ExporterMetrics
import Exposition
package import Monitoring
import Watching

/// What is served besides the metrics and `/-/`: the pages, the JSON API and `/probe`.
package struct Site: Sendable {
    private let monitor: Monitor
    private let layout: PageLayout
    private let probe: ProbeEndpoint

    /// - Parameter prefix: the path of the external URL, without a slash at its end.
    package init(
        monitor: Monitor, store: MetricsStore, prefix: String, telemetryPath: String, allowsDebug: Bool
    ) {
        self.monitor = monitor
        layout = PageLayout(prefix: prefix, telemetryPath: telemetryPath)
        probe = ProbeEndpoint(monitor: monitor, store: store, allowsDebug: allowsDebug)
    }

    package func resource(at path: String) async -> Routes.Resource {
        let resource = await found(at: path)
        guard case .readable(let handler) = resource else { return resource }
        return .readable { await handler($0).packed(for: $0) }
    }

    private func found(at path: String) async -> Routes.Resource {
        guard path.utf8.first == UInt8(ascii: "/") else { return .absent(nil) }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        switch parts.first {
        case "" where parts.count == 1: return .readable { await listing.page(for: $0) }
        case "webhooks" where parts.count == 3: return await watch(parts[1], parts[2])
        case "probe" where parts.count == 1: return .readable { await probe.respond(to: $0) }
        case "api": return await api(Array(parts.dropFirst()))
        default: return PageLayout.asset(path).map { asset in .readable { _ in asset } } ?? .absent(nil)
        }
    }

    /// What the monitor hands out is a copy: it is sorted and rendered here, while the monitor goes on.
    private var listing: WatchListing {
        get async {
            WatchListing(await monitor.details, prefix: layout.prefix, telemetryPath: layout.telemetryPath)
        }
    }

    private func watch(_ account: String, _ id: String) async -> Routes.Resource {
        guard let detail = await detail(account, id) else {
            return .absent(layout.failure(404, "Not watched", "There is no watch of that account and number."))
        }
        return .readable { [layout] _ in WatchPresentation(detail, layout).page }
    }

    private func api(_ parts: [String]) async -> Routes.Resource {
        switch parts {
        case ["v1", "openapi.json"]:
            return .readable { [layout] _ in .json(bytes: Array(OpenAPIDocument.text(prefix: layout.prefix).utf8)) }
        case ["v1", "webhooks"]: return .readable { await listing.json(for: $0) }
        case _ where parts.count == 4 && parts.starts(with: ["v1", "webhooks"]):
            guard let detail = await detail(parts[2], parts[3]) else {
                return .absent(.json(ErrorJSON(error: "not watched"), status: 404))
            }
            return .readable { [layout] _ in WatchPresentation(detail, layout).json }
        default: return .absent(.json(ErrorJSON(error: "no such path"), status: 404))
        }
    }

    private func detail(_ account: String, _ id: String) async -> WatchDetail? {
        guard let number = WatchID.number(id) else { return nil }
        return await monitor.detail(WatchID(account: account, webhookID: number))
    }
}

extension WatchID {
    /// The number of a webhook in its one spelling, so that a watch has one address.
    static func number(_ text: String) -> Int? {
        Int(text).flatMap { String($0) == text ? $0 : nil }
    }
}

extension WebResponse {
    /// Gzipped, where the client takes that and it is worth it.
    fileprivate func packed(for request: WebRequest) -> WebResponse {
        guard body.count >= 1024, !headers.contains(where: { $0.name == "Vary" }) else { return self }
        var answer = self
        answer.headers.append(("Vary", "Accept-Encoding"))
        let wanted = Negotiation(accept: nil, acceptEncoding: request.header("Accept-Encoding"))
        if wanted.isGzipped, let packed = try? Gzip.compress(body) {
            answer.body = packed
            answer.headers.append(("Content-Encoding", "gzip"))
        }
        return answer
    }
}
