import Crypto
package import Transport

extension ExpectedValue {
    private static let saltLength = 16

    /// Declares a value without naming it: a hash with a random salt, so that equal values do not look alike.
    package static func hashed(_ value: Secret) -> ExpectedValue {
        let salt = (0..<saltLength).map { _ in UInt8.random(in: 0 ... .max) }
        var digest = SHA256()
        digest.update(data: salt)
        digest.update(data: Array(value.reveal().utf8))
        return .sha256(hash: Array(digest.finalize()), salt: salt)
    }

    /// The same without a value in clear.
    package var withoutClearText: ExpectedValue {
        if case .exactly(let value) = self { .hashed(value) } else { self }
    }
}
