/// The formats in which a page can be had.
package enum ExpositionFormat: String, Sendable, Hashable, CaseIterable {
    /// Prometheus text 0.0.4.
    case text
    /// OpenMetrics 1.0.0: the same with exemplars.
    case openMetrics
    /// Delimited `io.prometheus.client.MetricFamily` messages: the same with native histograms.
    case protobuf

    /// The value of the `Content-Type` header.
    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .protobuf:
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        }
    }
}
