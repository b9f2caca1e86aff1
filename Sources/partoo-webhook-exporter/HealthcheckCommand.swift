import ArgumentParser
import ConfigurationFile
import Curl
import FoundationEssentials
import Transport

/// For containers: exit code 0 while a running exporter says that it is healthy.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck", abstract: "Ask a running exporter whether it is healthy; for containers.")

    @Option(name: .customLong("url"), help: "The address of the running exporter.")
    var url = "http://127.0.0.1:9879/-/healthy"

    @Option(name: .customLong("ca-file"), help: "Trust the certificates of this file instead of the system's.")
    var caFile: String?

    @Option(name: .customLong("server-name"), help: "The name that the certificate must have instead of the host's.")
    var serverName: String?

    @Flag(name: .customLong("insecure-skip-verify"), help: "Accept every certificate.")
    var skipsVerification = false

    @Option(name: .customLong("cert-file"), help: "The client certificate to show, in PEM.")
    var certificateFile: String?

    @Option(name: .customLong("key-file"), help: "The client certificate's key, in PEM.")
    var keyFile: String?

    @Option(name: .customLong("user"), help: "The user of basic auth; needs --password-file.")
    var user: String?

    @Option(name: .customLong("password-file"), help: "The file that holds the user's password.")
    var passwordFile: String?

    func validate() throws {
        guard (certificateFile == nil) == (keyFile == nil) else {
            throw ValidationError("--cert-file and --key-file go together")
        }
        guard (user == nil) == (passwordFile == nil) else {
            throw ValidationError("--user and --password-file go together")
        }
    }

    func run() async throws {
        let transport = try Transports.make(.fresh)
        defer { transport.shutdown() }
        let tls = TLSOptions(
            caFile: caFile, certificateFile: certificateFile, keyFile: keyFile, serverName: serverName,
            insecureSkipVerify: skipsVerification)
        let transfer = await transport.perform(
            Request(
                method: .get, url: Secret(url),
                headers: [HeaderField("User-Agent", Version.userAgent)] + (try credentials().map { [$0] } ?? []),
                timeout: .seconds(3), maximumResponseBytes: 4096, tls: tls))
        switch transfer.result {
        case .success(let response) where isAlive(response.status): return
        case .success(let response): throw Failure("unhealthy: status \(response.status)")
        case .failure(let error): throw Failure("unhealthy: \(error.message)")
        }
    }

    /// `/-/healthy` says nothing but that the exporter answers. One that asks for a password, or has too many requests, does.
    private func isAlive(_ status: Int) -> Bool {
        switch status {
        case 200: true
        case 401: user == nil && asksForHealth
        case 429: asksForHealth
        default: false
        }
    }

    private var asksForHealth: Bool { url.prefix { $0 != "?" && $0 != "#" }.hasSuffix("/-/healthy") }

    private func credentials() throws -> HeaderField? {
        guard let user, let passwordFile else { return nil }
        switch LocalFileSystem().read(passwordFile, limit: 4096) {
        case .failure(let failure): throw Failure("--password-file: the file \(failure.rawValue)")
        case .success(let contents):
            var password = contents.bytes
            if password.last == UInt8(ascii: "\n") { password.removeLast() }
            let pair = Data(Array("\(user):".utf8) + password).base64EncodedString()
            return HeaderField("Authorization", "Basic \(pair)")
        }
    }
}
