import Exposition
import TestSupport
import Testing

@Suite struct NegotiationTests {
    private static let protobuf =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

    private static let accepts: [(String?, ExpositionFormat)] = [
        (nil, .text), ("", .text), ("*/*", .text), ("text/html", .text), ("text/plain", .text),
        ("application/openmetrics-text", .openMetrics),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
        ("Application/OpenMetrics-Text; Version=\"1.0.0\"", .openMetrics),
        ("application/openmetrics-text; version=0.0.1", .text),
        ("application/openmetrics-text; version=1.0.0; made=up", .text),
        ("application/openmetrics-text; version=1.0.0; q=0", .text),
        ("application/openmetrics-text; version=1.0.0; q=2", .text),
        ("application/openmetrics-text; version=1.0.0; q=x", .text),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8", .openMetrics),
        ("application/openmetrics-text;version=1.0.0;escaping=\"\r\nX: y\"", .openMetrics),
        ("text/plain;q=0.5,application/openmetrics-text;q=0.6", .openMetrics),
        ("text/plain;q=0.6,application/openmetrics-text;q=0.5", .text),
        ("application/openmetrics-text,text/plain", .openMetrics),
        ("text/plain,application/openmetrics-text", .text),
        ("text/plain;version=1.0.0,application/openmetrics-text;q=0.1", .openMetrics),
        (protobuf, .protobuf), (protobuf + ";q=0.1,text/plain;q=0.2", .text),
        ("application/vnd.google.protobuf", .text),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", .text),
        ("application/vnd.google.protobuf;proto=other;encoding=delimited", .text),
        ("text/html;a=\"b,application/openmetrics-text,c\",text/plain", .text),
        ("\"application/openmetrics-text,", .text), (";;;,,,=;q", .text),
        (prometheus2, .openMetrics), (prometheus2Native, .protobuf), (prometheus3, .openMetrics),
    ]

    private static let prometheus2 =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

    private static let prometheus2Native =
        protobuf + ",application/openmetrics-text;version=1.0.0;q=0.8,"
        + "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

    private static let prometheus3 =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

    @Test(arguments: accepts)
    func formats(accept: String?, expected: ExpositionFormat) {
        #expect(Negotiation(accept: accept, acceptEncoding: nil).format == expected)
    }

    private static let acceptEncodings: [(String?, Bool)] = [
        (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("x-gzip", true), ("deflate, gzip;q=0.5", true),
        ("gzip;q=0", false), ("gzip; q=0.000", false), ("*", true), ("*;q=0", false), ("*;q=0, gzip", true),
        ("gzip;q=0, *", false), ("identity", false), ("identity;q=0.5, gzip;q=0.4", false),
        ("identity;q=0.5, gzip;q=0.5", true), ("identity;q=0", false), ("br", false), ("gzip;q=nan", false),
        ("gzippy", false),
    ]

    @Test(arguments: acceptEncodings)
    func encodings(acceptEncoding: String?, expected: Bool) {
        #expect(Negotiation(accept: nil, acceptEncoding: acceptEncoding).isGzipped == expected)
    }

    @Test func contentTypes() {
        #expect(ExpositionFormat.text.contentType == "text/plain; version=0.0.4; charset=utf-8")
        let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        #expect(ExpositionFormat.openMetrics.contentType == openMetrics)
        let protobuf =
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        #expect(ExpositionFormat.protobuf.contentType == protobuf)
    }

    /// What we send as a content type asks for that very format when it comes as an Accept header.
    @Test(arguments: ExpositionFormat.allCases)
    func contentTypesAreTheirOwnAccept(format: ExpositionFormat) {
        #expect(Negotiation(accept: format.contentType, acceptEncoding: nil).format == format)
    }

    @Test(arguments: UInt64(1)...50)
    func noHeaderDoesHarm(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = ["gzip", "*", "text/plain", ";", ",", "q=", "0.5", "=", "\"", "\\", "version=0.0.4", " ", "é"]
        for _ in 0..<100 {
            let header = (0..<20).compactMap { _ in pieces.randomElement(using: &random) }.joined()
            let negotiation = Negotiation(accept: header, acceptEncoding: header)
            #expect(negotiation.format != .protobuf)
        }
    }
}
