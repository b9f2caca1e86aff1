import ExporterMetrics
import Web

/// Answers a scrape from what is rendered already.
struct ScrapeHandler {
    let store: MetricsStore

    func respond(to request: WebRequest) -> WebResponse {
        store.scrapeBegan()
        let response = ScrapeResponse.make(store.page(), for: request)
        store.scrapeEnded(status: response.status)
        return response
    }
}
