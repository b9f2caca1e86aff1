/// A page as a reader sees it, whatever the format: made by the parsers of these tests, which share no code with the encoders.
struct ParsedPage: Equatable {
    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
        /// Bits, so that NaN equals itself.
        var value: UInt64
    }

    struct Exemplar: Hashable {
        var labels: [String: String]
        var value: Double
        var timestamp: Double?
    }

    struct Family: Equatable {
        var name: String
        var type: String
        var help: String
        var samples: [Sample] = []
        var exemplars: [Exemplar] = []
    }

    var families: [Family] = []

    var samples: [Sample] { families.flatMap(\.samples) }
}

struct ParseError: Error, CustomStringConvertible {
    var description: String
}

/// Reads bytes from left to right, with errors instead of traps.
struct ByteReader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position >= bytes.count }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw ParseError(description: "ends early") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func take(_ count: Int) throws -> [UInt8] {
        guard count >= 0, bytes.count - position >= count else { throw ParseError(description: "ends early") }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func take(while condition: (UInt8) -> Bool) -> String {
        let start = position
        while position < bytes.count, condition(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    mutating func expect(_ text: String) throws {
        let found = try take(text.utf8.count)
        guard found == Array(text.utf8) else {
            throw ParseError(description: "\(String(decoding: found, as: UTF8.self)) instead of \(text) at \(position)")
        }
    }

    func starts(with text: String) -> Bool { bytes[position...].starts(with: text.utf8) }
}
