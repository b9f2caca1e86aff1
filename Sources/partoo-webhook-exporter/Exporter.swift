import ConfigurationFile
import Curl
import ExporterMetrics
import Exposition
import Glibc
import Logging
import Logs
import Monitoring
import Probing
import ServiceLifecycle
import Storage
import Transport
import UnixSignals
import Web

/// The running program: the real parts put together, started and stopped in order.
struct Exporter {
    let configFile: String
    let web: WebFlags
    let logging: LogFlags
    let storage: StorageFlags
    var shard = Shard.whole
    let signals: ProcessSignals
    /// Told once, when the exporter listens, on what: a port that the system chose is the real one.
    var onListening: @Sendable ([ListenAddress]) -> Void = { _ in }

    /// SIGTERM has to end the process within 5 s, whatever a scraper does.
    private static let shutdownLimit = Duration.seconds(3)

    func run() async throws {
        let loaded = try ConfigurationSource.load(configFile)
        let logger = Self.logger(logging)
        let security = try Self.loadSecurity(web, logger: logger)
        // Before anything is begun or said, since an address may be in use; who connects waits until all is ready.
        let listeners: [HTTPListener]
        do {
            listeners = try await HTTPListener.listen(on: web.addresses)
        } catch {
            throw Failure("error: \(error)")
        }
        for warning in loaded.warnings { logger.warning("configuration", metadata: ["detail": "\(warning)"]) }
        let time = SystemTimekeeper()
        let probes = try Transports.make(.fresh)
        let api = try Transports.make(.kept)
        defer {
            probes.shutdown()
            api.shutdown()
        }
        let store = MetricsStore(
            families: try MetricCatalogue(),
            build: MetricsStore.BuildInfo(
                version: Version.number, revision: Version.revision, swiftVersion: Version.swift,
                libcurlVersion: CurlTransport.libcurlVersion, tlsLibrary: CurlTransport.tlsLibrary),
            shard: shard.number, totalShards: shard.total, latencyBuckets: loaded.configuration.latencyBuckets)
        store.reloaded(success: true, at: time.wallSeconds())
        let settings = storage.settings(loaded.configuration.storage)
        if settings.path == StorageSettings.memoryPath, settings != loaded.configuration.storage,
            loaded.configuration.learnsBaselines
        {
            logger.warning(
                "configuration",
                metadata: ["detail": "--storage.path is :memory:, so learned baselines are lost at every restart"])
        }
        let kept = StoredState.forExporter(settings, store: store, logger: logger)
        let monitor = Monitor(
            loaded.configuration,
            parts: Monitor.Parts(
                time: time, apiTransport: api, prober: Prober(transport: probes, userAgent: Version.userAgent),
                userAgent: Version.userAgent, observer: store, apiObserver: store, logger: logger,
                key: kept.fingerprintKey, baselines: kept, shard: shard.number, totalShards: shard.total))
        let reloader = Reloader(
            ConfigurationKeeper(path: configFile, loader: ConfigurationSource.loader, loaded: loaded),
            storage: loaded.configuration.storage, store: store, time: time, logger: logger,
            apply: { await monitor.reload($0) })
        // Before the first scrape, which would lack every series, and find ready what has not begun.
        await monitor.prepare()
        do {
            try await serve(
                on: listeners, monitor: monitor, store: store, storage: StorageService(storage: kept, time: time),
                reloader: reloader, security: security, logger: logger)
        } catch {
            await kept.close()
            throw error
        }
        await kept.close()
        logger.info("stopped")
    }

    /// The web configuration, or a line for each error.
    static func loadSecurity(_ web: WebFlags, logger: Logger) throws -> WebSecurity? {
        do {
            return try web.configFile.map { try WebSecurity(path: $0, logger: logger) }
        } catch let errors as ConfigurationErrors {
            throw Failure(status: 1, lines: errors.issues.map { "error: \($0)" })
        }
    }

    /// A warning for each address on which anybody could read along or ask.
    private static func warn(of addresses: [ListenAddress], _ security: WebSecurity?, _ logger: Logger) {
        var missing: [String] = []
        if security?.hasTLS != true { missing.append("TLS") }
        if security?.hasUsers != true, security?.demandsClientCertificates != true { missing.append("authentication") }
        for address in addresses where !address.isLoopback && !missing.isEmpty {
            logger.warning(
                "listening beyond loopback without \(missing.joined(separator: " and "))",
                metadata: ["address": "\(address)"])
        }
    }

    static func logger(_ flags: LogFlags) -> Logger {
        let time = SystemTimekeeper()
        return Logger(label: "partoo-webhook-exporter") { _ in
            LineLogHandler(
                format: flags.format == .json ? .json : .logfmt, level: flags.level.level, now: time.wallSeconds,
                write: StandardError.write)
        }
    }

    private func serve(
        on listeners: [HTTPListener], monitor: Monitor, store: MetricsStore, storage: StorageService,
        reloader: Reloader, security: WebSecurity?, logger: Logger
    ) async throws {
        let reload: Routes.Reload = { await reloader.reload() }
        let site = Site(
            monitor: monitor, store: store, prefix: web.prefix, telemetryPath: web.telemetryPath,
            allowsDebug: web.enablesDebug)
        let pages: @Sendable (String) async -> Routes.Resource = { await site.resource(at: $0) }
        let routes = Routes(
            telemetryPath: web.telemetryPath, prefix: web.prefix,
            metrics: { ScrapeHandler(store: store).respond(to: $0) }, isReady: { await monitor.isReady },
            reload: web.enablesLifecycle ? reload : nil,
            pages: web.disablesPages ? nil : pages)
        var serverLogger = logger
        serverLogger.logLevel = max(logger.logLevel, .error)
        // Apart, so that probes on demand of receivers that hang shut no scrape out.
        let limited = [web.telemetryPath, "/probe"].map { Set([$0, web.prefix + $0]) }
        let server = WebServer(
            limits: WebServer.Limits(
                maximumRequests: web.maximumRequests, limitedPaths: limited,
                maximumConnections: Descriptors.forClients(Descriptors.raiseLimit(), addresses: web.addresses.count)),
            security: security, onRefusal: { if $0 == 0 { store.scrapeRefused() } },
            handler: { await routes.respond(to: $0) })
        var services: [any Service] = listeners.map { $0.service(server) }
        services.append(MonitorService(monitor: monitor))
        services.append(storage)
        services.append(ReloadService(reloader: reloader, signals: signals.reload))
        services.append(FollowService(reloader: reloader))
        services.append(ShutdownLimit())
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) }, logger: serverLogger)
        configuration.maximumGracefulShutdownDuration = Self.shutdownLimit
        let group = ServiceGroup(configuration: configuration)
        let addresses = listeners.map(\.address)
        Self.warn(of: addresses, security, logger)
        for address in addresses { logger.info("listening", metadata: ["address": "\(address)"]) }
        onListening(addresses)
        let stopping = Task { [signals] in
            for await _ in signals.stop { await group.triggerGracefulShutdown() }
        }
        defer { stopping.cancel() }
        do {
            try await group.run()
        } catch let failure as HTTPListener.Failure {
            throw Failure("error: \(failure)")
        }
    }
}

/// Checks and probes.
private struct MonitorService: Service {
    let monitor: Monitor

    func run() async throws {
        await cancelWhenGracefulShutdown { await monitor.run() }
    }
}

/// Faults of the database, however rare checks are.
private struct StorageService: Service {
    let storage: Storage
    let time: any Timekeeper

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await time.sleep(until: time.now() + .seconds(1))) != nil { await storage.tend() }
        }
    }
}

/// SIGHUP.
private struct ReloadService: Service {
    let reloader: Reloader
    let signals: UnixSignalsSequence

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in signals {
                _ = await reloader.reload()
            }
        }
    }
}

/// Changed watch files, keys and secrets.
private struct FollowService: Service {
    let reloader: Reloader

    func run() async throws {
        await cancelWhenGracefulShutdown { await reloader.follow() }
    }
}

/// The last resort against a client that never lets go: the process ends in time, and well.
private struct ShutdownLimit: Service {
    func run() async throws {
        try await gracefulShutdown()
        Task.detached {
            try? await Task.sleep(for: .seconds(4))
            Glibc.exit(0)
        }
    }
}
