"""lazuli az and lazuli az-setup, with a program in az's place (the real one: tests/az)."""

import os
import pathlib
import signal
import sqlite3
import subprocess

import pytest

from conftest import SIMULATED
from fake_az import FakeAz
from service import PROGRAM, Lazuli, free_port

SYSTEM_BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


class Command:
    """`lazuli az` for a service, as a user has it whose PATH begins with the fake."""

    def __init__(self, service, fake):
        self.service, self.fake = service, fake
        self.environment = os.environ | {
            "PATH": f"{fake.folder}:{os.environ['PATH']}",
            "AZURE_CLOUD_NAME": "AzureCloud",
            "ARM_CLOUD_METADATA_URL": "https://example.com",
            "HOME": str(fake.folder),
        }

    def run(self, *words, name="az", data=None, text="", **environment):
        line = [PROGRAM, name, "--data", str(data or self.service.data), *words]
        return subprocess.run(line, input=text, capture_output=True, text=True, env=self.environment | environment)

    def signs_in(self):
        """What az has to be told first."""
        v, base = self.service.variables, self.service.endpoint.replace("http:", "https:")
        return [
            ["cloud", "register", "--name", "lazuli", "--endpoint-resource-manager", f"{base}/", "--only-show-errors"],
            ["cloud", "set", "--name", "lazuli", "--only-show-errors"],
            ["login", "--service-principal", "--username", v["AZURE_CLIENT_ID"], "--password", "@-",
             "--tenant", v["AZURE_TENANT_ID"], "--only-show-errors"],
        ]  # fmt: skip

    def words(self):
        return [call["words"] for call in self.fake.calls()]


@pytest.fixture
def fake(tmp_path):
    return FakeAz(tmp_path / "bin")


@pytest.fixture
def command(tmp_path, fake):
    with Lazuli(SIMULATED, data=tmp_path) as service:
        yield Command(service, fake)


def test_signs_in_once(command):
    done = command.run("group", "list", text="for az")
    assert (done.returncode, done.stdout, done.stderr) == (0, "az says group list\n", "")
    calls = command.fake.calls()
    assert [call["words"] for call in calls] == [*command.signs_in(), ["group", "list"]]
    assert [call["input"] for call in calls] == ["", "", command.service.variables["AZURE_CLIENT_SECRET"], "for az"]
    assert command.run("group", "list").returncode == 0
    assert command.words() == [["group", "list"]]


def test_environment(command):
    command.run("account", "show")
    azure = command.service.data / "az"
    for call in command.fake.calls():
        assert call["environment"]["AZURE_CONFIG_DIR"] == str(azure)
        assert call["environment"]["REQUESTS_CA_BUNDLE"] == str(azure / "ca-bundle.pem")
        assert call["environment"]["AZURE_CORE_COLLECT_TELEMETRY"] == "no"
        assert call["environment"]["AZURE_CORE_INSTANCE_DISCOVERY"] == "false"
        assert call["environment"]["HOME"] == str(command.fake.folder)
        assert not {"AZURE_CLOUD_NAME", "ARM_CLOUD_METADATA_URL", "AZURE_CORE_ONLY_SHOW_ERRORS"} & set(call["environment"])
        assert not call["ignored"] & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))
    assert azure.stat().st_mode & 0o777 == 0o700
    assert (azure / "signed-in").stat().st_mode & 0o777 == 0o600
    bundle = (azure / "ca-bundle.pem").read_text()
    assert bundle.endswith((command.service.data / "tls" / "ca.pem").read_text())
    if SYSTEM_BUNDLE.exists():
        assert bundle.startswith(SYSTEM_BUNDLE.read_text())


def test_the_secret_is_nowhere_to_be_seen(command):
    command.run("account", "show")
    secret = command.service.variables["AZURE_CLIENT_SECRET"]
    for call in command.fake.calls():
        assert secret not in repr(call["words"]) + repr(call["environment"])
    for file in (command.service.data / "az").iterdir():
        assert secret not in file.read_text()


@pytest.mark.parametrize("words", [["--help"], ["group", "--help"], ["group", "list", "--data", "x", "-h"], ["exit", "0"]])
def test_words_are_az_own(command, words):
    assert command.run(*words).returncode == 0
    assert command.words()[-1] == words


def test_other_spellings(command):
    command.run("x")
    command.fake.calls()
    for line in ([f"--data={command.service.data}", "x", "y"], ["x", "y"]):
        environment = command.environment | {"LAZULI_DATA": str(command.service.data)}
        assert subprocess.run([PROGRAM, "az", *line], env=environment, capture_output=True).returncode == 0
        assert command.words() == [["x", "y"]]


@pytest.mark.parametrize("status", [0, 1, 2, 3, 77])
def test_status_is_azs(command, status):
    assert command.run("exit", str(status)).returncode == status


def test_new_endpoint_new_secret(tmp_path, fake):
    port = free_port()
    with Lazuli(SIMULATED, data=tmp_path) as service:
        Command(service, fake).run("x")
        (service.data / "az" / "msal_token_cache.json").write_text("old")
        (service.data / "az" / "config").write_text("the user's")
    fake.calls()
    with Lazuli(SIMULATED, ["--listen", f"127.0.0.1:{port}"], data=tmp_path) as service:
        command = Command(service, fake)
        command.run("x")
        assert command.words() == [*command.signs_in(), ["x"]]
        assert not (service.data / "az" / "msal_token_cache.json").exists()
        assert (service.data / "az" / "config").read_text() == "the user's"
        first = service.variables["AZURE_CLIENT_SECRET"]
    with sqlite3.connect(service.data / "lazuli.db") as db:
        db.execute("DELETE FROM settings WHERE name = 'client_secret'")
    db.close()
    with Lazuli(SIMULATED, ["--listen", f"127.0.0.1:{port}"], data=tmp_path) as service:
        assert service.variables["AZURE_CLIENT_SECRET"] != first
        command = Command(service, fake)
        command.run("x")
        assert command.words() == [*command.signs_in(), ["x"]]


def test_what_fails_is_tried_again(command):
    command.fake.fail()
    done = command.run("group", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: az says no\nlazuli: 'az cloud register' has failed")
    assert command.words() == command.signs_in()[:1]
    command.fake.fail(False)
    assert command.run("group", "list").returncode == 0
    assert command.words() == [*command.signs_in(), ["group", "list"]]


def test_several_at_once_sign_in_once(command):
    line = [PROGRAM, "az", "--data", str(command.service.data), "x"]
    running = [subprocess.Popen(line, env=command.environment, stdin=subprocess.DEVNULL) for _ in range(4)]
    assert [each.wait(timeout=60) for each in running] == [0] * 4
    words = command.words()
    assert words.count(["x"]) == 4
    assert words[:4] == [*command.signs_in(), ["x"]]
    assert len(words) == 7


def test_no_az(command, tmp_path):
    (tmp_path / "empty").mkdir()
    done = command.run("x", PATH=str(tmp_path / "empty"))
    assert done.returncode == 2
    assert done.stderr.startswith("lazuli: there is no 'az' on the PATH; install the Azure CLI")


def test_no_words(command):
    done = command.run()
    assert done.returncode == 2
    assert "usage: lazuli az [--data DIR] ARGS..." in done.stderr
    assert command.words() == []


def test_no_service(command, tmp_path):
    done = command.run("x", data=tmp_path / "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith(f"lazuli: {tmp_path / 'nowhere'}: No such file or directory\nlazuli: this reads")
    assert command.words() == []


def test_no_tls(tmp_path, fake):
    with Lazuli(SIMULATED, ["--tls-development=false"], data=tmp_path) as service:
        done = Command(service, fake).run("x")
    assert done.returncode == 2
    assert "does not speak TLS" in done.stderr
    assert fake.calls() == []


def test_setup_does_the_same(command):
    """What it prints, a shell runs; it is the user's own configuration that az then has."""
    printed = command.run(name="az-setup")
    assert printed.returncode == 0
    assert subprocess.run(["sh", "-eu"], input=printed.stdout, text=True, env=command.environment).returncode == 0
    v, calls = command.service.variables, command.fake.calls()
    register, choose, login = ([word for word in words if word != "--only-show-errors"] for words in command.signs_in())
    login[login.index("@-")] = v["AZURE_CLIENT_SECRET"]
    assert [call["words"] for call in calls] == [
        register, choose, ["config", "set", "core.instance_discovery=false"], login
    ]  # fmt: skip
    for call in calls:
        assert "AZURE_CONFIG_DIR" not in call["environment"]
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            assert call["environment"][name] == str(command.service.data / "az" / "ca-bundle.pem")
        assert call["environment"]["NODE_EXTRA_CA_CERTS"] == v["LAZULI_CA_BUNDLE"]


def test_setup_undone(command):
    """So does what it prints behind that, once its lines are no comments any more."""
    printed = command.run(name="az-setup").stdout.partition("# And back:\n")[2]
    script = "\n".join(line.removeprefix("#") for line in printed.splitlines())
    assert subprocess.run(["sh", "-eu"], input=script, text=True, env=command.environment).returncode == 0
    assert command.words() == [
        ["logout", "--username", command.service.variables["AZURE_CLIENT_ID"]],
        ["cloud", "set", "--name", "AzureCloud"],
        ["cloud", "unregister", "--name", "lazuli"],
        ["config", "unset", "core.instance_discovery"],
    ]
