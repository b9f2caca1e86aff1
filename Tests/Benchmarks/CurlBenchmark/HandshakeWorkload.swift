import CCurl
import Curl
import Foundation
import Simulator
import Transport

/// Handshakes of each variant, and the CPU time that this process spends on them.
final class HandshakeWorkload {
    enum Variant: CaseIterable {
        /// Ours, with a bundle of one certificate, and of many.
        case one, many
        /// libcurl itself with the bundle of many, set as ours sets it, and with its default CA path left on.
        case libcurl, path
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let certificates = 140
    private let url: String
    private let one: String
    private let many: String
    private let transports: [Variant: CurlTransport]
    private let handles: [Variant: UnsafeMutableRawPointer]

    init(folder: URL, port: Int) throws {
        url = "https://127.0.0.1:\(port)/"
        one = folder.appendingPathComponent("one.pem").path
        many = folder.appendingPathComponent("many.pem").path
        // The system's own where it has them, since these are what is read in earnest; made up ones fill it.
        let system = (try? String(contentsOfFile: "/etc/ssl/certs/ca-certificates.crt", encoding: .utf8)) ?? ""
        let end = "-----END CERTIFICATE-----\n"
        var bundle = system.components(separatedBy: end).dropLast().prefix(certificates - 1).map { $0 + end }
        while bundle.count < certificates - 1 { bundle.append(try SimulatedCertificateAuthority().pem + "\n") }
        bundle.append(try String(contentsOfFile: one, encoding: .utf8) + "\n")
        try bundle.joined().write(toFile: many, atomically: true, encoding: .utf8)
        transports = [
            .one: try CurlTransport(connections: .fresh), .many: try CurlTransport(connections: .fresh),
        ]
        var handles: [Variant: UnsafeMutableRawPointer] = [:]
        for variant in [Variant.libcurl, .path] { handles[variant] = curl_easy_init() }
        self.handles = handles
    }

    /// Seconds of CPU time for each handshake.
    func cost(of variant: Variant, handshakes: Int) async throws -> Double {
        let before = Self.processorTime
        for _ in 0..<handshakes {
            if let transport = transports[variant] {
                try await handshake(transport, variant == .one ? one : many)
            } else if let handle = handles[variant] {
                try handshake(handle, hasPath: variant == .path)
            }
        }
        return (Self.processorTime - before) / Double(handshakes)
    }

    private func handshake(_ transport: CurlTransport, _ file: String) async throws {
        let transfer = await transport.perform(
            Request(
                method: .head, url: Secret(url), timeout: .seconds(20), httpVersion: .http1_1,
                tls: TLSOptions(caFile: file)))
        if case .failure(let error) = transfer.result { throw error }
    }

    private func handshake(_ handle: UnsafeMutableRawPointer, hasPath: Bool) throws {
        curl_easy_reset(handle)
        _ = partoo_easy_set_string(handle, CURLOPT_URL, url)
        _ = partoo_easy_set_string(handle, CURLOPT_CAINFO, many)
        if !hasPath { _ = partoo_easy_set_string(handle, CURLOPT_CAPATH, nil) }
        for option in [CURLOPT_NOBODY, CURLOPT_FRESH_CONNECT, CURLOPT_FORBID_REUSE] {
            _ = partoo_easy_set_long(handle, option, 1)
        }
        _ = partoo_easy_set_long(handle, CURLOPT_SSL_SESSIONID_CACHE, 0)
        let code = curl_easy_perform(handle)
        guard code == CURLE_OK else { throw Failure(description: "libcurl gave up with code \(code.rawValue)") }
    }

    private static var processorTime: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(seconds) + Double(microseconds) / 1e6
    }
}
