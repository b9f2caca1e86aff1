extension ConfigurationErrorTests {
    static let formFiles: [BadFile] = [
        BadFile("not a mapping", "- a", "1:1: this must be a mapping of keys and values"),
        BadFile("a scalar", "hello", "1:1: this must be a mapping of keys and values"),
        BadFile("unknown key", "account: []", "1:1: unknown key `account`; did you mean `accounts`?"),
        BadFile("wrong case", "Probing: {}", "1:1: unknown key `Probing`; did you mean `probing`?"),
        BadFile(
            "a key that is no name", "'a b/c': 1",
            "1:1: unknown key (not shown: it is no name and may be a secret); did you mean `watches`?"),
        BadFile("a key of words", "watch files: 1", "1:1: unknown key `watch files`; did you mean `watch_files`?"),
        BadFile("a key with an accent", "wätches: 1", "1:1: unknown key `wätches`; did you mean `watches`?"),
        BadFile(
            "nested", "a: " + String(repeating: "[", count: 1000), "1:5: not valid YAML: nested too deep"),
        BadFile("a list as key", "? [a]\n: 1", "1:3: a list or a mapping as a key; a key must be plain text"),
        BadFile("tab", "probing:\n\tmax_in_flight: 1", "2:1: a tab; YAML is indented with spaces"),
        BadFile("syntax", "a: b: c", "1:5: not valid YAML: mapping values are not allowed in this context"),
        BadFile("unclosed", "watches: [", "2:1: not valid YAML: did not find expected node content"),
        BadFile(
            "no such alias", "watches: *x",
            "1:10: an alias without an anchor of its name above it; text that begins with `*` needs quotes"),
        BadFile("two documents", "probing: {}\n---\nprobing: {}", "2:1: a second YAML document; one file holds one"),
        BadFile(
            "control character", "probing: {}\n# \u{1}",
            "2:3: a control character; YAML does not allow it, write it as an escape in double quotes"),
        BadFile(
            "duplicate key", "probing: {}\nmetrics: {}\nprobing: {}",
            "3:1: duplicate key `probing`: it is already written in line 1; keep one"),
        BadFile(
            "duplicate keys, thrice and below, and what else is wrong",
            "probing: {max_in_flight: 1, max_in_flight: 0}\nprobing: {}\nprobing: {}\nmetric: {}",
            "1:29: duplicate key `max_in_flight`: it is already written in line 1; keep one",
            "2:1: duplicate key `probing`: it is already written in line 1; keep one",
            "3:1: duplicate key `probing`: it is already written in line 2; keep one",
            "4:1: unknown key `metric`; did you mean `metrics`?"),
        BadFile(
            "duplicate quoted key", "\"probing\": {}\nprobing: {}",
            "2:1: duplicate key `probing`: it is already written in line 1; keep one"),
        BadFile(
            "duplicate merge", "probing:\n  <<: {max_in_flight: 1}\n  <<: {max_in_flight: 2}",
            "3:3: duplicate key `<<`: it is already written in line 2; write one, with a list"),
        BadFile(
            "duplicate key that is no name", "'CANARY 1': 1\n'CANARY 1': 1",
            "2:1: duplicate key: it is already written in line 1; keep one"),
        BadFile("merge of a scalar", "probing: {<<: 1}", "1:15: `<<` must name a mapping, or a list of mappings"),
        BadFile(
            "tag", "probing: {max_in_flight: !!int \"3\"}",
            "1:26: `max_in_flight` must be a whole number from 1 to 100000, without quotes"),
        BadFile("section that is a list", "storage: []", "1:10: `storage` must be a mapping of keys and values"),
        BadFile("list that is a scalar", "watch_files: a", "1:14: `watch_files` must be a list"),
        BadFile("empty path", "storage: {path: ''}", "1:17: `path` must not be empty"),
        BadFile(
            "in flight", "probing: {max_in_flight: 0}",
            "1:26: `max_in_flight` must be a whole number from 1 to 100000"),
        BadFile(
            "octal", "probing: {max_in_flight: 010}",
            "1:26: `max_in_flight` must be a whole number from 1 to 100000"),
        BadFile(
            "buckets descend", "metrics: {latency_buckets: [1, 0.5]}",
            "1:32: `latency_buckets` must ascend: each bound above the one before"),
        BadFile(
            "buckets repeat", "metrics: {latency_buckets: [1, 1]}",
            "1:32: `latency_buckets` must ascend: each bound above the one before"),
        BadFile(
            "buckets negative", "metrics: {latency_buckets: [-1]}",
            "1:29: `latency_buckets` must hold numbers above zero, in seconds, without infinity"),
        BadFile(
            "buckets infinite", "metrics: {latency_buckets: [1, .inf]}",
            "1:32: `latency_buckets` must hold numbers above zero, in seconds, without infinity"),
        BadFile(
            "no buckets", "metrics: {latency_buckets: []}", "1:28: `latency_buckets` must hold at least one number"),
        BadFile("secrets folder", "watch_secrets_dir: nowhere", "1:20: `watch_secrets_dir`: the folder does not exist"),
        BadFile("secrets file", "watch_secrets_dir: ok", "1:20: `watch_secrets_dir`: it is a file, not a folder"),
        BadFile("default module", "defaults: {module: htpp}", "1:20: unknown module `htpp`; did you mean `http`?"),
        BadFile("zero interval", "defaults: {check_interval: 0s}", "1:28: `check_interval` must be longer than zero"),
    ]

    static let accountFiles: [BadFile] = [
        BadFile("not a mapping", "accounts: [a]", "1:12: an account must be a mapping with `name`"),
        BadFile("no name", "accounts: [{api_key_env: KEY}]", "1:12: `name` is missing"),
        BadFile(
            "a bad name that watches use",
            "accounts: [{name: a.b, api_key_env: KEY}]\n"
                + "watches: [{webhook_id: 1}, {webhook_id: 2, account: a.b}, {webhook_id: 3, account: c}]",
            "1:19: `name` must be 1 to 64 letters, digits, `_` or `-`"),
        BadFile(
            "a bad name beside a good one",
            "accounts: [{name: a.b, api_key_env: KEY}, {name: c, api_key_env: KEY}]\n"
                + "watches: [{webhook_id: 1}, {webhook_id: 2, account: c}, {webhook_id: x, account: a.b}]",
            "1:19: `name` must be 1 to 64 letters, digits, `_` or `-`",
            "2:70: `webhook_id` must be a whole number of at least 1"),
        BadFile(
            "accounts and modules under unknown keys",
            "acounts: [{name: a, api_key_env: KEY}]\nmodule: {m: {}}\n"
                + "watches: [{webhook_id: 1, module: m}]",
            "1:1: unknown key `acounts`; did you mean `accounts`?",
            "2:1: unknown key `module`; did you mean `modules`?"),
        BadFile("null name", "accounts: [{name: , api_key_env: KEY}]", "1:13: `name` has no value"),
        .account(
            "no key", "requests_per_minute: 1",
            "2:5: the API key is missing; set `api_key_file`, `api_key_env` or `api_key`"),
        .account(
            "two keys", "api_key: CANARY\napi_key_env: KEY",
            "2:5: several API keys; keep one of `api_key_file`, `api_key_env` and `api_key`"),
        .account(
            "unset variable", "api_key_env: CANARY",
            "3:18: `api_key_env`: the environment variable that it names is not set"),
        .account(
            "empty variable", "api_key_env: EMPTY",
            "3:18: `api_key_env`: the environment variable that it names is empty"),
        .account("no file", "api_key_file: CANARY", "3:19: `api_key_file`: the file that it names does not exist"),
        .account("empty file", "api_key_file: empty", "3:19: `api_key_file`: the file that it names is empty"),
        .account(
            "binary file", "api_key_file: binary", "3:19: `api_key_file`: the file that it names is not UTF-8 text"),
        .account("empty key", "api_key: ''", "3:14: `api_key` must not be empty"),
        .account(
            "key with a line break", "api_key_env: LINES",
            "3:18: `api_key_env`: the key holds a line break or NUL and cannot be sent"),
        .account("key in a mapping", "api_key: {env: CANARY}", "3:14: `api_key` must be text"),
        .account(
            "budget", "api_key_env: KEY\nrequests_per_minute: 0",
            "4:26: `requests_per_minute` must be a whole number from 1 to 1000000"),
        .account(
            "plain http", "api_key_env: KEY\nbase_url: http://localhost.example.com/v2",
            "4:15: `base_url` must begin with https://; plain http is for loopback hosts only"),
        .account(
            "plain http to a neighbour of loopback", "api_key_env: KEY\nbase_url: http://126.0.0.1/v2",
            "4:15: `base_url` must begin with https://; plain http is for loopback hosts only"),
        .account(
            "user-info", "api_key_env: KEY\nbase_url: https://CANARY@api.partoo.co/v2",
            "4:15: `base_url` must not hold a user or a password"),
        .account(
            "query", "api_key_env: KEY\nbase_url: https://api.partoo.co/v2?CANARY=1",
            "4:15: `base_url` must not hold a query or a fragment"),
        .account(
            "no URL", "api_key_env: KEY\nbase_url: CANARY",
            "4:15: `base_url` must be a URL such as `https://api.partoo.co/v2`"),
        .account("CA file", "api_key_env: KEY\ntls: {ca_file: CANARY}", "4:20: `ca_file`: the file does not exist"),
        .account(
            "other TLS key", "api_key_env: KEY\ntls: {cert_file: x}",
            "4:11: unknown key `cert_file`; did you mean `ca_file`?"),
        .account(
            "discovery", "api_key_env: KEY\ndiscover: {intervall: 1m, org_ids: [x], max_webhooks: 0, module: htp}",
            "4:16: unknown key `intervall`; did you mean `interval`?",
            "4:41: `org_ids` must be a whole number of at least 1",
            "4:59: `max_webhooks` must be a whole number of at least 1",
            "4:70: unknown module `htp`; did you mean `http`?"),
        BadFile(
            "duplicate", "accounts:\n- {name: a, api_key_env: KEY}\n- {name: a, api_key_env: KEY}",
            "3:10: duplicate account `a`: it is already in line 2; keep one"),
    ]

    static let moduleFiles: [BadFile] = [
        .module("method", "method: get", "4:13: `method` must be one of `HEAD`, `GET`, `OPTIONS`, `POST`, `PUT`"),
        .module(
            "bare number as duration", "timeout: 10",
            "4:14: `timeout` must be a duration such as `30s`, `1m30s`, `500ms` or `7d`"),
        .module(
            "units in the wrong order", "timeout: 30s1m",
            "4:14: `timeout` must be a duration such as `30s`, `1m30s`, `500ms` or `7d`"),
        .module(
            "status codes", "valid_status_codes: [99, 6xx, 299-200, CANARY]",
            "4:26: `valid_status_codes` must hold codes from 100 to 599: `204`, `2xx` or `200-299`",
            "4:30: `valid_status_codes` must hold codes from 100 to 599: `204`, `2xx` or `200-299`",
            "4:35: `valid_status_codes` must hold codes from 100 to 599: `204`, `2xx` or `200-299`",
            "4:44: `valid_status_codes` must hold codes from 100 to 599: `204`, `2xx` or `200-299`"),
        .module(
            "versions", "valid_http_versions: [\"3\"]",
            "4:27: `valid_http_versions` must be one of `1.0`, `1.1`, `2`"),
        .module("yes", "follow_redirects: yes", "4:23: `follow_redirects` must be true or false"),
        .module("quoted boolean", "follow_redirects: \"true\"", "4:23: `follow_redirects` must be true or false"),
        .module("http version", "http_version: 3", "4:19: `http_version` must be one of `auto`, `1.1`, `2`"),
        .module("protocol", "ip_protocol: ip6", "4:18: `ip_protocol` must be one of `any`, `ipv4`, `ipv6`"),
        .module(
            "size", "max_response_bytes: 1 apple",
            "4:25: `max_response_bytes` must be a size from 1 byte to 1GiB such as `64KiB`, `1MiB` or `65536`"),
        .module("header value", "headers: {X-A: [CANARY]}", "4:20: `X-A` must be text"),
        .module(
            "header without value", "headers: {X-A: }", "4:15: header `X-A` has no value; write \"\" for an empty one"),
        .module(
            "header with a line break", "headers: {X-A: {env: LINES}}",
            "4:20: header `X-A`: the value holds a line break or NUL and cannot be sent"),
        .module(
            "header twice", "headers: {X-A: a, x-a: b}",
            "4:23: duplicate header `x-a`: names differ by more than case; the other is in line 4"),
        .module(
            "header name", "headers: {'X A': a}", "4:15: `headers`: a header name must be letters, digits and hyphens"),
        .module(
            "reserved header", "headers: {Host: a}",
            "4:15: `headers`: `Host` is set by the HTTP client; leave it out"),
        .module(
            "hash as header", "headers: {X-A: {sha256: CANARY}}",
            "4:20: `X-A` must be text or exactly one of `{env: …}`, `{file: …}`"),
        .module(
            "a slip in the key of a value", "headers: {X-A: {enf: KEY}, X-B: {sah256: CANARY}}\nproxy_url: {flie: X}",
            "4:21: unknown key `enf`; did you mean `env`?",
            "4:38: unknown key (not shown: it may be a secret); "
                + "`X-B` must be text or exactly one of `{env: …}`, `{file: …}`",
            "5:17: unknown key `flie`; did you mean `file`?"),
        .module(
            "two forms", "headers: {X-A: {env: KEY, file: ok}}",
            "4:20: `X-A` must be text or exactly one of `{env: …}`, `{file: …}`"),
        .module("two bodies", "method: POST\nbody: x\nbody_file: ok", "6:16: both `body` and `body_file`; keep one"),
        .module("body file", "method: POST\nbody_file: nowhere", "5:16: `body_file`: the file does not exist"),
        .module(
            "origins", "trusted_origins: [\"https://example.com/CANARY\", \"https://u@example.com\", example.com]",
            "4:23: `trusted_origins` must hold origins such as `https://example.com:8443`, without a path",
            "4:53: `trusted_origins` must hold origins such as `https://example.com:8443`, without a path",
            "4:78: `trusted_origins` must hold origins such as `https://example.com:8443`, without a path"),
        .module(
            "body rules with HEAD", "fail_if_body_not_matches: [ok]",
            "4:31: `fail_if_body_not_matches` with method HEAD, whose responses have no body; use GET or POST"),
        .module(
            "pattern", "method: GET\nfail_if_body_matches: [\"(\"]",
            "5:28: `fail_if_body_matches`: not a valid PCRE2 pattern: missing closing parenthesis"),
        .module(
            "header rule", "fail_if_header_matches: [{header: X-A}, {header: X-A, regexp: \"(\", missing: true}, x]",
            "4:30: `regexp` is missing",
            "4:67: `regexp`: not a valid PCRE2 pattern: missing closing parenthesis",
            "4:72: unknown key `missing`; did you mean `allow_missing`?",
            "4:88: `fail_if_header_matches` must hold mappings such as `{header: X-Env, regexp: prod}`"),
        .module(
            "certificate without key", "tls: {cert_file: pem}",
            "4:22: `cert_file` without `key_file`; set both or none"),
        .module(
            "key without certificate", "tls: {key_file: pem}", "4:21: `key_file` without `cert_file`; set both or none"),
        .module(
            "files that are no PEM", "tls: {ca_file: ok, cert_file: ok, key_file: ok}",
            "4:20: `ca_file`: the file holds no certificate in PEM form (`-----BEGIN …CERTIFICATE-----`)",
            "4:35: `cert_file`: the file holds no certificate in PEM form (`-----BEGIN …CERTIFICATE-----`)",
            "4:49: `key_file`: the file holds no private key in PEM form (`-----BEGIN …PRIVATE KEY-----`)"),
        .module(
            "files with garbage", "tls: {ca_file: garbage, cert_file: garbage, key_file: garbage}",
            "4:20: `ca_file`: the file holds a damaged certificate",
            "4:40: `cert_file`: the file holds a damaged certificate",
            "4:59: `key_file`: the file holds a damaged private key"),
        .module(
            "files that are cut", "tls: {ca_file: cut, cert_file: long, key_file: cut}",
            "4:20: `ca_file`: the file holds a damaged certificate",
            "4:36: `cert_file`: the file holds a damaged certificate",
            "4:52: `key_file`: the file holds a damaged private key"),
        .module(
            "encrypted key", "tls: {cert_file: pem, key_file: encrypted}",
            "4:37: `key_file`: the private key is encrypted; name a file where it is not"),
        .module(
            "key encrypted in the old way", "tls: {cert_file: pem, key_file: legacy}",
            "4:37: `key_file`: the private key is encrypted; name a file where it is not"),
        .module(
            "TLS version", "tls: {min_version: 1.4}",
            "4:24: `min_version` must be one of `1.0`, `1.1`, `1.2`, `1.3`"),
        .module(
            "proxy", "proxy_url: CANARY", "4:16: `proxy_url` must be a URL such as `http://proxy.example.com:3128`"),
        .module(
            "two proxies", "proxy_url: http://p\nproxy_from_environment: true",
            "4:16: both `proxy_url` and `proxy_from_environment`; keep one"),
        .module("schemes", "allowed_schemes: [ftp]", "4:23: `allowed_schemes` may hold `https` and `http`"),
        .module("no schemes", "allowed_schemes: []", "4:22: `allowed_schemes` must hold `https`, `http` or both"),
        .module(
            "networks", "allowed_networks: [10.0.0.0/33, localhost]",
            "4:24: `allowed_networks` must hold networks such as `10.0.0.0/8` or `fd00::/8`",
            "4:37: `allowed_networks` must hold networks such as `10.0.0.0/8` or `fd00::/8`"),
    ]

    private static let longest = String(repeating: "a", count: 64)

    static let watchFiles: [BadFile] = [
        BadFile("no account", "watches: [{webhook_id: 1}]", "1:11: `account` is missing, and no account is defined"),
        BadFile(
            "several accounts",
            "accounts: [{name: a, api_key_env: KEY}, {name: b, api_key_env: KEY}]\nwatches: [{webhook_id: 1}]",
            "2:11: `account` is missing, and there are several accounts"),
        .watch("unknown account", "account: b", "4:14: unknown account `b`; did you mean `a`?"),
        .watch("unknown module", "module: CANARY/1", "4:13: unknown module; did you mean `http`?"),
        .watch(
            "interval", "check_interval: 1 minute\nprobe_interval: -1s",
            "4:21: `check_interval` must be a duration such as `30s`, `1m30s`, `500ms` or `7d`",
            "5:21: `probe_interval` must be a duration such as `30s`, `1m30s`, `500ms` or `7d`"),
        .watch(
            "too many labels", "labels: {\((1...65).map { "l\($0): x" }.joined(separator: ", "))}",
            "4:13: a watch may have at most 64 labels of its own"),
        .watch(
            "reserved labels", "labels: {account: x, exported_a: x, __x: x, le: x, kind: x}",
            "4:14: label name `account` is reserved; choose another",
            "4:26: label name `exported_a` is reserved; choose another",
            "4:41: label name `__x` is reserved; choose another", "4:49: label name `le` is reserved; choose another",
            "4:56: label name `kind` is reserved; choose another"),
        .watch(
            "bad labels", "labels: {a-b: x, 1a: x, c: , d: [x]}",
            "4:14: label name `a-b` must be letters, digits and `_`, and not begin with a digit",
            "4:22: label name `1a` must be letters, digits and `_`, and not begin with a digit",
            "4:29: label `c` has no value", "4:37: `d` must be text"),
        .watch(
            "expected URL", "expect: {url: CANARY}",
            "4:19: `url` must be a whole URL such as `https://example.com/webhook`"),
        .watch(
            "any URL", "expect: {url: {any: true}}",
            "4:25: `any` is for headers only; leave `url` out to have it learned"),
        .watch(
            "expected headers",
            "expect:\n  custom_headers:\n    X-A: {env: CANARY}\n    X-B: {file: CANARY}\n    X-C: {sha256: CANARY}\n    X-D: {any: false}\n    X-E: {}\n    X-F: {env: KEY, salt: aa}\n    X-G:\n    x-a: x",
            "6:20: `X-A`: the environment variable that it names is not set",
            "7:21: `X-B`: the file that it names does not exist",
            "8:23: `sha256` must be 64 hexadecimal digits", "9:20: `any` must be true",
            "10:14: `X-E` must be text or exactly one of `{env: …}`, `{file: …}`, `{sha256: …}`, `{any: true}`",
            "11:31: `salt` goes with `sha256` only",
            "12:9: header `X-G` has no value; write \"\" for an empty one",
            "13:9: duplicate header `x-a`: names differ by more than case; the other is in line 6"),
        .watch(
            "salt",
            "expect: {url: {sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, salt: CANARY}}",
            "4:100: `salt` must be pairs of hexadecimal digits"),
        .watch(
            "a hash that is too short",
            "expect: {url: {sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8}}",
            "4:28: `sha256` must be 64 hexadecimal digits"),
        .watch(
            "a name too long to be shown",
            "expect: {\(longest): 1, \(longest)a: 1}",
            "4:14: unknown key `\(longest)`; did you mean `custom_headers`?",
            "4:83: unknown key (not shown: it is no name and may be a secret)"),
        .watch(
            "a value as a key", "expect: {url: {CANARY}}",
            "4:20: unknown key (not shown: it may be a secret); "
                + "`url` must be text or exactly one of `{env: …}`, `{file: …}`, `{sha256: …}`"),
        .watch(
            "a slip in the key of a value",
            "expect: {url: {evn: X}, custom_headers: {A: {Fiel: X}, B: {sha_265: X}, C: {nay: true}, D: {SALT: aa}}}",
            "4:20: unknown key `evn`; did you mean `env`?", "4:50: unknown key `Fiel`; did you mean `file`?",
            "4:64: unknown key `sha_265`; did you mean `sha256`?", "4:81: unknown key `nay`; did you mean `any`?",
            "4:97: unknown key `SALT`; did you mean `salt`?"),
        .watch(
            "no slip in the key of a value", "expect: {url: {ayn: true}, custom_headers: {A: {CANARY: X, env: KEY}}}",
            "4:20: unknown key (not shown: it may be a secret); "
                + "`url` must be text or exactly one of `{env: …}`, `{file: …}`, `{sha256: …}`",
            "4:53: unknown key (not shown: it may be a secret); "
                + "`A` must be text or exactly one of `{env: …}`, `{file: …}`, `{sha256: …}`, `{any: true}`"),
        .watch("ignore", "ignore: [urls]", "4:14: `ignore` may hold `url`, `event_type`, `org_id`, `custom_headers`"),
        BadFile(
            "duplicate",
            "accounts: [{name: a, api_key_env: KEY}]\nwatches:\n- webhook_id: 1\n- webhook_id: 1\n  account: a",
            "4:3: duplicate watch a/1: it is already in line 3; keep one"),
        BadFile(
            "no id", "accounts: [{name: a, api_key_env: KEY}]\nwatches: [{account: a}, 7]",
            "2:11: `webhook_id` is missing", "2:25: a watch must be a mapping with `webhook_id`"),
    ]
}
