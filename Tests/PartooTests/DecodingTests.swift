import Partoo
import TestSupport
import Testing
import Transport

@Suite(.timeLimit(.minutes(10))) struct DecodingTests {
    @Test func readsTheSample() throws {
        let read = try WebhookConfiguration(json: SampleAnswer.json(), id: 1)
        #expect(
            read
                == WebhookConfiguration(
                    id: 1, url: Secret("https://example.com/webhook"), eventType: "business_created",
                    createdAt: 1_732_723_844.929678, updatedAt: 1_732_810_244, orgID: 7,
                    customHeaders: [
                        HeaderField("X-Auth-Token", "secret-token"), HeaderField("X-My-Header", "my-value"),
                    ]))
    }

    @Test(arguments: [nil, "null", "{}", "[]", "[ ]"] as [String?])
    func noHeadersAreWrittenInManyWays(headers: String?) throws {
        let json = SampleAnswer.json(["custom_headers": headers])
        #expect(try WebhookConfiguration(json: json, id: 1).customHeaders.isEmpty)
    }

    @Test func unknownFieldsAndEventTypesAreNoFault() throws {
        let json = SampleAnswer.json(
            ["event_type": #""something_new""#], adding: [#""extra": {"a": [1, null, {}]}"#, #""more": 1e400"#])
        #expect(try WebhookConfiguration(json: json, id: nil).eventType == "something_new")
    }

    @Test(arguments: ["null", "1", "true", "[]", "{}", #""""#, #""soon""#, #""2024-13-01T00:00:00Z""#])
    func anUnreadableTimeCostsOnlyItself(time: String) throws {
        let read = try WebhookConfiguration(json: SampleAnswer.json(["created_at": time]), id: 1)
        #expect(read.createdAt == nil && read.updatedAt == 1_732_810_244)
    }

    @Test(arguments: ["id", "url", "event_type", "created_at", "updated_at", "org_id"])
    func aMissingFieldIsNamed(field: String) {
        #expect(fault(SampleAnswer.json([field: nil])) == "the field `\(field)` is missing")
    }

    @Test(arguments: [
        ("id", ["null", #""1""#, "1.5", "true", "[1]", "{}", "1e400", "-1e400", "9223372036854775808", "1e19"]),
        ("org_id", ["null", #""7""#, "7.5", "false", "[]", "1e400", "9223372036854775808"]),
        ("url", ["null", "1", "[]", "{}", "true"]), ("event_type", ["null", "1", "[]", "{}"]),
        (
            "custom_headers",
            [
                "[[]]", "[{}]", #"["X-A"]"#, #""""#, #""X""#, "1", #"{"X-A": 1}"#, #"{"X-A": null}"#,
                #"{"X-A": ["a"]}"#, #"{"X-A": {}}"#,
            ]
        ),
    ])
    func anotherTypeIsMalformed(field: String, values: [String]) {
        for value in values {
            let description = fault(SampleAnswer.json([field: value]))
            // A number that no type holds may be taken for bad JSON as a whole.
            #expect(
                description == "the field `\(field)` is not of the documented type" || description == "not JSON",
                "\(value): \(description ?? "was read")")
        }
    }

    @Test func anotherIDThanAskedForIsMalformed() {
        #expect(fault(SampleAnswer.json(), id: 2) == "another id than asked for")
        #expect(fault(SampleAnswer.json(["id": "-1"]), id: 1) == "another id than asked for")
        #expect(fault(SampleAnswer.json(), id: nil) == nil)
        #expect(fault(SampleAnswer.json(["id": "9223372036854775807"]), id: .max) == nil)
    }

    @Test func anIDThatStandsTwiceIsTheOneAskedForOrMalformed() {
        for json in [#"{"id": 1, "id": 2,"#, #"{"id": 2, "id": 1,"#] {
            let bytes = Array(json.utf8) + SampleAnswer.json(["id": nil]).dropFirst()
            if let read = try? WebhookConfiguration(json: bytes, id: 1) { #expect(read.id == 1) }
        }
    }

    @Test(arguments: [
        "", " ", "null", "[]", "1", "true", #""x""#, "{", "}", "{}", #"{"id": 1"#, "<html></html>", "\u{feff}", "NaN",
    ])
    func anythingElseIsMalformed(text: String) {
        #expect(fault(Array(text.utf8)) != nil)
    }

    @Test func hostileAnswersAreMalformedAndNoMore() {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        let inner = String(repeating: "[", count: 100_000)
        let objects = String(repeating: #"{"a":"#, count: 100_000)
        #expect(fault(deep) == "not JSON")
        #expect(fault(SampleAnswer.json(adding: [#""x": \#(inner)"#])) != nil)
        #expect(fault(SampleAnswer.json(["custom_headers": objects])) != nil)
        #expect(fault(Array(objects.utf8)) != nil)
        for bytes in [[0xff, 0xfe], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0]] as [[UInt8]] {
            #expect(fault(bytes) != nil)
            let broken = Array(#"{"id":1,"url":""#.utf8) + bytes + Array(#""}"#.utf8)
            #expect(fault(broken) != nil)
        }
        #expect(!APIErrorBody.isAPIError(deep) && !APIErrorBody.isAPIError(Array(objects.utf8)))
    }

    @Test func aMegabyteIsRead() throws {
        let url = "https://example.com/" + String(repeating: "a", count: (1 << 20) - 300)
        let read = try WebhookConfiguration(json: SampleAnswer.json(["url": "\"\(url)\""]), id: 1)
        #expect(read.url.reveal() == url)
    }

    /// A value, or a customer's header name, must never be quoted in what is said of it.
    @Test(arguments: UInt64(1)...8)
    func neitherMutationsNorNoiseCrashOrTell(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let original = SampleAnswer.json([
            "url": #""https://example.com/CANARY""#, "event_type": #""CANARY""#,
            "custom_headers": #"{"X-CANARY": "CANARY", "X-B": "CANARY"}"#,
        ])
        let tokens = [
            "null", "{", "}", "[", "]", ",", ":", "\"", "\\u0000", "\\ud800", "1e999", "-", "\"id\"", "true", "0x1",
        ]
        for _ in 0..<600 {
            let mutated = random.mutated(original, tokens: tokens)
            if let fault = fault(mutated) { #expect(!fault.contains("CANARY"), "\(fault)") }
            if let fault = fault([UInt8(ascii: "[")] + mutated, asList: true) { #expect(!fault.contains("CANARY")) }
            _ = APIErrorBody.isAPIError(mutated)
            let noise = (0..<Int.random(in: 0...64, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            #expect(fault(noise) != nil)
        }
    }

    private func fault(_ json: [UInt8], id: Int? = 1, asList: Bool = false) -> String? {
        do throws(MalformedAnswer) {
            if asList { _ = try WebhookList(json: json) } else { _ = try WebhookConfiguration(json: json, id: id) }
            return nil
        } catch {
            return error.description
        }
    }

    // MARK: List and errors

    @Test func readsAPageOfTheList() throws {
        let item = #"{"id": 3, "event_type": "x", "updated_at": "t", "org_id": 4, "url": "https://a"}"#
        let list = try WebhookList(json: Array(#"{"page": 1, "max_page": 2, "count": 101, "items": [\#(item)]}"#.utf8))
        #expect(list.page == 1 && list.maximumPage == 2 && list.count == 101)
        #expect(list.entries == [.init(id: 3, eventType: "x", updatedAt: "t")] && list.unreadable == 0)
    }

    /// One webhook's fault costs that webhook a field, and not an organisation its list.
    @Test(arguments: ["", "null", "17", "1e400", #"{"a": [1]}"#, "[]"])
    func whatAnItemDoesNotTellCostsOnlyItself(value: String) throws {
        for name in ["event_type", "updated_at", "org_id"] {
            var fields = ["event_type": #""x""#, "updated_at": #""t""#, "org_id": "4"]
            fields[name] = value.isEmpty ? nil : value
            let item = fields.map { #""\#($0)": \#($1)"# } + [#""id": 3"#]
            let json = #"{"page": 1, "max_page": 1, "count": 1, "items": [{\#(item.joined(separator: ", "))}]}"#
            let list = try WebhookList(json: Array(json.utf8))
            let read = WebhookList.Entry(
                id: 3, eventType: name == "event_type" ? nil : "x", updatedAt: name == "updated_at" ? nil : "t")
            #expect(list.entries == [read] && list.unreadable == 0)
        }
    }

    @Test(arguments: [
        #"{"id": "1"}"#, #"{"id": null}"#, #"{"id": 1.5}"#, #"{"url": "x"}"#, "1", "null", "[]", "{}", #""x""#,
    ])
    func anItemWithoutAnIDIsLeftOutAndCounted(item: String) throws {
        let items = #"{"id": 3}, \#(item), {"id": 4}"#
        let list = try WebhookList(json: Array(#"{"page": 1, "max_page": 1, "count": 3, "items": [\#(items)]}"#.utf8))
        #expect(list.entries.map(\.id) == [3, 4] && list.unreadable == 1)
    }

    /// To compare it would take long, where it holds combining marks.
    @Test func whatIsFarTooLongIsNotLookedAt() throws {
        func read(_ fields: [String: String?]) -> Result<WebhookConfiguration, MalformedAnswer> {
            Result { () throws(MalformedAnswer) in try WebhookConfiguration(json: SampleAnswer.json(fields), id: 1) }
        }
        let good = String(repeating: "a", count: 1024)
        let long = String(repeating: "\u{300}", count: 513)
        #expect(throws: Never.self) {
            _ = try read(["event_type": "\"\(good)\""]).get()
            _ = try read(["custom_headers": "{\"\(good)\": \"\(long)\"}"]).get()
        }
        for fields in [
            ["event_type": "\"\(good)a\""], ["event_type": "\"\(long)\""],
            ["custom_headers": "{\"\(long)\" \n: \"v\"}"], ["custom_headers": "{\"a\\\"\(good)\": \"v\"}"],
        ] {
            #expect(throws: MalformedAnswer.self) { try read(fields).get() }
        }
        let item = "{\"id\": 3, \"event_type\": \"\(long)\", \"updated_at\": \"\(long)\"}"
        let list = try WebhookList(json: Array("{\"page\": 1, \"items\": [\(item)]}".utf8))
        #expect(list.entries == [.init(id: 3, eventType: nil, updatedAt: nil)])
        #expect(throws: MalformedAnswer.self) { try WebhookList(json: Array("{\"items\": [{\"\(long)\": 1}]}".utf8)) }
        // Broken JSON is that, and no more.
        for text in ["\"", "\"\(long)", "{\"\(long)\\", "\\"] {
            #expect(throws: MalformedAnswer.self) { try WebhookList(json: Array(text.utf8)) }
        }
    }

    @Test(arguments: ["", "null", #""1""#, "-1", "1.5", "{}"])
    func aNumberOfAListMayBeLacking(value: String) throws {
        for name in ["page", "max_page", "count"] {
            var numbers = ["page": "1", "max_page": "2", "count": "101"]
            numbers[name] = value.isEmpty ? nil : value
            let fields = numbers.map { #""\#($0)": \#($1)"# } + [#""items": [{"id": 3}]"#]
            let list = try WebhookList(json: Array("{\(fields.joined(separator: ", "))}".utf8))
            #expect(list.page == (name == "page" ? nil : 1) && list.maximumPage == (name == "max_page" ? nil : 2))
            #expect(list.count == (name == "count" ? nil : 101) && list.entries.map(\.id) == [3])
        }
        #expect(try WebhookList(json: Array(#"{"page": 0, "items": []}"#.utf8)).page == nil, "pages begin at 1")
    }

    @Test(arguments: [
        #"{"page": 1, "max_page": 1, "count": 0}"#, #"{"page": 1, "max_page": 1, "count": 0, "items": {}}"#,
        #"{"page": 1, "max_page": 1, "count": 0, "items": null}"#, "[]", "", "null", "1",
    ])
    func anotherListIsMalformed(json: String) {
        #expect(throws: MalformedAnswer.self) { try WebhookList(json: Array(json.utf8)) }
    }

    @Test(arguments: [
        (#"{"error": {"json": "Resource not found"}}"#, true), (#"{"error": {}}"#, false),
        (#"{"error": {"json": {"a": 1}}, "x": 1}"#, true), (#"{"error": "not found"}"#, false),
        (#"{"error": null}"#, false), (#"{"error": []}"#, false), (#"{"errors": {"json": "x"}}"#, false),
        (#"{"error": {"code": 404, "message": "no Route matched"}}"#, false), (#"{"error": {"json": null}}"#, false),
        (#"{"error": {"json": 404}}"#, false), ("{}", false), ("", false), ("<h1>404</h1>", false), ("[]", false),
    ])
    func theAPIsOwnErrorIsKnown(body: String, isOwn: Bool) {
        #expect(APIErrorBody.isAPIError(Array(body.utf8)) == isOwn)
    }
}
