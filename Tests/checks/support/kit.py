"""What the checks share: a virtual environment of their own, processes that end with the check, Prometheus's API."""

import atexit
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
RULE_FILES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))


def use_packages():
    """Goes on inside a virtual environment that holds requirements.txt, made at the first need."""
    requirements = pathlib.Path(__file__).with_name("requirements.txt")
    name = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    environment = ROOT / ".build" / f"checks-{name}"
    if pathlib.Path(sys.prefix) == environment:
        return
    if not (environment / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        subprocess.run(
            [environment / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
            check=True)
        (environment / "complete").touch()
    python = environment / "bin/python"
    # As the checks begin: no compiled file is left beside the sources.
    os.execv(python, [python, "-B", *sys.argv])


class Findings:
    """Collects what is wrong, so that one run shows all of it."""

    def __init__(self):
        self.count = 0

    def add(self, text):
        self.count += 1
        print(f"  wrong: {text}", file=sys.stderr)

    def expect(self, condition, text):
        if not condition:
            self.add(text)

    def end(self, summary):
        name = pathlib.Path(sys.argv[0]).name
        if self.count:
            sys.exit(f"{name}: {self.count} wrong")
        print(f"{name}: {summary}")


def run(*command, **options):
    """A program's exit status and all that it printed."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        cwd=options.pop("cwd", ROOT),
        **options)
    return done.returncode, done.stdout


def metric_families():
    """The families that the exporter exposes, and their kinds, as its own catalogue names them."""
    families = {}
    for path in (ROOT / "Sources/ExporterMetrics").glob("*Family.swift"):
        prefix = {"WatchFamily.swift": "partoo_webhook_", "ExporterFamily.swift": "partoo_exporter_"}.get(path.name, "")
        for kind, name in re.findall(r'\.(gauge|counter|histogram)\(\s*"([a-z_]+)"', path.read_text()):
            families[prefix + name] = kind
    return families


def unknown_metrics(expression, families, recorded=()):
    """Names in a PromQL expression that look like ours, but that nothing exposes or records."""
    known = set(families) | set(recorded)
    for name, kind in families.items():
        if kind == "histogram":
            known |= {name + suffix for suffix in ("_bucket", "_sum", "_count")}
    names = re.findall(r"\b(?:webhook:[a-z0-9_:]+|partoo_[a-z0-9_]+|process_[a-z_]+|promhttp_[a-z_]+)", expression)
    return sorted(set(names) - known)


# Time


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(duration):
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", duration))


def hasten(rules, factor):
    """The same rules in a world that is so many times faster: `for`, `keep_firing_for`, intervals and ranges shrink."""
    def shrink(text):
        return f"{max(1, round(seconds(text) / factor))}s"

    for group in rules["groups"]:
        if "interval" in group:
            group["interval"] = shrink(group["interval"])
        for rule in group["rules"]:
            for key in ("for", "keep_firing_for"):
                if key in rule:
                    rule[key] = shrink(rule[key])
            rule["expr"] = re.sub(r"(?<=offset )\w+", lambda match: shrink(match[0]), rule["expr"])
            rule["expr"] = re.sub(
                r"\[([0-9smhdw:]+)\]", lambda match: f"[{':'.join(map(shrink, match[1].split(':')))}]", rule["expr"])
    return rules


def eventually(what, attempt, timeout, pause=0.25):
    """What `attempt` returns once that is true; it may raise what a server that is not up yet makes of a call. Where that
    does not come, or a child ends without being stopped, the check ends and tells what its children last said."""
    deadline = time.monotonic() + timeout
    while True:
        said = None
        try:
            if value := attempt():
                return value
        except (OSError, urllib.error.URLError, http.client.HTTPException, ValueError) as error:
            said = error
        ended = [process for process in _running if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            break
        time.sleep(pause)
    for process, log in _running.items():
        state = "runs" if process.poll() is None else f"ended with {process.returncode}"
        lines = log.read_text(errors="replace").splitlines()[-10:]
        print(f"{pathlib.Path(process.args[0]).name} {state}; the last lines of {log.name}:", *lines, sep="\n  ", file=sys.stderr)
    reason = f"{len(ended)} of the check's programs ended" if ended else f"not within {timeout} s"
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {what}: {reason}" + (f" ({said!r})" if said else ""))


# Processes


_running = {}
_reserved = []


def _end_all():
    for process in reversed(list(_running)):
        stop(process)


def start(*command, log):
    """A child whose output goes to a file; it ends with the check at the latest."""
    if not _running:
        atexit.register(_end_all)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with open(log, "ab") as output:
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output, cwd=ROOT)
    _running[process] = pathlib.Path(log)
    return process


def stop(process):
    _running.pop(process, None)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="partoo-check-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def own_port():
    """A port on loopback for a program of this check: whoever names it may listen there, also again after an end, and the
    kernel gives it to nobody else as long as the check runs."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", 0))
    _reserved.append(place)
    return place.getsockname()[1]


def exporter_binary():
    """PARTOO_WEBHOOK_EXPORTER, or what a release build has left."""
    default = ROOT / ".build/release/partoo-webhook-exporter"
    path = pathlib.Path(os.environ.get("PARTOO_WEBHOOK_EXPORTER", default))
    if not path.exists():
        sys.exit(f"{path} is not there: build with `swift build -c release`, or set PARTOO_WEBHOOK_EXPORTER")
    return path


# HTTP


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def post_json(url, body):
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


class Prometheus:
    """A real Prometheus on loopback, with its data in a folder of its own."""

    def __init__(self, directory, configuration, *flags):
        directory.mkdir(parents=True, exist_ok=True)
        self.port = own_port()
        self.url = f"http://127.0.0.1:{self.port}"
        path = directory / "prometheus.json"
        path.write_text(json.dumps(configuration))
        self.process = start(
            "prometheus", f"--config.file={path}", f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}", *flags, log=directory / "prometheus.log")
        eventually("Prometheus is ready", lambda: get(self.url + "/-/ready"), 30)

    def query(self, expression):
        return self._ask("query", query=expression)

    def query_range(self, expression, start, end, step):
        return self._ask("query_range", query=expression, start=start, end=end, step=step)

    def _ask(self, path, **parameters):
        try:
            body = get(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        except urllib.error.HTTPError as error:
            body = error.read()
        answer = json.loads(body)
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        return answer["data"]["result"]


if __name__ == "__main__":
    use_packages()
