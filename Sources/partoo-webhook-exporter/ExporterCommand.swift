import ArgumentParser
import Glibc
import Logs
import Transport

/// The program. Without a subcommand it serves.
struct ExporterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partoo-webhook-exporter",
        abstract: "A Prometheus exporter that watches Partoo webhook configurations and the receivers behind them.",
        version: Version.text,
        subcommands: [
            ServeCommand.self, CheckConfigCommand.self, DemoCommand.self, ProbeCommand.self, DiffCommand.self,
            BaselineCommand.self, HealthcheckCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)

    /// Whoever asks for help expects the flags of the exporter, which the parser has under its subcommand only.
    private static var serveOptions: String {
        let help = helpMessage(for: ServeCommand.self)
        return help.firstRange(of: "OPTIONS:").map { "SERVE \(help[$0.lowerBound...])" } ?? help
    }

    /// `-config.file`, as Go's own flags are written. The parser takes it for short flags, and one of them for `-h`.
    private static func isSingleDashed(_ argument: String) -> Bool {
        argument.utf8.count > 2 && argument.hasPrefix("-") && argument.dropFirst().utf8.first?.isASCIILetter == true
    }

    /// The parser's errors quote what was typed: not where that may be a URL, or a name with a password.
    private static func withheld(_ message: String, _ arguments: [String]) -> String {
        let values = arguments.map { $0.hasPrefix("-") ? String($0.drop { $0 != "=" }.dropFirst()) : $0 }
        return values.filter { $0.utf8.contains { "@?:".utf8.contains($0) } }.sorted { $0.utf8.count > $1.utf8.count }
            .reduce(message) { $0.replacing($1, with: "(not shown)") }
    }

    static func main() async {
        // A reader that goes away (a pipe into `head`) must not kill the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        // The parser takes `--flag=` for a flag without a value; an empty one says that there is no external URL.
        let arguments = CommandLine.arguments.dropFirst().flatMap {
            $0 == "--web.external-url=" ? [String($0.dropLast()), ""] : [$0]
        }
        if let flag = arguments.prefix(while: { $0 != "--" }).first(where: isSingleDashed) {
            // What stands behind a short flag may be a password, as in `-uNAME:PASSWORD`.
            let name = flag.utf8.prefix { $0.isASCIILetter || $0.isASCIIDigit || "-._".utf8.contains($0) }
            StandardStream.error("error: flags take two dashes: -\(Substring(name)) (see --help)")
            Glibc.exit(1)
        }
        do {
            var command = try parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            for line in failure.lines { StandardStream.error(line) }
            Glibc.exit(failure.status)
        } catch {
            // Help and version are errors of the parser's, with exit code 0 and for standard output.
            let status = exitCode(for: error)
            if status.isSuccess {
                print(fullMessage(for: error))
                if [["-h"], ["--help"], ["help"]].contains(CommandLine.arguments.dropFirst().map { $0 }) {
                    print("\n\(serveOptions)")
                }
            } else {
                StandardStream.error("error: \(withheld(message(for: error), arguments)) (see --help)")
            }
            Glibc.exit(status.isSuccess ? 0 : 1)
        }
    }
}

/// What a command ends with when it cannot do its work.
struct Failure: Error {
    /// 1: bad input or a failed run; 2: `diff` found drift, `probe` failed.
    var status: Int32 = 1
    /// For standard error, one clear line each.
    var lines: [String]

    init(_ line: String) {
        lines = [line]
    }

    init(status: Int32, lines: [String] = []) {
        self.status = status
        self.lines = lines
    }
}

enum StandardStream {
    static func error(_ line: String) {
        StandardError.write(line + "\n")
    }

    /// A line that the next one takes the place of; nothing where nobody sees it.
    static func progress(_ text: String) {
        guard isErrorTerminal else { return }
        StandardError.write("\r\u{1b}[K\(text)")
    }

    static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
