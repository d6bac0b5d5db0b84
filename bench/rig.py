"""What the benchmarks share: servers pinned to cores, load, counters of processes, and the line of JSON at the end.

A benchmark is a function of a Rig that returns its figures; main() does the rest. What it measures (the proxy) runs on
one core, the upstream and the load on another.
"""

import argparse
import dataclasses
import grp
import http.client
import json
import os
import pathlib
import pwd
import re
import resource
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = TOP / "build" / "bench"  # of scripts/build bench
WARM_UP_S = 1
START_LIMIT_S = 60
DEPLOYMENT = "gpt-4"
CAPACITY = 1000000  # as large as can be
CHAT_PATH = f"/openai/deployments/{DEPLOYMENT}/chat/completions?api-version=2024-02-01"

NGINX_HEAD = """
user %(user)s; daemon off; worker_processes 1; pid %(folder)s/%(name)s.pid; error_log stderr warn;
events { worker_connections %(connections)d; }
http {
  access_log off; keepalive_requests 1000000000; default_type application/json; client_max_body_size 0;
  client_body_temp_path %(folder)s/%(name)s.body; proxy_temp_path %(folder)s/%(name)s.proxy;
  fastcgi_temp_path %(folder)s/%(name)s.f; uwsgi_temp_path %(folder)s/%(name)s.u; scgi_temp_path %(folder)s/%(name)s.s;
"""

NGINX_PROXY = """  upstream model { server %(upstream)s; keepalive 512; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:%(port)d %(listen)s; %(more)s
    location = /readyz { return 200; }
    location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
"""

QUOTAS = """quotas:
  - { usage: "*", limit: 100000000 }
"""

CATALOG = f"""
extends: default
engines:
  - name: bench
    kind: upstream
    upstream:
      addresses: [{{ url: "%(url)s" }}]
deployments:
  - {{ deployment: "{DEPLOYMENT}", engine: bench }}
models: # with more than the usual unit, whose billion tokens a minute prompts of 100 kB come to within seconds
  - {{ name: gpt-4, tokens_per_unit: 1000000, requests_per_unit: 600 }}
{QUOTAS}"""

WRK_DONE = """
function done(summary, latency, requests)
  io.write(string.format('{"requests":%d,"duration_us":%d,"errors":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d,"max_us":%d}\\n',
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
"""


def fail(why, log=None):
    """Ends the benchmark; `log` is a file whose end may say more."""
    text = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
    sys.exit(f"{why}\n{text}" if text else why)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def raise_descriptors(wanted):
    """As many open files as wanted, or as may be had; processes started from now on inherit it. Returns that number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in ((wanted, max(wanted, hard)), (min(wanted, hard), hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return limit[0]
        except (ValueError, OSError):
            continue  # only root may raise the hard one
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


# -- Counters of processes -------------------------------------------------------------------------------------------------


def family(pid):
    """The process and all that descend from it: nginx's master does no work."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def scheduled_us(pids):
    """Time of all threads on a core, and ready while others had it: the scheduler's own counters, which are in ns."""
    total = [0, 0]
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            fields = (task / "schedstat").read_text().split()
            total = [total[0] + int(fields[0]) / 1000, total[1] + int(fields[1]) / 1000]
    return total


class Meter:
    """CPU time of processes from its making on."""

    def __init__(self, pids):
        self.pids = pids
        self.began = time.monotonic()
        self.before = scheduled_us(pids)

    def read(self):
        """CPU time in us, and how many percent of the time they waited for their core: a measure of the noise."""
        passed_us = (time.monotonic() - self.began) * 1e6
        cpu_us, waited_us = (now - before for now, before in zip(scheduled_us(self.pids), self.before, strict=True))
        return cpu_us, 100 * waited_us / passed_us


def memory_kb(pids):
    total = 0
    for pid in pids:
        found = re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        total += int(found[1])
    return total


# -- Figures ---------------------------------------------------------------------------------------------------------------


def medians(rows):
    """Of rounds with the same figures. Of the longest times, the longest; the CPU time also at its least, since a noisy
    machine only adds to it."""
    found = {key: (max if "max" in key else statistics.median)(row[key] for row in rows) for key in rows[0]}
    for key in [key for key in found if key.startswith("cpu_us")]:
        found[f"{key}_min"] = min(row[key] for row in rows)
    return found


def ratio(ours, theirs):
    """None where there is nothing to compare with: of differences, one may come out below zero."""
    return round(ours / theirs, 3) if theirs > 0 else None


def show(name, row):
    print(f"{name:<18} " + "  ".join(f"{key} {value:.1f}" for key, value in row.items()), flush=True)


# -- Servers ---------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Server:
    """Something that answers HTTP on a port of 127.0.0.1, and what a chat request to it needs."""

    process: subprocess.Popen
    port: int
    scheme: str = "http"
    path: str = CHAT_PATH
    headers: dict = dataclasses.field(default_factory=dict)
    model: str = None
    folder: pathlib.Path = None  # lazuli's data
    variables: dict = None  # what lazuli env prints
    is_family: bool = True  # its children do its work; else they are models
    ready_at: float = None  # time.monotonic()

    @property
    def pids(self):
        return family(self.process.pid) if self.is_family else [self.process.pid]

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}{self.path}"

    def connect(self, timeout=START_LIMIT_S):
        if self.scheme == "http":
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=unverified)

    def status(self, path):
        """Of a GET; None when nobody answers."""
        connection = self.connect(timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def request(self, body):
        """The bytes of a chat request."""
        if self.model:
            body = {"model": self.model} | body
        content = json.dumps(body).encode()
        head = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": len(content)} | self.headers
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        return "\r\n".join(lines).encode() + content


class Rig:
    def __init__(self, options):
        self.options = options
        self.started = []
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            sys.exit("this takes two cores: one for what is measured, one for the load")
        self.proxy_core, self.other_core = cores[0], cores[-1]
        os.sched_setaffinity(0, {self.other_core})
        self.temporary = tempfile.TemporaryDirectory(prefix="lazuli-bench-")
        self.folder = pathlib.Path(self.temporary.name)
        self.log = self.folder / "log"

    # -- processes

    def start(self, core, line, **more):
        with open(self.log, "ab") as log:
            more = {"stdout": subprocess.DEVNULL, "stderr": log} | more
            process = subprocess.Popen(["taskset", "-c", str(core), *map(str, line)], stdin=subprocess.DEVNULL, **more)
        self.started.append(process)
        return process

    def stop(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            fail(f"{process.args} did not end", self.log)
        finally:
            self.started.remove(process)

    def wait_end(self, process):
        """Of one that ends by itself."""
        self.started.remove(process)
        if process.wait(timeout=60):
            fail(f"{process.args[3]} ended with {process.returncode}", self.log)

    def close(self):
        for process in list(self.started):
            self.stop(process)
        self.temporary.cleanup()

    def wait_for(self, process, is_there):
        """Asks until it is so, every half a millisecond."""
        deadline = time.monotonic() + START_LIMIT_S
        while not is_there():
            if process.poll() is not None:
                fail(f"{process.args[3]} ended at once", self.log)
            if time.monotonic() > deadline:
                fail(f"{process.args[3]} does not get ready", self.log)
            time.sleep(0.0005)

    def wait_ready(self, server, path):
        self.wait_for(server.process, lambda: server.status(path) == 200)
        server.ready_at = time.monotonic()

    # -- servers

    def nginx(self, name, core, body, connections=4096, **values):
        owner = f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"  # root's nginx would become nobody
        values.update(folder=self.folder, name=name, connections=connections, user=owner)
        config = self.folder / f"{name}.conf"
        config.write_text((NGINX_HEAD + body) % values)
        return self.start(core, ["nginx", "-e", self.folder / "nginx.log", "-c", config, "-p", self.folder])

    def nginx_proxy(self, upstream, more="", certificate=None, connections=4096):
        """Passes bytes on to `upstream` (HOST:PORT or unix:PATH). `more` are directives of its server."""
        port = free_port()
        if certificate:
            more += f" ssl_protocols TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {certificate};"
        process = self.nginx(
            "proxy", self.proxy_core, NGINX_PROXY, connections, port=port, upstream=upstream, more=more,
            listen="ssl" if certificate else "",
        )
        server = Server(process, port, scheme="https" if certificate else "http")
        self.wait_ready(server, "/readyz")
        return server

    def lazuli(self, catalog=None, arguments=(), certificate=None, data=None):
        """A running `lazuli up`, once /readyz says so. `catalog` is YAML; `data` a folder that is kept."""
        port = free_port()
        folder = data or pathlib.Path(tempfile.mkdtemp(dir=self.folder, prefix="data-"))
        line = [self.options.program, "up", "--listen", f"127.0.0.1:{port}", "--data", folder, "--workers", 1, "--drain-ms", 1000]
        if catalog is not None:
            (self.folder / "catalog.yaml").write_text(catalog)
            line += ["--catalog", self.folder / "catalog.yaml"]
        if certificate:
            line += ["--tls-certificate", certificate, "--tls-key", certificate]
        process = self.start(self.proxy_core, [*line, *arguments])
        server = Server(process, port, scheme="https" if certificate else "http", folder=folder, is_family=False)
        self.wait_ready(server, "/readyz")
        out = subprocess.run([self.options.program, "env", "--data", folder, "--format", "json"], check=True, capture_output=True)
        server.variables = json.loads(out.stdout)
        server.headers = {"api-key": server.variables["AZURE_OPENAI_KEY"]}
        if catalog is not None:
            self.widen(server)
        return server

    def widen(self, server):
        """Limits are in force, and so wide that none is met."""
        self.write_deployment(server, "PATCH", DEPLOYMENT, {"sku": {"capacity": CAPACITY}})

    @staticmethod
    def write_deployment(server, method, name, body):
        v = server.variables
        head = {"Authorization": f"Bearer {v['LAZULI_ARM_TOKEN']}", "Content-Type": "application/json"}
        connection = server.connect()
        path = (
            f"/subscriptions/{v['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{v['LAZULI_RESOURCE_GROUP']}/providers"
            f"/Microsoft.CognitiveServices/accounts/{v['LAZULI_ACCOUNT']}/deployments/{name}?api-version=2024-10-01"
        )
        connection.request(method, path, json.dumps(body), head)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status not in (200, 201):
            fail(f"the deployment {name}: {text.decode()}")
        connection.close()

    def pin_llama_server(self, server):
        """To the other core: the process and the socket of the one that lazuli has started."""
        for pid in family(server.process.pid)[1:]:
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if "--host" in arguments:
                line = ["taskset", "--all-tasks", "--cpu-list", "--pid", str(self.other_core), str(pid)]
                subprocess.run(line, check=True, capture_output=True)
                return pid, arguments[arguments.index("--host") + 1]
        return fail("lazuli runs no llama-server", self.log)

    def certificate(self):
        """A file with a self-signed certificate and its key."""
        path = self.folder / "certificate.pem"
        if not path.exists():
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 "-subj", "/CN=localhost", "-keyout", path, "-out", self.folder / "certificate.only"],
                check=True, capture_output=True,
            )
            with open(path, "a") as f:
                f.write((self.folder / "certificate.only").read_text())
        return path

    # -- load

    def wrk(self, url, script, connections, seconds):
        """Figures of a load; `script` is Lua that makes the requests."""
        file = self.folder / "load.lua"
        file.write_text(script + WRK_DONE)
        out = subprocess.run(
            ["taskset", "-c", str(self.other_core), "wrk", "-t", "1", "--timeout", "60s", "-c", str(connections),
             "-d", f"{seconds}s", "-s", file, url],
            check=True, capture_output=True, text=True,
        )
        figures = json.loads(out.stdout.strip().splitlines()[-1])
        if figures["errors"] or not figures["requests"]:
            fail(f"{figures['errors']} of {figures['requests']} requests failed\n{out.stdout}", self.log)
        return figures

    def stream_client(self, address, request, streams, *arguments, core=None):
        """The program that keeps streams open, started; see bench/stream_client.c. `core`: another one than the load's."""
        file = self.folder / "request"
        file.write_bytes(request)
        line = [PROGRAMS / "stream_client", address, file, streams, self.options.seconds, *arguments]
        return self.start(self.other_core if core is None else core, line, stdout=subprocess.PIPE, text=True)

    def read_line(self, process):
        """A line of JSON that a program of ours prints."""
        line = process.stdout.readline()
        if not line:
            fail(f"{process.args[3]} ended without its figures", self.log)
        return json.loads(line)

    def count_system_calls(self, pids, load):
        """Runs `load` while strace counts what these processes call. Returns its figures and the calls, by name."""
        out = self.folder / "strace"
        attached = [f"--attach={pid}" for pid in pids]
        strace = self.start(self.other_core, ["strace", "-c", "-f", "-q", "-o", out, *attached])
        self.wait_for(strace, lambda: all(is_traced(pid) for pid in pids))
        figures = load()
        self.stop(strace, signal.SIGINT)
        # % time, seconds, usecs/call, calls, errors if any, name
        rows = [line.split() for line in out.read_text().splitlines() if re.match(r"\s*\d", line)]
        return figures, {row[-1]: int(row[3]) for row in rows if row[-1] != "total"}


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def is_traced(pid):
    """All threads of the process."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return all(re.search(r"^TracerPid:\s+[1-9]", (task / "status").read_text(), re.MULTILINE) for task in tasks)


# -- The benchmark as a program --------------------------------------------------------------------------------------------


def parser_of(doc, seconds=5, rounds=3):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=seconds, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=rounds, help="of which the median counts")
    parser.add_argument("--program", default=str(TOP / "build" / "lazuli"))
    return parser


def numbers(text):
    return [int(n) for n in text.split(",")]


def need(*programs):
    for program in programs:
        if not (shutil.which(program) or os.access(program, os.X_OK)):
            sys.exit(f"{program} is missing: scripts/deps bench, and scripts/build release bench, bring what is needed")


def main(options, benchmark):
    """Runs it and prints its figures as a line of JSON."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing stays behind
    need(options.program, "taskset")
    rig = Rig(options)
    try:
        print(json.dumps(benchmark(rig)))
    finally:
        rig.close()
