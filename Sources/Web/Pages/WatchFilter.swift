import Monitoring
import Partoo
import Transport
import Watching

/// Which watches are asked for, and which page of them: the query of `/` and of `/api/v1/webhooks`.
struct WatchFilter: Sendable {
    static let pageSize = 200
    static let maximumPage = 1_000_000

    var state: WatchStanding?
    var account: String?
    /// Contained, without case, in the identity, target, event type or a label.
    var text: String?
    /// From 1.
    var page = 1

    init() {}

    /// What is wrong with a query, for whoever wrote it.
    struct Malformed: Error, Sendable {
        var message: String
    }

    /// Empty values count as left out, since an HTML form sends them. Other names are let pass.
    init(_ request: WebRequest) throws(Malformed) {
        func value(_ name: String) throws(Malformed) -> String? {
            let values = request.parameters(name)
            guard values.count < 2 else { throw Malformed(message: "`\(name)` is given more than once") }
            return values.first.flatMap { $0.isEmpty ? nil : $0 }
        }
        if let word = try value("state") {
            guard let state = WatchStanding(rawValue: word) else {
                let words = WatchStanding.allCases.map(\.rawValue).joined(separator: ", ")
                throw Malformed(message: "`state` must be one of \(words)")
            }
            self.state = state
        }
        account = try value("account")
        text = try value("q")
        if let number = try value("page") {
            guard number.utf8.allSatisfy(\.isASCIIDigit), let page = Int(number), (1...Self.maximumPage).contains(page)
            else { throw Malformed(message: "`page` must be a number from 1 to \(Self.maximumPage)") }
            self.page = page
        }
    }

    /// What was asked for, worst first.
    struct Selection: Sendable {
        /// Those of the page.
        var items: [WatchDetail]
        /// Those of all pages.
        var count: Int
        /// At least 1.
        var lastPage: Int
        /// Of all watches, whatever is asked for.
        var standings: [WatchStanding: Int]
        var total: Int
    }

    func select(from details: [WatchDetail]) -> Selection {
        let ranked = details.map { detail in
            let all = WatchStanding.all(of: detail.report)
            return (standing: all.min() ?? .unknown, all: all, detail: detail)
        }
        var standings: [WatchStanding: Int] = [:]
        for item in ranked {
            for standing in item.all { standings[standing, default: 0] += 1 }
        }
        let needle = text?.lowercased()
        let found = ranked.filter { item in
            (state.map(item.all.contains) ?? true)
                && (account == nil || item.detail.report.state.id.account == account)
                && (needle.map { Self.matches(item.detail.report.state, $0) } ?? true)
        }.sorted { ($0.standing, $0.detail.report.state.id) < ($1.standing, $1.detail.report.state.id) }
        let items = found.dropFirst((page - 1) * Self.pageSize).prefix(Self.pageSize).map(\.detail)
        return Selection(
            items: Array(items), count: found.count,
            lastPage: max(1, (found.count + Self.pageSize - 1) / Self.pageSize), standings: standings,
            total: details.count)
    }

    private static func matches(_ state: WatchState, _ needle: String) -> Bool {
        // The origin only: a search must not tell what the rest of a URL holds.
        let texts =
            [
                state.id.description, state.observation?.eventType,
                state.observation.flatMap { Origin(url: $0.url.reveal())?.description },
            ].compactMap { $0 } + state.watch.labels.flatMap { ["\($0.name)=\($0.value)"] }
        return texts.contains { $0.lowercased().contains(needle) }
    }

    /// As a query, with another page or state.
    func query(state: WatchStanding?? = nil, page: Int = 1) -> String {
        var pairs: [(String, String)] = []
        if let state = state ?? self.state { pairs.append(("state", state.rawValue)) }
        if let account { pairs.append(("account", account)) }
        if let text { pairs.append(("q", text)) }
        if page > 1 { pairs.append(("page", String(page))) }
        return pairs.isEmpty ? "" : "?" + pairs.map { "\($0.0)=\(Self.encode($0.1))" }.joined(separator: "&")
    }

    private static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if byte.isASCIIDigit || byte.isASCIILetter || "-_.~".utf8.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}
