import CPCRE2
import Synchronization

/// A PCRE2 pattern that is matched under limits, so that no text from outside can hold up a probe.
///
/// Patterns and texts are UTF-8; bytes that are no UTF-8 match nothing, and the rest of the text is still searched.
package final class Pattern: Sendable {
    package enum Match: Sendable, Hashable {
        case matched, notMatched
        /// A limit or the end of the budget was reached, so it is not known.
        case undecided
    }

    /// Backtracking steps, nesting, and KiB of heap for one start in the text: PCRE2 counts the steps anew for the next
    /// one, so it takes a budget to bound the whole search.
    private static let matchLimit: UInt32 = 200_000
    private static let depthLimit: UInt32 = 2_000
    private static let heapLimit: UInt32 = 4_096

    // Compiled code is read only, which PCRE2 documents as safe for any number of threads.
    private nonisolated(unsafe) let code: OpaquePointer

    package struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    package init(_ pattern: String) throws(Invalid) {
        let bytes = Array(pattern.utf8)
        var error: Int32 = 0
        var offset = 0
        guard let code = partoo_pcre2_compile(bytes, bytes.count, &error, &offset) else {
            var buffer = [UInt8](repeating: 0, count: 256)
            let length = pcre2_get_error_message_8(error, &buffer, buffer.count)
            let message = length > 0 ? String(decoding: buffer.prefix(Int(length)), as: UTF8.self) : "error \(error)"
            throw Invalid(description: "\(message) at offset \(offset)")
        }
        self.code = code
    }

    deinit {
        pcre2_code_free_8(code)
    }

    /// What is wrong with a pattern; nil for a good one.
    package static func fault(in pattern: String) -> String? {
        do {
            _ = try Pattern(pattern)
            return nil
        } catch {
            return error.description
        }
    }

    private typealias Callout =
        @convention(c) (UnsafeMutablePointer<pcre2_callout_block_8>?, UnsafeMutableRawPointer?) -> Int32

    /// Called before each item of a pattern is tried.
    private static let spend: Callout = { block, budget in
        guard let block, let budget = budget?.assumingMemoryBound(to: SearchBudget.self) else { return 0 }
        return budget.pointee.spend(at: block.pointee.current_position) ? 0 : PCRE2_ERROR_CALLOUT
    }

    package func match(_ text: [UInt8], budget: inout SearchBudget) -> Match {
        guard budget.begin(), let context = pcre2_match_context_create_8(nil),
            let data = pcre2_match_data_create_8(1, nil)
        else { return .undecided }
        defer {
            pcre2_match_data_free_8(data)
            pcre2_match_context_free_8(context)
        }
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_depth_limit_8(context, Self.depthLimit)
        pcre2_set_heap_limit_8(context, Self.heapLimit)
        // An empty array may have no address, which PCRE2 refuses.
        let padded = text.isEmpty ? [0] : text
        let result = withUnsafeMutablePointer(to: &budget) { budget in
            pcre2_set_callout_8(context, Self.spend, budget)
            return pcre2_match_8(code, padded, text.count, 0, 0, data, context)
        }
        // 0: it matched, with more groups than are kept.
        if result >= 0 { return .matched }
        return result == PCRE2_ERROR_NOMATCH ? .notMatched : .undecided
    }
}

/// Compiled patterns, each compiled once.
package final class PatternCache: Sendable {
    private let patterns = Mutex<[String: Pattern]>([:])

    package init() {}

    /// nil where the pattern is invalid, which the configuration refuses.
    package func pattern(_ text: String) -> Pattern? {
        if let known = patterns.withLock({ $0[text] }) { return known }
        guard let pattern = try? Pattern(text) else { return nil }
        patterns.withLock { $0[text] = pattern }
        return pattern
    }
}
