import ExporterMetrics
import Exposition
import Web

/// Answers a scrape from what is rendered already.
struct ScrapeHandler {
    let store: MetricsStore

    func respond(to request: WebRequest) -> WebResponse {
        store.scrapeBegan()
        let wanted = Negotiation(
            accept: request.header("Accept"), acceptEncoding: request.header("Accept-Encoding"))
        let names = request.parameters("name[]")
        var body = store.page().render(wanted.format, names: names.isEmpty ? nil : Set(names))
        var headers = [("Content-Type", wanted.format.contentType), ("Vary", "Accept, Accept-Encoding")]
        if wanted.isGzipped, let compressed = try? Gzip.compress(body) {
            body = compressed
            headers.append(("Content-Encoding", "gzip"))
        }
        store.scrapeEnded(status: 200)
        return WebResponse(status: 200, headers: headers, body: body)
    }
}
