import Transport

extension WebhookRule {
    /// The event types that the reference documents.
    package static let documentedEventTypes: Set<String> = [
        "business_created", "business_updated", "business_deleted", "message_updated", "message_created",
        "lead_received",
    ]

    package static let maximumHeaders = 5
    package static let maximumNameLength = 128
    package static let maximumValueLength = 512

    /// The documented rules that a configuration breaks, in their fixed order. Lengths count Unicode scalars.
    package static func broken(by configuration: WebhookConfiguration) -> [WebhookRule] {
        allCases.filter { $0.isBroken(by: configuration) }
    }

    private func isBroken(by configuration: WebhookConfiguration) -> Bool {
        let names = configuration.customHeaders.map(\.name)
        switch self {
        case .https: return Origin(url: configuration.url.reveal())?.scheme != "https"
        case .eventType: return !Self.documentedEventTypes.contains(configuration.eventType)
        case .headerPrefix: return !names.allSatisfy { Self.hasPrefix($0, "x-") }
        case .headerReserved: return names.contains { Self.hasPrefix($0, "x-partoo") }
        case .headerCount: return names.count > Self.maximumHeaders
        case .headerNameLength: return names.contains { $0.unicodeScalars.count > Self.maximumNameLength }
        case .headerValueLength:
            return configuration.customHeaders.contains {
                $0.value.reveal().unicodeScalars.count > Self.maximumValueLength
            }
        case .headerNameCharacters:
            let forbidden = Set(" ()<>@,;:\\\"/[]?={}".unicodeScalars)
            return names.contains { name in name.unicodeScalars.contains { forbidden.contains($0) } }
        }
    }

    private static func hasPrefix(_ name: String, _ prefix: String) -> Bool {
        name.utf8.count >= prefix.utf8.count
            && zip(name.utf8, prefix.utf8).allSatisfy { ($0.isASCIILetter ? $0 | 0x20 : $0) == $1 }
    }
}
