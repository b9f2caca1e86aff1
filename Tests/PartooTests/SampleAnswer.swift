/// The reference's sample, field by field, so that a test can leave one out or put something else in its place.
enum SampleAnswer {
    static let fields: [(name: String, json: String)] = [
        ("id", "1"), ("url", #""https://example.com/webhook""#), ("event_type", #""business_created""#),
        ("created_at", #""2024-11-27T16:10:44.929678Z""#), ("updated_at", #""2024-11-28T16:10:44Z""#), ("org_id", "7"),
        ("custom_headers", #"{"X-My-Header": "my-value", "X-Auth-Token": "secret-token"}"#),
    ]

    static func json(_ changes: [String: String?] = [:], adding more: [String] = []) -> [UInt8] {
        let pairs = fields.compactMap { field -> String? in
            guard let change = changes[field.name] else { return "\"\(field.name)\": \(field.json)" }
            return change.map { "\"\(field.name)\": \($0)" }
        }
        return Array("{\((pairs + more).joined(separator: ", "))}".utf8)
    }
}
