package import Monitoring

/// One watch at a moment, as `/webhooks/{account}/{id}` and the JSON API show it. Pure, like `WatchListing`.
package struct WatchPresentation: Sendable {
    private let detail: WatchDetail
    private let layout: PageLayout

    /// - Parameter prefix: the path of the external URL, without a slash at its end.
    package init(_ detail: WatchDetail, prefix: String, telemetryPath: String) {
        self.init(detail, PageLayout(prefix: prefix, telemetryPath: telemetryPath))
    }

    init(_ detail: WatchDetail, _ layout: PageLayout) {
        self.detail = detail
        self.layout = layout
    }

    package var page: WebResponse { WatchPage(layout: layout, detail: detail).response() }

    package var json: WebResponse { .json(WebhookDetailJSON(detail)) }
}
