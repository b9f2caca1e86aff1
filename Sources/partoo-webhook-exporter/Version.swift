import CBuildInfo

/// What was built.
enum Version {
    static let number = "0.1.0"
    static let revision = String(cString: partoo_build_revision())

    static let swift: String = {
        #if compiler(>=6.5)
            "6.5"
        #elseif compiler(>=6.4)
            "6.4"
        #elseif compiler(>=6.3)
            "6.3"
        #elseif compiler(>=6.2)
            "6.2"
        #else
            "6.1"
        #endif
    }()

    static var text: String { "partoo-webhook-exporter \(number) (revision \(revision), Swift \(swift))" }
    static var userAgent: String { "partoo-webhook-exporter/\(number)" }
}
