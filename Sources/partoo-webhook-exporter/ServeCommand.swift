import ArgumentParser
import Logging
import Logs
import Web

/// Runs the exporter.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Watch the configured webhooks and serve their metrics (the default).")

    @Option(name: .customLong("config.file"), help: "The configuration file.")
    var configFile = "config.yml"

    @Flag(name: .customLong("config.check"), help: "Check the configuration file and exit.")
    var checksConfig = false

    @OptionGroup var web: WebFlags

    @OptionGroup var logging: LogFlags

    func run() async throws {
        if checksConfig {
            try ConfigurationCheck.run(path: configFile)
            return
        }
        try await Exporter(configFile: configFile, web: web, logging: logging).run()
    }
}

/// `--web.*`
struct WebFlags: ParsableArguments {
    @Option(
        name: .customLong("web.listen-address"), parsing: .singleValue,
        help: "Address to listen on, as HOST:PORT or :PORT; repeatable (default: :9879).",
        transform: WebFlags.address)
    var listenAddresses: [ListenAddress] = []

    @Option(name: .customLong("web.telemetry-path"), help: "Path of the metrics.")
    var telemetryPath = "/metrics"

    @Flag(name: .customLong("web.enable-lifecycle"), help: "Allow POST /-/reload.")
    var enablesLifecycle = false

    @Flag(name: .customLong("web.disable-pages"), help: "Serve the metrics and /-/ only, no status page.")
    var disablesPages = false

    @Option(name: .customLong("web.max-requests"), help: "Requests answered at once; 0: no limit.")
    var maximumRequests = 40

    var addresses: [ListenAddress] { listenAddresses.isEmpty ? Self.defaultAddresses : listenAddresses }

    private static let defaultAddresses = [ListenAddress(":9879")].compactMap { $0 }

    private static func address(_ text: String) throws -> ListenAddress {
        guard let address = ListenAddress(text) else {
            throw ValidationError("--web.listen-address: '\(text)' is not HOST:PORT, :PORT or [IPV6]:PORT")
        }
        return address
    }

    func validate() throws {
        guard telemetryPath.hasPrefix("/"), !telemetryPath.hasPrefix("/-/"), telemetryPath != "/" else {
            throw ValidationError("--web.telemetry-path: '\(telemetryPath)' must begin with / and be a path of its own")
        }
        guard maximumRequests >= 0 else { throw ValidationError("--web.max-requests: must not be negative") }
    }
}

/// `--log.*`
struct LogFlags: ParsableArguments {
    enum Level: String, CaseIterable, ExpressibleByArgument {
        case debug, info, warn, error

        var level: Logger.Level {
            switch self {
            case .debug: .debug
            case .info: .info
            case .warn: .warning
            case .error: .error
            }
        }
    }

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case logfmt, json
    }

    @Option(name: .customLong("log.level"), help: "Only lines of this level and above.")
    var level = Level.info

    @Option(name: .customLong("log.format"), help: "How log lines are written.")
    var format = Format.logfmt
}
