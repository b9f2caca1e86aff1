import FoundationEssentials
import Transport

/// Reads JSON from outside, of which no name is so long that to look at it takes long.
///
/// Swift compares and hashes text in its canonical form; to bring that about takes time that grows with the square of the
/// combining marks in a row. So a name of a megabyte would take minutes, and what is compared later has to be as short.
enum JSONNames {
    /// In UTF-8, as written. Far beyond every documented name, type and time.
    static let maximumBytes = 1024

    /// - Throws: the decoder's errors; `MalformedAnswer` for a name that is too long.
    static func decode<Value: Decodable>(_ type: Value.Type, from json: [UInt8]) throws -> Value {
        guard areShort(json) else { throw MalformedAnswer("a name in it is longer than \(maximumBytes) bytes") }
        return try JSONDecoder().decode(type, from: Data(json))
    }

    /// nil for what is longer.
    static func short(_ text: String) -> String? { text.utf8.count <= maximumBytes ? text : nil }

    private static func areShort(_ json: [UInt8]) -> Bool {
        var index = 0
        while index < json.count {
            guard json[index] == UInt8(ascii: "\"") else {
                index += 1
                continue
            }
            let start = index + 1
            index = start
            while index < json.count, json[index] != UInt8(ascii: "\"") {
                index += json[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            let length = index - start
            index += 1
            guard length > maximumBytes else { continue }
            let next = json[min(index, json.count)...].first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
            if next == UInt8(ascii: ":") { return false }
        }
        return true
    }
}
