import UnixSignals

/// What the process is told by signals. Made before anything else is begun, so that none that comes meanwhile ends the
/// process in the middle: it waits until somebody can act on it.
struct ProcessSignals: Sendable {
    /// SIGTERM, SIGINT
    let stop: UnixSignalsSequence
    /// SIGHUP; of its own, so that no reload holds up the end.
    let reload: UnixSignalsSequence

    static func trapped() async -> ProcessSignals {
        await ProcessSignals(
            stop: UnixSignalsSequence(trapping: .sigterm, .sigint), reload: UnixSignalsSequence(trapping: .sighup))
    }
}
