"""The real Azure CLI against a service."""

import json
import os
import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("AZ", str(TOP / ".deps" / "az" / "bin" / "az"))
LIMIT_S = 120


def az_environment(folder, authority):
    """The variables for az to know nothing of this machine's user, and no service but the one of that CA."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ARM_", "PYTHON"))}
    return kept | {
        "AZURE_CONFIG_DIR": str(folder),
        "AZURE_EXTENSION_DIR": str(pathlib.Path(folder) / "extensions"),
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_NO_COLOR": "true",
        "REQUESTS_CA_BUNDLE": str(authority),
    }


class Az:
    """az with a configuration folder of its own, against a running Lazuli: az("group", "list") is what it says, parsed."""

    def __init__(self, service, folder, cloud="lazuli"):
        self.service, self.cloud = service, cloud
        self.environment = az_environment(folder, service.data / "tls" / "ca.pem")

    @property
    def endpoint(self):
        """Where it calls ARM: az sends no token over plain HTTP."""
        return self.service.endpoint.replace("http:", "https:")

    def run(self, *words, status=0, limit_s=LIMIT_S, **options):
        """One call, which must end with this status; what it printed is in the result's stdout and stderr."""
        line = [PROGRAM, *map(str, words)]
        options = {"stdin": subprocess.DEVNULL} | options
        done = subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=limit_s, check=False, **options)
        said = f"\n{done.stdout}\n{done.stderr}\n{self.service.log_text()[-4000:]}"
        assert done.returncode == status, f"az {' '.join(line[1:])} ended with {done.returncode}:{said}"
        return done

    def __call__(self, *words, **options):
        out = self.run(*words, "--output", "json", **options).stdout
        return json.loads(out) if out.strip() else None

    def table(self, *words):
        """The columns of what `--output table` prints, and each row as a dictionary of them."""
        head, rule, *rows = self.run(*words, "--output", "table").stdout.splitlines()
        ends = [match.span() for match in re.finditer("-+", rule)]
        columns = [head[slice(*span)].strip() for span in ends]
        cells = [[row[slice(*span)].strip() for span in ends] for row in rows]
        return columns, [dict(zip(columns, row, strict=True)) for row in cells]

    def refused(self, code, *words, status=1):
        """One call that ARM refuses; what az prints of the error behind its code."""
        said = self.run(*words, status=status).stderr
        match = re.search(r"^ERROR: \((\w+)\) (.*)$", said, re.MULTILINE)
        assert match and match[1] == code, said
        return match[2]

    def copy(self, folder):
        """Another az, which knows what this one knows until now."""
        shutil.copytree(self.environment["AZURE_CONFIG_DIR"], folder)
        return Az(self.service, folder, self.cloud)

    def register(self):
        """Registers the cloud, and chooses it."""
        self.run("cloud", "register", "--name", self.cloud, "--endpoint-resource-manager", f"{self.endpoint}/")
        self.run("cloud", "set", "--name", self.cloud)

    def sign_in(self, client_id=None, secret=None):
        """As a service principal: the service's first one, if no other is named."""
        v = self.service.variables
        return self(
            "login", "--service-principal", "--username", client_id or v["AZURE_CLIENT_ID"],
            "--password", secret or v["AZURE_CLIENT_SECRET"], "--tenant", v["AZURE_TENANT_ID"],
        )  # fmt: skip
