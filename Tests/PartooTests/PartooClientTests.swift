import Partoo
import TestSupport
import Testing
import Transport

@Suite struct PartooClientTests {
    private static let now = 784_111_777.0
    private static let ownError = #"{"error": {"json": "Resource not found"}}"#

    private func client(_ answer: Transfer) -> (PartooClient, ScriptedTransport) {
        let transport = ScriptedTransport([answer])
        let client = PartooClient(
            transport: transport, baseURL: "https://api.partoo.co/v2", apiKey: Secret("CANARY-KEY"),
            userAgent: "agent/1", caFile: "/ca.pem", now: { Self.now })
        return (client, transport)
    }

    @Test func asksForOneWebhookAsTheReferenceSays() async throws {
        let (client, transport) = client(.answer(200, String(decoding: SampleAnswer.json(), as: UTF8.self)))
        guard case .configuration(let read)? = await client.fetchWebhook(1, orgID: nil)?.outcome else {
            Issue.record("not read")
            return
        }
        #expect(read.id == 1)
        _ = await client.fetchWebhook(1, orgID: 42)
        _ = await client.listWebhooks(orgID: nil, page: 1)
        _ = await client.listWebhooks(orgID: 42, page: 3, perPage: 10)
        let requests = transport.requests
        #expect(
            requests.map { $0.url.reveal() } == [
                "https://api.partoo.co/v2/webhooks/1", "https://api.partoo.co/v2/webhooks/1?org_id=42",
                "https://api.partoo.co/v2/webhooks?page=1&per_page=100",
                "https://api.partoo.co/v2/webhooks?org_id=42&page=3&per_page=10",
            ])
        for request in requests {
            #expect(request.method == .get && request.body.isEmpty && request.httpVersion == .http1_1)
            #expect(request.values(of: "x-apikey") == ["CANARY-KEY"] && request.values(of: "User-Agent") == ["agent/1"])
            #expect(request.maximumResponseBytes == 1 << 20 && request.tls.caFile == "/ca.pem")
            #expect(request.proxy == nil && !request.proxyFromEnvironment && request.isAddressAllowed == nil)
        }
    }

    @Test(
        arguments: [
            (Transfer.answer(401, #"{"error": {"authentication": "CANARY"}}"#), .unauthorized),
            (.answer(403, "CANARY"), .forbidden),
            (.answer(404, "<h1>CANARY</h1>"), .unexpectedStatus), (.answer(404), .unexpectedStatus),
            (.answer(404, #"{"error": "CANARY"}"#), .unexpectedStatus), (.answer(400, ownError), .unexpectedStatus),
            (.answer(429, "CANARY"), .rateLimited), (.answer(500), .serverError),
            (.answer(502, ownError), .serverError),
            (.answer(599), .serverError), (.answer(600), .unexpectedStatus), (.answer(415), .unexpectedStatus),
            // Never followed.
            (.answer(301, headers: [("Location", "https://evil.example/CANARY")]), .unexpectedStatus),
            (.answer(307, headers: [("Location", "https://evil.example/CANARY")]), .unexpectedStatus),
            (.answer(201, "CANARY"), .unexpectedStatus), (.answer(204), .unexpectedStatus), (.answer(200), .malformed),
            (.answer(200, #"{"CANARY": "#), .malformed), (.answer(200, "{}"), .malformed),
            (.answer(200, String(decoding: SampleAnswer.json(), as: UTF8.self), truncated: true), .malformed),
            (.answer(200, String(decoding: SampleAnswer.json(["id": "2"]), as: UTF8.self)), .malformed),
            (.failure(.dns), .dns), (.failure(.connectRefused), .connect), (.failure(.connectTimeout), .connect),
            (.failure(.connect), .connect), (.failure(.reset), .connect), (.failure(.emptyResponse), .connect),
            (.failure(.proxy), .connect), (.failure(.tlsExpired), .tls), (.failure(.tlsNotYetValid), .tls),
            (.failure(.tlsHostname), .tls), (.failure(.tlsUntrusted), .tls), (.failure(.tlsHandshake), .tls),
            (.failure(.tlsTimeout), .tls), (.failure(.responseTimeout), .timeout),
            (.failure(.httpProtocol), .malformed),
            (.failure(.urlInvalid), .internal), (.failure(.headerInvalid), .internal),
            (.failure(.schemeForbidden), .internal),
            (.failure(.internal), .internal),
        ] as [(Transfer, CheckFailureReason)])
    func everyFailureHasItsReason(transfer: Transfer, reason: CheckFailureReason) async {
        let (client, transport) = client(transfer)
        guard let answer = await client.fetchWebhook(1, orgID: nil), case .failure(let failure) = answer.outcome else {
            Issue.record("no failure")
            return
        }
        #expect(failure.reason == reason && answer.call.failure == failure)
        #expect(!failure.message.contains("CANARY") && !failure.message.isEmpty)
        #expect((failure.retryAfter != nil) == (reason == .rateLimited))
        #expect(transport.requests.count == 1)
        if case .success(let response) = transfer.result {
            #expect(answer.call.status == response.status)
        } else {
            #expect(answer.call.status == nil)
        }
    }

    @Test func theAPIsOwn404IsMissing() async {
        let (client, _) = client(.answer(404, Self.ownError, timings: Timings(total: .seconds(2))))
        let answer = await client.fetchWebhook(1, orgID: nil)
        guard case .missing? = answer?.outcome else {
            Issue.record("not missing")
            return
        }
        // Understood, so no failure of the call.
        #expect(answer?.call.failure == nil && answer?.call.status == 404 && answer?.call.duration == .seconds(2))
    }

    @Test func aListIsNeverMissing() async {
        let (client, _) = client(.answer(404, Self.ownError))
        guard case .failure(let failure)? = await client.listWebhooks(orgID: nil, page: 1)?.result else {
            Issue.record("a list")
            return
        }
        #expect(failure.reason == .unexpectedStatus)
    }

    @Test(
        arguments: [
            ("60", 60), (nil, 60), ("0", 0), ("10000", 900), ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("?", 60),
        ] as [(String?, Int)])
    func rateLimitsSayHowLong(header: String?, seconds: Int) async {
        let (client, _) = client(.answer(429, headers: header.map { [("retry-after", $0)] } ?? []))
        let call = await client.fetchWebhook(1, orgID: nil)?.call
        #expect(call?.failure?.retryAfter == .seconds(seconds))
    }

    @Test func aCancelledCallIsNone() async {
        let (client, _) = client(.failure(.cancelled))
        #expect(await client.fetchWebhook(1, orgID: nil) == nil)
        #expect(await client.listWebhooks(orgID: nil, page: 1) == nil)
    }
}
