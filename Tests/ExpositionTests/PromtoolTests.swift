import Exposition
import Foundation
import TestSupport
import Testing

private let promtool = "/usr/bin/promtool"

/// The real promtool reads the page and has nothing to say about it.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: promtool), "promtool is not installed"))
struct PromtoolTests {
    @Test func isSilentOnAGoodPage() async throws {
        #expect(try await check(Array(try SamplePage().text(.text).utf8)) == Verdict(status: 0, output: ""))
    }

    @Test func speaksUpOnABadOne() async throws {
        let verdict = try await check(Array("# HELP a x\n# TYPE a gauge\na{b=\"\\\"} 1\n".utf8))
        #expect(verdict.status != 0 && !verdict.output.isEmpty)
    }

    @Test(arguments: UInt64(1)...5)
    func isSilentWhateverTheLabelsHold(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let catalogue = try Catalogue([SamplePage.info, SamplePage.events])
        var builder = SeriesBlock.Builder(catalogue)
        for number in 0..<100 {
            let further: Labels = ["number": "\(number)", "text": random.text(upTo: 60)]
            builder.add(SamplePage.info, Double(bitPattern: random.next()), further)
            builder.add(SamplePage.events, number, further)
        }
        let page = ExpositionPage(catalogue, blocks: [builder.build()]).render(.text)
        #expect(try await check(page) == Verdict(status: 0, output: ""))
    }

    private struct Verdict: Equatable {
        var status: Int32
        var output: String
    }

    private func check(_ page: [UInt8]) async throws -> Verdict {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("page-\(UUID().uuidString)")
        try Data(page).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let run = try await ChildProcess.run(promtool, ["check", "metrics"], input: file.path)
        return Verdict(status: run.status, output: run.output + run.errors)
    }
}
