import ArgumentParser
import Curl
import Transport

/// For containers: exit code 0 while a running exporter says that it is healthy.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck", abstract: "Ask a running exporter whether it is healthy; for containers.")

    @Option(name: .customLong("url"), help: "The address of the running exporter.")
    var url = "http://127.0.0.1:9879/-/healthy"

    @Option(name: .customLong("ca-file"), help: "Trust the certificates of this file instead of the system's.")
    var caFile: String?

    func run() async throws {
        let transport = try Transports.make(.fresh)
        defer { transport.shutdown() }
        let transfer = await transport.perform(
            Request(
                method: .get, url: Secret(url), headers: [HeaderField("User-Agent", Version.userAgent)],
                timeout: .seconds(3), maximumResponseBytes: 4096, tls: TLSOptions(caFile: caFile)))
        switch transfer.result {
        case .success(let response) where response.status == 200: return
        case .success(let response): throw Failure("unhealthy: status \(response.status)")
        case .failure(let error): throw Failure("unhealthy: \(error.message)")
        }
    }
}
