import Logs

/// What all pages share: the frame, the style sheet, the headers.
struct PageLayout: Sendable {
    /// Before every path of a link: empty, or like `/exporter`.
    let prefix: String
    let telemetryPath: String

    /// Where the metrics are at `/`, there is no list of all webhooks.
    var hasList: Bool { telemetryPath != "/" }

    /// Nothing but our own style sheet and icon is loaded, nothing runs, nobody frames it.
    static let contentSecurityPolicy =
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

    /// - Parameter time: when what is shown was so, in seconds since 1970; nil where the page does not depend on it.
    func response(_ status: Int = 200, title: String, at time: Double? = nil, _ content: HTML) -> WebResponse {
        let foot: HTML? = time.map { time in
            let text = Timestamp.text(time)
            return """
                <footer class="foot">As of <time datetime="\(text)">\(text)</time>. \
                Load the page again for what is new.</footer>
                """
        }
        let brand: HTML =
            hasList
            ? "<a class=\"brand\" href=\"\(prefix)/\">Partoo webhooks</a>"
            : "<span class=\"brand\">Partoo webhooks</span>"
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title)</title>
            <link rel="stylesheet" href="\(prefix)/style.css">
            <link rel="icon" type="image/svg+xml" href="\(prefix)/icon.svg">
            </head>
            <body>
            <a class="skip" href="#main">Skip to the content</a>
            <header class="top">
            \(brand)
            <nav aria-label="Site"><a href="\(prefix)\(telemetryPath)">Metrics</a> \
            <a href="\(prefix)/api/v1/webhooks">JSON</a> <a href="\(prefix)/api/v1/openapi.json">API</a></nav>
            </header>
            <main id="main">
            \(content)
            </main>
            \(foot)
            </body>
            </html>

            """
        return WebResponse(
            status: status,
            headers: [
                ("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                ("Content-Security-Policy", Self.contentSecurityPolicy),
            ], body: Array(page.text.utf8))
    }

    /// A page that says what went wrong.
    func failure(_ status: Int, _ title: String, _ sentence: String) -> WebResponse {
        response(
            status, title: title, "<h1>\(title)</h1><p>\(sentence)</p>\(linkToList)")
    }

    var linkToList: HTML? { hasList ? "<p><a href=\"\(prefix)/\">All webhooks</a></p>" : nil }

    func badges(_ standings: WatchStandings) -> HTML {
        let all = standings.all.map { standing -> HTML in
            """
            <span class="badge \(standing.rawValue)"><span aria-hidden="true">\(standing.sign)</span> \(standing.title)</span>
            """
        }
        return "<span class=\"badges\">\(all)</span>"
    }

    /// What to do, with what stands between backticks as code; nothing for nil.
    static func advice(_ text: String?, tag: HTML) -> HTML? {
        text.map { text in
            let pieces = text.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
            let parts = pieces.enumerated().map { index, piece -> HTML in
                index % 2 == 1 ? "<code>\(piece)</code>" : "\(piece)"
            }
            return "<\(tag) class=\"advice\">\(parts)</\(tag)>"
        }
    }

    static func asset(_ path: String) -> WebResponse? {
        let (type, text): (String, String)
        switch path {
        case "/style.css": (type, text) = ("text/css; charset=utf-8", Stylesheet.text)
        case "/icon.svg": (type, text) = ("image/svg+xml", icon)
        default: return nil
        }
        return WebResponse(
            status: 200,
            headers: [
                ("Content-Type", type), ("Cache-Control", "max-age=300"), ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", "default-src 'none'"),
            ], body: Array(text.utf8))
    }

    private static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#2f5fd0"/>\
        <path d="M3 9h2.5l1.5-4 2 7 1.5-3H13" fill="none" stroke="#fff" stroke-width="1.6" stroke-linejoin="round" \
        stroke-linecap="round"/></svg>

        """
}
