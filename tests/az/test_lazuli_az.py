"""lazuli az, with the real Azure CLI on the PATH, and the steps that lazuli az-setup prints."""

import json
import os
import pathlib
import subprocess

from az import PROGRAM as AZ
from az import az_environment
from service import PROGRAM


def environment(home):
    """A user's, who has az and clouds of his own."""
    path = f"{pathlib.Path(AZ).parent}:{os.environ['PATH']}"
    return {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")} | {
        "PATH": path,
        "HOME": str(home),
    }


def lazuli_az(service, home, *words):
    line = [PROGRAM, "az", "--data", str(service.data), *words]
    return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(home))


def test_account_and_groups(lazuli, tmp_path):
    v = lazuli.variables
    done = lazuli_az(lazuli, tmp_path, "account", "show", "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    account = json.loads(done.stdout)
    assert account["environmentName"] == "lazuli"
    assert account["id"] == v["LAZULI_SUBSCRIPTION_ID"]
    assert account["tenantId"] == v["LAZULI_TENANT_ID"]
    assert account["user"] == {"name": v["AZURE_CLIENT_ID"], "type": "servicePrincipal"}
    done = lazuli_az(lazuli, tmp_path, "group", "list", "--query", "[].name", "--output", "tsv")
    assert (done.returncode, done.stderr) == (0, "")
    assert v["LAZULI_RESOURCE_GROUP"] in done.stdout.splitlines()
    assert not (tmp_path / ".azure").exists()


def test_az_has_the_last_word(lazuli, tmp_path):
    done = lazuli_az(lazuli, tmp_path, "group", "show", "--name", "none")
    assert done.returncode == 3
    assert "ResourceGroupNotFound" in done.stderr
    assert lazuli_az(lazuli, tmp_path, "group", "shw").returncode == 2


def test_setup_in_a_profile_of_ones_own(lazuli, tmp_path):
    line = [PROGRAM, "az-setup", "--data", str(lazuli.data)]
    steps = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    steps, _, back = steps.partition("# And back:\n")
    variables = az_environment(tmp_path / "az", "") | {"PATH": environment(tmp_path)["PATH"]}
    for name in ("REQUESTS_CA_BUNDLE", "AZURE_CORE_INSTANCE_DISCOVERY"):
        del variables[name]
    asked = "echo NAMES; az group list --query '[].name' --output tsv; echo NAMES\n"
    back = "\n".join(line.removeprefix("#") for line in back.splitlines())
    script = f"{steps}{asked}{back}\naz cloud show --query name --output tsv\naz cloud list --query '[].name' --output tsv\n"
    done = subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert lazuli.variables["LAZULI_RESOURCE_GROUP"] in done.stdout.split("NAMES\n")[1].splitlines()
    assert "AzureCloud" in done.stdout.rpartition("NAMES\n")[2]
    assert "lazuli" not in done.stdout.rpartition("NAMES\n")[2]
