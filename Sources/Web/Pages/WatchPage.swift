import Logs
import Monitoring
import Partoo
import Probing
import Transport
import Watching

/// `/webhooks/{account}/{id}`: all that is known of one watch. No value that could be a secret is shown in clear.
struct WatchPage {
    let layout: PageLayout
    let detail: WatchDetail
    private let summary: WatchSummary
    private let state: WatchState
    private let now: Double

    init(layout: PageLayout, detail: WatchDetail) {
        self.layout = layout
        self.detail = detail
        summary = WatchSummary(detail.report)
        state = detail.report.state
        now = detail.report.now
    }

    func response() -> WebResponse {
        layout.response(
            title: "\(state.id) · \(summary.standings.worst.title)", at: now,
            """
            \(layout.linkToList)
            <h1>\(state.id.description) \(layout.badges(summary.standings))</h1>
            <div class="columns">\(configurationCard)\(probeCard)</div>
            \(comparison)
            \(latencies)
            \(probes)
            \(changes)
            """)
    }

    // MARK: Cards

    private var configurationCard: HTML {
        var rows: [HTML] = []
        if let observed = state.observation {
            rows.append(fact("Event type", "\(observed.eventType.shortened(to: Self.maximumText))"))
            rows.append(fact("Organisation", "\(observed.orgID)"))
        }
        rows.append(fact("Module", "\(state.watch.module)"))
        if let since = state.driftedSince, summary.configuration == .drifted || summary.configuration == .missing {
            rows.append(fact("Since", PageNumbers.ago(since, now: now)))
        }
        if let check = state.lastCheck { rows.append(fact("Last check", PageNumbers.ago(check.at, now: now))) }
        if let at = state.lastSuccess { rows.append(fact("Last read", PageNumbers.ago(at, now: now))) }
        for time in state.baselineTimes {
            rows.append(fact("Baseline", "\(time.source.rawValue) \(PageNumbers.ago(time.at, now: now))"))
        }
        if let changed = state.observation?.updatedAt {
            rows.append(fact("Updated at Partoo", PageNumbers.ago(changed, now: now)))
        }
        let rules = state.observation.map { WebhookRule.broken(by: $0) } ?? []
        if !rules.isEmpty {
            rows.append(fact("Breaks rules", "\(rules.map(\.rawValue).joined(separator: ", "))"))
        }
        if !state.watch.labels.isEmpty {
            rows.append(
                fact("Labels", "\(state.watch.labels.map { "\($0.name)=\($0.value)" }.joined(separator: " "))"))
        }
        return card(
            "Configuration", sentence: summary.configurationSentence, advice: summary.configurationAdvice, rows)
    }

    private var probeCard: HTML {
        var rows: [HTML] = []
        if let target = summary.target { rows.append(fact("Target", "<span class=\"mono\">\(target)</span>")) }
        if let probe = state.lastProbe {
            let result = probe.result
            rows.append(fact("Last probe", PageNumbers.ago(probe.at, now: now)))
            if let reason = result.failure { rows.append(fact("Reason", "<code>\(reason.rawValue)</code>")) }
            if result.status > 0 { rows.append(fact("Status", "\(result.status)")) }
            if let version = result.httpVersion { rows.append(fact("Version", "HTTP/\(version.rawValue)")) }
            if let address = result.remoteAddress { rows.append(fact("Address", "\(address.description)")) }
            if let tls = result.tls {
                let words = [tls.version, tls.cipher, tls.isVerified ? "verified" : "not verified"]
                rows.append(fact("TLS", "\(words.compactMap { $0 }.joined(separator: ", "))"))
            }
            if state.consecutiveProbeFailures > 1 {
                rows.append(fact("In a row", "\(state.consecutiveProbeFailures) failures"))
            }
            if let outlook = result.outlook { rows.append(fact("Delivery would be", "\(outlook.rawValue)")) }
        }
        if let expiry = state.certificateExpiry {
            let time = Timestamp.text(Double(expiry.leaf))
            rows.append(
                fact(
                    "Certificate",
                    "\(StatusPage.certificate(summary)), ends <time datetime=\"\(time)\">\(String(time.prefix(10)))</time>"
                ))
            if expiry.earliest < expiry.leaf {
                let earliest = Timestamp.text(Double(expiry.earliest))
                rows.append(fact("Chain ends", "\(String(earliest.prefix(10)))"))
            }
        }
        return card("Probe", sentence: summary.probeSentence, advice: summary.probeAdvice, rows)
    }

    private func card(_ title: String, sentence: String, advice: String?, _ rows: [HTML]) -> HTML {
        let list: HTML? = rows.isEmpty ? nil : "<dl>\(rows)</dl>"
        return """
            <section class="card"><h2>\(title)</h2><p><b>\(sentence)</b></p>\(PageLayout.advice(advice, tag: "p"))\
            \(list)</section>
            """
    }

    private func fact(_ name: String, _ value: HTML) -> HTML {
        "<dt>\(name)</dt><dd>\(value)</dd>"
    }

    // MARK: Tables

    /// What the API may make as many and as long as it likes; the JSON has all of it.
    private static let maximumHeaders = 500
    private static let maximumText = 1000

    /// The rows that are shown, and how many headers there are besides; of too many, those that differ come first.
    private var comparedRows: (rows: [FieldComparison], hidden: Int) {
        let rows = state.comparisons
        let headers = rows.filter { $0.header != nil }
        guard headers.count > Self.maximumHeaders else { return (rows, 0) }
        let shown = (headers.filter(\.differs) + headers.filter { !$0.differs }).prefix(Self.maximumHeaders)
        return (rows.filter { $0.header == nil } + shown, headers.count - shown.count)
    }

    private var comparison: HTML? {
        let (rows, hidden) = comparedRows
        guard !rows.isEmpty else { return nil }
        let lines = rows.map { row -> HTML in
            let name = row.header.map { "custom header \($0.shortened(to: Self.maximumText))" } ?? row.field.rawValue
            let baseline = row.baseline?.shortened(to: Self.maximumText) ?? "none"
            let observed = row.observed?.shortened(to: Self.maximumText) ?? "none"
            let verdict = row.isIgnored ? "ignored" : row.differs ? "differs" : row.source == nil ? "–" : "same"
            let sign: HTML =
                row.differs && !row.isIgnored
                ? "<b class=\"warn\"><span aria-hidden=\"true\">≠</span> \(verdict)</b>" : "\(verdict)"
            let mark: HTML? = row.differs && !row.isIgnored ? " class=\"differs\"" : nil
            return """
                <tr role="row"\(mark)>\
                <th role="rowheader" scope="row">\(name)<span class="sub">\(row.source?.rawValue ?? "")</span></th>\
                <td role="cell" data-label="Baseline" class="mono">\(baseline)</td>\
                <td role="cell" data-label="Observed" class="mono">\(observed)</td>\
                <td role="cell" data-label="Verdict" class="nowrap">\(sign)</td></tr>
                """
        }
        let more: HTML? =
            hidden == 0
            ? nil : "<p class=\"note\">There are \(hidden) more custom headers; the JSON API has them all.</p>"
        return """
            <section class="card"><h2>Baseline against observed</h2><table class="stack" role="table">
            <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Field</th>\
            <th role="columnheader" scope="col">Baseline</th><th role="columnheader" scope="col">Observed</th>\
            <th role="columnheader" scope="col">Verdict</th></tr></thead>
            <tbody role="rowgroup">\(lines)</tbody></table>\(more)
            <p class="note">Values are withheld; equal fingerprints are equal values.</p></section>
            """
    }

    private var latencies: HTML? {
        guard let last = detail.history.probes.last else { return nil }
        let phases: HTML? = Charts.phases(last)
        return """
            <div class="columns"><section class="card"><h2>Phases of the last probe</h2>\
            \(phases ?? "<p class=\"quiet\">No phase took place.</p>")</section>
            <section class="card wide"><h2>Recent latencies</h2>\(Charts.sparkline(detail.history.outcomes, width: 600, height: 80))
            <p class="note">\(Charts.words(detail.history.outcomes)). A failed one is full and red.</p></section></div>
            """
    }

    private var probes: HTML? {
        guard !detail.history.probes.isEmpty else { return nil }
        let lines = detail.history.probes.reversed().map { probe -> HTML in
            let status = probe.status > 0 ? "status \(probe.status)" : "no response"
            let outcome: HTML =
                probe.failure.map {
                    "<b class=\"bad\">\($0.rawValue)</b> <span class=\"sub\">\(probe.message)</span>"
                } ?? "good <span class=\"quiet\">\(status)</span>"
            let phases = probe.phases.map { "\($0.name) \(PageNumbers.latency($0.seconds))" }.joined(separator: ", ")
            return """
                <tr role="row"><th role="rowheader" scope="row" class="nowrap">\(PageNumbers.ago(probe.at, now: now))</th>\
                <td role="cell" data-label="Outcome" class="half">\(outcome)</td>\
                <td role="cell" data-label="Latency" class="half number">\(PageNumbers.latency(Double(probe.total)))</td>\
                <td role="cell" data-label="Phases" class="quiet">\(phases)</td>\
                <td role="cell" data-label="probe_id" class="mono">\(probe.id.description)</td></tr>
                """
        }
        return """
            <section class="card"><h2>Last probes</h2><table class="stack" role="table">
            <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">When</th>\
            <th role="columnheader" scope="col">Outcome</th><th role="columnheader" scope="col" class="number">Latency</th>\
            <th role="columnheader" scope="col">Phases</th><th role="columnheader" scope="col">probe_id</th></tr></thead>
            <tbody role="rowgroup">\(lines)</tbody></table></section>
            """
    }

    private var changes: HTML {
        let lines = ChangeLine.lines(detail).map { line -> HTML in
            "<li>\(PageNumbers.ago(line.at, now: now))<span>\(line.sentence)</span></li>"
        }
        let content: HTML =
            lines.isEmpty ? "<p class=\"quiet\">Nothing has changed yet.</p>" : "<ol class=\"log\">\(lines)</ol>"
        return "<section class=\"card\"><h2>Changes</h2>\(content)</section>"
    }
}

extension WatchHistory.Change {
    var sentence: String {
        switch kind {
        case .baselineLearned: "The baseline was learned."
        case .configuration(let fields):
            "Changed at Partoo: \(fields.map(\.rawValue).sorted().joined(separator: ", "))."
        case .state(let from, let to): "The state went from \(from.rawValue) to \(to.rawValue)."
        }
    }
}
