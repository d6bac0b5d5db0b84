"""The data folder: on a full disk, on a read-only one, and wanted by two."""

import os
import resource
import subprocess
import uuid

import pytest

from disk import DISKS
from entra import ARM, AZ_CLIENT, PASSWORD, Entra
from paced import MESSAGES, begin_stream, start
from service import PROGRAM

DEPLOYMENT = {
    "sku": {"name": "Standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
}
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
        while service.arm("PUT", f"/deployments/{uuid.uuid4()}", DEPLOYMENT).status_code != 503:
            pass  # the database's files have room for some
        assert {sign_in("not-the-one")[0] for _ in range(10)} == {503}
        assert sign_in("not-the-one") == sign_in(PASSWORD) == (400, [50053])


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
