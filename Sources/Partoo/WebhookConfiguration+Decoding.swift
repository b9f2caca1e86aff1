import FoundationEssentials
import Transport

/// An API answer that is not what the reference documents. Names the place, never a value.
package struct MalformedAnswer: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// Decoding errors of Foundation quote values; only the path is kept.
    init(_ error: any Error) {
        switch error {
        case let malformed as MalformedAnswer: self = malformed
        case DecodingError.keyNotFound(let key, let context):
            self.init("the field `\(Self.path(context.codingPath + [key]))` is missing")
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            self.init("the field `\(Self.path(context.codingPath))` is not of the documented type")
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            self.init("the field `\(Self.path(context.codingPath))` is not of the documented type")
        default: self.init("not JSON")
        }
    }

    /// Names of custom headers are the customer's: below `custom_headers` nothing is named.
    private static func path(_ keys: [any CodingKey]) -> String {
        let names = keys.map { $0.intValue.map(String.init) ?? $0.stringValue }
        if let index = names.firstIndex(of: "custom_headers") { return names[...index].joined(separator: ".") }
        return names.isEmpty ? "(the whole answer)" : names.joined(separator: ".")
    }
}

extension WebhookConfiguration {
    /// Reads one configuration. Unknown fields are ignored; `custom_headers` absent, null or empty, be it an object or a list,
    /// means none; a time that cannot be read is nil.
    ///
    /// - Parameter id: the id that was asked for; another one is malformed. nil takes any.
    package init(json: [UInt8], id: Int?) throws(MalformedAnswer) {
        do {
            self = try JSONNames.decode(Wire.self, from: json).configuration
        } catch {
            throw MalformedAnswer(error)
        }
        if let id, self.id != id { throw MalformedAnswer("another id than asked for") }
    }

    fileprivate struct Wire: Decodable {
        let configuration: WebhookConfiguration

        private enum Key: String, CodingKey {
            case id, url
            case eventType = "event_type"
            case createdAt = "created_at"
            case updatedAt = "updated_at"
            case orgID = "org_id"
            case customHeaders = "custom_headers"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: Key.self)
            let headers = try Self.headers(in: fields)
            configuration = WebhookConfiguration(
                id: try fields.decode(Int.self, forKey: .id),
                url: Secret(try fields.decode(String.self, forKey: .url)),
                eventType: try fields.shortText(.eventType),
                createdAt: try fields.textOrAnything(.createdAt).flatMap(ISO8601.seconds),
                updatedAt: try fields.textOrAnything(.updatedAt).flatMap(ISO8601.seconds),
                orgID: try fields.decode(Int.self, forKey: .orgID),
                customHeaders: headers.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                    .map { HeaderField($0.key, $0.value) })
        }

        private static func headers(in fields: KeyedDecodingContainer<Key>) throws -> [String: String] {
            // Some languages write an object without members as an empty list.
            if let list = try? fields.nestedUnkeyedContainer(forKey: .customHeaders), list.isAtEnd { return [:] }
            return try fields.decodeIfPresent([String: String].self, forKey: .customHeaders) ?? [:]
        }
    }
}

extension KeyedDecodingContainer {
    /// The field must be there; what is in it may be anything, of which a text is read.
    fileprivate func textOrAnything(_ key: Key) throws -> String? {
        guard contains(key) else {
            throw DecodingError.keyNotFound(key, DecodingError.Context(codingPath: codingPath, debugDescription: ""))
        }
        return try? decode(String.self, forKey: key)
    }

    fileprivate func shortText(_ key: Key) throws -> String {
        guard let text = JSONNames.short(try decode(String.self, forKey: key)) else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "too long")
        }
        return text
    }
}

/// One page of `GET /webhooks`.
package struct WebhookList: Sendable, Hashable {
    /// An item. Only its id is needed; the list need not carry the URL or the custom headers either.
    package struct Entry: Sendable, Hashable {
        package var id: Int
        /// nil: not told.
        package var eventType: String?
        /// As received, to tell whether it has moved; nil for what is no text, which tells nothing.
        package var updatedAt: String?

        package init(id: Int, eventType: String?, updatedAt: String?) {
            self.id = id
            self.eventType = eventType
            self.updatedAt = updatedAt
        }
    }

    /// nil, here and below: not told, or not so that it can be read. Such a list is never known to be whole.
    package var page: Int?
    package var maximumPage: Int?
    /// How many there are on all pages.
    package var count: Int?
    package var entries: [Entry]
    /// How many items are left out, since their id cannot be read.
    package var unreadable: Int

    package init(page: Int?, maximumPage: Int?, count: Int?, entries: [Entry], unreadable: Int = 0) {
        self.page = page
        self.maximumPage = maximumPage
        self.count = count
        self.entries = entries
        self.unreadable = unreadable
    }

    /// Reads one page. What cannot be read costs only itself, as long as there are `items`.
    package init(json: [UInt8]) throws(MalformedAnswer) {
        do {
            self = try JSONNames.decode(Wire.self, from: json).list
        } catch {
            throw MalformedAnswer(error)
        }
    }

    private struct Wire: Decodable {
        struct Item: Decodable {
            /// nil: without an id.
            let entry: Entry?

            private enum Key: String, CodingKey {
                case id, event_type, updated_at
            }

            init(from decoder: any Decoder) {
                guard let fields = try? decoder.container(keyedBy: Key.self),
                    let id = try? fields.decode(Int.self, forKey: .id)
                else {
                    entry = nil
                    return
                }
                entry = Entry(
                    id: id, eventType: try? fields.shortText(.event_type),
                    updatedAt: try? fields.shortText(.updated_at))
            }
        }

        let list: WebhookList

        private enum Key: String, CodingKey {
            case page, max_page, count, items
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: Key.self)
            let items = try fields.decode([Item].self, forKey: .items)
            let entries = items.compactMap(\.entry)
            let number = { (key: Key, least: Int) in
                (try? fields.decode(Int.self, forKey: key)).flatMap { $0 >= least ? $0 : nil }
            }
            list = WebhookList(
                page: number(.page, 1), maximumPage: number(.max_page, 0), count: number(.count, 0),
                entries: entries, unreadable: items.count - entries.count)
        }
    }
}

/// The API's own JSON error, `{"error": {"json": …}}`, which tells its 404 from that of a gateway on the way.
package enum APIErrorBody {
    package static func isAPIError(_ body: [UInt8]) -> Bool {
        struct Wire: Decodable {
            struct Fault: Decodable {
                /// Text, or more to it.
                struct Detail: Decodable {
                    init(from decoder: any Decoder) throws {
                        if (try? decoder.singleValueContainer().decode(String.self)) == nil {
                            _ = try decoder.container(keyedBy: Name.self)
                        }
                    }
                }
                var json: Detail
            }
            struct Name: CodingKey {
                var stringValue: String
                var intValue: Int? { nil }
                init?(stringValue: String) { self.stringValue = stringValue }
                init?(intValue: Int) { nil }
            }
            var error: Fault
        }
        return (try? JSONNames.decode(Wire.self, from: body)) != nil
    }
}
