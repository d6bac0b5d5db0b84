"""The data folder: on a full disk, on a read-only one, and wanted by two."""

import contextlib
import json
import os
import pathlib
import re
import resource
import sqlite3
import subprocess
import tempfile
import uuid

import pytest

from disk import DISKS
from entra import ARM, AZ_CLIENT, PASSWORD, Entra
from fake_upstream import FakeUpstream
from faulty import Faulty
from paced import MESSAGES, begin_stream, start
from scripted import CATALOG
from service import PROGRAM, Lazuli, free_port
from waiting import wait_until

DEPLOYMENT = {
    "sku": {"name": "Standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
}
WRITES_MAX = 1000  # that the room of the database's files is enough for
QUICK = {"messages": MESSAGES, "max_tokens": 1}


@pytest.fixture(params=DISKS)
def disk(request, tmp_path):
    return request.param(tmp_path)


def refused_start(data, environment=None):
    """A start that fails in order: what it says."""
    out = subprocess.run(
        [PROGRAM, "up", "--listen", "127.0.0.1:0", "--data", str(data)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, env=os.environ | (environment or {}),
    )  # fmt: skip
    assert (out.returncode, out.stdout) == (2, ""), out.stderr
    return out.stderr


def names(service):
    return {item["name"] for item in service.arm("GET", "/deployments").json()["value"]}


def use_up(service):
    """What room the database's files have on a disk that is full."""
    for _ in range(WRITES_MAX):
        if service.arm("PUT", f"/deployments/{uuid.uuid4()}", DEPLOYMENT).status_code == 503:
            return
    pytest.fail(f"{WRITES_MAX} more writes were taken")


def test_full_disk(disk):
    """What ARM cannot keep it refuses; all else goes on. With room again it takes writes again, and it has lost none."""
    with disk.there():
        with start(data=disk.folder, environment=disk.environment) as service:
            disk.fill()
            taken, answer = {"paced"}, None
            for number in range(100):
                answer = service.arm("PUT", f"/deployments/d{number}", DEPLOYMENT)
                if answer.status_code != 201:
                    break
                taken.add(f"d{number}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ServiceUnavailable"), answer.text
            assert str(disk.folder) not in answer.text
            assert "is the disk full" in service.log_text() or "No space left on device" in service.log_text()
            refused = answer.url.rsplit("/", 1)[1].split("?")[0]
            assert taken <= names(service) and refused not in names(service)
            for name in taken:
                assert service.post(name, QUICK).status_code == 200
            assert service.post(refused, QUICK).status_code == 404
            assert service.arm("DELETE", "/deployments/paced").status_code == 503
            disk.empty()
            assert service.arm("PUT", "/deployments/after", DEPLOYMENT).status_code == 201
            kept = names(service)
            assert kept >= taken | {"after"} and refused not in kept
            service.kill()
            service.start()
            assert names(service) == kept
            assert service.post("after", QUICK).status_code == 200
        fresh = disk.folder / "fresh"
        fresh.mkdir()
        disk.fill()
        said = refused_start(fresh, disk.environment)
        assert str(fresh) in said and "No space left on device" in said


def start_again(service):
    """With a log that isn't on that disk. `lazuli env`, which is asked by then, cannot read a store that had no room for what
    it shares."""
    service.log_file = service.folder.parent / "log"
    try:
        service.start()
    except subprocess.CalledProcessError:
        assert " warn store_not_shared " in service.log_text()


def test_start_on_a_full_disk(disk):
    """After a crash, or in order: it serves by what is there, and takes writes when there is room again. Who it is no file can
    tell a second one, which is refused all the same."""
    own = ["--listen", f"127.0.0.1:{free_port()}"]
    with disk.there(), start(data=disk.folder, environment=disk.environment, arguments=own) as service:
        pid_file = service.data / "lazuli.pid"
        for end in (service.kill, service.stop):
            pid_file.write_text("")  # the room that it had is taken, too
            disk.fill()
            kept = names(service)
            end()
            start_again(service)
            assert f" warn pid_file_failed file={pid_file} " in service.log_text()
            assert pid_file.read_text() == ""
            said = refused_start(service.data, disk.environment)
            assert f"{service.data}: in use by another lazuli process; its lazuli.pid does not name it" in said
            assert service.post("paced", QUICK).status_code == 200
            while (answer := service.arm("PUT", f"/deployments/{uuid.uuid4()}", DEPLOYMENT)).status_code == 201:
                kept.add(answer.json()["name"])  # the database's files may have room for some
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ServiceUnavailable"), answer.text
            assert names(service) == kept
            disk.empty()
            assert service.arm("PUT", "/deployments/after", DEPLOYMENT).status_code in (200, 201)
            service.kill()
            service.start()
            assert names(service) == kept | {"after"}
            assert pid_file.read_text() == f"{service.process.pid}\n"


def test_start_on_a_full_disk_with_another_address(disk):
    """The address that other commands are told is an earlier one then, which keeps nobody from being served."""
    with disk.there(), start(data=disk.folder, environment=disk.environment) as service:
        disk.fill()
        use_up(service)
        service.kill()
        start_again(service)
        log = service.log_text()
        assert " warn endpoint_not_noted " in log
        service.endpoint = re.search(r" started endpoint=(\S+)", log)[1]
        assert service.post("paced", QUICK).status_code == 200
        disk.empty()
        service.kill()
        service.start()
        assert service.post("paced", QUICK).status_code == 200


def test_passwords_on_a_full_disk(disk):
    """Wrong ones lock the user out, though the store cannot take it down."""
    with disk.there(), start(data=disk.folder, environment=disk.environment) as service:
        entra = Entra(service)
        user = entra.make_user("ann@lazuli.example")
        form = {"grant_type": "password", "client_id": AZ_CLIENT, "username": user["userPrincipalName"]}

        def sign_in(password):
            answer = entra.ask(**form, password=password, scope=f"{ARM}/.default")
            return answer.status_code, answer.json().get("error_codes")

        disk.fill()
        use_up(service)
        assert {sign_in("not-the-one")[0] for _ in range(3)} == {503}
        assert sign_in(PASSWORD) == (200, None)
        if not disk.folder.is_mount():  # where the log has no room either
            assert " warn failed_sign_ins_not_reset object=" in service.log_text()
        assert {sign_in("not-the-one")[0] for _ in range(10)} == {503}
        assert sign_in("not-the-one") == sign_in(PASSWORD) == (400, [50053])


def test_first_token_on_a_full_disk(disk):
    """The key that signs it is there from the first start on."""
    own = ["--listen", f"127.0.0.1:{free_port()}"]
    with disk.there(), start(data=disk.folder, environment=disk.environment, arguments=own) as service:
        disk.fill()
        use_up(service)
        for _ in range(2):
            token = Entra(service).token()
            assert service.arm("GET", "/deployments", token=token).status_code == 200
            service.kill()
            start_again(service)


def test_actions_on_a_full_disk(disk):
    """Keys are told to nobody of whom the activity log cannot keep it."""
    with disk.there(), start(data=disk.folder, environment=disk.environment) as service:
        disk.fill()
        use_up(service)
        for action in ("/listKeys", "/regenerateKey"):
            answer = service.arm("POST", action, {"keyName": "Key1"})
            assert answer.status_code == 503, answer.text
            assert answer.json().keys() == {"error"} and answer.json()["error"]["code"] == "ServiceUnavailable"
            assert service.key not in answer.text and str(disk.folder) not in answer.text
        assert service.post("paced", QUICK).status_code == 200  # by the key of before
        disk.empty()
        assert service.arm("POST", "/listKeys").json()["key1"] == service.key


@pytest.mark.parametrize("kind", DISKS)
def test_log_on_a_full_disk(kind, tmp_path):
    """What cannot be logged is left out, and counted; nobody is served worse for it."""
    disk = kind(tmp_path, has_log=True)
    catalog = CATALOG.format(port=free_port()) + "default_engines: { chat: sim }\n"  # nobody is the upstream of `scripted`
    with disk.there(), Lazuli(catalog, data=disk.folder, environment=disk.environment) as service:
        for name in ("scripted", "other"):
            service.deploy(name, "gpt-4o", "2024-11-20")
        disk.fill()
        fails = 200  # each of them logs
        for _ in range(fails):
            assert service.post("scripted", QUICK).status_code == 503
        assert service.post("other", QUICK).status_code == 200
        assert len(service.log_text().splitlines()) < fails
        disk.empty()
        assert service.post("scripted", QUICK).status_code == 503
        service.wait_for_log(" warn log_lines_lost count=")
        lost = sum(int(count) for count in re.findall(r" warn log_lines_lost count=(\d+)\n", service.log_text()))
        assert fails / 2 < lost <= fails * 3
        for line in service.log_text().splitlines():
            assert line.count("Z warn ") <= 1, line  # none begins within another


@pytest.mark.parametrize("kind", DISKS)
def test_a_model_that_starts_on_a_full_disk(kind):
    """It is started and serves, though no file can say whose process it is; with room again the next one has its file."""
    with tempfile.TemporaryDirectory(prefix="lazuli-disk-") as short:  # a longer path is too long for a socket
        start_a_model_on_a_full_disk(kind(pathlib.Path(short)))


def start_a_model_on_a_full_disk(disk):
    with disk.there(), contextlib.ExitStack() as stack:
        faulty = Faulty("llama", {"victim": ""}, data=disk.folder, environment=disk.environment)
        stack.callback(faulty.stop)
        run = faulty.service.data / "run"

        def files():
            return [file for file in run.glob("victim-*.pid") if file.stat().st_size]

        disk.fill()
        for stream in (False, True):
            answer = faulty.ask(stream=stream)
            assert answer.status_code == 200 and "Scrip" in answer.text, answer.text
        assert faulty.ask("other").status_code == 200
        assert not files() and " warn pid_file_failed engine=victim " in faulty.service.log_text()
        disk.empty()
        faulty.engine.processes[0].exit(1)
        wait_until(lambda: "engine_failed" in faulty.service.log_text(), faulty.service.log_text)
        assert faulty.ask().status_code == 200
        assert len(files()) == 1 and len(faulty.engine.processes) == 2


SPENDING = """
extends: default
engines:
  - name: far
    upstream:
      url: "http://127.0.0.1:{port}/v1"
      cost: {{ input_per_million: 1000, output_per_million: 10000, per_day: 100 }}
default_engines: {{ chat: sim }}
deployments:
  - {{ deployment: far, engine: far }}
"""


def test_spending_on_a_full_disk(disk):
    """It is counted, and kept as soon as that can be; whoever asks is served."""
    upstream = FakeUpstream()
    with disk.there(), Lazuli(SPENDING.format(port=upstream.port), data=disk.folder, environment=disk.environment) as service:

        def spent():
            return service.metrics()['lazuli_engine_cost_today{engine="far"}']

        for name in ("far", "near"):
            service.deploy(name, "gpt-4o", "2024-11-20")
        disk.fill()

        def is_told():
            use_up(service)
            if kept_spending(service) == round(spent() * 1e6):
                assert service.post("far", QUICK).status_code == 200
            assert service.post("near", QUICK).status_code == 200
            return " error spending_not_kept " in service.log_text()

        wait_until(is_told, service.log_text, step_s=0.2)
        before = spent()  # since when nothing is spent: what failed is tried again by itself
        disk.empty()
        wait_until(lambda: kept_spending(service) == round(before * 1e6), lambda: f"{kept_spending(service)} is kept")
        assert service.log_text().count(" spending_not_kept ") == 1
        service.kill()
        service.start()
        assert spent() == before
        assert service.post("far", QUICK).status_code == 200
    upstream.stop()


def kept_spending(service):
    """What the database has of it, in millionths."""
    with contextlib.closing(sqlite3.connect(service.data / "lazuli.db", timeout=20)) as db:
        (text,) = db.execute("SELECT value FROM settings WHERE name = 'engine_spending'").fetchone() or ("{}",)
    return json.loads(text).get("far", {}).get("millionths", 0)


def test_file_that_cannot_grow():
    """A quota, say: the same, as far as what a limit of the process can show."""
    with start() as service:
        written = service.data / "lazuli.db-wal"
        limits = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (written.stat().st_size, limits[1]))
        refused = service.arm("PUT", "/deployments/late", DEPLOYMENT)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ServiceUnavailable")
        assert "read-only" in refused.json()["error"]["message"] and str(service.data) not in refused.text
        assert service.arm("GET", "/deployments/paced").status_code == 200
        assert service.arm("GET", "/deployments/late").status_code == 404
        assert service.post("paced", QUICK).status_code == 200
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, limits)
        assert service.arm("PUT", "/deployments/late", DEPLOYMENT).status_code == 201
        service.wait_for_log(str(service.data / "lazuli.db"))
        assert service.post("late", QUICK).status_code == 200


def test_read_only_disk(disk):
    """It does not start there, and says why; nothing has been changed when the disk can be written again."""
    with disk.there():
        with start(data=disk.folder, environment=disk.environment):
            pass
        disk.forbid()
        for data in (disk.folder / "data", disk.folder / "fresh"):
            said = refused_start(data, disk.environment)
            assert str(data) in said and "Read-only file system" in said, said
        disk.allow()
        with start(data=disk.folder, environment=disk.environment) as service:
            assert service.post("paced", QUICK).status_code == 200


def test_disk_that_becomes_read_only(disk, tmp_path):
    """As a kernel makes it of one that fails, whatever is open for writing. The same as with a full one, until it is mounted
    anew; nothing that was acknowledged is lost by then."""
    with disk.breakable_there(), start(data=tmp_path, environment=disk.environment) as service:
        assert service.arm("PUT", "/deployments/before", DEPLOYMENT).status_code == 201
        kept = names(service)
        wire, _ = begin_stream(service)
        disk.break_down()
        for change in (("PUT", "/deployments/late", DEPLOYMENT), ("DELETE", "/deployments/before")):
            refused = service.arm(*change)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ServiceUnavailable"), refused.text
            assert "read-only" in refused.json()["error"]["message"] and str(disk.folder) not in refused.text
        assert names(service) == kept
        assert service.post("late", QUICK).status_code == 404
        for name in ("paced", "before"):
            assert service.post(name, QUICK).status_code == 200
        assert b"[DONE]" in wire.read_until(b"0\r\n\r\n")
        service.wait_for_log(str(service.data / "lazuli.db"))
    with disk.breakable_there(), start(data=tmp_path, environment=disk.environment) as service:
        assert names(service) == kept
        assert service.arm("PUT", "/deployments/late", DEPLOYMENT).status_code == 201
        assert service.post("late", QUICK).status_code == 200


def test_folder_of_somebody_else(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    # root may write everywhere, unless it is without that capability
    humble = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    out = subprocess.run(
        [*humble, PROGRAM, "up", "--listen", "127.0.0.1:0", "--data", str(folder)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert out.returncode == 2 and f"{folder}: cannot write into the folder: Permission denied" in out.stderr, out.stderr
    assert list(folder.iterdir()) == []


def test_second_process_on_the_folder_is_refused_with_the_pid(tmp_path):
    """By whatever path it comes; the first one does not notice."""
    with start() as service:
        (tmp_path / "link").symlink_to(service.data)
        wire, _ = begin_stream(service)
        for path in (service.data, tmp_path / "link"):
            assert f"{service.data}: in use by the lazuli process {service.process.pid}\n" in refused_start(path)
        assert b"[DONE]" in wire.read_until(b"0\r\n\r\n")
        assert service.arm("PUT", "/deployments/more", DEPLOYMENT).status_code == 201


def test_lock_of_a_process_that_was_killed():
    """Nothing that it left behind is in the way of the next one, who is the one to be named then."""
    service = start()
    first = service.process.pid
    service.kill()
    assert (service.data / "lazuli.pid").read_text() == f"{first}\n"
    service.start()
    with service:
        assert service.process.pid != first
        assert f"process {service.process.pid}\n" in refused_start(service.data)
        assert service.post("paced", QUICK).status_code == 200
