/// What happens in the demo, and when: pure, so that a test can read a day of it in no time.
package struct DemoScript: Sendable {
    package enum Action: Sendable, Hashable {
        /// The receiver of a webhook answers 503 for a while.
        case receiverFails(Int)
        case receiverRecovers(Int)
        case urlEdited(Int)
        case urlRestored(Int)
        case headerEdited(Int)
        case headerRestored(Int)
        /// Its `updated_at` moves, and nothing else.
        case touched(Int)
        case apiFails
        case apiRecovers
    }

    /// One round; then it begins anew.
    package static let round = Duration.seconds(300)

    /// In the order of time.
    private static let timeline: [(at: Int, action: Action)] = [
        (20, .touched(14)), (40, .receiverFails(15)), (80, .headerEdited(16)), (100, .receiverRecovers(15)),
        (120, .urlEdited(17)), (140, .headerRestored(16)), (180, .urlRestored(17)), (200, .apiFails),
        (240, .apiRecovers), (260, .touched(14)),
    ]

    private var done: Duration

    package init() {
        done = .zero
    }

    /// What has become due since the last call.
    ///
    /// - Parameter elapsed: since the start; must not go backwards.
    package mutating func advance(to elapsed: Duration) -> [Action] {
        var actions: [Action] = []
        while let (at, action) = Self.next(after: done), at <= elapsed {
            actions.append(action)
            done = at
        }
        return actions
    }

    /// When the next action comes.
    package var nextDue: Duration { Self.next(after: done)?.at ?? Self.round }

    private static func next(after time: Duration) -> (at: Duration, action: Action)? {
        let rounds = Int(time / round)
        for number in rounds...(rounds + 1) {
            for entry in timeline {
                let at = round * number + .seconds(entry.at)
                if at > time { return (at, entry.action) }
            }
        }
        return nil
    }
}
