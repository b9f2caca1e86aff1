import CCurl
import Foundation
import Simulator
import TestSupport
import Testing
import Transport

@testable import Curl

/// Options that no request shows while others stand before them: the product's own code sets them on a handle, and the test
/// takes away what stands before.
@Suite struct OptionTests {
    private struct Outcome: Equatable {
        var code: UInt32
        var body: [UInt8] = []

        init(_ code: CURLcode, _ body: [UInt8] = []) {
            self.code = code.rawValue
            self.body = body
        }
    }

    /// Lets a handle be used that is prepared for a request, as the loop does it.
    private func prepared<Value>(
        _ request: Request, before: (EasyHandle) -> Void = { _ in }, _ use: (EasyHandle) -> Value
    ) async throws -> Value {
        var value: Value?
        _ = await withCheckedContinuation { continuation in
            let job = Job(ticket: Ticket(id: 1), request: request, continuation: continuation)
            defer { job.finish(.cancelled) }
            guard let handle = EasyHandle() else { return }
            before(handle)
            let settings = CurlTransport.Settings(connections: .fresh, bundleLifetime: .seconds(600))
            if handle.prepare(job, settings) == nil { value = use(handle) }
        }
        return try #require(value)
    }

    private func run(_ handle: EasyHandle) -> Outcome {
        Outcome(curl_easy_perform(handle.pointer), handle.seen.response.body)
    }

    // MARK: Schemes

    @Test func noFileIsRead() async throws {
        let fixture = try Fixture()
        let file = try fixture.write("canary", to: "canary")
        let outcome = try await prepared(fixture.request("http://127.0.0.1:1/")) { handle in
            handle.set(CURLOPT_URL, "file://\(file)")
            return run(handle)
        }
        #expect(outcome == Outcome(CURLE_UNSUPPORTED_PROTOCOL))
    }

    /// libcurl's own list for redirects holds FTP.
    @Test func noRedirectLeadsToAnotherScheme() async throws {
        let fixture = try Fixture()
        let elsewhere = try RawServer { _ in }
        let server = try RawServer { connection in
            _ = connection.readRequest()
            connection.write(page("302 Found", ["Location: ftp://127.0.0.1:\(elsewhere.port)/"]))
        }
        let outcome = try await prepared(fixture.request("http://127.0.0.1:\(server.port)/")) { handle in
            handle.set(CURLOPT_PROTOCOLS_STR, "http,https,ftp")
            handle.set(CURLOPT_FOLLOWLOCATION, 1)
            return run(handle)
        }
        #expect(outcome == Outcome(CURLE_UNSUPPORTED_PROTOCOL))
        #expect(server.connections == 1 && elsewhere.connections == 0)
    }

    // MARK: Timeouts

    /// Left alone, libcurl gives up connecting after five minutes. Without the timeout for the whole, and with its wait for
    /// the other address family out of the way, the time after which it wants to be woken is that for connecting.
    @Test func connectingMayTakeAsLongAsTheWhole() async throws {
        let fixture = try Fixture()
        let server = try RawServer { $0.hold() }
        let milliseconds = try await prepared(
            fixture.request("https://127.0.0.1:\(server.port)/", timeout: .seconds(600))
        ) { handle in
            handle.set(CURLOPT_TIMEOUT_MS, 0)
            handle.set(CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, 3_600_000)
            guard let multi = curl_multi_init() else { return 0 }
            curl_multi_add_handle(multi, handle.pointer)
            var milliseconds = 0
            for _ in 0..<1000 where milliseconds == 0 {
                var active: Int32 = 0
                curl_multi_perform(multi, &active)
                curl_multi_timeout(multi, &milliseconds)
            }
            curl_multi_remove_handle(multi, handle.pointer)
            curl_multi_cleanup(multi)
            return milliseconds
        }
        #expect(milliseconds > 300_000 && milliseconds <= 600_000, "\(milliseconds)")
    }

    /// What the loop did meanwhile is no part of connecting, also where only the handshake tells when the connection stood.
    @Test func aLoopThatIsLateIsNoSlowConnection() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server(.untrusted)
        let transfer = try await prepared(fixture.request("https://127.0.0.1:\(server.port)/")) { handle in
            handle.seen.started -= .milliseconds(300)
            return handle.outcome(curl_easy_perform(handle.pointer))
        }
        #expect(transfer.reason == .tlsUntrusted, "\(transfer.result)")
        #expect((transfer.timings.tls ?? .zero) > .zero, "\(transfer.timings)")
        transfer.expectWholePhases()
        await server.stop()
    }

    /// Nor is it a slow receiver, on a connection that is kept and opens no socket to tell the time by.
    @Test func aLoopThatIsLateIsNoSlowReceiver() async throws {
        let fixture = try Fixture()
        let server = try RawServer { connection in
            while !connection.readRequest().isEmpty {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                connection.pause(milliseconds: 200)
                connection.write("ok")
            }
        }
        let transfer = try await prepared(fixture.request("http://127.0.0.1:\(server.port)/", .post)) { handle in
            handle.set(CURLOPT_FRESH_CONNECT, 0)
            handle.set(CURLOPT_FORBID_REUSE, 0)
            _ = curl_easy_perform(handle.pointer)
            handle.seen = EasyHandle.Seen()
            handle.seen.response.maximumBodyBytes = 100
            // Longer than the whole, however busy the machine is.
            handle.seen.started -= .seconds(300)
            return handle.outcome(curl_easy_perform(handle.pointer))
        }
        #expect(transfer.response?.status == 200 && transfer.timings.connect == nil && server.connections == 1)
        #expect((transfer.timings.transfer ?? .zero) > .zero, "\(transfer.timings)")
        transfer.expectWholePhases()
    }

    // MARK: Authorities

    /// Which authorities libcurl knows of by itself is a matter of who built it. None of them is asked, for the target or the
    /// proxy: a folder costs too much, and trust is to be what the configuration says.
    @Test(arguments: ["https", "http"], [true, false])
    func libcurlsOwnAuthoritiesAreNotAsked(_ scheme: String, _ isFolder: Bool) async throws {
        let fixture = try Fixture()
        let server = try await fixture.server(respond: { _ in .response(200, "believed") })
        let usesProxy = scheme == "http"
        let (option, value) =
            isFolder
            ? (usesProxy ? CURLOPT_PROXY_CAPATH : CURLOPT_CAPATH, try authorityFolder(fixture))
            : (usesProxy ? CURLOPT_PROXY_CAINFO : CURLOPT_CAINFO, fixture.caFile)
        var request = fixture.request("\(scheme)://127.0.0.1:\(server.port)/")
        request.tls.caFile = nil
        if usesProxy { request.proxy = Secret("https://127.0.0.1:\(server.port)") }

        let outcome = try await prepared(request, before: { $0.set(option, value) }, run)
        #expect(outcome == Outcome(CURLE_PEER_FAILED_VERIFICATION))
        let believing = try await prepared(request) { handle in
            handle.set(option, value)
            return run(handle)
        }
        #expect(believing == Outcome(CURLE_OK, Array("believed".utf8)), "else the first would show nothing")
        await server.stop()
    }

    /// A folder that OpenSSL finds the authority in: files named after a hash of the subject.
    private func authorityFolder(_ fixture: Fixture) throws -> String {
        let pem = Array(try fixture.authority.pem.utf8)
        let source = BIO_new_mem_buf(pem, Int32(pem.count))
        defer { BIO_free(source) }
        let certificate = try #require(PEM_read_bio_X509(source, nil, nil, nil))
        defer { X509_free(certificate) }
        let hash = String(X509_subject_name_hash(certificate), radix: 16)
        let name = String(repeating: "0", count: 8 - hash.count) + hash + ".0"
        _ = try fixture.write(String(decoding: pem, as: UTF8.self), to: name)
        return fixture.folder.path
    }
}
