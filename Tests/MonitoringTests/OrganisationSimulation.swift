import Monitoring
import Partoo

/// An organisation's webhooks, a planner and a budget on a clock of their own: calls are answered after a while, webhooks
/// change, and what was seen when is written down.
struct OrganisationSimulation {
    struct Change: Hashable {
        var id: Int
        var at: Duration
        /// Whether `updated_at` moved with it.
        var isMoved: Bool
    }

    private struct Webhook {
        var version = 0
        var updatedAt: String
    }

    private enum Answer {
        case webhook(Int, version: Int?, updatedAt: String)
        case list(WebhookList?)
    }

    let latency = Duration.milliseconds(300)
    var planner: CheckPlanner
    private(set) var now = Duration.seconds(1_000_000)
    private(set) var budget: RequestBudget
    private var webhooks: [Int: Webhook] = [:]
    private var order: [Int] = []
    private var answers: [(at: Duration, answer: Answer)] = []
    private var firstAnswer = 0
    private var random = SplitMix(state: 7)
    /// The version of each webhook that the last good read showed.
    private var seen: [Int: Int] = [:]
    private var open: [Int: [Change]] = [:]

    var listFails = false
    private(set) var calls: [Duration] = []
    private(set) var lists = 0
    private(set) var reads: [Int: Int] = [:]
    private(set) var confirmed: [Int: Duration] = [:]
    private(set) var delays: [(change: Change, delay: Duration)] = []
    private(set) var completeLists = 0
    private(set) var failedLists = 0
    /// Of what the last complete list was without.
    private(set) var absent: [Int] = []

    init(count: Int, perMinute: Double, interval: Duration = .seconds(60)) {
        planner = CheckPlanner(perMinute: perMinute)
        budget = RequestBudget(perMinute: perMinute, at: now)
        for id in 1...count { add(id, interval: interval) }
    }

    var unseenChanges: Int { open.values.reduce(0) { $0 + $1.count } }
    var readIDs: Int { reads.count }

    mutating func add(_ id: Int, interval: Duration) {
        webhooks[id] = Webhook(updatedAt: stamp())
        order.append(id)
        planner.set(id, interval: interval)
    }

    /// One that the list holds and nobody watches.
    mutating func addUnwatched(_ id: Int) {
        webhooks[id] = Webhook(updatedAt: stamp())
        order.append(id)
    }

    mutating func delete(_ id: Int) {
        webhooks[id] = nil
        order.removeAll { $0 == id }
    }

    /// Changes a webhook that was read before; one that was not shows no change.
    mutating func change(_ id: Int, isMoved: Bool) {
        guard seen[id] != nil else { return }
        webhooks[id]?.version += 1
        let moved = stamp()
        if isMoved { webhooks[id]?.updatedAt = moved }
        open[id, default: []].append(Change(id: id, at: now, isMoved: isMoved))
    }

    mutating func changeAny(isMoved: Bool) {
        change(order[Int(random.next() % UInt64(order.count))], isMoved: isMoved)
    }

    private func stamp() -> String {
        let seconds = Int(now.nanoseconds / 1_000_000_000)
        let micros = Int(now.nanoseconds / 1000 % 1_000_000)
        let digits = String(micros)
        let fraction = String(repeating: "0", count: 6 - digits.count) + digits
        // Any day will do, as long as the text moves with the time.
        let day = seconds / 86_400 % 28 + 1
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
        return "2026-01-\(two(day))T\(two(hour)):\(two(minute)):\(two(second)).\(fraction)Z"
    }

    private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Lets time pass.
    mutating func run(for span: Duration) {
        let end = now + span
        while true {
            deliver()
            var next = end
            if firstAnswer < answers.count { next = min(next, answers[firstAnswer].at) }
            if let due = planner.nextDue(at: now) {
                if due > now {
                    next = min(next, due)
                } else if let wait = budget.take(at: now) {
                    next = min(next, now + wait)
                } else {
                    call()
                    continue
                }
            }
            now = max(next, now)
            if now >= end {
                deliver()
                return
            }
        }
    }

    mutating func stop(for delay: Duration) {
        budget.stop(for: delay, at: now)
    }

    private mutating func call() {
        calls.append(now)
        switch planner.take(at: now) {
        case nil: calls.removeLast()
        case .read(let id, _):
            reads[id, default: 0] += 1
            let webhook = webhooks[id]
            answers.append(
                (now + latency, .webhook(id, version: webhook?.version, updatedAt: webhook?.updatedAt ?? "")))
        case .list(let page):
            lists += 1
            answers.append((now + latency, .list(listFails ? nil : list(page))))
        }
    }

    private func list(_ page: Int) -> WebhookList {
        let items = order.dropFirst((page - 1) * 100).prefix(100)
        return WebhookList(
            page: page, maximumPage: max(1, (order.count + 99) / 100), count: order.count,
            entries: items.map { id in
                WebhookList.Entry(
                    id: id, eventType: "business_created", updatedAt: webhooks[id]?.updatedAt ?? "")
            })
    }

    private mutating func deliver() {
        while firstAnswer < answers.count, answers[firstAnswer].at <= now {
            let answer = answers[firstAnswer].answer
            firstAnswer += 1
            switch answer {
            case .webhook(let id, .some(let version), let updatedAt):
                planner.readEnded(id, .good(updatedAt: ISO8601.seconds(updatedAt)), at: now)
                confirmed[id] = now
                note(id, version: version)
            case .webhook(let id, nil, _): planner.readEnded(id, .missing, at: now)
            case .list(.some(let list)):
                let sighting = planner.listed(list, at: now)
                for id in sighting.confirmed { confirmed[id] = now }
                if sighting.isComplete {
                    completeLists += 1
                    absent = sighting.absent
                }
                if sighting.isFailed { failedLists += 1 }
            case .list(nil):
                failedLists += 1
                planner.listFailed(at: now, using: &random)
            }
        }
        if firstAnswer > 1000 {
            answers.removeFirst(firstAnswer)
            firstAnswer = 0
        }
    }

    private mutating func note(_ id: Int, version: Int) {
        let known = version - (seen[id] ?? version)
        seen[id] = version
        for change in (open[id] ?? []).prefix(known) { delays.append((change, now - change.at)) }
        let rest = Array((open[id] ?? []).dropFirst(known))
        open[id] = rest.isEmpty ? nil : rest
    }

    /// The most calls within any minute.
    var busiestMinute: Int {
        var most = 0
        var start = 0
        for (end, time) in calls.enumerated() {
            while time - calls[start] >= .seconds(60) { start += 1 }
            most = max(most, end - start + 1)
        }
        return most
    }
}

/// The same numbers in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
