import Probing
import TestSupport
import Testing
import Transport

@Suite struct AddressPolicyTests {
    private let policy = AddressPolicy(allowedNetworks: [])

    private func allows(_ text: String, _ policy: AddressPolicy? = nil) throws -> Bool {
        (policy ?? self.policy).allows(try #require(IPAddress(text), "\(text)"))
    }

    /// First and last address of each forbidden range, and the neighbours outside of it where they are public.
    @Test(arguments: [
        (["0.0.0.0", "0.255.255.255"], ["1.0.0.0"]), (["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
        (["100.64.0.0", "100.100.100.200", "100.127.255.255"], ["100.63.255.255", "100.128.0.0"]),
        (["127.0.0.0", "127.0.0.1", "127.255.255.255"], ["126.255.255.255", "128.0.0.0"]),
        (["169.254.0.0", "169.254.169.254", "169.254.255.255"], ["169.253.255.255", "169.255.0.0"]),
        (["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
        (["192.0.0.0", "192.0.0.255"], ["191.255.255.255", "192.0.1.0"]),
        (["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
        (["192.88.99.0", "192.88.99.255"], ["192.88.98.255", "192.88.100.0"]),
        (["192.168.0.0", "192.168.255.255"], ["192.167.255.255", "192.169.0.0"]),
        (["198.18.0.0", "198.19.255.255"], ["198.17.255.255", "198.20.0.0"]),
        (["198.51.100.0", "198.51.100.255"], ["198.51.99.255", "198.51.101.0"]),
        (["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]),
        (["224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"], ["223.255.255.255"]),
        (["168.63.129.16"], ["168.63.129.15", "168.63.129.17"]),
    ])
    func ipv4(forbidden: [String], public neighbours: [String]) throws {
        for address in forbidden {
            let bytes = try #require(IPAddress(address)).bytes
            let tail = "\(hex(bytes[0], bytes[1])):\(hex(bytes[2], bytes[3]))"
            // And every form in which IPv6 carries it.
            for form in [
                address, "::\(tail)", "::ffff:\(tail)", "::ffff:0:\(tail)", "64:ff9b::\(tail)", "2002:\(tail)::1",
            ] {
                #expect(try !allows(form), "\(form)")
            }
        }
        for address in neighbours {
            let bytes = try #require(IPAddress(address)).bytes
            let tail = "\(hex(bytes[0], bytes[1])):\(hex(bytes[2], bytes[3]))"
            for form in [address, "::ffff:\(tail)", "64:ff9b::\(tail)", "2002:\(tail)::1"] {
                #expect(try allows(form), "\(form)")
            }
        }
    }

    private func hex(_ high: UInt8, _ low: UInt8) -> String { String(UInt16(high) << 8 | UInt16(low), radix: 16) }

    @Test(
        arguments: [
            (["::", "::1"], []),
            (["100::", "100::ffff:ffff:ffff:ffff", "100:0:0:1::", "100:0:0:1:ffff::"], ["100:0:0:2::"]),
            (["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:1::808:808"], ["64:ff9b:2::"]),
            (["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"], ["2001:200::", "2000:ffff::"]),
            (["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"], ["2001:db7:ffff::", "2001:db9::"]),
            (["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"], ["3ffe:ffff::", "3fff:1000::"]),
            (["5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["5eff:ffff::", "5f01::"]),
            (["fc00::", "fd00:ec2::254", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["fbff:ffff::", "fe00::"]),
            (
                [
                    "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::",
                    "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                ], ["fe7f::"]
            ),
            (["ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], []),
            ([], ["2606:4700::1111", "2a00:1450:4007::200e", "2002:808:808::1", "::ffff:8.8.8.8"]),
        ] as [([String], [String])])
    func ipv6(forbidden: [String], public neighbours: [String]) throws {
        for address in forbidden { #expect(try !allows(address), "\(address)") }
        for address in neighbours { #expect(try allows(address), "\(address)") }
    }

    @Test func aListedNetworkIsAllowedAndNoMore() throws {
        let listed = AddressPolicy(
            allowedNetworks: ["10.1.0.0/16", "127.0.0.1", "fd00::/8"].compactMap { IPNetwork($0) })
        for address in [
            "10.1.0.0", "10.1.255.255", "127.0.0.1", "fd12::1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "8.8.8.8",
        ] {
            #expect(try allows(address, listed), "\(address)")
        }
        for address in [
            "10.0.255.255", "10.2.0.0", "127.0.0.2", "::1", "fc00::1", "::ffff:10.2.0.0", "::ffff:127.0.0.2",
        ] {
            #expect(try !allows(address, listed), "\(address)")
        }
    }

    @Test(arguments: [
        ("1.2.3.0/24", "1.2.3.255", true), ("1.2.3.0/24", "1.2.4.0", false), ("1.2.3.4/32", "1.2.3.4", true),
        ("1.2.3.4", "1.2.3.5", false), ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false),
        ("::/0", "1.2.3.4", false), ("::/0", "ffff::", true), ("10.0.0.0/9", "10.127.255.255", true),
        ("10.0.0.0/9", "10.128.0.0", false), ("2001:db8::/127", "2001:db8::1", true),
        ("2001:db8::/127", "2001:db8::2", false),
    ])
    func networks(network: String, address: String, isInside: Bool) throws {
        #expect(try #require(IPNetwork(network)).contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129", "10/8", "a/8",
        "10.0.0.0/８",
    ])
    func notANetwork(text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test(
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("2130706433", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"), ("127.1", "127.0.0.1"), ("127.0.1", "127.0.0.1"), ("0177.0.0.01", "127.0.0.1"),
            ("0", "0.0.0.0"), ("4294967295", "255.255.255.255"), ("1.16777215", "1.255.255.255"),
            ("1.2.65535", "1.2.255.255"),
            ("127.0.0.1.", "127.0.0.1"), ("0X7F.1.", "127.0.0.1"), ("::1", "::1"),
            ("::ffff:127.0.0.1", "::ffff:7f00:1"),
            ("example.com", nil), ("", nil), (".", nil), ("1..2", nil), ("4294967296", nil), ("256.1", nil),
            ("1.16777216", nil),
            ("1.2.65536", nil), ("1.2.3.256", nil), ("1.2.3.4.5", nil), ("08", nil), ("0x", nil), ("0xg", nil),
            ("1.2.3.4..", nil),
            ("a1", nil), ("-1", nil), ("99999999999999999999", nil),
        ] as [(String, String?)])
    func literalsInEveryForm(host: String, address: String?) {
        #expect(AddressPolicy.literal(host: host)?.description == address)
    }

    @Test(arguments: UInt64(1)...3)
    func noiseIsNoLiteralAndNoCrash(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let bytes = random.mutated(
                Array("0x7f.0.0.1".utf8), tokens: [".", "0x", "99999999999999999999", "0", "::"])
            _ = AddressPolicy.literal(host: String(decoding: bytes, as: UTF8.self))
            let random16 = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            if let address = IPAddress(bytes: random16) { _ = policy.allows(address) }
        }
    }
}
