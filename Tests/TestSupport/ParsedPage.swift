/// A page as a reader sees it, whatever the format: made by parsers which share no code with the encoders.
package struct ParsedPage: Equatable, Sendable {
    package struct Sample: Hashable, Sendable {
        package var name: String
        package var labels: [String: String]
        /// Bits, so that NaN equals itself.
        package var value: UInt64

        package init(name: String, labels: [String: String], value: UInt64) {
            self.name = name
            self.labels = labels
            self.value = value
        }
    }

    package struct Exemplar: Hashable, Sendable {
        package var labels: [String: String]
        package var value: Double
        package var timestamp: Double?
    }

    package struct Family: Equatable, Sendable {
        package var name: String
        package var type: String
        package var help: String
        package var samples: [Sample] = []
        package var exemplars: [Exemplar] = []
    }

    package var families: [Family] = []

    package var samples: [Sample] { families.flatMap(\.samples) }
}

package struct ParseError: Error, CustomStringConvertible {
    package var description: String
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
