import Monitoring
import Partoo
import Transport
import Watching

/// `/`: every watch, worst first.
struct StatusPage {
    let layout: PageLayout
    let filter: WatchFilter
    let selection: WatchFilter.Selection
    let accounts: [String]
    /// In seconds since 1970; nil where there is no watch.
    let now: Double?

    func response() -> WebResponse {
        layout.response(
            title: title, at: now,
            """
            <h1>\(title)</h1>
            \(tiles)
            \(form)
            \(table)
            \(pages)
            """)
    }

    /// What nobody looks at is not in order.
    private var title: String {
        let disabled = selection.standings[.disabled] ?? 0
        let bad = selection.total - (selection.standings[.inSync] ?? 0) - disabled
        if selection.total == 0 { return "No webhook is watched yet" }
        if selection.total == disabled { return "No webhook is watched: all are disabled" }
        return bad == 0 ? "All webhooks are in order" : "\(bad) of \(selection.total) webhooks need a look"
    }

    private var tiles: HTML {
        let all: HTML = tile("all", selection.total, state: nil)
        let others = WatchStanding.allCases.compactMap { standing -> HTML? in
            guard let count = selection.standings[standing] else { return nil }
            return tile(standing.title, count, state: standing)
        }
        return "<nav aria-label=\"By state\"><ul class=\"tiles\">\(all)\(others)</ul></nav>"
    }

    private func tile(_ title: String, _ count: Int, state: WatchStanding?) -> HTML {
        let current: HTML = filter.state == state ? " aria-current=\"true\"" : ""
        let mark: HTML? = state.map { "<span class=\"badge \($0.rawValue)\" aria-hidden=\"true\">\($0.sign)</span> " }
        return """
            <li><a href="\(layout.prefix)/\(filter.query(state: .some(state)))"\(current)>\
            \(mark)<b>\(count)</b> \(title)</a></li>
            """
    }

    private var form: HTML {
        let states = WatchStanding.allCases.map { option($0.rawValue, $0.title, isSelected: filter.state == $0) }
        let names = accounts.map { option($0, $0, isSelected: filter.account == $0) }
        let account: HTML? =
            accounts.count < 2
            ? nil
            : "<label>Account <select name=\"account\"><option value=\"\">all</option>\(names)</select></label>"
        return """
            <form method="get" action="\(layout.prefix)/" role="search">
            <label>Text <input type="search" name="q" value="\(filter.text ?? "")" placeholder="id, target, label"></label>
            <label>State <select name="state"><option value="">all</option>\(states)</select></label>
            \(account)
            <button>Filter</button>
            </form>
            """
    }

    private func option(_ value: String, _ title: String, isSelected: Bool) -> HTML {
        let selected: HTML = isSelected ? " selected" : ""
        return "<option value=\"\(value)\"\(selected)>\(title)</option>"
    }

    private var table: HTML {
        guard !selection.items.isEmpty else {
            return selection.total == 0
                ? "<p>Add watches to the configuration file, or let an account discover them.</p>"
                : "<p>Nothing matches. <a href=\"\(layout.prefix)/\">Show all</a></p>"
        }
        // Roles are written out, since a style that stacks cells takes a table's own away.
        return """
            <div class="list"><table class="stack" role="table" aria-label="Webhooks, worst first">
            <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Webhook</th>\
            <th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Configuration</th>\
            <th role="columnheader" scope="col">Last probe</th><th role="columnheader" scope="col">Latency</th>\
            <th role="columnheader" scope="col">Certificate</th></tr></thead>
            <tbody role="rowgroup">\(selection.items.map(row))</tbody></table></div>
            """
    }

    private func row(_ detail: WatchDetail) -> HTML {
        let report = detail.report
        let summary = WatchSummary(report)
        let id = report.state.id
        let kind = [report.state.observation?.eventType.shortened()].compactMap { $0 }
        let labels = report.state.watch.labels.map { "\($0.name)=\($0.value)" }
        let target: HTML? = summary.target.map { "<span class=\"sub mono\">\($0)</span>" }
        let more: HTML? =
            kind.isEmpty && labels.isEmpty
            ? nil : "<span class=\"sub\">\((kind + labels).joined(separator: " · "))</span>"
        return """
            <tr role="row"><th role="rowheader" scope="row">\
            <a href="\(layout.prefix)/webhooks/\(id.account)/\(id.webhookID)">\(id.description)</a>\
            \(target)\(more)</th>\
            <td role="cell">\(layout.badges(summary.standings))</td>\
            <td role="cell" data-label="Configuration">\(configuration(summary))</td>\
            <td role="cell" data-label="Last probe">\(probe(summary))</td>\
            <td role="cell" data-label="Latency" class="half">\(Charts.sparkline(detail.history.outcomes))</td>\
            <td role="cell" data-label="Certificate" class="half nowrap">\(Self.certificate(summary))</td></tr>

            """
    }

    private func configuration(_ summary: WatchSummary) -> HTML {
        let state = summary.report.state
        let isOff = summary.configuration == .drifted || summary.configuration == .missing
        let since: HTML? = (isOff ? state.driftedSince : nil).map {
            "; \(summary.configuration.rawValue) for \(PageNumbers.age(summary.report.now - $0))"
        }
        let checked: HTML? = state.lastCheck.map {
            "<span class=\"sub\">checked \(PageNumbers.ago($0.at, now: summary.report.now))\(since)</span>"
        }
        let advice = PageLayout.advice(summary.configurationAdvice, tag: "span")
        return "\(summary.configurationSentence)\(advice)\(checked)"
    }

    private func probe(_ summary: WatchSummary) -> HTML {
        let state = summary.report.state
        let inARow: HTML? =
            state.consecutiveProbeFailures > 1 ? "; \(state.consecutiveProbeFailures) failures in a row" : nil
        let when: HTML? = state.lastProbe.map {
            "<span class=\"sub\">probed \(PageNumbers.ago($0.at, now: summary.report.now))\(inARow)</span>"
        }
        return "\(summary.probeSentence)\(PageLayout.advice(summary.probeAdvice, tag: "span"))\(when)"
    }

    static func certificate(_ summary: WatchSummary) -> HTML {
        guard let days = summary.certificateDays else { return "<span class=\"quiet\">–</span>" }
        if days < 0 { return "<b class=\"bad\">expired</b>" }
        let text = "\(PageNumbers.plural(days, "day")) left"
        return days < 7 ? "<b class=\"bad\">\(text)</b>" : days < 21 ? "<b class=\"warn\">\(text)</b>" : "\(text)"
    }

    private var pages: HTML? {
        guard selection.lastPage > 1 else { return nil }
        let before: HTML? =
            filter.page > 1
            ? "<a rel=\"prev\" href=\"\(layout.prefix)/\(filter.query(page: filter.page - 1))\">Previous</a>" : nil
        let after: HTML? =
            filter.page < selection.lastPage
            ? "<a rel=\"next\" href=\"\(layout.prefix)/\(filter.query(page: filter.page + 1))\">Next</a>" : nil
        return """
            <nav class="pages" aria-label="Pages">\(before)<span>Page \(filter.page) of \(selection.lastPage), \
            \(PageNumbers.plural(selection.count, "webhook"))</span>\(after)</nav>
            """
    }
}
