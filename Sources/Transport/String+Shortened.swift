extension String {
    /// As much of a text from outside as a sentence quotes: its first scalars, and `…` where there are more.
    package func shortened(to limit: Int = 64) -> String {
        guard let end = unicodeScalars.index(startIndex, offsetBy: limit, limitedBy: endIndex), end < endIndex else {
            return self
        }
        return String(unicodeScalars[..<end]) + "…"
    }
}
