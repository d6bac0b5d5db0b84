"""Starting, what is printed, starting again, stopping."""

import json
import os
import resource
import socket
import subprocess

import requests

from service import PROGRAM, Lazuli
from waiting import wait_until


def test_env_names_what_scripts_need(lazuli):
    wanted = {
        "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_KEY", "AZURE_OPENAI_API_KEY", "LAZULI_ARM_ENDPOINT",
        "LAZULI_ARM_TOKEN", "LAZULI_TENANT_ID", "LAZULI_SUBSCRIPTION_ID", "LAZULI_RESOURCE_GROUP",
        "LAZULI_ACCOUNT", "LAZULI_CA_BUNDLE", "AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
    }
    assert set(lazuli.variables) == wanted
    assert lazuli.variables["AZURE_OPENAI_KEY"] == lazuli.variables["AZURE_OPENAI_API_KEY"]


def test_env_prints_shell(lazuli):
    out = subprocess.run(
        ["bash", "-c", f'eval "$({PROGRAM} env --data {lazuli.data})" && echo "$AZURE_OPENAI_KEY"'],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )
    assert out.stdout.strip() == lazuli.key


def test_up_prints_what_a_newcomer_pastes(lazuli):
    text = lazuli.log_text()
    assert f"export AZURE_OPENAI_ENDPOINT={lazuli.endpoint}" in text
    assert f"export AZURE_OPENAI_KEY={lazuli.key}" in text
    assert f"export AZURE_OPENAI_API_KEY={lazuli.key}" in text
    assert lazuli.token in text
    curl = text[text.index("curl -N") : text.index("}]}'") + 4]
    out = subprocess.run(["bash", "-c", curl], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    events = [line for line in out.stdout.splitlines() if line]
    assert events[-1] == "data: [DONE]"
    assert len(events) > 3
    assert all(json.loads(e[6:]) for e in events[:-1])


def test_health_pages(lazuli):
    assert requests.get(f"{lazuli.endpoint}/healthz").text == "ok\n"
    ready = requests.get(f"{lazuli.endpoint}/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


def test_metrics(lazuli):
    text = requests.get(f"{lazuli.endpoint}/metrics").text
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    for name in ("lazuli_requests_total", "lazuli_connections_open", "lazuli_engine_ready"):
        assert name in families
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values['lazuli_engine_ready{engine="sim"}'] == "1"
    assert values['lazuli_engine_restarts_total{engine="tiny"}'] == "0"
    assert values["lazuli_accounts"] == "1"


def test_pages_are_read_only(lazuli):
    for page in ("/healthz", "/readyz", "/metrics"):
        assert requests.head(lazuli.endpoint + page).status_code == 200
        refused = requests.post(lazuli.endpoint + page)
        assert (refused.status_code, refused.text) == (405, '{"error":{"code":"405","message":"Method not allowed"}}')
        assert refused.headers["allow"] == "GET, HEAD"
    assert requests.get(f"{lazuli.endpoint}/nothing").status_code == 404


def test_second_start_finds_what_the_first_left(tmp_path):
    with Lazuli(data=tmp_path) as service:
        first = service.env()
    with Lazuli(data=tmp_path) as service:
        second = service.env()
    for changing in ("AZURE_OPENAI_ENDPOINT", "LAZULI_ARM_ENDPOINT", "AZURE_AUTHORITY_HOST"):
        first.pop(changing)
        second.pop(changing)
    assert first == second


def test_port_that_is_taken(lazuli, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        for port in (other.getsockname()[1], lazuli.port):
            out = subprocess.run(
                [PROGRAM, "up", "--listen", f"127.0.0.1:{port}", "--data", str(tmp_path)],
                capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
            )
            assert out.returncode == 2
            assert f"cannot listen on 127.0.0.1 port {port}: address already in use" in out.stderr
            assert "AZURE_OPENAI_KEY" not in out.stdout


def test_wrong_settings_name_the_field():
    for arguments, wanted in (
        (["--listen", "nonsense"], "listen"),
        (["--workers", "-1"], "workers"),
        (["--no-such-thing", "1"], "no-such-thing"),
        (["--tls-key", "/nowhere"], "tls_certificate"),
        (["--catalog", "/nowhere"], "/nowhere"),
    ):
        out = subprocess.run(
            [PROGRAM, "up", "--data", "/tmp/never-made", *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
        )
        assert out.returncode == 2, arguments
        assert wanted in out.stderr, out.stderr


def test_commands_say_how_they_are_used():
    def run(*arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)

    assert run("--version").stdout.startswith("lazuli ")
    for help_text in (run("--help"), run("help")):
        assert help_text.returncode == 0
        assert "lazuli COMMAND" in help_text.stdout
    assert "--catalog FILE" in run("up", "--help").stdout
    unknown = run("up", "--bogus")
    assert (unknown.returncode, "no setting 'bogus'" in unknown.stderr) == (2, True)
    assert run("upp").returncode == 2


def test_serve_without_its_file_makes_nothing(tmp_path):
    out = subprocess.run([PROGRAM, "serve", "--listen", "127.0.0.1:0"], cwd=tmp_path, capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, timeout=30)
    assert (out.returncode, out.stdout) == (2, "")
    assert "serve needs --config" in out.stderr
    assert "usage: lazuli serve --config FILE [--SETTING VALUE]..." in out.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_llama_server_the_log_says_so(tmp_path):
    with Lazuli(data=tmp_path, environment={"PATH": "/nowhere", "LAZULI_LLAMA_SERVER": "/nowhere/llama-server"}) as service:
        answer = requests.post(
            f"{service.endpoint}/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01",
            headers={"api-key": service.key}, json={"messages": [{"role": "user", "content": "hi"}]},
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ServiceUnavailable")
        assert "/nowhere" not in answer.text
        assert "/nowhere/llama-server" in service.log_text()


def files_allowed(tmp_path, *prefix):
    """Starts lazuli behind a command that limits it: its limit of open files then, and its log."""
    with (tmp_path / "log").open("w+") as log:
        service = subprocess.Popen(
            [*prefix, PROGRAM, "up", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"), "--workers", "1",
             "--connections-max", "1000"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        try:
            read_log = (tmp_path / "log").read_text
            wait_until(lambda: " started " in read_log() or service.poll() is not None, read_log)
            return resource.prlimit(service.pid, resource.RLIMIT_NOFILE)[0], read_log()
        finally:
            service.terminate()
            assert service.wait(timeout=60) == 0, read_log()


def test_the_limit_of_open_files_is_raised(tmp_path):
    files, log = files_allowed(tmp_path, "prlimit", "--nofile=256:10000")
    assert files >= 2000
    assert "open_files_limited" not in log


def test_too_low_a_limit_of_open_files_is_told(tmp_path):
    # root may raise the hard limit too, unless it is without that capability
    humble = ["setpriv", "--bounding-set=-sys_resource"] if os.geteuid() == 0 else []
    files, log = files_allowed(tmp_path, *humble, "prlimit", "--nofile=256:300")
    assert files == 300
    assert "warn open_files_limited files=300 wanted=2512" in log
