import ConfigurationFile
import Crypto
import FoundationEssentials
import Synchronization
import Transport

/// `basic_auth_users`: who may ask. Whoever is refused costs the work of the dearest of the hashes, whether there is such a user
/// or not, so that names cannot be told apart by time; a password that was right once is remembered, since every scrape brings
/// it along. The others take turns (``PasswordQueue``), each for all of its work.
final class BasicAuthentication: Sendable {
    private let users: [String: Secret]
    /// The exponent of the work of the dearest hash.
    private let maximumCost: Int
    /// Whether a password is a hash's.
    private let verify: @Sendable ([UInt8], Secret) async -> Bool
    private let queue: PasswordQueue
    private let key: SymmetricKey
    /// Fingerprints of right passwords, each together with its user and hash.
    private let known: Mutex<Set<[UInt8]>>

    private static let maximumKnown = 100

    enum Verdict {
        case accepted, refused
        /// Not looked at, since too many wait for that.
        case crowded
    }

    /// - Parameter previous: what was in force until now. What it remembers, users who stay need not prove again.
    init(
        users: [String: Secret], previous: BasicAuthentication? = nil,
        verify: @escaping @Sendable ([UInt8], Secret) async -> Bool
    ) {
        self.users = users
        self.verify = verify
        maximumCost = users.values.map(Self.cost).max() ?? 0
        queue = previous?.queue ?? PasswordQueue()
        key = previous?.key ?? SymmetricKey(size: .bits256)
        known = Mutex(previous?.known.withLock { $0 } ?? [])
    }

    /// - Parameters:
    ///   - header: the `Authorization` header.
    ///   - network: whose turn it is to be.
    func verdict(on header: String?, from network: ClientNetwork?) async -> Verdict {
        guard let (user, password) = Self.credentials(header) else { return .refused }
        let hash = users[user]
        let digest = fingerprint(user, password, hash)
        if hash != nil, isKnown(digest) { return .accepted }
        return await queue.inTurn(of: network) {
            // While it waited, another may have brought the same.
            if hash != nil, isKnown(digest) { return .accepted }
            return await isRight(password, hash, digest) ? .accepted : .refused
        } ?? .crowded
    }

    private func isKnown(_ digest: [UInt8]) -> Bool {
        known.withLock { $0.contains(digest) }
    }

    /// The work, and the memory of it.
    private func isRight(_ password: [UInt8], _ hash: Secret?, _ digest: [UInt8]) async -> Bool {
        guard let hash else {
            if !users.isEmpty { _ = await verify(password, Self.nobody(maximumCost)) }
            return false
        }
        guard await verify(password, hash) else {
            // Each of these is half of the next: together with the hash's own they are as dear as the dearest.
            for cost in Self.cost(hash)..<maximumCost { _ = await verify(password, Self.nobody(cost)) }
            return false
        }
        known.withLock { known in
            if known.count >= Self.maximumKnown { known.removeAll() }
            known.insert(digest)
        }
        return true
    }

    private static func cost(_ hash: Secret) -> Int {
        Int(String(hash.reveal().dropFirst(4).prefix(2))) ?? 0
    }

    /// A hash of a cost that is no password's.
    private static func nobody(_ cost: Int) -> Secret {
        let rest = String(repeating: "a", count: 21) + "u" + String(repeating: "x", count: 31)
        return Secret("$2b$\(cost < 10 ? "0" : "")\(cost)$\(rest)")
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
