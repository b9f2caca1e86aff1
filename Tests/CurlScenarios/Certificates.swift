import CCurl
import Curl
import Foundation
import Simulator
import Transport

/// Names that certificates are for, the second look at them, and our own.
enum Certificates {
    /// Where an international name leads, and what the server is told, when it is to prove another name.
    static func anotherName() async throws {
        let names = try NameServer()
        names.set("xn--bcher-kva.test", "127.0.0.1")
        let identity = try SimulatedCertificateAuthority().issue(.good)
        let server = try await LoopbackServer.start(identity: identity) { request in
            .response(200, headers: ["X-Host: \(request.header("Host") ?? "none")"])
        }
        let transport = try CurlTransport(connections: .fresh)
        let transfer = await transport.get("https://b\u{fc}cher.test:\(server.port)/") {
            $0.tls = TLSOptions(serverName: "localhost", insecureSkipVerify: true)
        }
        let host = try transfer.result.get().header("X-Host") ?? "none"
        say("\(transfer.outcome), host \(host.replacing(":\(server.port)", with: ""))")
        transport.shutdown()
        await server.stop()
    }

    /// It goes to the address of the first, whatever the name leads to by then.
    static func pinned() async throws {
        let names = try NameServer()
        let authority = try SimulatedCertificateAuthority()
        let server = try await LoopbackServer.start(identity: try authority.issue(.good)) { _ in .response(200) }
        let transport = try CurlTransport(connections: .fresh)
        for (name, asked) in [("cert.test", "cert.test"), ("b\u{fc}cher.test", "xn--bcher-kva.test")] {
            names.set(asked, "127.0.0.1")
            let transfer = await transport.get("https://\(name):\(server.port)/")
            let isSeen = transfer.tls?.leafNotAfter != nil
            say("\(name): \(transfer.outcome), certificate seen: \(isSeen), lookups: \(names.count(asked))")
        }
        transport.shutdown()
        await server.stop()
    }

    /// Without a terminal OpenSSL would read the passphrase from standard input, where the right one is.
    static func passphrase() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("curl-scenario-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, _ name: String) throws -> String {
            let path = folder.appendingPathComponent(name).path
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        dup2(open(try write("canary\n", "input"), O_RDONLY), STDIN_FILENO)
        let authority = try SimulatedCertificateAuthority()
        let caFile = try write(try authority.pem, "ca.pem")
        let own = try authority.issue(.good)
        let certificateFile = try write(own.certificatePEM, "own.pem")
        let server = try await LoopbackServer.start(identity: try authority.issue(.good)) { _ in .response(200) }
        let transport = try CurlTransport(connections: .fresh)
        for (title, key) in [("in clear", own.keyPEM), ("under a passphrase", encrypted(own.keyPEM, "canary"))] {
            let keyFile = try write(key, "own-key.pem")
            let transfer = await transport.get("https://127.0.0.1:\(server.port)/") {
                $0.tls = TLSOptions(caFile: caFile, certificateFile: certificateFile, keyFile: keyFile)
            }
            say("key \(title): \(transfer.outcome)")
        }
        transport.shutdown()
        await server.stop()
    }

    private static func encrypted(_ pem: String, _ passphrase: String) -> String {
        let source = BIO_new_mem_buf(pem, Int32(pem.utf8.count))
        let result = BIO_new(BIO_s_mem())
        let key = PEM_read_bio_PrivateKey(source, nil, nil, nil)
        defer {
            BIO_free(source)
            BIO_free(result)
            EVP_PKEY_free(key)
        }
        PEM_write_bio_PKCS8PrivateKey(
            result, key, EVP_aes_128_cbc(), passphrase, Int32(passphrase.utf8.count), nil, nil)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = BIO_read(result, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(max(count, 0))), as: UTF8.self)
    }
}
