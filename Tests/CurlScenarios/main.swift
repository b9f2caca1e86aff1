import Foundation
import Transport

/// What a test cannot do in its own process: it changes the environment, the limits or the resolver, and shows what came of
/// it as lines on standard output. `CurlScenarios SCENARIO [arguments]`.
// A scenario that hangs is killed, and so are its lines shown.
alarm(100)

do {
    switch CommandLine.arguments.dropFirst().first {
    case "cancel-lookup": try await Lookups.cancel()
    case "time-out-lookup": try await Lookups.timeOut()
    case "shut-down-lookup": try await Lookups.shutDown()
    case "names": try await Names.run()
    case "environment-proxy": try await EnvironmentProxy.run()
    case "descriptors": try await Descriptors.mixedFates()
    case "no-descriptors": try await Descriptors.exhausted()
    case "process": try await ProcessWide.run()
    case "pinned": try await Certificates.pinned()
    case "another-name": try await Certificates.anotherName()
    case "passphrase": try await Certificates.passphrase()
    case "folded-header": try await FreedMemory.foldedHeader()
    default:
        say("unknown scenario")
        exit(1)
    }
} catch {
    say("failed: \(error)")
    exit(1)
}
exit(0)
