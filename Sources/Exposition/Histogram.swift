internal import Synchronization

/// A histogram that any number of threads may feed; a snapshot is consistent in itself, and no observation is lost.
package final class Histogram: Sendable {
    private let state: Mutex<HistogramState>

    package init(_ bounds: BucketBounds, isNative: Bool = true) {
        state = Mutex(HistogramState(bounds, isNative: isNative))
    }

    /// Counts a value; see `HistogramState.observe`.
    package func observe(_ value: Double, exemplar: Exemplar? = nil) {
        state.withLock { $0.observe(value, exemplar: exemplar) }
    }

    /// Counts a duration in seconds.
    package func observe(_ duration: Duration, exemplar: Exemplar? = nil) {
        observe(duration.inSeconds, exemplar: exemplar)
    }

    package var snapshot: HistogramSnapshot {
        state.withLock { $0.snapshot }
    }
}
