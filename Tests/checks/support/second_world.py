"""The faults that the demo has not: an API and receivers that are scripted here, and exporters that are ill themselves.

Four exporters run as jobs of their own, for the drill's Prometheus to scrape: `second` watches faulty webhooks of five
accounts, `late` cannot keep up and has a folder for a key file, `stalled` does next to nothing, and `empty` watches nothing."""

import http.server
import json
import pathlib
import re
import signal
import ssl
import subprocess
import threading
import time
import urllib.parse

import kit

# Served by the API: webhook id to the receiver's path, and to its headers.
PATHS = {21: "good", 22: "redirect", 23: "slow", 24: "good", 25: "good", 26: "good", 27: "flap", 31: "good", 32: "good",
         41: "good", 42: "good", 43: "good", 44: "good"}
LISTED = {"listing": [41, 42], "unlisted": [43]}


class _Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Receiver(_Quiet):
    def setup(self):
        # Here, in the connection's own thread.
        self.request.do_handshake()
        super().setup()

    def do_HEAD(self):
        kind = self.path.strip("/")
        if kind == "slow":
            time.sleep(6)
        fails = kind == "redirect" or kind == "flap" and time.monotonic() % 6 < 3
        self.answer(302 if fails else 200, **({"Location": "/elsewhere"} if fails else {}))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up is none of ours."""


def _serve(handler, tls=None):
    server = _Server(("127.0.0.1", 0), handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class SecondWorld:
    def __init__(self, binary):
        self.folder, self.binary = kit.folder(), binary
        self.ports, self.calls, self.reads, self.flapping = {}, 0, 0, True
        certificates = {days: self._certificate(days) for days in (90, 10, 3)}
        (self.folder / "ca.pem").write_text("".join(
            re.search(r"-----BEGIN CERTIFICATE.*", path.read_text(), re.S)[0] for path in certificates.values()))
        receivers = {days: _serve(_Receiver, path) for days, path in certificates.items()}
        self.urls = {number: f"https://127.0.0.1:{receivers[{24: 10, 25: 3}.get(number, 90)]}/{path}"
                     for number, path in PATHS.items()}
        self.api = f"http://127.0.0.1:{_serve(self._api())}/v2"
        self.configuration = self._configuration({
            "second": [21, 22, 24, 25, 26, 27], "refused": [31], "limited": [32], "listing": [], "unlisted": [44]})
        self.second = self._start("second", self.configuration)
        late = json.loads(self._configuration({"late": [23]}))
        late["storage"] = {"path": str(self.folder / "late.db"), "key_file": str(self.folder)}
        self._start("late", json.dumps(late))
        self._start("stalled", self._configuration({"stalled": [42]}).replace('"2s"', '"1h"'))
        self._start("empty", "storage: {path: ':memory:'}\n")

    def _certificate(self, days):
        path = self.folder / f"{days}.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.cert"],
            check=True, capture_output=True)
        path.write_text(path.read_text() + pathlib.Path(f"{path}.cert").read_text())
        return path

    def _api(self):
        world = self

        class API(_Quiet):
            def do_GET(self):
                account, parts = self.headers["x-APIKey"], urllib.parse.urlparse(self.path).path.split("/")
                world.calls += account == "limited"
                if account == "refused":
                    self.json(401, {"error": {"authentication": "User not authenticated"}})
                elif account == "limited" and world.calls % 3 == 0:
                    self.json(429, {"error": {"json": "Too many requests"}}, Retry_After="1")
                elif parts[-1] != "webhooks":
                    self.json(200, world.webhook(int(parts[-1])))
                elif account == "unlisted":
                    self.json(500, {"error": {"json": "no list today"}})
                else:
                    items = [world.webhook(number) for number in LISTED[account]]
                    self.json(200, {"page": 1, "max_page": 1, "count": len(items), "items": items})

            def json(self, status, value, **headers):
                self.answer(status, json.dumps(value).encode(), Content_Type="application/json", **headers)

        return API

    def webhook(self, number):
        # Edited at every second read, but not at the first, from which the baseline is learned.
        self.reads += number == 26
        edited = number == 26 and self.flapping and self.reads % 4 > 1
        headers = {"Tenant": "blue"} if number == 21 else {"X-Tenant": "green" if edited else "blue"}
        return {"id": number, "url": self.urls[number], "event_type": "lead_received", "org_id": 1,
                "created_at": "2024-11-27T16:10:44.929678Z", "updated_at": "2024-11-27T16:10:44.929678Z",
                "custom_headers": headers}

    def _configuration(self, watches):
        accounts = []
        for account in watches:
            (self.folder / f"{account}.key").write_text(account)
            accounts.append({"name": account, "base_url": self.api, "api_key_file": str(self.folder / f"{account}.key"),
                             "requests_per_minute": 6000})
            if account in LISTED:
                accounts[-1]["discover"] = {"interval": "5s", "max_webhooks": 1}
        return json.dumps({
            "accounts": accounts, "defaults": {"check_interval": "2s", "probe_interval": "2s"},
            "modules": {"http": {"timeout": "9s", "allowed_networks": ["127.0.0.0/8"],
                                 "tls": {"ca_file": str(self.folder / "ca.pem")}}},
            "storage": {"path": ":memory:"},
            "watches": [{"webhook_id": number, "account": account} for account, numbers in watches.items()
                        for number in numbers]}, indent=1)

    def _start(self, job, configuration):
        self.ports[job], path = kit.own_port(), self.folder / f"{job}.yml"
        path.write_text(configuration)
        return kit.start(self.binary, "serve", f"--config.file={path}", f"--web.listen-address=127.0.0.1:{self.ports[job]}",
                         log=self.folder / f"{job}.log")

    def scrape_configs(self):
        """Of `second`, another shard is down."""
        return [{"job_name": job, "static_configs": [
            {"targets": [f"127.0.0.1:{port}"] + (["127.0.0.1:1"] if job == "second" else [])}]}
            for job, port in self.ports.items()]

    def reload(self, good):
        (self.folder / "second.yml").write_text(self.configuration + ("" if good else "\nnonsense"))
        self.second.send_signal(signal.SIGHUP)

    def calm(self):
        """Nobody edits any more."""
        self.flapping = False

    @staticmethod
    def expected(alerts):
        """What is to arrive, with all labels."""
        def of(alert, job, **labels):
            return {"alertname": alert, "severity": alerts[alert]["labels"]["severity"], "job": job, **labels}

        def webhook(alert, number, job="second", **labels):
            return of(alert, job, account=job, webhook_id=str(number), **labels)

        return [
            webhook("PartooWebhookRulesBroken", 21, rule="header_prefix"), webhook("PartooWebhookProbeFailing", 22),
            webhook("PartooWebhookSlow", 23, "late"),
            webhook("PartooWebhookCertificateExpiring", 24, certificate="leaf"),
            webhook("PartooWebhookCertificateExpiringSoon", 25, certificate="leaf"),
            webhook("PartooWebhookConfigFlapping", 26), webhook("PartooWebhookReceiverFlapping", 27),
            webhook("PartooWebhookErrorBudgetBurnFast", 27), of("PartooApiKeyRefused", "second", account="refused",
                                                                reason="unauthorized"),
            of("PartooApiRateLimited", "second", account="limited"),
            of("PartooDiscoveryTruncated", "second", account="listing"),
            of("PartooDiscoveryFailing", "second", account="unlisted"), of("PartooExporterShardDown", "second"),
            of("PartooExporterLate", "late", kind="probe"), of("PartooExporterStorageFailing", "late"),
            of("PartooExporterStalled", "stalled"),
            of("PartooExporterNoWatches", "empty"),
        ]

    @staticmethod
    def refused_reload(alerts):
        alert = "PartooExporterReloadFailed"
        return {"alertname": alert, "severity": alerts[alert]["labels"]["severity"], "job": "second"}
