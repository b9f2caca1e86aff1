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

    /// nil: there is nothing at that path.
    package func respond(to request: WebRequest) async -> WebResponse? {
        await answer(to: request)?.packed(for: request)
    }

    private func answer(to request: WebRequest) async -> WebResponse? {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        switch parts.first {
        case "" where parts.count == 1: return await listing.page(for: request)
        case "webhooks" where parts.count == 3: return await watch(parts[1], parts[2])
        case "probe" where parts.count == 1: return await probe.respond(to: request)
        case "api": return await api(Array(parts.dropFirst()), request)
        default: return PageLayout.asset(request.path)
        }
    }

    /// What the monitor hands out is a copy: it is sorted and rendered here, while the monitor goes on.
    private var listing: WatchListing {
        get async {
            WatchListing(await monitor.details, prefix: layout.prefix, telemetryPath: layout.telemetryPath)
        }
    }

    private func watch(_ account: String, _ id: String) async -> WebResponse {
        guard let detail = await detail(account, id) else {
            return layout.failure(404, "Not watched", "There is no watch of that account and number.")
        }
        return WatchPresentation(detail, layout).page
    }

    private func api(_ parts: [String], _ request: WebRequest) async -> WebResponse {
        switch parts {
        case ["v1", "openapi.json"]:
            return .json(bytes: Array(OpenAPIDocument.text(prefix: layout.prefix).utf8))
        case ["v1", "webhooks"]: return await listing.json(for: request)
        case _ where parts.count == 4 && parts.starts(with: ["v1", "webhooks"]):
            guard let detail = await detail(parts[2], parts[3]) else {
                return .json(ErrorJSON(error: "not watched"), status: 404)
            }
            return WatchPresentation(detail, layout).json
        default: return .json(ErrorJSON(error: "no such path"), status: 404)
        }
    }

    private func detail(_ account: String, _ id: String) async -> WatchDetail? {
        // One spelling of a number only, so that a watch has one address.
        guard let number = Int(id), String(number) == id else { return nil }
        return await monitor.detail(WatchID(account: account, webhookID: number))
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
