package import Transport

/// What `--web.config.file` says: TLS, headers, users and a rate, in the format of Prometheus's exporter-toolkit.
package struct WebConfiguration: Sendable, Hashable {
    package struct TLS: Sendable, Hashable {
        package var certificate: Material
        package var key: Material
        package var clientCA: Material?
        package var clientAuthentication = ClientAuthentication.none
        /// Of which a client certificate must have one (DNS name, e-mail, IP address or URI); empty: any will do.
        package var clientAllowedSANs: [String] = []
        package var minimumVersion = Version.tls12
        package var maximumVersion = Version.tls13
        /// IANA names; those of TLS 1.3 cannot be chosen, as in Go. Empty: the library's own.
        package var cipherSuites: [CipherSuite] = []
        package var curves: [Curve] = []
    }

    /// Where PEM text comes from.
    package enum Material: Sendable, Hashable {
        /// An absolute path.
        case file(String)
        case text(Secret)
    }

    package enum ClientAuthentication: String, Sendable, Hashable, CaseIterable {
        case none = "NoClientCert"
        case request = "RequestClientCert"
        case requireAny = "RequireAnyClientCert"
        case verifyIfGiven = "VerifyClientCertIfGiven"
        case requireAndVerify = "RequireAndVerifyClientCert"
        /// What `requireAny` was called once.
        case require = "RequireClientCert"
    }

    package enum Version: String, Sendable, Hashable, CaseIterable, Comparable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// What exporter-toolkit lets choose.
    package enum CipherSuite: String, Sendable, Hashable, CaseIterable {
        case aes128GCM13 = "TLS_AES_128_GCM_SHA256"
        case aes256GCM13 = "TLS_AES_256_GCM_SHA384"
        case chacha13 = "TLS_CHACHA20_POLY1305_SHA256"
        case rsaAES128CBC = "TLS_RSA_WITH_AES_128_CBC_SHA"
        case rsaAES256CBC = "TLS_RSA_WITH_AES_256_CBC_SHA"
        case rsaAES128GCM = "TLS_RSA_WITH_AES_128_GCM_SHA256"
        case rsaAES256GCM = "TLS_RSA_WITH_AES_256_GCM_SHA384"
        case ecdsaAES128CBC = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
        case ecdsaAES256CBC = "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"
        case ecdheRSAAES128CBC = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
        case ecdheRSAAES256CBC = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
        case ecdsaAES128GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        case ecdsaAES256GCM = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
        case ecdheRSAAES128GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        case ecdheRSAAES256GCM = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
        case ecdheRSAChacha = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
        case ecdsaChacha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"

        package var isTLS13: Bool { self == .aes128GCM13 || self == .aes256GCM13 || self == .chacha13 }
    }

    package enum Curve: String, Sendable, Hashable, CaseIterable {
        case p256 = "CurveP256"
        case p384 = "CurveP384"
        case p521 = "CurveP521"
        case x25519 = "X25519"
        case x25519MLKEM768 = "X25519MLKEM768"
    }

    /// So many requests at once, and one more for each interval.
    package struct RateLimit: Sendable, Hashable {
        package var interval: Duration
        package var burst: Int
    }

    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    /// nil: plain HTTP.
    package var tls: TLS?
    package var headers: [Header] = []
    /// Name to bcrypt hash; empty: everybody may ask.
    package var users: [String: Secret] = [:]
    package var rateLimit: RateLimit?

    package init() {}
}

/// What a look at a web configuration came to.
package struct LoadedWebConfiguration: Sendable {
    package var result: Result<WebConfiguration, ConfigurationErrors>
    package var warnings: [ConfigurationIssue]
    /// Absolute paths of the file itself and of those that it names, as far as it could be read: a bad one may be good as soon
    /// as one of them is.
    package var files: [String]
}
