"""Ending in order, reloading, and being killed."""

import json
import resource
import signal
import socket
import subprocess
import time

import pytest

from service import PROGRAM, Lazuli
from wire import Wire

MESSAGES = [{"role": "user", "content": "Hi"}]
PATH = "/openai/deployments/paced/chat/completions?api-version=2023-05-15"
PACED = """
extends: default
default_engines: { chat: sim, completion: sim, embeddings: sim }
deployments:
  - { deployment: paced, sim: { tokens_per_second: 20, answer_tokens: %d } }
"""
NEW_MODEL = """
models:
  - name: our-own
    operations: [chat]
    capabilities: [chatCompletion]
    engine: sim
    skus: [{ name: Standard }]
    versions: [{ version: "1", created: 2024-01-01 }]
"""


def start(answer_tokens=16, more="", **options):
    service = Lazuli(catalog=PACED % answer_tokens + more, **options)
    service.deploy("paced", "gpt-4o", "2024-11-20")
    return service


def begin_stream(service):
    wire = Wire(service)
    wire.post(PATH, json.dumps({"messages": MESSAGES, "stream": True}).encode())
    return wire, wire.read_until(b'"delta":{"content":"')


def wait_for_log(service, text, limit_s=10, since=0):
    deadline = time.monotonic() + limit_s
    while text not in service.log_text()[since:]:
        assert time.monotonic() < deadline, f"no {text!r} in\n{service.log_text()}"
        time.sleep(0.02)


def refuses_connections(service):
    try:
        socket.create_connection(("127.0.0.1", service.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_drain(how):
    """A stream in flight ends as it should; nobody new comes in; the end is orderly."""
    with start() as service:
        wire, data = begin_stream(service)
        idle = Wire(service)
        service.process.send_signal(how)
        deadline = time.monotonic() + 5
        while not refuses_connections(service):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert service.process.poll() is None
        data += wire.read_until(b"0\r\n\r\n")
        assert data.count(b'"delta":{"content":"') >= 16 and b"data: [DONE]" in data
        assert idle.read_all() == b"" and wire.read_all() == b""
        assert service.process.wait(timeout=20) == 0


def get(wire, path):
    status, _, headers, text = wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).reply()
    return status, headers.get("connection"), text


def test_drain_is_announced():
    """Before the port closes, /readyz says so, and each client is told to come back to somebody else."""
    service = start(answer_tokens=1, arguments=["--drain-delay-ms", "3600000"])
    known = Wire(service)
    assert get(known, "/healthz") == (200, None, "ok\n")
    service.process.send_signal(signal.SIGTERM)
    wait_for_log(service, " drain_begin ")
    while (answer := get(known, "/healthz")) == (200, None, "ok\n"):
        pass  # its loop has yet to hear of it
    assert answer == (200, "close", "ok\n") and known.read_all() == b""
    status, connection, text = get(Wire(service), "/readyz")
    assert (status, connection, json.loads(text)["status"]) == (503, "close", "draining")
    assert service.post("paced", {"messages": MESSAGES}).status_code == 200
    service.process.send_signal(signal.SIGTERM)  # who does not want to wait
    assert service.process.wait(timeout=20) == 1


def test_drain_goes_on_after_its_announcement():
    with start(arguments=["--drain-delay-ms", "100"]) as service:
        wire, data = begin_stream(service)
        service.process.send_signal(signal.SIGTERM)
        assert b"data: [DONE]" in data + wire.read_all()
        assert service.process.wait(timeout=20) == 0


def test_drain_that_takes_too_long():
    """What is not over in time is cut: no [DONE], so that nobody takes it for whole."""
    with start(answer_tokens=100000, arguments=["--drain-ms", "300"]) as service:
        wire, data = begin_stream(service)
        service.process.send_signal(signal.SIGTERM)
        data += wire.read_all()
        assert b"[DONE]" not in data
        assert service.process.wait(timeout=20) == 0


def test_second_signal_does_not_wait():
    service = start(answer_tokens=100000, arguments=["--drain-ms", "60000"])
    wire, _ = begin_stream(service)
    service.process.send_signal(signal.SIGTERM)
    wait_for_log(service, " drain_begin ")
    service.process.send_signal(signal.SIGTERM)
    assert b"[DONE]" not in wire.read_all()
    assert service.process.wait(timeout=20) == 1


def test_reload_of_the_catalog():
    with start() as service:
        refused = service.arm("PUT", "/deployments/ours", deployment_of_new_model())
        assert refused.status_code == 400
        wire, _ = begin_stream(service)
        service.catalog_file.write_text(PACED % 16 + NEW_MODEL)
        service.process.send_signal(signal.SIGHUP)
        wait_for_log(service, " reload_done")
        made = service.arm("PUT", "/deployments/ours", deployment_of_new_model())
        assert made.status_code in (200, 201), made.text
        answer = service.post("ours", {"messages": MESSAGES}).json()
        assert answer["model"] == "our-own"
        assert b"[DONE]" in wire.read_until(b"0\r\n\r\n")  # what was under way goes on


def deployment_of_new_model():
    model = {"format": "OpenAI", "name": "our-own", "version": "1"}
    return {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": model}}


@pytest.mark.parametrize("text, line, field", [
    (PACED % 16 + "models:\n  - name: gpt-4o\n    context_tokens: many\n", 8, "context_tokens"),
    (PACED % 16 + "surprise: 1\n", 6, "surprise"),
    ("extends: default\nengines:\n  - name: x\n    kind: nonsense\n", 4, "kind"),
    ("extends: default\nengines:\n  - name: x\n    llama: { model: missing.gguf }\n", 4, "engines[x].llama.model"),
], ids=["value", "key", "kind", "model"])  # fmt: skip
def test_reload_of_a_broken_catalog(text, line, field):
    """The old one stays in force, and the log says what is wrong where."""
    with start() as service:
        service.catalog_file.write_text(text)
        service.process.send_signal(signal.SIGHUP)
        wait_for_log(service, str(service.catalog_file) + ":")
        (said,) = [one for one in service.log_text().splitlines() if str(service.catalog_file) + ":" in one]
        assert f"{service.catalog_file}:{line}" in said and field in said, said
        assert service.post("paced", {"messages": MESSAGES, "max_tokens": 1}).status_code == 200


def test_start_with_a_broken_catalog(tmp_path):
    file = tmp_path / "catalog.yaml"
    file.write_text("extends: default\nmodels:\n  - name: 5\n    surprise: x\n")
    out = subprocess.run(
        [PROGRAM, "up", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"), "--catalog", str(file)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
    )
    assert out.returncode == 2 and f"{file}:4" in out.stderr and "surprise" in out.stderr


def test_reload_of_a_broken_configuration(tmp_path):
    config = tmp_path / "lazuli.yaml"
    config.write_text("dev: true\n")
    with start(arguments=["--config", str(config)]) as service:
        for text, line, field in (
            ("dev: true\ndrain_ms: soon\n", 2, "drain_ms"),
            ("dev: true\nworkers: 4000\n", 2, "workers"),
            ("\ndrain: 5\n", 2, "drain"),
        ):
            config.write_text(text)
            before = len(service.log_text())
            service.process.send_signal(signal.SIGHUP)
            wait_for_log(service, f"{config}:", since=before)
            (said,) = [one for one in service.log_text()[before:].splitlines() if f"{config}:" in one]
            assert f"{config}:{line}" in said and field in said, said
            assert service.post("paced", {"messages": MESSAGES, "max_tokens": 1}).status_code == 200


def test_store_that_cannot_be_written():
    """ARM says so and takes nothing over; what it had taken is served, and later writes are taken again."""
    with start() as service:
        written = service.data / "lazuli.db-wal"
        limits = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (written.stat().st_size, limits[1]))
        model = {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}
        body = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": model}}
        refused = service.arm("PUT", "/deployments/late", body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ServiceUnavailable")
        assert "read-only" in refused.json()["error"]["message"] and str(service.data) not in refused.text
        assert service.arm("GET", "/deployments/paced").status_code == 200
        assert service.arm("GET", "/deployments/late").status_code == 404
        assert service.post("paced", {"messages": MESSAGES}).status_code == 200
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, limits)
        assert service.arm("PUT", "/deployments/late", body).status_code == 201
        wait_for_log(service, str(service.data / "lazuli.db"))
        assert service.post("late", {"messages": MESSAGES}).status_code == 200


def test_killed_and_started_again(tmp_path):
    """Whatever ARM acknowledged is there; what it had not begun is not."""
    service = start(data=tmp_path)
    try:
        for number in range(20):
            service.deploy(f"kept-{number}", "gpt-4o", "2024-11-20", capacity=number + 1)
        key = service.arm("POST", "/regenerateKey", {"keyName": "Key1"}).json()["key1"]
        assert service.arm("DELETE", "/deployments/kept-7").status_code in (200, 202, 204)
        service.kill()
        service.start()
        assert service.key == key
        names = {item["name"]: item["sku"]["capacity"] for item in service.arm("GET", "/deployments").json()["value"]}
        kept = {name: capacity for name, capacity in names.items() if name.startswith("kept-")}
        assert kept == {f"kept-{n}": n + 1 for n in range(20) if n != 7}
        assert service.post("kept-3", {"messages": MESSAGES}).status_code == 200
        assert service.post("kept-7", {"messages": MESSAGES}).status_code == 404
    finally:
        service.stop()


def test_killed_in_the_middle_of_writes(tmp_path):
    """kill -9 while writes are under way: all that were answered are there, and the file is sound."""
    service = start(data=tmp_path)
    for round_number in range(3):
        acknowledged = []
        body = {
            "sku": {"name": "Standard", "capacity": 1},
            "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
        }
        with Wire(service) as wire:
            head = f"Host: x\r\nAuthorization: Bearer {service.token}\r\nContent-Type: application/json\r\n"
            data = json.dumps(body).encode()
            for number in range(30):
                path = f"{service.account_id}/deployments/r{round_number}-{number}?api-version=2023-05-01"
                wire.send(f"PUT {path} HTTP/1.1\r\n{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            while len(acknowledged) < 5 + 5 * round_number:
                status, _, _, text = wire.reply()
                assert status in (200, 201), text
                acknowledged.append(json.loads(text)["name"])
            service.kill()
        service.start()
        names = {item["name"] for item in service.arm("GET", "/deployments").json()["value"]}
        assert set(acknowledged) <= names
    service.stop()


AGEING = """
extends: default
default_engines: { chat: sim, completion: sim, embeddings: sim }
models:
  - name: ours
    operations: [chat]
    capabilities: [chatCompletion]
    default_version: "2"
    skus: [{ name: Standard }]
    versions:
      - { version: "1", created: 2024-01-01, retires: %s }
      - { version: "2", created: 2024-06-01 }
"""


@pytest.mark.parametrize("arguments, code", [([], "DeploymentNotFound"), (["--strict-errors"], "404")])
def test_retirement(arguments, code):
    """A version's end moves a deployment on, or stops it; the log says so once."""

    def deploy(name, option):
        model = {"format": "OpenAI", "name": "ours", "version": "1"}
        body = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": model, "versionUpgradeOption": option}}
        assert service.arm("PUT", f"/deployments/{name}", body).status_code == 201

    def reload():
        since = len(service.log_text())
        service.process.send_signal(signal.SIGHUP)
        wait_for_log(service, " reload_done", since=since)

    with Lazuli(catalog=AGEING % "2099-01-01", arguments=arguments) as service:
        deploy("moves", "OnceCurrentVersionExpired")
        deploy("stays", "NoAutoUpgrade")
        reload()
        assert " deployment_" not in service.log_text()
        service.catalog_file.write_text(AGEING % "2025-01-01")
        reload()
        reload()
        place = f"account={service.variables['LAZULI_ACCOUNT']} deployment="
        lines = [line.split(" info ")[1] for line in service.log_text().splitlines() if " deployment_" in line]
        assert sorted(lines) == [
            f"deployment_retired {place}stays model=ours version=1",
            f"deployment_upgraded {place}moves model=ours from=1 to=2",
        ]
        assert service.post("moves", {"messages": MESSAGES}).status_code == 200
        gone = service.post("stays", {"messages": MESSAGES})
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, code)
        assert ("ours, version 1, was retired on 2025-01-01" in gone.text) == (not arguments)
        shown = service.arm("GET", "/deployments/moves").json()
        assert shown["properties"]["model"]["version"] == "2"
        service.arm("PUT", "/deployments/moves", shown)
        reload()
        assert service.log_text().count(" deployment_") == 2
