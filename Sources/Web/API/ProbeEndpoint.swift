import ExporterMetrics
package import Exposition
import Monitoring
import Probing
import Transport
import Watching

/// `/probe?webhook_id=&account=&debug=true`: one watch's metrics after a probe now. The caller names a watch and nothing else,
/// so it can reach nothing that is not watched, and choose nothing of what is sent.
struct ProbeEndpoint: Sendable {
    let monitor: Monitor
    let store: MetricsStore
    let allowsDebug: Bool

    /// Prometheus stops waiting after its timeout; the answer has to be there before.
    private static let margin = 0.5

    private struct Query {
        var id: WatchID
        var wantsDebug: Bool
        var limit: Duration?
    }

    private struct Refusal: Error {
        var response: WebResponse

        init(_ status: Int, _ message: String) {
            response = .text(status, message)
        }
    }

    func respond(to request: WebRequest) async -> WebResponse {
        let query: Query
        do {
            query = try read(request, accounts: await monitor.accountNames)
        } catch {
            return error.response
        }
        switch await monitor.probeNow(query.id, limit: query.limit, wantsTrace: query.wantsDebug) {
        case .notWatched: return .text(404, "\(query.id) is not watched.")
        case .disabled: return .text(404, "\(query.id) is disabled, so it is not probed.")
        case .busy:
            return .text(503, "No probe can be made at the moment; try again.", headers: [("Retry-After", "5")])
        case .late: return .text(504, "The probe did not end within the scrape's timeout.")
        case .done(let report, let probe):
            let page = store.page(of: report)
            return query.wantsDebug
                ? .text(200, debugText(query.id, probe, page)) : ScrapeResponse.make(page, for: request)
        }
    }

    private func read(_ request: WebRequest, accounts: [String]) throws(Refusal) -> Query {
        func single(_ name: String) throws(Refusal) -> String? {
            let values = request.parameters(name)
            guard values.count < 2 else { throw Refusal(400, "`\(name)` is given more than once.") }
            return values.first
        }
        guard let number = try single("webhook_id").flatMap(WatchID.number), number >= 0 else {
            throw Refusal(400, "`webhook_id` must be the number of a webhook.")
        }
        let account: String
        if let name = try single("account"), !name.isEmpty {
            let isName =
                name.utf8.count <= 64
                && name.utf8.allSatisfy { $0.isASCIIDigit || $0.isASCIILetter || "_-".utf8.contains($0) }
            guard isName else { throw Refusal(400, "`account` must be the name of an account.") }
            account = name
        } else {
            guard accounts.count == 1 else {
                throw Refusal(400, "`account` is needed, since there is not exactly one.")
            }
            account = accounts[0]
        }
        let wantsDebug: Bool
        switch try single("debug") {
        case nil, "", "false": wantsDebug = false
        case "true": wantsDebug = true
        default: throw Refusal(400, "`debug` must be true or false.")
        }
        guard !wantsDebug || allowsDebug else {
            throw Refusal(403, "Debug output is not enabled: start with --web.enable-debug.")
        }
        return Query(
            id: WatchID(account: account, webhookID: number), wantsDebug: wantsDebug, limit: try limit(request))
    }

    private func limit(_ request: WebRequest) throws(Refusal) -> Duration? {
        guard let text = request.header("X-Prometheus-Scrape-Timeout-Seconds") else { return nil }
        guard let limit = Self.limit(scrapeTimeout: text) else {
            throw Refusal(400, "X-Prometheus-Scrape-Timeout-Seconds must be a number of seconds.")
        }
        return limit
    }

    /// How long the answer may take to be there in time; nil for what is no number of seconds.
    static func limit(scrapeTimeout text: String) -> Duration? {
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") }
        guard isNumber, let seconds = Double(text), (0.001...86_400).contains(seconds) else { return nil }
        // Of a timeout hardly longer than the margin, half is left.
        return .milliseconds(Int64(max(seconds - Self.margin, seconds / 2) * 1000))
    }

    private func debugText(_ id: WatchID, _ probe: ProbeResult?, _ page: ExpositionPage) -> String {
        var lines = ["Probe of \(id)", ""]
        if let probe {
            lines += probe.trace.map(Self.printable)
            let outcome = probe.failure.map { "fails: \($0.rawValue), \(Self.printable(probe.message))" }
            lines += ["", outcome ?? "succeeds: status \(probe.status)"]
        } else {
            lines.append("There is nothing to be probed: the configuration was never read, or the webhook is missing.")
        }
        lines += ["", "Metrics:", "", String(decoding: page.render(.text), as: UTF8.self)]
        return lines.joined(separator: "\n")
    }

    private static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "\u{fffd}" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}

/// A page of metrics in the format and encoding that the scraper prefers.
package enum ScrapeResponse {
    package static func make(_ page: ExpositionPage, for request: WebRequest) -> WebResponse {
        let wanted = Negotiation(accept: request.header("Accept"), acceptEncoding: request.header("Accept-Encoding"))
        let names = request.parameters("name[]")
        var body = page.render(wanted.format, names: names.isEmpty ? nil : Set(names))
        var headers = [("Content-Type", wanted.format.contentType), ("Vary", "Accept, Accept-Encoding")]
        if wanted.isGzipped, let compressed = try? Gzip.compress(body) {
            body = compressed
            headers.append(("Content-Encoding", "gzip"))
        }
        return WebResponse(status: 200, headers: headers, body: body)
    }
}
