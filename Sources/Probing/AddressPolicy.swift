package import Transport

/// Which addresses a probe may connect to. The URL comes from outside, so what is not public is forbidden unless the
/// operator lists it.
package struct AddressPolicy: Sendable {
    package let allowedNetworks: [IPNetwork]

    package init(allowedNetworks: [IPNetwork]) {
        self.allowedNetworks = allowedNetworks
    }

    /// Forbidden unless listed. IPv4: "this" network, private, CGNAT, loopback, link-local with the cloud metadata address,
    /// protocol assignments, documentation, 6to4 relays, benchmarks, multicast, reserved with broadcast, and further
    /// metadata addresses. Sources: IANA's special-purpose address registries.
    private static let forbiddenIPv4 = networks([
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16",
    ])

    /// IPv6: unspecified, loopback, local-use NAT64 (where in it the IPv4 address lies is the network's own choice), discard and
    /// dummy, protocol assignments with Teredo and benchmarks, documentation, segment routing, unique-local with the metadata
    /// address, link-local, site-local, multicast.
    private static let forbiddenIPv6 = networks([
        "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "3fff::/20",
        "5f00::/16", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    ])

    /// Prefixes that carry an IPv4 address, and where in it: compatible, mapped, translated, NAT64, 6to4.
    private static let embeddings: [(network: IPNetwork, offset: Int)] = [
        ("::/96", 12), ("::ffff:0:0/96", 12), ("::ffff:0:0:0/96", 12), ("64:ff9b::/96", 12),
        ("2002::/16", 2),
    ].compactMap { text, offset in IPNetwork(text).map { ($0, offset) } }

    private static func networks(_ texts: [String]) -> [IPNetwork] {
        texts.compactMap { IPNetwork($0) }
    }

    /// Whether this address may be connected to. An IPv6 address that carries an IPv4 one is judged by that too; to allow an
    /// IPv4 network allows its mapped form.
    package func allows(_ address: IPAddress) -> Bool {
        if allowedNetworks.contains(where: { $0.contains(address) }) { return true }
        switch address.family {
        case .ipv4:
            return !Self.forbiddenIPv4.contains { $0.contains(address) }
        case .ipv6:
            guard !Self.forbiddenIPv6.contains(where: { $0.contains(address) }) else { return false }
            guard let embedded = Self.embeddedIPv4(in: address) else { return true }
            return allows(embedded)
        }
    }

    private static func embeddedIPv4(in address: IPAddress) -> IPAddress? {
        for (network, offset) in embeddings where network.contains(address) {
            return IPAddress(bytes: address.bytes[offset..<(offset + 4)])
        }
        return nil
    }

    /// The address that a host text is, in every form that a resolver takes: strict IPv4 and IPv6, and the old shorthands
    /// (`0x7f.1`, `2130706433`, `017700000001`), with or without the dot that ends a full name. nil for a name.
    package static func literal(host text: String) -> IPAddress? {
        let host = text.hasSuffix(".") ? String(text.dropLast()) : text
        return IPAddress(host) ?? IPAddress(resolverText: host)
    }
}
