import Foundation
import Testing
import Transport
import WatchSamples
import Web

/// One watch, as HTML and as JSON, whatever the API makes of its headers.
@Suite struct WatchPresentationTests {
    private func headers(_ count: Int, _ value: (Int) -> String = { _ in "1" }) -> [HeaderField] {
        (0..<count).map { HeaderField("X-\(1_000_000 + $0)", value($0)) }
    }

    private func shown(_ learned: [HeaderField], _ observed: [HeaderField]) -> WatchPresentation {
        WatchPresentation(WatchSamples.detail(learned: learned, observed: observed), prefix: "", telemetryPath: "/m")
    }

    private func rows(_ page: String) -> [Substring] {
        page.ranges(of: "custom header ").map { page[$0.upperBound...].prefix { $0 != "<" } }
    }

    @Test(arguments: [(0, nil), (500, nil), (501, 1), (10_000, 9_500)] as [(Int, Int?)])
    func aPageHoldsFiveHundredHeadersAndTheJSONAllOfThem(count: Int, hidden: Int?) throws {
        // The last one is the one that matters.
        let shown = shown(headers(count), headers(count) { $0 == count - 1 ? "2" : "1" })
        let page = String(decoding: shown.page.body, as: UTF8.self)
        #expect(shown.page.status == 200 && rows(page).count == min(count, 500))
        let more = page.firstRange(of: "more custom headers").map { page[..<$0.lowerBound] }
        #expect(more?.hasSuffix("There are \(hidden ?? 0) ") == hidden.map { _ in true })
        if count > 0 { #expect(page.ranges(of: "<tr role=\"row\" class=\"differs\">").count == 1) }
        if hidden != nil { #expect(rows(page).first?.hasSuffix("\(count - 1)") == true) }
        let answer = try #require(
            try JSONSerialization.jsonObject(with: Data(shown.json.body)) as? [String: Any])
        #expect((answer["comparison"] as? [Any])?.count == 3 + count)
    }

    @Test func aPageQuotesNoMoreThanAPieceOfALongName() {
        let name = "X-" + String(repeating: "a", count: 400_000)
        let shown = shown([HeaderField(name, "1")], [HeaderField(name, "2")])
        #expect(shown.page.body.count < 50_000)
        #expect(rows(String(decoding: shown.page.body, as: UTF8.self)).first?.hasSuffix("aaaa…") == true)
        // Of one name in many spellings, as much as can be read.
        let letters = Array("abcdefghijkl")
        let spellings = (0..<4096).map { number in
            HeaderField(
                letters.enumerated().map { number >> $0 & 1 == 0 ? String($1) : $1.uppercased() }.joined(),
                String(number))
        }
        let many = self.shown(spellings, [])
        #expect(rows(String(decoding: many.page.body, as: UTF8.self)).count == 1)
        #expect(many.page.body.count < 50_000)
    }
}
