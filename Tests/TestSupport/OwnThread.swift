package import Testing

/// Runs each test case on a queue of its own, beside the pool: what computes for long must not take one of the pool's few
/// threads, on which every other test waits for what it has asked for; and what must go on within seconds must not wait there.
package struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(SerialTaskExecutor()) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    package static var ownThread: Self { Self() }
}
