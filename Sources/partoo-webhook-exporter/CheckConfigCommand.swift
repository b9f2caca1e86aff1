import ArgumentParser
import ConfigurationFile

/// Reads a configuration as `serve` would, and says what is wrong with it.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config", abstract: "Check a configuration file: all errors at once, exit code 1 on any.")

    @Argument(help: "The configuration file.")
    var file: String

    func run() throws {
        try ConfigurationCheck.run(path: file)
    }
}

enum ConfigurationCheck {
    static func run(path: String) throws {
        let loaded = try ConfigurationSource.load(path)
        for warning in loaded.warnings { StandardStream.error("warning: \(warning)") }
        let configuration = loaded.configuration
        print(
            "\(path): good; accounts: \(configuration.accounts.count), modules: \(configuration.modules.count), "
                + "watches: \(configuration.watches.count)")
    }
}
