import GRDB

/// Why the storage cannot be used; one sentence without secrets.
package struct StorageFault: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nothing is there, and nothing can be put there.
        case absent
        /// Something is there that cannot be read, or may be: nothing may be learned in its place.
        case unreadable
        /// What is there can be read, and not be written.
        case readOnly
    }

    package var kind: Kind
    package var description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// What SQLite says; its statements and their arguments are left out.
    static func text(_ error: any Error) -> String {
        switch error {
        case let fault as StorageFault: fault.description
        case let error as DatabaseError: error.message ?? "\(error.resultCode)"
        default: "\(error)"
        }
    }
}

/// What the storage has to tell to whoever counts and logs.
package enum StorageEvent: Sendable, Hashable {
    /// Something could not be read or written.
    ///
    /// - Parameter isNew: false: more of the same, counted but not told again.
    case failed(String, isNew: Bool)
    /// What was held in memory meanwhile is on disk, or what was damaged is whole again.
    case recovered
}
