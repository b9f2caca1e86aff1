import Monitoring
import Partoo
import Probing
import Testing
import Transport
import Watching

/// What is kept of a watch's past, and how much.
@Suite struct WatchHistoryTests {
    private func result(_ failure: ProbeFailureReason? = nil, total: Int = 81) -> ProbeResult {
        ProbeResult(
            isReachable: true, failure: failure, message: failure == nil ? "" : "no",
            status: failure == nil ? 200 : 70_000,
            timings: Timings(
                resolve: .seconds(1), connect: .seconds(2), tls: .seconds(3), processing: .seconds(4),
                transfer: .seconds(5), total: .seconds(total)))
    }

    @Test func aProbeIsKeptAsItWas() throws {
        var history = WatchHistory()
        #expect(history.probedRevision == nil)
        history.probed(result(.status), id: ProbeID(number: 255), revision: 3, at: 10)
        let probe = try #require(history.probes.first)
        #expect(probe.id.description == "00000000000000ff" && probe.at == 10 && history.probedRevision == 3)
        #expect(probe.failure == .status && probe.message == "no" && probe.status == .max)
        #expect([probe.resolve, probe.connect, probe.tls, probe.processing, probe.transfer] == [1, 2, 3, 4, 5])
        #expect(probe.total == 81)
        history.probed(result(total: 82), id: ProbeID(number: 1), revision: 4, at: 20)
        #expect(history.probedRevision == 4)
        #expect(history.outcomes.map(\.latency) == [81, 82] && history.outcomes.map(\.isSuccess) == [false, true])
    }

    @Test func theLastOnesAreKept() {
        var history = WatchHistory()
        for number in 1...101 {
            history.probed(result(total: number), id: ProbeID(number: UInt64(number)), revision: 1, at: Double(number))
            history.note(.baselineLearned, at: Double(number))
        }
        #expect(history.probes.map(\.id.number) == Array(82...101))
        #expect(history.outcomes.map(\.latency) == (42...101).map { Float($0) })
        #expect(history.changes.map(\.at) == (82...101).map { Double($0) })
    }

    @Test func ofWhatACheckBroughtAboutTheNewsAreKept() {
        var history = WatchHistory()
        history.noticed(
            [
                .probeNow, .baselineLearned, .stateChanged(from: .unknown, to: .inSync), .stopProbing,
                .configurationChanged([.url]), .probeOutcomeChanged,
            ], at: 7)
        let kinds: [WatchHistory.Change.Kind] = [
            .baselineLearned, .state(from: .unknown, to: .inSync), .configuration([.url]),
        ]
        #expect(history.changes.map(\.kind) == kinds && history.changes.allSatisfy { $0.at == 7 })
    }
}
