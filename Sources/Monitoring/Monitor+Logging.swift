import Logging
import Partoo
import Probing
import Watching

/// One line a state change; single checks and probes at debug only. Nothing that is logged holds a secret.
extension Monitor {
    func log(_ state: WatchState, _ answer: (outcome: CheckOutcome, call: APICall), _ effects: [WatchEffect]) {
        var metadata = Self.identity(state)
        if let failure = state.lastCheck?.failure {
            metadata["reason"] = "\(failure.reason.rawValue)"
            metadata["detail"] = "\(failure.message)"
        }
        parts.logger.debug("checked", metadata: metadata)
        for effect in effects {
            switch effect {
            case .stateChanged(let from, let to): logStateChange(state, from: from, to: to)
            case .configurationChanged(let fields):
                var metadata = Self.identity(state)
                metadata["fields"] = "\(fields.map(\.rawValue).sorted().joined(separator: ","))"
                parts.logger.warning("configuration changed", metadata: metadata)
            default: break
            }
        }
    }

    /// - Parameter isOnDisk: false: it is gone when the program ends.
    func logLearned(_ state: WatchState, isOnDisk: Bool) {
        guard !ConfigurationField.allCases.allSatisfy(state.watch.expectation.declares) else { return }
        var metadata = Self.identity(state)
        metadata["kept"] = isOnDisk ? "disk" : "memory"
        parts.logger.info("baseline learned", metadata: metadata)
    }

    func logStateChange(_ state: WatchState, from: ConfigurationState, to: ConfigurationState) {
        var metadata = Self.identity(state)
        metadata["from"] = "\(from.rawValue)"
        metadata["state"] = "\(to.rawValue)"
        if to == .drifted {
            metadata["fields"] = "\(state.drift.fields.map(\.rawValue).sorted().joined(separator: ","))"
        }
        if to == .unknown || to == .missing, let failure = state.lastCheck?.failure {
            metadata["reason"] = "\(failure.reason.rawValue)"
            metadata["detail"] = "\(failure.message)"
        }
        parts.logger.log(
            level: to == .inSync ? .info : .warning, "configuration state changed", metadata: metadata)
    }

    func log(_ state: WatchState, _ result: ProbeResult, _ probeID: ProbeID, _ effects: [WatchEffect]) {
        var metadata = Self.identity(state)
        metadata["probe_id"] = "\(probeID)"
        metadata["status"] = "\(result.status)"
        if let reason = result.failure {
            metadata["reason"] = "\(reason.rawValue)"
            metadata["detail"] = "\(result.message)"
        }
        guard effects.contains(.probeOutcomeChanged) else {
            parts.logger.debug("probed", metadata: metadata)
            return
        }
        parts.logger.log(
            level: result.failure == .internal ? .error : result.isSuccess ? .info : .warning,
            result.isSuccess ? "probe succeeds" : "probe fails", metadata: metadata)
    }

    /// A fault of ours, which nobody would find in a log where probes on demand leave nothing.
    func logInternal(_ state: WatchState, _ result: ProbeResult) {
        var metadata = Self.identity(state)
        metadata["reason"] = "\(ProbeFailureReason.internal.rawValue)"
        metadata["detail"] = "\(result.message)"
        parts.logger.error("probe on demand fails", metadata: metadata)
    }

    private static func identity(_ state: WatchState) -> Logger.Metadata {
        ["account": "\(state.id.account)", "webhook_id": "\(state.id.webhookID)"]
    }

    func log(_ id: OrganisationID, isCrowded: Bool) {
        parts.logger.info(
            isCrowded
                ? "reading every webhook at its interval is more than the budget; lists show what has moved"
                : "the budget suffices to read every webhook at its interval",
            metadata: Self.identity(id))
    }

    static func identity(_ id: OrganisationID) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["account": "\(id.account)"]
        if let orgID = id.orgID { metadata["org_id"] = "\(orgID)" }
        return metadata
    }
}
