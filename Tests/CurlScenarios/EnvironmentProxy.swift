import Curl
import Glibc
import TestSupport
import Transport

/// Proxies of the environment: not used unless asked for, and then not a way around the address policy.
enum EnvironmentProxy {
    static func run() async throws {
        let proxy = try RawServer { connection in
            connection.keep(connection.readRequest())
            connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        }
        let target = try RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let proxyURL = "http://127.0.0.1:\(proxy.port)"
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] { setenv(name, proxyURL, 1) }
        let transport = try CurlTransport(connections: .fresh)
        let plain = "http://127.0.0.1:\(target.port)/"

        say("not asked: \(await transport.get(plain).outcome), proxied \(proxy.connections)")
        say(
            "asked: \(await transport.get(plain) { $0.proxyFromEnvironment = true }.outcome), proxied \(proxy.connections)"
        )
        let tunnel = await transport.get("https://127.0.0.1:\(target.port)/") { $0.proxyFromEnvironment = true }
        say("asked, TLS: \(tunnel.outcome), proxied \(proxy.connections)")
        say("tunnel asked for: \(proxy.notes.last?.hasPrefix("CONNECT 127.0.0.1:\(target.port) ") ?? false)")

        let vetted = await transport.get(plain) {
            $0.proxyFromEnvironment = true
            $0.isAddressAllowed = { _ in false }
        }
        say("the proxy's address is not vetted: \(vetted.outcome), proxied \(proxy.connections)")

        setenv("no_proxy", "other.test,127.0.0.0/8", 1)
        say(
            "excepted: \(await transport.get(plain) { $0.proxyFromEnvironment = true }.outcome), proxied \(proxy.connections)"
        )
        let direct = await transport.get(plain) {
            $0.proxyFromEnvironment = true
            $0.isAddressAllowed = { _ in false }
        }
        say("excepted and forbidden: \(direct.outcome), proxied \(proxy.connections)")

        setenv("no_proxy", "*", 1)
        say(
            "configured: \(await transport.get(plain) { $0.proxy = Secret(proxyURL) }.outcome), proxied \(proxy.connections)"
        )
        say(
            "all excepted: \(await transport.get(plain) { $0.proxyFromEnvironment = true }.outcome), proxied \(proxy.connections)"
        )

        unsetenv("no_proxy")
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] { unsetenv(name) }
        let none = await transport.get(plain) {
            $0.proxyFromEnvironment = true
            $0.isAddressAllowed = { _ in false }
        }
        say("none there: \(none.outcome), proxied \(proxy.connections)")
        transport.shutdown()
    }
}
