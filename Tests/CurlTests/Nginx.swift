import Foundation
import Glibc
import Simulator
import Synchronization
import TestSupport
import Transport

/// A real server with HTTP/2 and client certificates, on a loopback address of the test's own, gone when the test is.
final class Nginx: Sendable {
    enum Site: Int, CaseIterable {
        /// HTTP/2 by ALPN; session tickets.
        case both
        case http1
        case tls1_2
        case tls1_1
        case clientCertificate
        /// HTTP/2 without TLS.
        case clear
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let address: String
    private let process: ChildProcess
    private let fixture: Fixture
    private static let number = Atomic(0)

    /// - Parameters:
    ///   - chain: certificates that are sent behind the leaf.
    ///   - backend: a port on 127.0.0.1, behind `/backend`.
    ///   - named: whether the certificate is for `another.example` instead of the address.
    init(_ fixture: Fixture, chain: [String] = [], backend: Int = 1, named: Bool = false) async throws {
        self.fixture = fixture
        let number = Self.number.add(1, ordering: .relaxed).newValue
        let own = Int(getpid())
        // An address for each, so that fixed ports are free.
        address = "127.\(100 + own >> 8 & 0x3f).\(own & 0xff).\(1 + number % 250)"
        let identity = try fixture.authority.issue(named ? .wrongHost : .good, address: address)
        let certificate = try fixture.write(
            ([identity.certificatePEM] + chain).joined(separator: "\n"), to: "nginx.pem")
        let key = try fixture.write(identity.keyPEM, to: "nginx.key")
        try FileManager.default.createDirectory(
            at: fixture.folder.appendingPathComponent("served"), withIntermediateDirectories: true)
        _ = try fixture.write(String(repeating: "0123456789", count: 300_000), to: "served/big")
        let shown =
            "$ssl_session_reused|$ssl_server_name|$http_host|$ssl_client_verify|$ssl_protocol|$server_protocol|"
            + "$request_method|$content_type|$http_x_empty|$http_x_filled|$connection"
        let answer = """
            location / { return 200 "\(shown)"; }
            location /slow { alias \(fixture.folder.path)/served/big; limit_rate 20k; }
            location /big { root \(fixture.folder.path)/served; }
            location /backend { proxy_pass http://127.0.0.1:\(backend); }
            location /header { add_header X-Long "\(String(repeating: "a", count: 3000))"; return 200; }
            """
        let tls = "ssl_certificate \(certificate); ssl_certificate_key \(key);"
        let address = address
        func site(_ site: Site, _ listen: String, _ more: String = "") -> String {
            "server { listen \(address):\(Self.port(site)) \(listen); \(more) \(answer) }"
        }
        let configuration = """
            daemon off; master_process off; pid \(fixture.folder.path)/nginx.pid; error_log stderr;
            events { worker_connections 256; }
            http {
                access_log \(fixture.folder.path)/access.log; default_type text/plain; ssl_protocols TLSv1.2 TLSv1.3;
                client_body_temp_path \(fixture.folder.path)/body; proxy_temp_path \(fixture.folder.path)/proxy;
                fastcgi_temp_path \(fixture.folder.path)/fastcgi; uwsgi_temp_path \(fixture.folder.path)/uwsgi;
                scgi_temp_path \(fixture.folder.path)/scgi;
                \(site(.both, "ssl http2", tls + " keepalive_timeout 0; ssl_session_cache shared:a:1m;"))
                \(site(.http1, "ssl", tls))
                \(site(.tls1_2, "ssl", tls + " ssl_protocols TLSv1.2;"))
                \(site(.tls1_1, "ssl", tls + " ssl_protocols TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;"))
                \(site(.clientCertificate, "ssl", tls + " ssl_client_certificate \(fixture.caFile); ssl_verify_client optional;"))
                \(site(.clear, "http2"))
            }
            """
        let file = try fixture.write(configuration, to: "nginx.conf")
        process = try ChildProcess("/usr/sbin/nginx", ["-p", fixture.folder.path, "-c", file])
        let isUp = try await eventually { [process, url = url(.http1)] () -> Bool? in
            if await fixture.perform(url, change: { $0.tls.insecureSkipVerify = true }).response != nil { return true }
            return process.errors.contains("[emerg]") ? false : nil
        }
        guard isUp == true else { throw Failure(description: "nginx does not start: \(process.errors)") }
    }

    private static func port(_ site: Site) -> Int { 18_440 + site.rawValue }

    func url(_ site: Site, _ path: String = "/") -> String {
        "\(site == .clear ? "http" : "https")://\(address):\(Self.port(site))\(path)"
    }

    func origin(_ site: Site) -> String { "\(address):\(Self.port(site))" }

    /// The lines that requests left, in their order.
    var log: [Substring] {
        let text = try? String(contentsOf: fixture.folder.appendingPathComponent("access.log"), encoding: .utf8)
        return (text ?? "").split(separator: "\n")
    }
}

extension Transfer {
    /// What nginx saw.
    struct Seen {
        private let fields: [Substring]

        init(_ text: String) { fields = text.split(separator: "|", omittingEmptySubsequences: false) }

        private subscript(_ index: Int) -> String { index < fields.count ? String(fields[index]) : "missing" }

        var isResumed: Bool { self[0] == "r" }
        var serverName: String { self[1] }
        var host: String { self[2] }
        var clientVerdict: String { self[3] }
        var tlsVersion: String { self[4] }
        var httpVersion: String { self[5] }
        var method: String { self[6] }
        var contentType: String { self[7] }
        var emptyHeader: String { self[8] }
        var filledHeader: String { self[9] }
        /// The number of the connection.
        var connection: String { self[10] }
    }

    var seen: Seen { Seen(text) }
}
