import Glibc
import Synchronization

/// The time as the header `Date` has it (RFC 9110, 5.6.7).
enum DateHeader {
    private static let last = Mutex<(second: time_t, text: String)>((-1, ""))

    /// Written anew once a second.
    static func now() -> String {
        let second = time(nil)
        return last.withLock { last in
            if last.second != second { last = (second, text(second)) }
            return last.text
        }
    }

    /// - Parameter second: since 1970.
    static func text(_ second: time_t) -> String {
        var second = second
        var fields = tm()
        gmtime_r(&second, &fields)
        // The locale is C's, since nothing sets another.
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &fields)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
