/// Which part of the watches a process looks after.
package struct Shard: Sendable, Hashable {
    /// Why there is no such shard, as one sentence for the command line.
    package struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// From 0.
    package let number: Int
    /// Above 0.
    package let total: Int

    /// All of them.
    package static let whole = Shard(number: 0, total: 1)

    private init(number: Int, total: Int) {
        self.number = number
        self.total = total
    }

    /// - Parameters:
    ///   - text: a number, or `auto`: the number at the end of the host name, as the pods of a StatefulSet have it.
    ///   - total: nil: not said.
    package init(_ text: String?, total: Int?, hostName: () -> String) throws(Fault) {
        guard let text else {
            guard (total ?? 1) == 1 else {
                throw Fault(description: "--total-shards: \(total ?? 0) needs --shard, a number or auto")
            }
            self = .whole
            return
        }
        let number: Int
        if text == "auto" {
            number = try Self.ordinal(hostName())
        } else if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let parsed = Int(text) {
            number = parsed
        } else {
            throw Fault(description: "--shard: '\(text)' is neither a number nor auto")
        }
        // The first of one; from a host name's number it is not to be seen how many there are.
        guard let total = total ?? (text != "auto" && number == 0 ? 1 : nil) else {
            throw Fault(description: "--shard: \(text) needs --total-shards")
        }
        guard total >= 1 else { throw Fault(description: "--total-shards: \(total) must be at least 1") }
        guard number < total else {
            throw Fault(description: "--shard: \(number) must be below --total-shards, \(total); shards begin at 0")
        }
        self.init(number: number, total: total)
    }

    private static func ordinal(_ hostName: String) throws(Fault) -> Int {
        let name = hostName.prefix { $0 != "." }
        let digits = name.reversed().prefix { ("0"..."9").contains($0) }.reversed()
        guard let number = Int(String(digits)), name.count > digits.count else {
            throw Fault(
                description: "--shard=auto: the host name '\(hostName)' does not end in a number, as in exporter-0")
        }
        return number
    }
}
