import ArgumentParser
import Glibc
import Logging
import Logs
import Monitoring
import Transport
import Web

/// Runs the exporter.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Watch the configured webhooks and serve their metrics (the default).")

    @Option(name: .customLong("config.file"), help: "The configuration file.")
    var configFile = "config.yml"

    @Flag(name: .customLong("config.check"), inversion: .prefixedNo, help: "Check the configuration file and exit.")
    var checksConfig = false

    @OptionGroup var web: WebFlags

    @OptionGroup var storage: StorageFlags

    @OptionGroup var sharding: ShardFlags

    @OptionGroup var logging: LogFlags

    func run() async throws {
        if checksConfig {
            // First, since the other says that all is good.
            _ = try Exporter.loadSecurity(web, logger: Exporter.logger(logging))
            try ConfigurationCheck.run(path: configFile)
            return
        }
        let signals = await ProcessSignals.trapped()
        try await Exporter(
            configFile: configFile, web: web, logging: logging, storage: storage, shard: try sharding.shard(),
            signals: signals
        ).run()
    }
}

/// `--web.*`
struct WebFlags: ParsableArguments {
    @Option(
        name: .customLong("web.listen-address"), parsing: .singleValue,
        help: "Address to listen on, as HOST:PORT or :PORT; repeatable (default: :9879).",
        transform: WebFlags.address)
    var listenAddresses: [ListenAddress] = []

    @Option(
        name: .customLong("web.config.file"),
        help: "TLS, basic auth and headers, in the format of Prometheus's exporter-toolkit.")
    var configFile: String?

    @Option(name: .customLong("web.telemetry-path"), help: "Path of the metrics.")
    var telemetryPath = "/metrics"

    @Flag(name: .customLong("web.enable-lifecycle"), inversion: .prefixedNo, help: "Allow POST /-/reload.")
    var enablesLifecycle = false

    @Flag(
        name: .customLong("web.enable-debug"), inversion: .prefixedNo,
        help: "Allow /probe?debug=true, which shows a redacted log.")
    var enablesDebug = false

    @Option(
        name: .customLong("web.external-url"),
        help: "The URL, or its path, under which users reach the exporter; links begin with that path.")
    var externalURL: String?

    @Flag(
        name: .customLong("web.disable-pages"), inversion: .prefixedNo,
        help: "Serve the metrics and /-/ only: no pages, no API, no /probe.")
    var disablesPages = false

    @Option(name: .customLong("web.max-requests"), help: "Scrapes (and /probe) answered at once; 0: no limit.")
    var maximumRequests = 40

    var addresses: [ListenAddress] { listenAddresses.isEmpty ? Self.defaultAddresses : listenAddresses }

    private static let defaultAddresses = [ListenAddress(":9879")].compactMap { $0 }

    private static func address(_ text: String) throws -> ListenAddress {
        guard let address = ListenAddress(text) else {
            throw ValidationError("--web.listen-address: '\(text)' is not HOST:PORT, :PORT or [IPV6]:PORT")
        }
        return address
    }

    /// The path of the external URL without the slashes at its end.
    var prefix: String { externalURL.flatMap(Self.prefix) ?? "" }

    /// nil: it is none. A path alone and nothing at all are good, too.
    private static func prefix(_ text: String) -> String? {
        var path = text[...]
        if !text.isEmpty, !text.hasPrefix("/") {
            guard let origin = Origin(url: text), ["http", "https"].contains(origin.scheme), !text.contains("@"),
                let host = text.firstRange(of: "://")?.upperBound
            else { return nil }
            path = text[host...].drop { $0 != "/" }
        }
        while path.last == "/" { path.removeLast() }
        return isPlain(path) ? String(path) : nil
    }

    /// Whether every client and proxy writes a path like this and no other way: segments of unreserved characters.
    private static func isPlain(_ path: Substring) -> Bool {
        path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst().allSatisfy {
            segment in
            !segment.isEmpty && !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
                && segment.allSatisfy { $0.isASCIIDigit || $0.isASCIILetter || "-._~".utf8.contains($0) }
        }
    }

    /// Whether the exporter itself has something there, or may come to.
    private static func isReserved(_ path: String) -> Bool {
        let first = path.split(separator: "/").first ?? ""
        return ["-", "api", "webhooks"].contains(first) || ["/probe", "/style.css", "/icon.svg"].contains(path)
    }

    func validate() throws {
        // Not quoted, since a URL may hold a password.
        guard Self.prefix(externalURL ?? "") != nil else {
            throw ValidationError(
                "--web.external-url: must be http(s)://HOST/PATH or /PATH, without a user; the path may hold letters, "
                    + "digits, -._~ and / only")
        }
        guard telemetryPath.utf8.first == UInt8(ascii: "/"),
            Self.isPlain(telemetryPath.hasSuffix("/") ? telemetryPath.dropLast() : telemetryPath[...])
        else {
            throw ValidationError(
                "--web.telemetry-path: must begin with / and may hold letters, digits, -._~ and / only")
        }
        guard !Self.isReserved(telemetryPath) else {
            throw ValidationError("--web.telemetry-path: '\(telemetryPath)' is the exporter's own")
        }
        guard maximumRequests >= 0 else { throw ValidationError("--web.max-requests: must not be negative") }
    }
}

/// `--shard`, `--total-shards`
struct ShardFlags: ParsableArguments {
    @Option(
        name: .customLong("shard"),
        help: "Which part of the webhooks to watch, from 0; auto: the number at the end of the host name.")
    var text: String?

    @Option(name: .customLong("total-shards"), help: "How many processes share the webhooks and the request budget.")
    var total: Int?

    func validate() throws {
        do {
            _ = try shard()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func shard() throws(Shard.Fault) -> Shard {
        try Shard(text, total: total, hostName: Self.hostName)
    }

    private static func hostName() -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let status = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { gethostname($0, text.count - 1) } ?? -1
            }
        }
        return status == 0 ? String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self) : ""
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
