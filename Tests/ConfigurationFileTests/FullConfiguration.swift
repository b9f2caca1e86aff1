/// A file that writes every key, with secrets that must never be seen again.
enum FullConfiguration {
    static let canary = "sk/CANARY+7f3e9a=="

    static let text = """
        accounts:
          - name: acme
            base_url: https://api.sandbox.partoo.co/v2/
            api_key_file: acme.key
            requests_per_minute: 120
            tls: {ca_file: ca.pem}
            discover:
              org_ids: [42, 43]
              event_types: [business_created]
              interval: 5m
              missing_retention: 2d
              max_webhooks: 500
              module: post
              labels: {origin: discovered}
          - name: other-1
            base_url: http://127.0.0.1:8080/v2
            api_key_env: KEY
            tls: {ca_file: null}
          - name: clear
            api_key: sk/CANARY+7f3e9a==

        defaults:
          check_interval: 2m
          probe_interval: 1m30s
          module: http
          labels: {team: integrations, site: paris}

        modules:
          http: null
          post:
            method: POST
            timeout: 20s
            valid_status_codes: [204, 2xx, "400-403"]
            valid_http_versions: [1.1, "2"]
            headers:
              X-Probe: plain
              Authorization: {env: TOKEN}
              X-File: {file: secrets/token}
            body: '{"type": "ping"}'
            trusted_origins: ["https://example.com", "https://other.example.com:8443"]
            send_custom_headers: false
            follow_redirects: true
            http_version: 1.1
            ip_protocol: ipv4
            max_response_bytes: 64KiB
            fail_if_body_matches: ["error"]
            fail_if_body_not_matches: ["ok"]
            fail_if_header_matches:
              - {header: X-Env, regexp: staging, allow_missing: true}
            fail_if_header_not_matches:
              - {header: Content-Type, regexp: "^application/json"}
            tls:
              ca_file: ca.pem
              cert_file: client.pem
              key_file: client.key
              server_name: hooks.example.com
              min_version: "1.3"
              insecure_skip_verify: true
            proxy_url: http://user:pw!CANARY@proxy.example.com:3128
            proxy_from_environment: false
            retries: 2
            allowed_schemes: [https, http]
            allowed_networks: [10.0.0.0/8, "fd00::/8"]
          file-body:
            method: PUT
            body_file: body.json
            proxy_url: {env: PROXY}

        watches:
          - webhook_id: 1
            account: acme
            org_id: 42
            module: post
            check_interval: 10s
            probe_interval: 30s
            enabled: false
            labels: {team: core, level: 3}
            expect:
              url: https://example.com/hook/sk/CANARY+7f3e9a==
              event_type: business_created
              org_id: 44
              custom_headers:
                X-My-Header: sk/CANARY+7f3e9a==
                X-Number: 0123
                X-Auth-Token: {env: TOKEN}
                X-Hash: {sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, salt: 00ff}
                X-Any: {any: true}
                X-Empty: ""
            ignore: [event_type, org_id]
          - webhook_id: 2
            account: other-1
            org_id: 7
            expect:
              url: {file: secrets/url}
              custom_headers: {}
        watch_files: [watches/*.yml]
        watch_secrets_dir: secrets
        storage:
          path: state/partoo.db
          key_file: /var/lib/partoo/key
        probing: {max_in_flight: 64}
        metrics: {latency_buckets: [0.1, 1, 2.5]}
        """

    static let environment = ["KEY": canary, "TOKEN": canary, "PROXY": "socks5h://proxy:1080"]

    private static func block(_ label: String, _ body: String) -> String {
        "-----BEGIN \(label)-----\n\(body)\n-----END \(label)-----\n"
    }

    static var fileSystem: MemoryFileSystem {
        MemoryFileSystem([
            "/etc/partoo/c.yml": text,
            "/etc/partoo/acme.key": canary + "\n",
            "/etc/partoo/ca.pem": "# A comment.\n" + block("TRUSTED CERTIFICATE", "MIED\nAgEAMAA="),
            "/etc/partoo/client.pem": block("CERTIFICATE", "MAMCAQA=").replacing("\n", with: "\r\n"),
            "/etc/partoo/client.key": block("EC PARAMETERS", "BggqhkjOPQMBBw==") + block("EC PRIVATE KEY", "MAMCAQA= "),
            "/etc/partoo/body.json": "{}\n",
            "/etc/partoo/secrets/token": canary + "\r\n",
            "/etc/partoo/secrets/url": "https://example.com/" + canary,
            "/etc/partoo/watches/a.yml": "- {webhook_id: 3, account: acme}\n- {webhook_id: 1, account: acme}\n",
        ])
    }
}
