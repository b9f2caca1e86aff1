package import Monitoring
import Watching

/// All watches at a moment, as `/` and the JSON API list them. Pure, so that what a page costs can be measured by itself.
package struct WatchListing: Sendable {
    private let details: [WatchDetail]
    private let layout: PageLayout

    /// - Parameters:
    ///   - details: in any order.
    ///   - prefix: the path of the external URL, without a slash at its end.
    package init(_ details: [WatchDetail], prefix: String, telemetryPath: String) {
        self.details = details
        layout = PageLayout(prefix: prefix, telemetryPath: telemetryPath)
    }

    /// The page of them that the query asks for.
    package func page(for request: WebRequest) -> WebResponse {
        do {
            let filter = try WatchFilter(request)
            return StatusPage(
                layout: layout, filter: filter, selection: filter.select(from: details),
                accounts: Set(details.map(\.report.state.id.account)).sorted(), now: details.first?.report.now
            ).response()
        } catch {
            return layout.failure(400, "That cannot be read", "\(error.message).")
        }
    }

    /// The same page as JSON.
    package func json(for request: WebRequest) -> WebResponse {
        do {
            let filter = try WatchFilter(request)
            let selection = filter.select(from: details)
            return .json(
                WebhookListJSON(
                    page: filter.page, maxPage: selection.lastPage, count: selection.count,
                    items: selection.items.map(WebhookJSON.init)))
        } catch {
            return .json(ErrorJSON(error: error.message), status: 400)
        }
    }
}
