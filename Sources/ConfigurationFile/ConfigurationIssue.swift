/// One thing that is wrong (or doubtful) in a file, and what to do about it. Holds no value of the file.
package struct ConfigurationIssue: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The file as it was named to the loader, or as a glob found it.
    package let file: String
    /// From 1; 0 where the file as a whole is meant.
    package let line: Int
    /// From 1, in Unicode scalars.
    package let column: Int
    package let message: String

    package init(file: String, line: Int = 0, column: Int = 0, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// `file:line:column: message`, one line.
    package var description: String {
        line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)"
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

/// Everything that is wrong with a configuration, in the order of the file.
package struct ConfigurationErrors: Error, Sendable, Hashable, CustomStringConvertible {
    package let issues: [ConfigurationIssue]

    package init(_ issues: [ConfigurationIssue]) {
        self.issues = issues
    }

    /// One line for each.
    package var description: String {
        issues.map(\.description).joined(separator: "\n")
    }
}
