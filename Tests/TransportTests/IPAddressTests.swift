import Glibc
import TestSupport
import Testing
import Transport

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
        ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("0:0:1:0:0:0:1:0", "0:0:1::1:0"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("::ffff:1.2.3.4", "::ffff:102:304"), ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ])
    func isReadAndWrittenAsRFC5952Says(text: String, written: String) {
        #expect(IPAddress(text)?.description == written)
    }

    @Test(arguments: [
        "", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "0x1.2.3.4", "1.2.3.-4", "1.2.3.+4",
        " 1.2.3.4", "1.2.3.4 ", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "1:", ":1", "12345::", "g::",
        "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "fe80::1%eth0", "[::1]", "1:2:3:4:5:6:7:1.2.3.4", "١.2.3.4",
    ])
    func isStrict(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: UInt64(1)...4)
    func readsWhatItWrites(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let bytes = (0..<(Bool.random(using: &random) ? 4 : 16)).map { _ in
                Bool.random(using: &random) ? 0 : UInt8.random(in: 0...255, using: &random)
            }
            let address = IPAddress(bytes: bytes)
            #expect(address != nil && IPAddress(address?.description ?? "") == address)
        }
    }

    @Test(arguments: UInt64(1)...4)
    func readsAsTheSystemDoes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let originals = ["1.2.3.4", "::ffff:1.2.3.4", "2001:db8::8:800:200c:417a", "1:2:3:4:5:6:7:8", "::"]
        for _ in 0..<4000 {
            let original = originals.randomElement(using: &random) ?? ""
            let bytes = random.mutated(Array(original.utf8), tokens: [":", "::", ".", "0", "ff", "1.2.3.4"])
            // The system reads up to a NUL.
            guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { continue }
            #expect(IPAddress(text)?.bytes == Self.system(text), "\(text)")
        }
    }

    private static func system(_ text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }
}
