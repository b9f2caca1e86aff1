import Exposition
import Testing

@Suite struct GoldenPageTests {
    @Test func text() throws {
        let expected = #"""
            # HELP demo_info What it is.
            # TYPE demo_info gauge
            demo_info{account="a",webhook_id="1",target="say \"hi\"\\\n"} 1
            # HELP demo_uptime_seconds Time since the start.
            # TYPE demo_uptime_seconds gauge
            demo_uptime_seconds{account="a",webhook_id="1"} 0.25
            demo_uptime_seconds NaN
            # HELP demo_events_total Says "what" came,\nand \\ how often.
            # TYPE demo_events_total counter
            demo_events_total{account="a",webhook_id="1",kind="x"} 3
            demo_events_total{account="a",webhook_id="1",kind="y"} 4
            # HELP demo_latency_seconds How long it took.
            # TYPE demo_latency_seconds histogram
            demo_latency_seconds_bucket{account="a",webhook_id="1",le="0.025"} 1
            demo_latency_seconds_bucket{account="a",webhook_id="1",le="1.0"} 2
            demo_latency_seconds_bucket{account="a",webhook_id="1",le="+Inf"} 3
            demo_latency_seconds_sum{account="a",webhook_id="1"} 3.01
            demo_latency_seconds_count{account="a",webhook_id="1"} 3

            """#
        #expect(try SamplePage().text(.text) == expected)
    }

    @Test func openMetrics() throws {
        let expected = #"""
            # HELP demo_info What it is.
            # TYPE demo_info gauge
            demo_info{account="a",webhook_id="1",target="say \"hi\"\\\n"} 1
            # HELP demo_uptime_seconds Time since the start.
            # TYPE demo_uptime_seconds gauge
            # UNIT demo_uptime_seconds seconds
            demo_uptime_seconds{account="a",webhook_id="1"} 0.25
            demo_uptime_seconds NaN
            # HELP demo_events Says \"what\" came,\nand \\ how often.
            # TYPE demo_events counter
            demo_events_total{account="a",webhook_id="1",kind="x"} 3 # {probe_id="p1"} 1 1.5
            demo_events_total{account="a",webhook_id="1",kind="y"} 4
            # HELP demo_latency_seconds How long it took.
            # TYPE demo_latency_seconds histogram
            # UNIT demo_latency_seconds seconds
            demo_latency_seconds_bucket{account="a",webhook_id="1",le="0.025"} 1
            demo_latency_seconds_bucket{account="a",webhook_id="1",le="1.0"} 2 # {probe_id="p2"} 0.5 1732413489.25
            demo_latency_seconds_bucket{account="a",webhook_id="1",le="+Inf"} 3
            demo_latency_seconds_sum{account="a",webhook_id="1"} 3.01
            demo_latency_seconds_count{account="a",webhook_id="1"} 3
            # EOF

            """#
        #expect(try SamplePage().text(.openMetrics) == expected)
    }

    @Test func anEmptyPage() throws {
        let page = ExpositionPage(try Catalogue([SamplePage.info]), blocks: [])
        #expect(page.render(.text).isEmpty)
        #expect(page.render(.protobuf).isEmpty)
        #expect(page.render(.openMetrics) == Array("# EOF\n".utf8))
        #expect(Array(page.chunks(.text)).isEmpty)
    }

    /// As client_java filters: by the family's name in either format, or by that of a sample.
    @Test(arguments: [
        "demo_events", "demo_events_total", "demo_latency_seconds", "demo_latency_seconds_bucket",
        "demo_latency_seconds_count", "demo_latency_seconds_sum",
    ])
    func nameFilter(name: String) throws {
        let page = try SamplePage().text(.text, names: [name, "no_such_name"])
        let lines = page.split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(!lines.isEmpty)
        #expect(lines.allSatisfy { $0.hasPrefix(name.hasPrefix("demo_events") ? "demo_events" : "demo_latency") })
        #expect(try SamplePage().text(.text, names: []) == "")
    }

    @Test(arguments: ExpositionFormat.allCases, [1, 100, 1 << 20])
    func chunksAreThePage(format: ExpositionFormat, size: Int) throws {
        let sample = try SamplePage()
        let page = ExpositionPage(sample.catalogue, blocks: sample.blocks)
        let chunks = Array(page.chunks(format, size: size))
        #expect(Array(chunks.joined()) == page.render(format))
        #expect(chunks.allSatisfy { !$0.isEmpty })
        #expect(size > 1 || chunks.count > 3)
    }

    @Test func blocksOfAnotherCatalogueAreLeftOut() throws {
        let sample = try SamplePage()
        let other = try Catalogue(sample.catalogue.families)
        #expect(ExpositionPage(other, blocks: sample.blocks).render(.text).isEmpty)
    }

    @Test func rejectionsSayWhatIsWrong() throws {
        let catalogue = try Catalogue([SamplePage.info, SamplePage.latency])
        var builder = SeriesBlock.Builder(catalogue)
        builder.add(SamplePage.info, 1, ["a": "b"])
        builder.add(SamplePage.info, 2, ["a": "b"])
        builder.add(SamplePage.uptime, 1)
        builder.add(SamplePage.latency, 1)
        builder.add(SamplePage.info, HistogramState(BucketBounds([])).snapshot)
        let block = builder.build()
        #expect(block.rejections.map(\.reason) == [.duplicate, .unknownFamily, .wrongKind, .wrongKind])
        let page = ExpositionPage(catalogue, blocks: [block]).render(.text)
        #expect(String(decoding: page, as: UTF8.self).hasSuffix("\ndemo_info{a=\"b\"} 1\n"))
    }
}
