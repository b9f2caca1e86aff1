import Monitoring
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct BudgetGateTests {
    /// Who was let through, or threw, and when.
    private final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        func add(_ entry: String) { entries.withLock { $0.append(entry) } }
        var all: [String] { entries.withLock { $0 } }
    }

    private let time = VirtualTimekeeper(.seconds(1000))
    private let log = Log()
    private let waited = Waited()

    private final class Waited: Sendable {
        private let total = Mutex(Duration.zero)
        func add(_ duration: Duration) { total.withLock { $0 += duration } }
        var seconds: Double { total.withLock { $0.seconds } }
    }

    private func gate(perMinute: Double = 60, burst: Double = 1) -> BudgetGate {
        BudgetGate(perMinute: perMinute, burst: burst, time: time) { [waited] in waited.add($0) }
    }

    private func ask(_ gate: BudgetGate, _ name: String, organisation: Int? = nil) -> Task<Void, Never> {
        Task(executorPreference: time.executor) { [log, time] in
            do {
                try await gate.acquire(organisation)
                log.add("\(name) \(Int((time.now() - .seconds(1000)).seconds))")
            } catch {
                log.add("\(name) cancelled")
            }
        }
    }

    private func advance(_ seconds: Int) async { await time.advance(by: .seconds(seconds), hasTimer: false) }

    @Test func callsGoInTheOrderInWhichTheyAsked() async {
        let gate = gate()
        for name in ["a", "b", "c", "d"] { _ = ask(gate, name) }
        await time.settle(hasTimer: false)
        #expect(log.all == ["a 0"])
        await advance(2)
        _ = ask(gate, "e")
        await advance(5)
        #expect(log.all == ["a 0", "b 1", "c 2", "d 3", "e 4"])
        #expect(waited.seconds == 1 + 2 + 3 + 2)
    }

    /// A counter that jumped at the end would show nothing while it matters.
    @Test func whatIsWaitedIsToldWhileItGoesOn() async {
        let gate = gate()
        for name in ["a", "b", "c"] { _ = ask(gate, name) }
        await time.settle(hasTimer: false)
        gate.stop(nil, for: .seconds(900))
        #expect(waited.seconds == 0)
        for seconds in 1...10 {
            await advance(1)
            #expect(waited.seconds == Double(2 * seconds))
        }
        let late = ask(gate, "d")
        await advance(10)
        #expect(waited.seconds == 20 + 30)
        // Who leaves has waited, too.
        late.cancel()
        await advance(900)
        #expect(log.all == ["a 0", "d cancelled", "b 901", "c 902"])
        #expect(waited.seconds == 901 + 902 + 10)
    }

    @Test func organisationsDoNotWaitForOneAnother() async {
        let gate = gate()
        for name in ["a", "b"] { _ = ask(gate, name, organisation: 1) }
        for name in ["c", "d"] { _ = ask(gate, name, organisation: 2) }
        _ = ask(gate, "e")
        await time.settle(hasTimer: false)
        #expect(log.all == ["a 0", "c 0", "e 0"])
        gate.stop(1, for: .seconds(60))
        await advance(70)
        #expect(log.all == ["a 0", "c 0", "e 0", "d 1", "b 61"])
    }

    @Test func whoIsCancelledSpendsNothing() async {
        let gate = gate()
        let tasks = ["a", "b", "c", "d", "e"].map { ask(gate, $0) }
        await time.settle(hasTimer: false)
        // The first of the line, which sleeps, and one in its middle, which waits for its place.
        tasks[1].cancel()
        tasks[3].cancel()
        await time.settle(hasTimer: false)
        #expect(Set(log.all) == ["a 0", "b cancelled", "d cancelled"])
        await advance(5)
        #expect(Array(log.all.suffix(2)) == ["c 1", "e 2"])
        let late = Task(executorPreference: time.executor) { [time, log] in
            withUnsafeCurrentTask { $0?.cancel() }
            do { try await gate.acquire(nil) } catch { log.add("late \(time.executor.isIdle)") }
        }
        await late.value
        _ = ask(gate, "f")
        await time.settle(hasTimer: false)
        #expect(log.all.last == "f 5")
    }

    @Test func cancellingEverybodyLeavesTheGateOpen() async {
        let gate = gate()
        let tasks = (0..<50).map { ask(gate, "\($0)") }
        await time.settle(hasTimer: false)
        for task in tasks.reversed() { task.cancel() }
        for task in tasks { await task.value }
        #expect(log.all.count == 50)
        await advance(2)
        _ = ask(gate, "next")
        await time.settle(hasTimer: false)
        #expect(log.all.last == "next 2")
    }

    @Test func aStopIsFeltByWhoWaitsAlready() async {
        let gate = gate()
        for name in ["a", "b", "c"] { _ = ask(gate, name) }
        await time.settle(hasTimer: false)
        gate.stop(nil, for: .seconds(100))
        await advance(99)
        #expect(log.all == ["a 0"])
        await advance(10)
        #expect(log.all == ["a 0", "b 101", "c 102"])
    }

    @Test func anotherRateIsFeltByWhoWaitsAlready() async {
        let gate = gate(perMinute: 1)
        for name in ["a", "b", "c"] { _ = ask(gate, name) }
        await advance(1)
        gate.change(perMinute: 60)
        await advance(3)
        #expect(log.all == ["a 0", "b 2", "c 3"])
    }

    @Test func anotherRateHoldsForWhoeverComesLater() async {
        let gate = gate(perMinute: 1)
        gate.change(perMinute: 60)
        for name in ["a", "b"] { _ = ask(gate, name, organisation: 7) }
        await advance(2)
        #expect(log.all == ["a 0", "b 1"])
    }

    @Test func nobodyOvertakesWhoSleeps() async {
        let gate = gate(perMinute: 1)
        for name in ["a", "b"] { _ = ask(gate, name) }
        await time.advance(by: .milliseconds(500), hasTimer: false)
        // From now on there is a call in every tenth of a second, and b looks again after a second.
        gate.change(perMinute: 600)
        await time.advance(by: .milliseconds(300), hasTimer: false)
        _ = ask(gate, "c")
        await time.settle(hasTimer: false)
        #expect(log.all == ["a 0"])
        await advance(2)
        #expect(log.all == ["a 0", "b 1", "c 1"])
    }

    /// Many at once from many threads, each cancelled or not: everybody comes back, and no call is lost.
    @Test func manyAtOnce() async {
        let gate = BudgetGate(perMinute: 6_000_000, time: SystemTimekeeper()) { _ in }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2000 {
                group.addTask {
                    let task = Task { try await gate.acquire(number % 3) }
                    if number % 4 == 0 { task.cancel() }
                    _ = await task.result
                }
            }
        }
    }
}
