import ConfigurationFile
import Glibc
import NIOCore
import NIOSSL
import NIOTLS
import Transport

/// A TLS context made of a web configuration, for the connections that come while it is in force.
final class TLSSetup: Sendable {
    private let context: NIOSSLContext
    private let takesAnyCertificate: Bool
    private let allowedNames: [String]

    struct Failure: Error {
        var message: String
    }

    init(_ tls: WebConfiguration.TLS) throws(Failure) {
        let chain = try Self.certificates(tls.certificate, "cert_file")
        let key = try Self.key(tls.key)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = tls.minimumVersion.value
        configuration.maximumTLSVersion = tls.maximumVersion.value
        configuration.applicationProtocols = ["http/1.1"]
        // For the client's goodbye, when the server closes.
        configuration.shutdownTimeout = .seconds(1)
        let suites = tls.cipherSuites.filter { !$0.isTLS13 }
        if !suites.isEmpty { configuration.cipherSuiteValues = suites.map(\.value) }
        if !tls.curves.isEmpty { configuration.curves = tls.curves.map(\.value) }
        if let authority = tls.clientCA {
            configuration.trustRoots = .certificates(try Self.certificates(authority, "client_ca_file"))
        }
        configuration.certificateVerification = tls.clientAuthentication.verification
        takesAnyCertificate = tls.clientAuthentication.takesAnyCertificate
        allowedNames = tls.clientAllowedSANs
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw Failure(message: "certificate and key do not go together, or a TLS setting cannot be honoured")
        }
    }

    /// Puts TLS before whatever else the channel gets. On its event loop.
    func add(to channel: any Channel) throws {
        let handler: NIOSSLServerHandler
        if takesAnyCertificate {
            handler = NIOSSLServerHandler(
                context: context, customVerificationCallback: { _, promise in promise.succeed(.certificateVerified) },
                configuration: .init())
        } else {
            handler = NIOSSLServerHandler(
                context: context, customVerificationCallback: nil, configuration: .init())
        }
        try channel.pipeline.syncOperations.addHandlers([PlainHTTPGate(), handler])
        if !allowedNames.isEmpty {
            try channel.pipeline.syncOperations.addHandler(ClientNameGate(allowed: allowedNames))
        }
    }

    private static func bytes(_ material: WebConfiguration.Material, _ name: String) throws(Failure) -> [UInt8] {
        switch material {
        case .text(let secret): return Array(secret.reveal().utf8)
        case .file(let path):
            switch LocalFileSystem().read(path, limit: 1 << 20) {
            case .success(let contents): return contents.bytes
            case .failure(let failure): throw Failure(message: "`\(name)`: the file \(failure.rawValue)")
            }
        }
    }

    private static func certificates(
        _ material: WebConfiguration.Material, _ name: String
    ) throws(Failure) -> [NIOSSLCertificate] {
        let bytes = try bytes(material, name)
        guard let found = try? NIOSSLCertificate.fromPEMBytes(bytes), !found.isEmpty else {
            throw Failure(message: "`\(name)`: there is no certificate in PEM")
        }
        return found
    }

    private static func key(_ material: WebConfiguration.Material) throws(Failure) -> NIOSSLPrivateKey {
        let bytes = try bytes(material, "key_file")
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw Failure(message: "`key_file`: there is no unencrypted private key in PEM")
        }
        return key
    }
}

/// Tells a client that speaks plain HTTP so, which sees nothing but a closed connection otherwise.
private final class PlainHTTPGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case untouched, open, refused
    }

    private var phase = Phase.untouched

    private static let beginnings = ["GET /", "HEAD ", "POST ", "PUT /", "OPTIO"]
    private static let answer: String = {
        let text = "This port speaks HTTPS only.\n"
        return "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + "Content-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)"
    }()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .untouched = phase {
            let bytes = unwrapInboundIn(data).readableBytesView
            phase = Self.beginnings.contains { bytes.starts(with: $0.utf8) } ? .refused : .open
            if case .refused = phase {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: Self.answer)), promise: nil)
                context.close(promise: nil)
            }
        }
        if case .open = phase { context.fireChannelRead(data) }
    }
}

/// Lets nothing through until the client's certificate has shown one of the names.
private final class ClientNameGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let allowed: [String]
    private var isOpen = false

    init(allowed: [String]) {
        self.allowed = allowed
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let certificate = try? context.channel.pipeline.syncOperations.nioSSL_peerCertificate()
            isOpen = certificate.map { names(of: $0).contains(where: allowed.contains) } ?? false
            if !isOpen {
                context.close(promise: nil)
                return
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isOpen { context.fireChannelRead(data) }
    }

    private func names(of certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().compactMap { name in
            name.contents.withUnsafeBufferPointer { bytes in
                switch name.nameType {
                case .dnsName, .email, .uri: String(validating: bytes, as: UTF8.self)
                case .ipAddress: IPAddress(bytes: bytes)?.description
                default: nil
                }
            }
        }
    }
}

extension WebConfiguration.ClientAuthentication {
    fileprivate var verification: CertificateVerification {
        switch self {
        case .none: .none
        case .request, .verifyIfGiven: .optionalVerification
        case .requireAny, .require, .requireAndVerify: .noHostnameVerification
        }
    }

    fileprivate var takesAnyCertificate: Bool {
        switch self {
        case .request, .requireAny, .require: true
        case .none, .verifyIfGiven, .requireAndVerify: false
        }
    }
}

extension WebConfiguration.Version {
    fileprivate var value: TLSVersion {
        switch self {
        case .tls10: .tlsv1
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}

extension WebConfiguration.Curve {
    fileprivate var value: NIOTLSCurve {
        switch self {
        case .p256: .secp256r1
        case .p384: .secp384r1
        case .p521: .secp521r1
        case .x25519: .x25519
        case .x25519MLKEM768: .x25519_MLKEM768
        }
    }
}

extension WebConfiguration.CipherSuite {
    fileprivate var value: NIOTLSCipher {
        switch self {
        case .aes128GCM13: .TLS_AES_128_GCM_SHA256
        case .aes256GCM13: .TLS_AES_256_GCM_SHA384
        case .chacha13: .TLS_CHACHA20_POLY1305_SHA256
        case .rsaAES128CBC: .TLS_RSA_WITH_AES_128_CBC_SHA
        case .rsaAES256CBC: .TLS_RSA_WITH_AES_256_CBC_SHA
        case .rsaAES128GCM: .TLS_RSA_WITH_AES_128_GCM_SHA256
        case .rsaAES256GCM: .TLS_RSA_WITH_AES_256_GCM_SHA384
        case .ecdsaAES128CBC: .TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
        case .ecdsaAES256CBC: .TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
        case .ecdheRSAAES128CBC: .TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
        case .ecdheRSAAES256CBC: .TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
        case .ecdsaAES128GCM: .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        case .ecdsaAES256GCM: .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        case .ecdheRSAAES128GCM: .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        case .ecdheRSAAES256GCM: .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        case .ecdheRSAChacha: .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        case .ecdsaChacha: .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
    }
}
