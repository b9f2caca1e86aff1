import CCrypt
import Dispatch
import Transport

/// bcrypt by libcrypt, off the threads that everything else runs on: one check takes tens of milliseconds of CPU, and a
/// stranger who guesses passwords must not hold up probes.
final class Bcrypt: Sendable {
    private let queue = DispatchQueue(label: "bcrypt", qos: .utility)

    /// Whether the password is the hash's.
    func verify(_ password: [UInt8], _ hash: Secret) async -> Bool {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Self.matches(password, hash.reveal())) }
        }
    }

    /// Also the work for a hash that nothing matches.
    static func matches(_ password: [UInt8], _ hash: String) -> Bool {
        // C text ends at a NUL, so what stands behind one would not count.
        let isWhole = !password.contains(0)
        guard let computed = crypt(password.filter { $0 != 0 }, hash) else { return false }
        let expected = Array(hash.utf8)
        guard computed.count == expected.count else { return false }
        // Over all bytes, however early they differ.
        let difference = zip(computed, expected).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        return difference == 0 && isWhole
    }

    private static func crypt(_ password: [UInt8], _ setting: String) -> [UInt8]? {
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        data.initialize(to: crypt_data())
        defer {
            data.deinitialize(count: 1)
            data.deallocate()
        }
        let phrase = (password + [0]).map { CChar(bitPattern: $0) }
        guard let result = crypt_r(phrase, setting, data) else { return nil }
        let text = Array(String(cString: result).utf8)
        // libcrypt answers `*0` or `*1` for what it cannot do.
        return text.first == UInt8(ascii: "*") ? nil : text
    }
}
