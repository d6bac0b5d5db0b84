"""The service under test: the real binary, each with its own port and folder, ended by its pid."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import openai
import requests

from waiting import wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LAZULI", str(TOP / "build" / "lazuli"))
START_LIMIT_S = 60
ARM_VERSION = "2023-05-01"
# An environment: whoever is served is served by one loop. Under ThreadSanitizer there are as many as are told.
ONE_LOOP = {"LAZULI_WORKERS": os.environ.get("LAZULI_WORKERS", "1")}


def is_built_with(sanitizer):
    """Whether the program is watched by that one: "address" (which brings LeakSanitizer) or "thread"."""
    return f"__{sanitizer[0]}san_init".encode() in pathlib.Path(PROGRAM).read_bytes()


def free_port():
    """A port on which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lazuli:
    """A running `lazuli up`. `catalog` is YAML text; `arguments` are more options; `under` is what it is run by.

    Deployments refuse nothing unless `rate_limits` says so: most tests call faster than a small capacity lets them.
    """

    def __init__(
        self, catalog=None, arguments=(), data=None, command="up", environment=None, under=(), rate_limits=False
    ):
        self.own_folder = tempfile.TemporaryDirectory(prefix="lazuli-test-") if data is None else None
        self.folder = pathlib.Path(data or self.own_folder.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.log_file = self.folder / "log"
        line = [*under, PROGRAM, command, "--listen", "127.0.0.1:0", "--data", str(self.data), "--drain-ms", "5000"]
        line.append(f"--rate-limits={str(rate_limits).lower()}")
        if catalog is not None:
            self.catalog_file = self.folder / "catalog.yaml"
            self.catalog_file.write_text(catalog)
            line += ["--catalog", str(self.catalog_file)]
        self.line = line + list(arguments)
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.start()

    def start(self):
        self.log = self.log_file.open("ab")
        offset = self.log.tell()
        self.process = subprocess.Popen(
            self.line, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment
        )
        deadline = time.monotonic() + START_LIMIT_S
        while b" started " not in self.log_file.read_bytes()[offset:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"lazuli did not start:\n{self.log_file.read_text()}")
            time.sleep(0.02)
        self.variables = self.env()
        self.endpoint = self.variables["LAZULI_ARM_ENDPOINT"]
        self.key = self.variables.get("AZURE_OPENAI_KEY")
        self.token = self.variables["LAZULI_ARM_TOKEN"]

    def env(self):
        out = subprocess.run(
            [PROGRAM, "env", "--data", str(self.data), "--format", "json"],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        return json.loads(out.stdout)

    @property
    def port(self):
        return int(self.endpoint.rsplit(":", 1)[1])

    @property
    def account_id(self):
        v = self.variables
        return (
            f"/subscriptions/{v['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{v['LAZULI_RESOURCE_GROUP']}"
            f"/providers/Microsoft.CognitiveServices/accounts/{v['LAZULI_ACCOUNT']}"
        )

    def arm(self, method, path, body=None, version=ARM_VERSION, token=None):
        """A call of the control plane, by the admin token or this one; `path` is the account's, or begins with /subscriptions."""
        url = self.endpoint + (path if path.startswith("/subscriptions") else self.account_id + path)
        return requests.request(
            method,
            url,
            params={"api-version": version},
            json=body,
            timeout=60,
            headers={"Authorization": f"Bearer {token or self.token}"},
        )

    def deploy(self, name, model, version, capacity=10, sku="Standard"):
        """Creates a deployment, which answers when this returns."""
        model = {"format": "OpenAI", "name": model, "version": version}
        body = {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": model}}
        answer = self.arm("PUT", f"/deployments/{name}", body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def url(self, deployment, operation="chat/completions", version="2024-02-01"):
        return f"{self.endpoint}/openai/deployments/{deployment}/{operation}?api-version={version}"

    def post(self, deployment, body, operation="chat/completions", version="2024-02-01", headers=None, **options):
        """A bare call of the data plane; `body` as it goes out (bytes or text) or as JSON."""
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        headers = {"api-key": self.key, "Content-Type": "application/json"} | (headers or {})
        headers = {name: value for name, value in headers.items() if value is not None}
        options = {"timeout": 60} | options
        return requests.post(self.url(deployment, operation, version), data=data, headers=headers, **options)

    def azure(self, version="2024-10-21", kind=openai.AzureOpenAI, **options):
        """Azure's client of the OpenAI SDK; it does not retry unless told to."""
        options = {"api_key": self.key, "max_retries": 0, "timeout": 60} | options
        return kind(azure_endpoint=self.endpoint, api_version=version, **options)

    def plain(self, kind=openai.OpenAI, **options):
        """The OpenAI SDK's own client on the v1 surface."""
        options = {"api_key": self.key, "max_retries": 0, "timeout": 60} | options
        return kind(base_url=f"{self.endpoint}/openai/v1/", **options)

    def state_of(self, engine):
        """The status of /readyz, and what it says of the engine."""
        ready = requests.get(f"{self.endpoint}/readyz")
        return ready.status_code, ready.json()["engines"][engine]

    def metrics(self):
        """The values of /metrics, by name and labels as written there."""
        text = requests.get(f"{self.endpoint}/metrics", timeout=60, verify=False).text
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}

    def log_text(self):
        return self.log_file.read_text(errors="replace")

    def wait_for_log(self, text, since=0, limit_s=10):
        """Until the log has the text, behind so many characters of it."""
        wait_until(lambda: text in self.log_text()[since:], lambda: f"no {text!r} in\n{self.log_text()}", limit_s)

    def reload(self):
        """SIGHUP, and what the log says of it."""
        since = len(self.log_text())
        self.process.send_signal(signal.SIGHUP)
        ended = re.compile(" reload_(done|refused|failed)")
        return wait_until(lambda: ended.search(said := self.log_text(), since) and said[since:], self.log_text)

    def kill(self):
        """For a crash; one of lazuli's own before it, or a report of ThreadSanitizer, fails here."""
        self.process.send_signal(signal.SIGKILL)
        status = self.process.wait()
        self.log.close()
        assert status == -signal.SIGKILL, f"lazuli had ended with {status}:\n{self.log_text()[-8000:]}"
        assert "ThreadSanitizer" not in self.log_text(), self.log_text()[-8000:]

    def stop(self):
        """Asks it to end and fails when it crashed, leaked (a sanitizer's report), or hangs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"lazuli did not end:\n{self.log_text()[-4000:]}") from None
        finally:
            self.log.close()
        assert status == 0, f"lazuli ended with {status}:\n{self.log_text()[-8000:]}"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()
        if self.own_folder:
            self.own_folder.cleanup()
