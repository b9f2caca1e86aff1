import Monitoring
import Partoo

/// A planner that a test asks and answers call by call. Times are seconds.
struct PlannerSteps {
    static let listedAt = "2026-01-01T00:00:00Z"
    static let movedAt = "2026-01-02T00:00:00Z"

    var planner: CheckPlanner

    init(perMinute: Double) {
        planner = CheckPlanner(perMinute: perMinute)
    }

    mutating func take(_ at: Double) -> CheckPlanner.Call? { planner.take(at: .seconds(at)) }

    enum Kind {
        case read, list
    }

    /// What the next call is for. A read comes to nothing.
    mutating func kind(at: Double) -> Kind? {
        switch take(at) {
        case nil: return nil
        case .list: return .list
        case .read(let id, _):
            planner.readEnded(id, .passed, at: .seconds(at))
            return .read
        }
    }

    /// Answers a page.
    ///
    /// - Parameter moved: those of `ids` whose `updated_at` is `movedAt`, and not `listedAt`.
    @discardableResult
    mutating func listed(
        _ at: Double, page: Int, of pages: Int, count: Int, with ids: [Int] = [], moved: Set<Int> = []
    ) -> CheckPlanner.Sighting {
        let entries = ids.map {
            WebhookList.Entry(
                id: $0, eventType: "lead_received", updatedAt: moved.contains($0) ? Self.movedAt : Self.listedAt)
        }
        return planner.listed(
            WebhookList(page: page, maximumPage: pages, count: count, entries: entries), at: .seconds(at))
    }

    /// A page fails, and the next attempt comes as late as it may.
    mutating func listFailed(_ at: Double) {
        var generator = Highest()
        planner.listFailed(at: .seconds(at), using: &generator)
    }
}

private struct Highest: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
}
