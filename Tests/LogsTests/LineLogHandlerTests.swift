import Logging
import Logs
import Synchronization
import Testing

@Suite struct LineLogHandlerTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private func logger(_ format: LogFormat, level: Logger.Level = .info) -> (Logger, Lines) {
        let lines = Lines()
        let logger = Logger(label: "test") { _ in
            LineLogHandler(format: format, level: level, now: { 1_732_723_844.929 }) { line in
                lines.all.withLock { $0.append(line) }
            }
        }
        return (logger, lines)
    }

    @Test func logfmtQuotesWhatNeedsIt() {
        let (logger, lines) = logger(.logfmt)
        logger.warning("state changed", metadata: ["webhook_id": "1", "reason": "a \"b\"\nlevel=error", "empty": ""])
        #expect(
            lines.all.withLock { $0 } == [
                """
                ts=2024-11-27T16:10:44.929Z level=warn msg="state changed" empty="" \
                reason="a \\"b\\"\\nlevel=error" webhook_id=1

                """
            ])
    }

    @Test func logfmtLeavesAloneWhatNeedsNoQuotes() {
        let (logger, lines) = logger(.logfmt)
        logger.info(
            "m", metadata: ["a": "b=c", "b": "a\\b", "c": "https://a:1/(redacted)", "d": "\u{e9}", "e": "\u{85}"])
        #expect(
            lines.all.withLock { $0 } == [
                """
                ts=2024-11-27T16:10:44.929Z level=info msg=m a="b=c" b="a\\\\b" c=https://a:1/(redacted) d="\u{e9}" \
                e="\\u0085"

                """
            ])
    }

    @Test func levelsAreThoseOfPrometheus() {
        let (logger, lines) = logger(.json, level: .trace)
        for level in Logger.Level.allCases { logger.log(level: level, "m") }
        let names = lines.all.withLock { $0 }.map {
            $0.split(separator: #""level":""#).last?.prefix { $0 != "\"" } ?? ""
        }
        #expect(names == ["trace", "debug", "info", "info", "warn", "error", "error"])
    }

    private struct Fault: Error, CustomStringConvertible {
        let description = "fault"
    }

    @Test func theEventsOwnMetadataWinsAndAnErrorIsShown() {
        var (logger, lines) = logger(.logfmt)
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "b"] = "logger"
        logger.log(level: .error, "m", error: Fault(), metadata: ["a": "event"])
        #expect(
            lines.all.withLock { $0 } == [
                "ts=2024-11-27T16:10:44.929Z level=error msg=m a=event b=logger err=fault\n"
            ])
    }

    @Test func jsonEscapesControls() {
        let (logger, lines) = logger(.json)
        logger.info("x", metadata: ["k": "\u{1}\u{2028}ü"])
        #expect(
            lines.all.withLock { $0 } == [
                #"{"ts":"2024-11-27T16:10:44.929Z","level":"info","msg":"x","k":"\u0001\u2028ü"}"# + "\n"
            ])
    }

    @Test func levelIsObeyed() {
        let (logger, lines) = logger(.json, level: .error)
        logger.warning("x")
        #expect(lines.all.withLock { $0 }.isEmpty)
    }

    @Test(arguments: [
        (0.0, "1970-01-01T00:00:00.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.000Z"), (0.0019, "1970-01-01T00:00:00.001Z"), (-0.0001, "1969-12-31T23:59:59.999Z"),
        (4_107_542_399.5, "2100-02-28T23:59:59.500Z"), (1e300, "9999-12-31T23:59:59.000Z"),
        (-.infinity, "0001-01-01T00:00:00.000Z"), (.nan, "1970-01-01T00:00:00.000Z"),
    ])
    func timestamps(seconds: Double, text: String) {
        #expect(Timestamp.text(seconds) == text)
    }
}
