import Synchronization
import TestSupport
import Testing
import Transport

@testable import Web

/// Whose turn it is, and who finds no place.
@Suite(.timeLimit(.minutes(5))) struct PasswordQueueTests {
    /// Work that ends when the test lets it.
    private final class Rig: Sendable {
        private let queue: PasswordQueue
        private let executor = SerialTaskExecutor()
        private let (turns, next) = AsyncStream.makeStream(of: Void.self)
        private let done = Mutex<[String]>([])

        init(limit: Int) {
            queue = PasswordQueue(limit: limit)
        }

        /// Returns when it works, waits or is turned away.
        func ask(_ name: String, from address: String) async -> Task<Bool, Never> {
            let task = Task(executorPreference: executor) { [self] in
                await queue.inTurn(of: IPAddress(address).map { ClientNetwork($0) }) {
                    for await _ in turns { break }
                    done.withLock { $0.append(name) }
                    return true
                } ?? false
            }
            await executor.idle()
            return task
        }

        /// All that was done once everybody has had a turn.
        func finish() async -> [String] {
            for _ in 0..<100 { next.yield() }
            await executor.idle()
            return done.withLock { $0 }
        }
    }

    @Test func turnsComeOneByOneInOrder() async {
        let rig = Rig(limit: 3)
        for name in ["a", "b", "c", "d"] { _ = await rig.ask(name, from: "192.0.2.1") }
        #expect(await rig.finish() == ["a", "b", "c", "d"])
        #expect(await rig.ask("e", from: "192.0.2.1").value)
    }

    @Test func whoFindsNoPlaceIsToldAtOnce() async {
        let rig = Rig(limit: 2)
        for name in ["a", "b", "c"] { _ = await rig.ask(name, from: "192.0.2.1") }
        #expect(await !rig.ask("d", from: "192.0.2.1").value)
        #expect(await rig.finish() == ["a", "b", "c"])
    }

    @Test func theNetworkWithTheMostPlacesGivesOneToANetworkWithFewer() async {
        let rig = Rig(limit: 4)
        var crowd: [Task<Bool, Never>] = []
        for number in 0..<20 { crowd.append(await rig.ask("crowd \(number)", from: "192.0.2.1")) }
        var others: [Task<Bool, Never>] = []
        for number in 2..<5 { others.append(await rig.ask("\(number)", from: "192.0.2.\(number)")) }
        for number in 20..<40 { crowd.append(await rig.ask("crowd \(number)", from: "192.0.2.1")) }
        #expect(await !rig.ask("late", from: "192.0.2.5").value, "each place is another network's")
        #expect(await rig.finish() == ["crowd 0", "crowd 1", "2", "3", "4"])
        for task in others { #expect(await task.value) }
        for task in crowd.dropFirst(2) { #expect(await !task.value) }
    }

    @Test func whoeverIsGoneLeavesHisPlace() async {
        let rig = Rig(limit: 2)
        _ = await rig.ask("a", from: "192.0.2.1")
        let gone = await rig.ask("b", from: "192.0.2.1")
        _ = await rig.ask("c", from: "192.0.2.1")
        gone.cancel()
        #expect(await !gone.value)
        _ = await rig.ask("d", from: "192.0.2.1")
        #expect(await rig.finish() == ["a", "c", "d"])
    }

    @Test func whoeverIsGoneBeforeComesToNothing() async {
        let queue = PasswordQueue()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await queue.inTurn(of: nil) { true }
        }
        #expect(await task.value == nil)
        #expect(await queue.inTurn(of: nil) { true } == true)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false), ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", false), ("::1", "127.0.0.1", false),
    ])
    func whoIsOfOneNetwork(one: String, other: String, isSame: Bool) throws {
        let networks = try [one, other].map { ClientNetwork(try #require(IPAddress($0))) }
        #expect((networks[0] == networks[1]) == isSame)
    }
}
