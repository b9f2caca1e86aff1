import Crypto
package import Foundation
package import NIOSSL
import SwiftASN1
import X509

/// A certificate authority of the simulation's own, made anew for each run.
package struct SimulatedCertificateAuthority: Sendable {
    /// What is special about a certificate.
    package enum Kind: String, Sendable, CaseIterable {
        case good, expired, notYetValid, wrongHost, untrusted
    }

    private let key = P256.Signing.PrivateKey()
    private let certificate: Certificate
    private let name: DistinguishedName

    package init(now: Date = Date()) throws {
        name = try DistinguishedName { CommonName("Simulated CA") }
        certificate = try Self.sign(
            subject: name, key: key.publicKey, issuer: name, issuerKey: key, from: now.addingTimeInterval(-10 * 86_400),
            until: now.addingTimeInterval(3650 * 86_400),
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            })
    }

    /// For `ca_file`.
    package var pem: String {
        get throws { try certificate.serializeAsPEM().pemString }
    }

    /// What a server on a loopback address shows.
    package struct Identity: Sendable {
        package let chain: [NIOSSLCertificate]
        package let key: NIOSSLPrivateKey
        package let notAfter: Date
        package let certificatePEM: String
        package let keyPEM: String
    }

    /// - Parameter address: the IPv4 or IPv6 address that a good certificate names, besides `localhost`.
    package func issue(_ kind: Kind, address: String = "127.0.0.1", now: Date = Date()) throws -> Identity {
        let day = 86_400.0
        let own = P256.Signing.PrivateKey()
        let from = now.addingTimeInterval(kind == .notYetValid ? 2 * day : kind == .expired ? -9 * day : -day)
        let until = now.addingTimeInterval(kind == .expired ? -3 * day : 90 * day)
        // Whole seconds, as a certificate holds them.
        let end = Date(timeIntervalSince1970: until.timeIntervalSince1970.rounded(.down))
        let names: [GeneralName] =
            kind == .wrongHost
            ? [.dnsName("another.example")]
            : [.dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: Self.bytes(of: address)[...]))]
        let stranger = P256.Signing.PrivateKey()
        let leaf = try Self.sign(
            subject: try DistinguishedName { CommonName("receiver") }, key: own.publicKey,
            issuer: kind == .untrusted ? try DistinguishedName { CommonName("Somebody") } : name,
            issuerKey: kind == .untrusted ? stranger : key, from: from, until: end,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames(names)
            })
        let pem = try leaf.serializeAsPEM().pemString
        let keyPEM = own.pemRepresentation
        return Identity(
            chain: [try NIOSSLCertificate(bytes: Array(pem.utf8), format: .pem)],
            key: try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem), notAfter: end, certificatePEM: pem,
            keyPEM: keyPEM)
    }

    private static func sign(
        subject: DistinguishedName, key: P256.Signing.PublicKey, issuer: DistinguishedName,
        issuerKey: P256.Signing.PrivateKey, from: Date, until: Date, extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key),
            notValidBefore: from, notValidAfter: until, issuer: issuer, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(issuerKey))
    }

    private static func bytes(of address: String) -> [UInt8] {
        let parts = address.split(separator: ".").compactMap { UInt8($0) }
        return parts.count == 4 ? parts : [UInt8](repeating: 0, count: 15) + [1]
    }
}
