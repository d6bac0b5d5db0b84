"""The service under test: the real binary, each with its own port and folder, ended by its pid."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LAZULI", str(TOP / "build" / "lazuli"))
START_LIMIT_S = 60


class Lazuli:
    """A running `lazuli up`. `catalog` is YAML text; `arguments` are more options."""

    def __init__(self, catalog=None, arguments=(), data=None, command="up", environment=None):
        self.own_folder = tempfile.TemporaryDirectory(prefix="lazuli-test-") if data is None else None
        self.folder = pathlib.Path(data or self.own_folder.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.log_file = self.folder / "log"
        line = [PROGRAM, command, "--listen", "127.0.0.1:0", "--data", str(self.data), "--drain-ms", "5000"]
        if catalog is not None:
            self.catalog_file = self.folder / "catalog.yaml"
            self.catalog_file.write_text(catalog)
            line += ["--catalog", str(self.catalog_file)]
        self.line = line + list(arguments)
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.start()

    def start(self):
        self.log = open(self.log_file, "ab")
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
            check=True, capture_output=True, stdin=subprocess.DEVNULL,
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

    def log_text(self):
        return self.log_file.read_text(errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

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
