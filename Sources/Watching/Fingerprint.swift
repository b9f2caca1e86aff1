import Crypto
import FoundationEssentials
package import Transport

/// The key under which secrets are fingerprinted. Random, one for each installation: a fingerprint says «the same» or
/// «another» to whoever has the key, and nothing to anybody else.
package struct FingerprintKey: Sendable {
    private let key: SymmetricKey

    package init() {
        key = SymmetricKey(size: .bits256)
    }

    package init(bytes: some Collection<UInt8>) {
        key = SymmetricKey(data: Array(bytes))
    }

    /// - Parameter purpose: keeps equal texts of different purposes apart.
    package func fingerprint(_ secret: Secret, purpose: Fingerprint.Purpose) -> Fingerprint {
        var code = HMAC<SHA256>(key: key)
        code.update(data: Array(purpose.rawValue.utf8) + [0])
        code.update(data: Array(secret.reveal().utf8))
        return Fingerprint(bytes: Array(code.finalize()))
    }
}

/// HMAC-SHA-256 of a secret, shown at 32 bits.
package struct Fingerprint: Sendable, Hashable, CustomStringConvertible {
    package enum Purpose: String, Sendable {
        case url
        case header
    }

    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var description: String {
        bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension ExpectedValue {
    /// Whether the value is what is expected.
    package func accepts(_ value: Secret) -> Bool {
        switch self {
        case .exactly(let expected): return expected == value
        case .sha256(let hash, let salt):
            var digest = SHA256()
            digest.update(data: salt)
            digest.update(data: Array(value.reveal().utf8))
            return digest.finalize().elementsEqual(hash)
        case .any: return true
        }
    }
}
