import Simulator
import Testing

/// The demo's faults over a day, on a time that is handed in.
@Suite struct DemoScriptTests {
    /// Everything that happens in so many rounds, looked at every second.
    private static func play(rounds: Int) -> [(at: Duration, action: DemoScript.Action)] {
        var script = DemoScript()
        var events: [(at: Duration, action: DemoScript.Action)] = []
        for second in 0...(Int(DemoScript.round.components.seconds) * rounds) {
            let now = Duration.seconds(second)
            let due = script.nextDue
            let actions = script.advance(to: now)
            #expect(actions.isEmpty == (due > now))
            events += actions.map { (now, $0) }
        }
        return events
    }

    @Test func everyRoundIsLikeTheFirst() {
        let day = Self.play(rounds: 288)
        let round = Self.play(rounds: 1)
        #expect(!round.isEmpty && day.count == round.count * 288)
        for (index, event) in day.enumerated() {
            let first = round[index % round.count]
            #expect(event.action == first.action)
            #expect(event.at == first.at + DemoScript.round * (index / round.count))
        }
    }

    @Test func whatFailsRecoversWithinItsRound() {
        var failing: Set<DemoScript.Action> = []
        var kinds: Set<DemoScript.Action> = []
        for event in Self.play(rounds: 1) {
            kinds.insert(event.action)
            switch event.action {
            case .receiverFails, .urlEdited, .headerEdited, .apiFails:
                #expect(failing.insert(event.action).inserted)
            case .receiverRecovers(let id): #expect(failing.remove(.receiverFails(id)) != nil)
            case .urlRestored(let id): #expect(failing.remove(.urlEdited(id)) != nil)
            case .headerRestored(let id): #expect(failing.remove(.headerEdited(id)) != nil)
            case .apiRecovers: #expect(failing.remove(.apiFails) != nil)
            case .touched: break
            }
        }
        #expect(failing.isEmpty)
        #expect(kinds.count == 9)
    }

    @Test func whoLooksLateMissesNothing() {
        var script = DemoScript()
        let late = script.advance(to: DemoScript.round * 2)
        #expect(late == Self.play(rounds: 2).map(\.action))
        #expect(script.advance(to: DemoScript.round * 2).isEmpty)
    }
}
