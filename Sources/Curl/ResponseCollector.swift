import Transport

/// Gathers a response from libcurl's callbacks, within limits.
struct ResponseCollector {
    /// Header blocks of all responses on the way, interim ones included.
    static let maximumHeaderBytes = 256 << 10
    /// Lines of one header block; a value that is folded has several.
    static let maximumLines = 1000

    var maximumBodyBytes = 0
    private(set) var body: [UInt8] = []
    private(set) var isTruncated = false
    private(set) var hasTooManyHeaders = false
    /// When the first status line came, of an interim response too.
    private(set) var began: ContinuousClock.Instant?
    /// Whether the last header block came to its end; libcurl takes one that was cut for a whole one.
    private(set) var hasWholeBlock = false
    /// The peer speaks another protocol from here on, which nobody asked for. libcurl would take that for a body.
    private(set) var hasSwitched = false
    private var isInBlock = false
    private var isSwitching = false
    private var headerBytes = 0
    private var lines = 0
    private var fields: [(name: String, value: [UInt8])] = []

    var hasStatusLine: Bool { began != nil }

    var headers: [HeaderField] {
        fields.map { HeaderField(name: $0.name, value: Secret(Self.text(of: $0))) }
    }

    /// In a URL whatever is not UTF-8 still says where it leads: by its bytes.
    private static func text(of field: (name: String, value: [UInt8])) -> String {
        if let text = String(validating: field.value, as: UTF8.self) { return text }
        let isURL = field.name.lowercased() == "location"
        return String(decoding: isURL ? field.value.percentEncoded : field.value, as: UTF8.self)
    }

    /// - Returns: what libcurl takes for success: the number of bytes; anything else ends the transfer.
    mutating func takeHeader(_ data: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        guard let data, count > 0 else { return count }
        headerBytes += count
        lines += 1
        guard headerBytes <= Self.maximumHeaderBytes, lines <= Self.maximumLines else {
            hasTooManyHeaders = true
            return 0
        }
        takeLine(UnsafeRawBufferPointer(start: data, count: count))
        return hasSwitched ? 0 : count
    }

    private mutating func takeLine(_ line: UnsafeRawBufferPointer) {
        guard isInBlock else {
            // What comes behind a body are trailers, which nobody asks for.
            guard line.starts(with: "HTTP/".utf8) else { return }
            // Each response begins anew: what interim ones said does not count.
            fields = []
            lines = 0
            if began == nil { began = .now }
            hasWholeBlock = false
            isInBlock = true
            isSwitching = Self.trimmed(line.drop { $0 != 0x20 }).starts(with: "101".utf8)
            return
        }
        guard let first = line.first, first != 0x0d, first != 0x0a else {
            isInBlock = false
            hasWholeBlock = true
            hasSwitched = isSwitching
            return
        }
        if first == 0x20 || first == 0x09 {
            // A folded value goes on.
            guard let last = fields.indices.last else { return }
            fields[last].value.append(UInt8(ascii: " "))
            fields[last].value.append(contentsOf: Self.trimmed(line[...]))
            return
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return }
        // No header's name holds anything but ASCII, and names are compared: a line of combining marks would take long.
        let name = line[..<colon].allSatisfy { $0 < 0x80 } ? String(decoding: line[..<colon], as: UTF8.self) : ""
        fields.append((name, Array(Self.trimmed(line[(colon + 1)...]))))
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        var value = bytes
        while let last = value.last, last <= 0x20 { value.removeLast() }
        while let first = value.first, first <= 0x20 { value.removeFirst() }
        return value
    }

    mutating func takeBody(_ data: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        guard let data, count > 0 else { return count }
        let room = maximumBodyBytes - body.count
        body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: min(count, room)))
        // A full body that may go on is not waited for: what follows may never come.
        guard count < room || (count == room && announcedLength == maximumBodyBytes) else {
            isTruncated = true
            return 0
        }
        return count
    }

    private var announcedLength: Int? {
        headers.last { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value.reveal()) }
    }
}
