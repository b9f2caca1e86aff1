import ConfigurationFile
import Crypto
import FoundationEssentials
import Synchronization
import Transport

/// `basic_auth_users`: who may ask. An unknown user costs the same work as a wrong password of one of the users, and always of
/// the same one, so that names cannot be told apart by time; a password that was right once is remembered, since every scrape
/// brings it along.
final class BasicAuthentication: Sendable {
    private let users: [String: Secret]
    /// For users that do not exist: for every real hash one of the same cost, that is no password's. Were all of them as dear as
    /// the dearest, one dear hash would let strangers keep everybody waiting, and tell the users whose hashes are cheaper.
    private let nobodies: [Secret]
    /// Whether a password is a hash's.
    private let verify: @Sendable ([UInt8], Secret) async -> Bool
    private let key = SymmetricKey(size: .bits256)
    private let known = Mutex<Set<[UInt8]>>([])

    private static let maximumKnown = 100

    init(users: [String: Secret], verify: @escaping @Sendable ([UInt8], Secret) async -> Bool) {
        self.users = users
        self.verify = verify
        nobodies = users.values.map { hash in
            let cost = hash.reveal().dropFirst(4).prefix(2)
            return Secret("$2b$\(cost)$" + String(repeating: "a", count: 21) + "u" + String(repeating: "x", count: 31))
        }
    }

    /// - Parameter header: the `Authorization` header.
    func accepts(_ header: String?) async -> Bool {
        guard let (user, password) = Self.credentials(header) else { return false }
        let hash = users[user]
        let digest = fingerprint(user, password, hash)
        if hash != nil, known.withLock({ $0.contains(digest) }) { return true }
        guard let setting = hash ?? nobody(user) else { return false }
        let isRight = await verify(password, setting)
        guard isRight, hash != nil else { return false }
        known.withLock { known in
            if known.count >= Self.maximumKnown { known.removeAll() }
            known.insert(digest)
        }
        return true
    }

    /// nil where there is no user at all.
    private func nobody(_ user: String) -> Secret? {
        guard !nobodies.isEmpty else { return nil }
        let number = HMAC<SHA256>.authenticationCode(for: Array(user.utf8), using: key).prefix(8)
            .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return nobodies[Int(number % UInt64(nobodies.count))]
    }

    private func fingerprint(_ user: String, _ password: [UInt8], _ hash: Secret?) -> [UInt8] {
        var code = HMAC<SHA256>(key: key)
        for part in [Array(user.utf8), Array((hash?.reveal() ?? "").utf8), password] {
            code.update(data: withUnsafeBytes(of: part.count.littleEndian) { Array($0) })
            code.update(data: part)
        }
        return Array(code.finalize())
    }

    static func credentials(_ header: String?) -> (user: String, password: [UInt8])? {
        guard let header, header.utf8.count <= 8192, header.prefix(6).lowercased() == "basic ",
            let data = Data(base64Encoded: String(header.dropFirst(6).drop { $0 == " " }))
        else { return nil }
        let bytes = Array(data)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let user = String(validating: bytes[..<colon], as: UTF8.self)
        else { return nil }
        return (user, Array(bytes[(colon + 1)...]))
    }
}
