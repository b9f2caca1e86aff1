import ArgumentParser
import ConfigurationFile
import Curl
import Monitoring
import Partoo
import Probing
import Transport
import Watching

/// What commands that call the API themselves have in common.
struct CheckFlags: ParsableArguments {
    @Option(name: .customLong("config.file"), help: "The configuration file.")
    var configFile = "config.yml"

    @Option(name: .customLong("account"), help: "Only the webhooks of this account.")
    var account: String?

    @Option(name: .customLong("webhook-id"), help: "Only this webhook.")
    var webhookID: Int?

    @Option(name: .customLong("requests-per-minute"), help: "At most so many calls to the API.")
    var requestsPerMinute = 60

    func validate() throws {
        guard requestsPerMinute > 0 else { throw ValidationError("--requests-per-minute: must be above 0") }
    }

    /// The watches that are meant, or one clear line where there is none.
    func watches(in configuration: ExporterConfiguration) throws -> [Watch] {
        let found = configuration.watches.filter {
            (account == nil || $0.id.account == account) && (webhookID == nil || $0.id.webhookID == webhookID)
        }
        guard !found.isEmpty else { throw Failure("error: \(configFile): no such webhook is watched") }
        return found
    }
}

/// Reads configurations for a command, within its budget.
actor WatchChecker {
    private let configuration: ExporterConfiguration
    private let transport: CurlTransport
    private let time = SystemTimekeeper()
    private var budget: RequestBudget
    private let key = FingerprintKey()

    init(_ configuration: ExporterConfiguration, transport: CurlTransport, requestsPerMinute: Int) {
        self.configuration = configuration
        self.transport = transport
        budget = RequestBudget(perMinute: Double(requestsPerMinute), at: time.now())
    }

    /// One check now: the state of the watch after it.
    func check(_ watch: Watch) async throws -> WatchState {
        guard let account = configuration.accounts.first(where: { $0.name == watch.id.account }) else {
            throw Failure("error: the account of \(watch.id) is not configured")
        }
        let client = PartooClient(
            transport: transport, baseURL: account.baseURL, apiKey: account.apiKey, userAgent: Version.userAgent,
            caFile: account.caFile, now: { [time] in time.wallSeconds() })
        while let delay = budget.take(at: time.now()) { try await time.sleep(until: time.now() + delay) }
        guard let answer = await client.fetchWebhook(watch.id.webhookID, orgID: watch.orgID) else {
            throw Failure("error: interrupted")
        }
        var state = WatchState(watch: watch, key: key, at: time.wallSeconds())
        _ = state.checked(answer.outcome, at: time.wallSeconds(), duration: answer.call.duration)
        return state
    }

    nonisolated var now: Double { SystemTimekeeper().wallSeconds() }
}

/// A difference between baseline and observation, ready to be shown: no value of a secret is in it.
struct DriftLines {
    /// Lines of a plan: `~ url`, `+ header X`, `- header X`.
    static func lines(_ state: WatchState) -> [String] {
        let drift = state.drift
        guard let observed = state.observation else { return [] }
        let expected = state.watch.expectation
        var lines: [String] = []
        if drift.fields.contains(.url) {
            let before = if case .exactly(let url) = expected.url { shown(url) } else { "the declared URL (a hash)" }
            lines.append("~ url: \(before) -> \(shown(observed.url))")
        }
        if drift.fields.contains(.eventType) {
            lines.append("~ event_type: \(expected.eventType ?? "unknown") -> \(observed.eventType.printable)")
        }
        if drift.fields.contains(.orgID) {
            lines.append("~ org_id: \(expected.orgID.map(String.init) ?? "unknown") -> \(observed.orgID)")
        }
        lines += drift.addedHeaders.map { "+ custom header \($0.printable): (redacted)" }
        lines += drift.removedHeaders.map { "- custom header \($0.printable)" }
        lines += drift.changedHeaders.map { "~ custom header \($0.printable): (redacted) -> (redacted)" }
        return lines
    }

    private static func shown(_ url: Secret) -> String {
        (Origin(url: url.reveal())?.description ?? "an unreadable URL") + "/(redacted)"
    }
}
