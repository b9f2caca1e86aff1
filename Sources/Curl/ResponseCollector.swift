import Transport

/// Gathers a response from libcurl's callbacks, within limits.
struct ResponseCollector {
    /// Header blocks of all responses on the way, interim ones included.
    static let maximumHeaderBytes = 256 << 10
    static let maximumHeaders = 1000

    var maximumBodyBytes = 0
    private(set) var headers: [HeaderField] = []
    private(set) var body: [UInt8] = []
    private(set) var isTruncated = false
    private(set) var hasTooManyHeaders = false
    private(set) var hasStatusLine = false
    private var headerBytes = 0

    /// - Returns: what libcurl takes for success: the number of bytes; anything else ends the transfer.
    mutating func takeHeader(_ data: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        guard let data, count > 0 else { return count }
        headerBytes += count
        guard headerBytes <= Self.maximumHeaderBytes, headers.count < Self.maximumHeaders else {
            hasTooManyHeaders = true
            return 0
        }
        let bytes = UnsafeRawBufferPointer(start: data, count: count)
        if bytes.starts(with: "HTTP/".utf8) {
            // Each response begins anew: what interim ones and a proxy said does not count.
            headers = []
            hasStatusLine = true
            return count
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return count }
        var value = bytes[(colon + 1)...]
        while let last = value.last, last <= 0x20 { value.removeLast() }
        while let first = value.first, first <= 0x20 { value.removeFirst() }
        headers.append(
            HeaderField(
                name: String(decoding: bytes[..<colon], as: UTF8.self),
                value: Secret(String(decoding: value, as: UTF8.self))))
        return count
    }

    mutating func takeBody(_ data: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        guard let data, count > 0 else { return count }
        let room = maximumBodyBytes - body.count
        body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: min(count, room)))
        guard count <= room else {
            isTruncated = true
            return 0
        }
        return count
    }
}
