"""SIGTERM: what is under way ends in order. SIGHUP: what is wrong changes nothing, and is said."""

import json
import os
import pathlib
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import scripted
from certificate import make_certificate, tls_arguments
from fake_upstream import FakeUpstream, chat_event
from paced import MESSAGES, PACED, PATH, begin_stream, start
from service import ARM_VERSION, PROGRAM, Lazuli
from tls import Session
from waiting import wait_until
from wire import Wire, narrow

NEW_MODEL = """
models:
  - name: our-own
    operations: [chat]
    capabilities: [chatCompletion]
    engine: sim
    skus: [{ name: Standard }]
    versions: [{ version: "1", created: 2024-01-01 }]
"""


def refuses_connections(service):
    try:
        socket.create_connection(("127.0.0.1", service.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it came while the port was being closed
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_drain(how):
    """A stream in flight ends as it should; nobody new comes in; the end is orderly."""
    with start() as service:
        wire, data = begin_stream(service)
        idle = Wire(service)
        service.process.send_signal(how)
        wait_until(lambda: refuses_connections(service), "newcomers are not refused")
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
    service.wait_for_log(" drain_begin ")
    answers = []
    # its loop has yet to hear of it
    wait_until(lambda: answers.append(get(known, "/healthz")) or answers[-1] != (200, None, "ok\n"), answers)
    assert answers[-1] == (200, "close", "ok\n") and known.read_all() == b""
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
    """What is not over in time ends in an error: no [DONE], so that nobody takes it for whole."""
    with start(answer_tokens=100000, arguments=["--drain-ms", "300", "--log-level", "debug"]) as service:
        wire, data = begin_stream(service)
        since = len(service.log_text())
        whole = Wire(service).post(PATH, json.dumps({"messages": MESSAGES}).encode())
        service.wait_for_log(" to=RELAY", since)
        service.process.send_signal(signal.SIGTERM)
        data += wire.read_all()
        *_, last = data.split(b"data: ")
        text, _, end = last.partition(b"\n\n")
        assert "The server had an error" in json.loads(text)["error"]["message"]
        assert end.endswith(b"0\r\n\r\n") and b"[DONE]" not in data
        status, _, headers, text = whole.reply()
        assert (status, headers["connection"]) == (503, "close")
        assert json.loads(text)["error"]["code"] == "ServiceUnavailable"
        assert service.process.wait(timeout=20) == 0


def head_of(line, credential, body):
    return f"{line} HTTP/1.1\r\nHost: x\r\n{credential}\r\nContent-Type: application/json\r\n" + (
        f"Content-Length: {len(body)}\r\n\r\n"
    )


def begun_requests(service):
    """What was sent of requests before the service was asked to end, and what is to come."""
    body = json.dumps({"messages": MESSAGES})
    document = json.dumps(deployment_of("gpt-4o", "2024-11-20"))
    head = head_of(f"POST {PATH}", f"api-key: {service.key}", body)
    put = f"PUT {service.account_id}/deployments/late?api-version={ARM_VERSION}"
    return {
        "half a head": (head[:40], head[40:] + body),
        "half a body": (head + body[:9], body[9:]),
        "a head of ARM": (head_of(put, f"Authorization: Bearer {service.token}", document), document),
    }


@pytest.mark.parametrize("ends", [True, False], ids=["they-go-on", "they-do-not"])
def test_drain_of_requests_that_have_begun(ends, tmp_path):
    """They are answered, be it by a change of the control plane, or end without a word when the time is over. Who has not said
    hello within TLS has not asked for anything."""
    arguments = [*tls_arguments(make_certificate(tmp_path)), "--workers", "1", "--drain-ms", "60000" if ends else "300"]
    with Lazuli(PACED % 1, arguments) as service:
        service.endpoint = service.endpoint.replace("https:", "http:")
        service.deploy("paced", "gpt-4o", "2024-11-20")
        begun = {name: (Wire(service).send(first.encode()), rest) for name, (first, rest) in begun_requests(service).items()}
        hello = Session(ssl.create_default_context(), Wire(service))
        hello.wire.send(hello.hello()[:40])
        assert get(Wire(service), "/healthz")[0] == 200  # by when its loop has read them
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(service), "newcomers are not refused")
        for name, (wire, rest) in begun.items():
            if ends:
                status, _, headers, text = wire.send(rest.encode()).reply()
                assert (status, headers["connection"]) == (201 if "ARM" in name else 200, "close"), (name, text)
            assert wire.read_all() == b"", name
        assert hello.wire.read_all() == b""
        assert service.process.wait(timeout=20) == 0
        if ends:
            service.start()
            assert service.post("late", {"messages": MESSAGES}, verify=tmp_path / "cert.pem").status_code == 200


WITH_A_MODEL = """\
  - name: tiny
    llama: {{ model: embedded, load_at_start: true }}
deployments:
"""


def test_drain_that_nobody_helps_with():
    """A client does not read the end of its stream, a llama-server that is stopped does not hear of it: the service ends all the
    same, some seconds after drain_ms."""
    upstream = FakeUpstream()

    async def pour(call):
        await call.start_events()
        while True:
            await call.event(chat_event("x" * 8000))

    upstream.script = pour
    catalog = scripted.CATALOG.replace("deployments:\n", WITH_A_MODEL).format(port=upstream.port)
    with Lazuli(catalog, ["--drain-ms", "300"]) as service:
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        wait_until(lambda: service.state_of("tiny") == (200, "ready"), service.log_text)
        (pid_file,) = (service.data / "run").glob("*.pid")
        model = int(pid_file.read_text().split()[0])
        os.kill(model, signal.SIGSTOP)
        wire = narrow(service)
        wire.post(scripted.PATH, scripted.STREAM).read_until(b"xxxx")
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=20) == 0
        print(f"it ends {time.monotonic() - began:.1f} s after the signal")
        assert b"[DONE]" not in wire.read_all()
        assert not pathlib.Path(f"/proc/{model}/exe").exists()
    upstream.stop()


def test_second_signal_does_not_wait():
    service = start(answer_tokens=100000, arguments=["--drain-ms", "60000"])
    wire, _ = begin_stream(service)
    service.process.send_signal(signal.SIGTERM)
    service.wait_for_log(" drain_begin ")
    service.process.send_signal(signal.SIGTERM)
    assert b"[DONE]" not in wire.read_all()
    assert service.process.wait(timeout=20) == 1


def test_reload_while_it_starts(tmp_path):
    """Who has written a configuration before it was read may say so too early."""
    pid_file, told = tmp_path / "data" / "lazuli.pid", []

    def tell():
        pid = wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), "it is not there")
        while " started " not in (tmp_path / "log").read_text():
            os.kill(int(pid), signal.SIGHUP)
            told.append(pid)

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        with start(data=tmp_path) as service:
            service.wait_for_log(" reload_done")
    finally:
        teller.join()
    assert told


def test_reloads_until_the_end():
    """Whoever asks for one while the service ends does not make a crash of it."""
    with start() as service:
        service.process.send_signal(signal.SIGTERM)
        service.wait_for_log(" drain_begin ")
        while service.process.poll() is None:
            service.process.send_signal(signal.SIGHUP)


def test_reload_of_the_catalog():
    with start() as service:
        refused = service.arm("PUT", "/deployments/ours", deployment_of("our-own", "1"))
        assert refused.status_code == 400
        wire, _ = begin_stream(service)
        service.catalog_file.write_text(PACED % 16 + NEW_MODEL)
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_log(" reload_done")
        made = service.arm("PUT", "/deployments/ours", deployment_of("our-own", "1"))
        assert made.status_code in (200, 201), made.text
        answer = service.post("ours", {"messages": MESSAGES}).json()
        assert answer["model"] == "our-own"
        assert b"[DONE]" in wire.read_until(b"0\r\n\r\n")  # what was under way goes on


def deployment_of(name, version):
    model = {"format": "OpenAI", "name": name, "version": version}
    return {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": model}}


BROKEN = {
    "value": (PACED % 16 + "models:\n  - name: gpt-4o\n    context_tokens: many\n", 8, "context_tokens"),
    "key": (PACED % 16 + "surprise: 1\n", 6, "surprise"),
    "kind": ("extends: default\nengines:\n  - name: x\n    kind: nonsense\n", 4, "kind"),
    "model": ("extends: default\nengines:\n  - name: x\n    llama: { model: missing.gguf }\n", 4, "engines[x].llama.model"),
}


def test_reload_of_a_broken_catalog():
    """The old one stays in force, and the log says what is wrong where; a mended one is taken."""
    with start() as service:
        for text, line, field in BROKEN.values():
            service.catalog_file.write_text(text)
            said = service.reload()
            assert " reload_refused " in said and f"{service.catalog_file}:{line}:" in said and field in said, said
            assert service.post("paced", {"messages": MESSAGES, "max_tokens": 1}).status_code == 200
        assert service.arm("PUT", "/deployments/ours", deployment_of("our-own", "1")).status_code == 400
        service.catalog_file.write_text(PACED % 16 + NEW_MODEL)
        assert " reload_done" in service.reload()
        assert service.arm("PUT", "/deployments/ours", deployment_of("our-own", "1")).status_code == 201


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
    assert out.returncode == 2 and f"{file}:4:" in out.stderr and "surprise" in out.stderr


def test_reload_of_a_broken_configuration(tmp_path):
    config = tmp_path / "lazuli.yaml"
    config.write_text("dev: true\n")
    with start(arguments=["--config", str(config)]) as service:
        for text, line, field in (
            ("dev: true\ndrain_ms: soon\n", 2, "drain_ms"),
            ("dev: true\nworkers: 4000\n", 2, "workers"),
            ("\ndrain: 5\n", 2, "drain"),
            ("dev: true\nlog_level: loud\n", 2, "log_level"),
            ("dev: true\nlog_level: [\n", 3, "not YAML"),  # there is no field as yet
        ):
            config.write_text(text)
            said = service.reload()
            assert " reload_refused " in said and f"{config}:{line}:" in said and field in said, said
            assert service.post("paced", {"messages": MESSAGES, "max_tokens": 1}).status_code == 200
        assert " debug " not in service.log_text()
        config.write_text("dev: true\nlog_level: debug\n")
        assert " reload_done" in service.reload()
        service.post("paced", {"messages": MESSAGES, "max_tokens": 1})
        service.wait_for_log(" debug ")


def test_reload_of_what_the_command_line_says(tmp_path):
    """It counts for more than environment and file, then as at the start; and what the file says no more is the default's."""
    config = tmp_path / "lazuli.yaml"
    config.write_text("log_level: error\nworkers: 2\n")
    line, environment = ["--config", str(config), "--log-level", "debug", "--workers", "1"], {"LAZULI_LOG_LEVEL": "warn"}
    with start(arguments=line, environment=environment | {"LAZULI_WORKERS": "3"}) as service:
        assert " reload_done" in (said := service.reload()) and " reload_ignored " not in said, said
        service.post("paced", {"messages": MESSAGES, "max_tokens": 1})
        service.wait_for_log(" debug ")
    config.write_text("log_level: debug\n")
    with start(arguments=["--config", str(config)]) as service:
        config.write_text("workers: 1\n")
        assert " reload_done" in service.reload()
        since = len(service.log_text())
        service.post("paced", {"messages": MESSAGES, "max_tokens": 1})
        assert " debug " not in service.log_text()[since:]


def test_reload_of_what_is_no_file(tmp_path):
    """A pipe in place of any of them, which nobody writes into, keeps nothing waiting."""
    make_certificate(tmp_path)
    files = {name: tmp_path / name for name in ("config", "issuers", "cert.pem", "key.pem", "model")}
    files["issuers"].write_text("issuers: []\n")
    settings = {"identity_file": "issuers", "tls_certificate": "cert.pem", "tls_key": "key.pem"}
    files["config"].write_text("".join(f"{name}: {files[file]}\n" for name, file in settings.items()))
    files["model"].write_text("GGUF")
    with Lazuli(catalog=PACED % 16, arguments=["--config", str(files["config"])]) as service:
        files["catalog"] = service.catalog_file
        with service.catalog_file.open("a") as catalog:
            catalog.write(f"engines:\n  - name: local\n    llama: {{ model: {files['model']} }}\n")
        assert " reload_done" in service.reload()
        for file in files.values():
            kept = file.rename(file.with_suffix(".kept"))
            os.mkfifo(file)
            said = service.reload()
            assert " reload_refused " in said and str(file) in said, said
            assert "not a regular file" in said or "is no file" in said, said
            kept.rename(file)
        assert " reload_done" in service.reload()


def test_reload_of_what_is_too_large(tmp_path):
    """To read a key takes OpenSSL some time for each byte, in which no other signal would be heard."""
    make_certificate(tmp_path)
    with Lazuli(PACED % 16, tls_arguments(tmp_path)) as service:
        for file in (tmp_path / "cert.pem", tmp_path / "key.pem", service.catalog_file):
            text = file.read_text()
            with file.open("r+") as large:
                large.truncate(300_000_000)
            said = service.reload()
            assert " reload_refused " in said and str(file) in said and "large" in said, said
            file.write_text(text)
        assert " reload_done" in service.reload()


def certificate_shown(service):
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as plain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as wire:
            return ssl.DER_cert_to_PEM_cert(wire.getpeercert(binary_form=True))


def test_reload_of_a_broken_certificate(tmp_path):
    """Whoever connects sees the old one, until there is a new one that is whole."""
    (tmp_path / "new").mkdir()
    make_certificate(tmp_path)
    make_certificate(tmp_path / "new")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    old, new = (file.read_text() for file in (certificate, tmp_path / "new" / "cert.pem"))
    with Lazuli(arguments=tls_arguments(tmp_path)) as service:
        assert certificate_shown(service) == old
        for text in ("no certificate", old[: len(old) // 2], "", new):  # the last one does not fit the key
            certificate.write_text(text)
            said = service.reload()
            assert " reload_refused " in said and str(key if text == new else certificate) in said, said
            assert certificate_shown(service) == old
        certificate.unlink()
        said = service.reload()
        assert str(certificate) in said and "No such file or directory" in said, said
        certificate.write_text(new)
        key.write_text((tmp_path / "new" / "key.pem").read_text())
        assert " reload_done" in service.reload()
        assert certificate_shown(service) == new


# What is wrong, and how it is told behind the file's name: with line and field, where there are any.
WRONG = {
    "config": ("log_level: loud\n", ":1: log_level: "),
    "catalog": ("# \nsurprise: 1\n", ":2: unknown key 'surprise'"),
    "issuers": ("issuers:\n  - surprise: 1\n", ":2: issuers[0]: unknown key 'surprise'"),
    "cert.pem": ("no certificate", ""),
}


def test_a_refused_reload_is_refused_whole(tmp_path):
    """Of what is in order beside what is wrong nothing is applied; all of it is once that is mended."""
    (tmp_path / "new").mkdir()
    files = {name: tmp_path / name for name in ("config", "issuers", "cert.pem", "key.pem")}
    make_certificate(tmp_path)
    make_certificate(tmp_path / "new")
    old, new = (file.read_text() for file in (files["cert.pem"], tmp_path / "new" / "cert.pem"))
    files["config"].write_text("log_level: info\n")
    files["issuers"].write_text("issuers: []\n")
    arguments = [*tls_arguments(tmp_path), "--config", str(files["config"]), "--identity-file", str(files["issuers"])]
    with socket.create_server(("127.0.0.1", 0)) as issuer, Lazuli(PACED % 16, arguments) as service:
        service.endpoint = service.endpoint.replace("https:", "http:")
        files["catalog"] = service.catalog_file
        url = f"http://127.0.0.1:{issuer.getsockname()[1]}"
        good = {
            "config": "log_level: debug\n",
            "catalog": PACED % 16 + NEW_MODEL,
            "issuers": f"issuers:\n  - {json.dumps({'issuer': url, 'federation_only': True})}\n",
            "cert.pem": new,
            "key.pem": (tmp_path / "new" / "key.pem").read_text(),
        }

        def reloaded(texts):
            """Of a reload of these: what the log says, and which of the good ones are in force then."""
            for name, text in texts.items():
                files[name].write_text(text)
            said = service.reload()
            status = service.arm("PUT", "/deployments/ours", deployment_of("our-own", "1")).status_code
            shown = certificate_shown(service)
            assert shown in (old, new)
            service.post("ours", {"messages": MESSAGES, "max_tokens": 1})
            asked = select.select([issuer], [], [], 20 if " reload_done" in said else 0)[0]
            return said, [status == 201, shown == new, " debug " in service.log_text(), bool(asked)]

        for name, (text, where) in WRONG.items():
            said, applied = reloaded(good | {name: text})
            assert " reload_refused " in said and f"{files[name]}{where}" in said, said
            assert not any(applied), (name, applied)
        said, applied = reloaded(good)
        assert " reload_done" in said and all(applied), (said, applied)
