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

    /// Looks at every watch, but orders only places in `details`, and of these only the ranks that the page shows.
    func select(from details: [WatchDetail]) -> Selection {
        var counts = [Int](repeating: 0, count: WatchStanding.allCases.count)
        var found = [[Int]](repeating: [], count: counts.count)
        let needle = text?.lowercased()
        for index in details.indices {
            let standings = WatchStandings(details[index].report)
            for standing in standings.all { counts[standing.rank] += 1 }
            guard state.map(standings.contains) ?? true,
                account == nil || details[index].report.state.id.account == account,
                needle.map({ Self.matches(details[index].report.state, $0) }) ?? true
            else { continue }
            found[standings.worst.rank].append(index)
        }
        let count = found.reduce(0) { $0 + $1.count }
        let wanted = (page - 1) * Self.pageSize..<page * Self.pageSize
        var items: [WatchDetail] = []
        var start = 0
        for places in found {
            let shown = wanted.clamped(to: start..<start + places.count)
            if !shown.isEmpty {
                let sorted = places.sorted { details[$0].report.state.id < details[$1].report.state.id }
                items += sorted[shown.lowerBound - start..<shown.upperBound - start].map { details[$0] }
            }
            start += places.count
        }
        let present = WatchStanding.allCases.filter { counts[$0.rank] > 0 }.map { ($0, counts[$0.rank]) }
        return Selection(
            items: items, count: count, lastPage: max(1, (count + Self.pageSize - 1) / Self.pageSize),
            standings: Dictionary(present, uniquingKeysWith: { first, _ in first }), total: details.count)
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
