import ArgumentParser
import ConfigurationFile
import Storage
import Watching

/// Which webhooks a command is about.
struct WatchFlags: ParsableArguments {
    @Option(name: .customLong("config.file"), help: "The configuration file.")
    var configFile = "config.yml"

    @Option(name: .customLong("account"), help: "Only the webhooks of this account.")
    var account: String?

    @Option(name: .customLong("webhook-id"), help: "Only this webhook.")
    var webhookID: Int?

    @OptionGroup var storage: StorageFlags

    /// What is watched, and what discovery found before; sorted. Or one clear line where there is none.
    func watches(in configuration: ExporterConfiguration, _ storage: Storage?) throws -> [Watch] {
        let watches = try known(in: configuration, storage)
        guard watches.isEmpty else { return watches }
        if let account, !configuration.accounts.contains(where: { $0.name == account }) {
            throw Failure("error: \(configFile): there is no such account as --account names")
        }
        guard webhookID == nil else { throw Failure("error: \(configFile): no such webhook is watched") }
        let discovers = configuration.accounts.contains { $0.discovery != nil && means($0.name) }
        throw Failure(
            "error: \(configFile): no webhook is watched"
                + (discovers ? " but what an exporter discovers, and its database (--storage.path) names none" : ""))
    }

    /// Like `watches`, or empty.
    fileprivate func known(in configuration: ExporterConfiguration, _ storage: Storage?) throws -> [Watch] {
        let configured = Set(configuration.watches.map(\.id))
        var discovered: [Watch] = []
        for account in configuration.accounts where account.discovery != nil {
            guard let storage else { continue }
            let found: [Int: DiscoveryOrigin]
            do {
                found = try storage.readDiscovered(account: account.name)
            } catch {
                throw Failure("error: \(error)")
            }
            for (webhookID, origin) in found
            where !configured.contains(WatchID(account: account.name, webhookID: webhookID)) {
                discovered += [account.discovered(webhookID, orgID: origin.orgID, configuration.defaults)].compactMap {
                    $0
                }
            }
        }
        return (configuration.watches + discovered).filter { means($0.id) }.sorted { $0.id < $1.id }
    }

    private func means(_ id: WatchID) -> Bool {
        means(id.account) && (webhookID == nil || id.webhookID == webhookID)
    }

    private func means(_ name: String) -> Bool { account == nil || name == account }
}

/// What commands that call the API themselves have in common.
struct CheckFlags: ParsableArguments {
    @OptionGroup var chosen: WatchFlags

    @Option(name: .customLong("requests-per-minute"), help: "At most so many calls to the API.")
    var requestsPerMinute = 60

    func validate() throws {
        guard (1...1_000_000).contains(requestsPerMinute) else {
            throw ValidationError("--requests-per-minute: must be 1 to 1000000")
        }
    }

    /// What is watched, what discovery found before, and one by its id that discovery would find where no exporter has kept
    /// what it found. Or one clear line where there is none.
    func watches(in configuration: ExporterConfiguration, _ storage: Storage?) throws -> [Watch] {
        let known = try chosen.known(in: configuration, storage)
        guard known.isEmpty, let id = chosen.webhookID else {
            return try known.isEmpty ? chosen.watches(in: configuration, storage) : known
        }
        let discovering = configuration.accounts.filter {
            $0.discovery != nil && (chosen.account == nil || $0.name == chosen.account)
        }
        let organisations = discovering.first?.discovery?.orgIDs ?? []
        // Of several accounts or organisations, which one it is in only a list tells.
        guard discovering.count == 1, organisations.count < 2,
            let watch = discovering.first?.discovered(id, orgID: organisations.first, configuration.defaults)
        else { return try chosen.watches(in: configuration, storage) }
        return [watch]
    }
}

extension Account {
    /// The watch that discovery makes of a webhook; nil: this account does not discover.
    fileprivate func discovered(_ webhookID: Int, orgID: Int?, _ defaults: WatchDefaults) -> Watch? {
        guard let discovery else { return nil }
        return Watch(
            id: WatchID(account: name, webhookID: webhookID), source: .discovered, orgID: orgID,
            module: discovery.module, checkInterval: defaults.checkInterval, probeInterval: defaults.probeInterval,
            labels: discovery.labels)
    }
}
