import Monitoring
import Partoo
import Probing
import Transport
import Watching
import Web

/// The page for a person who asks what is wrong now: every watch, worst first. Holds no secret.
enum StatusPage {
    static func response(_ reports: [WatchReport], telemetryPath: String) -> WebResponse {
        WebResponse(
            status: 200,
            headers: [
                ("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                (
                    "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
                ),
            ], body: Array(html(reports, telemetryPath: telemetryPath).utf8))
    }

    private static func html(_ reports: [WatchReport], telemetryPath: String) -> String {
        let rows = reports.sorted { (rank($0), $0.state.id) < (rank($1), $1.state.id) }.map(row).joined()
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>partoo-webhook-exporter</title><style>\(style)</style></head><body>
            <h1>Webhooks</h1>
            <p>\(reports.count) watched. <a href="\(escape(telemetryPath))">Metrics</a></p>
            <table><thead><tr><th scope="col">Webhook<th scope="col">Target<th scope="col">Configuration\
            <th scope="col">Last probe</tr></thead><tbody>
            \(rows)</tbody></table></body></html>

            """
    }

    private static let style = """
        :root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8885;vertical-align:top}
        .bad{font-weight:600}small{display:block}
        """

    private static func rank(_ report: WatchReport) -> Int {
        switch (report.state.state(at: report.now), report.state.lastProbe?.result.isSuccess) {
        case (.missing, _): 0
        case (.drifted, _): 1
        case (_, .some(false)): 2
        case (.unknown, _): 3
        case (.inSync, _): 4
        }
    }

    private static func row(_ report: WatchReport) -> String {
        let state = report.state
        let known = state.state(at: report.now)
        var configuration = known.rawValue
        if known == .drifted {
            configuration += ": " + state.drift.fields.map(\.rawValue).sorted().joined(separator: ", ")
        }
        if let failure = state.lastCheck?.failure { configuration += " (\(failure.message))" }
        let target = state.observation.map { Origin(url: $0.url.reveal())?.description ?? "invalid" } ?? "unknown"
        var probe = "none yet"
        if let result = state.lastProbe?.result {
            let time = Int(result.timings.total.milliseconds.rounded())
            if let reason = result.failure {
                probe =
                    "fails: \(escape(reason.rawValue)), \(escape(result.message))<small>\(escape(reason.advice))</small>"
            } else {
                probe = "succeeds, status \(result.status) in \(time) ms"
            }
        }
        let isBad = known != .inSync || state.lastProbe?.result.isSuccess == false
        return """
            <tr\(isBad ? " class=\"bad\"" : "")><th scope="row">\(escape(state.id.description))<td>\(escape(target))\
            <td>\(escape(configuration))<td>\(probe)</tr>

            """
    }

    private static func escape(_ text: String) -> String {
        var result = ""
        for character in text.printable {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.append(character)
            }
        }
        return result
    }
}
