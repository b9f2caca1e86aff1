import Crypto
import FoundationEssentials
import Partoo
import Transport
import Watching

/// The keys, each for one purpose, that are derived from the key file's bytes.
struct StorageKeys: Sendable {
    let master: [UInt8]
    let fingerprints: FingerprintKey
    /// Kept in the database: tells whether it was made with this key.
    let check: [UInt8]
    private let sealing: SymmetricKey
    private let rows: SymmetricKey

    init(master: [UInt8]) {
        self.master = master
        func derive(_ purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: master), info: Array("partoo-webhook-exporter/\(purpose)".utf8),
                outputByteCount: 32)
        }
        fingerprints = FingerprintKey(bytes: Self.bytes(derive("fingerprint")))
        check = Self.bytes(derive("check"))
        sealing = derive("seal")
        rows = derive("row")
    }

    private static func bytes(_ key: SymmetricKey) -> [UInt8] {
        key.withUnsafeBytes { Array($0) }
    }

    /// Encrypts for this watch alone: under another's name it does not open.
    func seal(_ bytes: Data, for id: WatchID) throws -> Data {
        let box = try AES.GCM.seal(bytes, using: sealing, authenticating: Array(id.description.utf8))
        // There for a nonce of the standard length, which this one is.
        return box.combined ?? Data()
    }

    /// nil for anything that was not sealed for this watch with this key.
    func open(_ sealed: Data, for id: WatchID) -> Data? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
        return try? AES.GCM.open(box, using: sealing, authenticating: Array(id.description.utf8))
    }

    /// What tells a row that we wrote from one that a fault of the disk made.
    func tag(_ parts: [Data]) -> Data {
        var code = HMAC<SHA256>(key: rows)
        for part in parts {
            withUnsafeBytes(of: UInt64(part.count).littleEndian) { code.update(data: Array($0)) }
            code.update(data: part)
        }
        return Data(code.finalize())
    }
}
