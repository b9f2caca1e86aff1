package import ExporterMetrics
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
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        switch parts.first {
        case "" where parts.count == 1: return await status(request)
        case "webhooks" where parts.count == 3: return await watch(parts[1], parts[2])
        case "probe" where parts.count == 1: return await probe.respond(to: request)
        case "api": return await api(Array(parts.dropFirst()), request)
        default: return PageLayout.asset(request.path)
        }
    }

    private func status(_ request: WebRequest) async -> WebResponse {
        let filter: WatchFilter
        do {
            filter = try WatchFilter(request)
        } catch {
            return layout.failure(400, "That cannot be read", "\(error.message).")
        }
        let details = await monitor.details
        return StatusPage(
            layout: layout, filter: filter, selection: filter.select(from: details),
            accounts: Set(details.map(\.report.state.id.account)).sorted()
        ).response()
    }

    private func watch(_ account: String, _ id: String) async -> WebResponse {
        guard let detail = await detail(account, id) else {
            return layout.failure(404, "Not watched", "There is no watch of that account and number.")
        }
        return WatchPage(layout: layout, detail: detail).response()
    }

    private func api(_ parts: [String], _ request: WebRequest) async -> WebResponse {
        switch parts {
        case ["v1", "openapi.json"]:
            return .json(bytes: Array(OpenAPIDocument.text(prefix: layout.prefix).utf8))
        case ["v1", "webhooks"]:
            let filter: WatchFilter
            do {
                filter = try WatchFilter(request)
            } catch {
                return .json(ErrorJSON(error: error.message), status: 400)
            }
            let selection = filter.select(from: await monitor.details)
            return .json(
                WebhookListJSON(
                    page: filter.page, maxPage: selection.lastPage, count: selection.count,
                    items: selection.items.map(WebhookJSON.init)))
        case _ where parts.count == 4 && parts.starts(with: ["v1", "webhooks"]):
            guard let detail = await detail(parts[2], parts[3]) else {
                return .json(ErrorJSON(error: "not watched"), status: 404)
            }
            return .json(WebhookDetailJSON(detail))
        default: return .json(ErrorJSON(error: "no such path"), status: 404)
        }
    }

    private func detail(_ account: String, _ id: String) async -> WatchDetail? {
        // One spelling of a number only, so that a watch has one address.
        guard let number = Int(id), String(number) == id else { return nil }
        return await monitor.detail(WatchID(account: account, webhookID: number))
    }
}
