/// SplitMix64: the same numbers for the same seed, so that a failure can be looked at again.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// Bytes with a few of them changed, doubled, cut out, or replaced by one of the tokens.
    package mutating func mutated(_ original: [UInt8], tokens: [String]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let start = Int.random(in: 0..<bytes.count, using: &self)
            let end = min(bytes.count, start + Int.random(in: 0...12, using: &self))
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes[start] = UInt8.random(in: 0...255, using: &self)
            case 1: bytes.removeSubrange(start..<end)
            case 2: bytes.insert(contentsOf: Array((tokens.randomElement(using: &self) ?? "").utf8), at: start)
            case 3: bytes.insert(contentsOf: bytes[start..<end], at: Int.random(in: 0..<bytes.count, using: &self))
            default: bytes.removeSubrange(start...)
            }
        }
        return bytes
    }

    /// Text rich in what needs escaping, with controls and scalars from all over Unicode.
    package mutating func text(upTo length: Int) -> String {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...length, using: &self) {
            switch Int.random(in: 0..<4, using: &self) {
            case 0: scalars.append("\\\"\n{},=# ".unicodeScalars.randomElement(using: &self) ?? " ")
            case 1: scalars.append(Unicode.Scalar(UInt8.random(in: 1...127, using: &self)))
            case 2: scalars.append("abcxyz".unicodeScalars.randomElement(using: &self) ?? "a")
            default: scalars.append(Unicode.Scalar(UInt32.random(in: 0x80...0x10ffff, using: &self)) ?? "é")
            }
        }
        return String(scalars)
    }
}
