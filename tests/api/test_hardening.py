"""What the running service and the models that it starts have given up."""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess

import pytest

from service import Lazuli
from waiting import wait_until

CORE_BYTES = 1 << 30
CORES_OF_SANITIZERS = {name: f"{os.environ.get(name, '')}:disable_coredump=0" for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}
QUESTION = {"messages": [{"role": "user", "content": "What is a deployment?"}], "max_tokens": 8}

UPSTREAM = """
extends: default
engines:
  - name: far
    upstream: { url: "http://127.0.0.1:9/v1", api_key_env: FAR_AWAY_KEY }
"""


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def is_limited(pid):
    status = status_of(pid)
    return status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def model_process(service):
    """The llama-server that it has started."""
    (file,) = (service.data / "run").glob("*.pid")
    return int(file.read_text().split()[0])


def test_a_model_runs_inside_the_sandbox():
    with Lazuli(arguments=["--sandbox", "required"]) as service:
        assert 'no_new_privileges="on" capabilities="on" seccomp="on" landlock="on"' in service.log_text()
        answer = service.post("gpt-4", QUESTION)
        assert answer.status_code == 200, answer.text
        assert is_limited(service.process.pid)
        assert is_limited(model_process(service))


def test_no_loop_has_a_ring_that_the_sandbox_forbids():
    """A newer libuv makes one for each loop if it may, and ends the process when it cannot use it later."""
    with Lazuli(arguments=["--sandbox", "required"]) as service:
        files = [os.readlink(file) for file in pathlib.Path(f"/proc/{service.process.pid}/fd").iterdir()]
        assert any("eventpoll" in file for file in files) and not any("io_uring" in file for file in files)


def test_without_a_sandbox_it_says_so():
    with Lazuli(arguments=["--sandbox", "off"]) as service:
        assert " sandbox state=off" in service.log_text()
        assert service.post("gpt-4", QUESTION).status_code == 200
        assert not is_limited(service.process.pid)


def core_bytes_max(pid):
    """The limit of a core file, soft and hard, as the kernel shows it."""
    lines = pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("Max core file size"))
    return line.split()[4:6]


def test_it_leaves_no_core():
    """Though it was allowed to, unless it is told to; a sanitizer would see to it by itself."""
    allowed = {"under": ["prlimit", "--core=4096:4096"], "environment": CORES_OF_SANITIZERS}
    with Lazuli(**allowed) as service:
        assert core_bytes_max(service.process.pid) == ["0", "0"]
    with Lazuli(arguments=["--core-dumps"], **allowed) as service:
        assert core_bytes_max(service.process.pid) == ["4096", "4096"]


def leaves_core(process):
    """Does the kernel write one when the process aborts, to a file or to a program, as it does here?"""
    process.send_signal(signal.SIGABRT)
    state = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process.wait() == -signal.SIGABRT
    return state.si_code == os.CLD_DUMPED


def test_it_leaves_no_core_when_it_aborts(tmp_path):
    """Where another process under the same limits does; even if somebody lifts them, where a test may do that."""
    under = ["env", f"--chdir={tmp_path}", "prlimit", f"--core={CORE_BYTES}:{CORE_BYTES}"]
    other = subprocess.Popen([*under, "sleep", "600"])
    wait_until(lambda: pathlib.Path(f"/proc/{other.pid}/comm").read_text() == "sleep\n", "it runs")
    if not leaves_core(other):
        pytest.skip("no process leaves a core here")
    for core in tmp_path.glob("core*"):
        core.unlink()
    service = Lazuli(data=tmp_path / "service", under=under, environment=CORES_OF_SANITIZERS)
    with contextlib.suppress(PermissionError):
        resource.prlimit(service.process.pid, resource.RLIMIT_CORE, (CORE_BYTES, CORE_BYTES))
    assert not leaves_core(service.process)
    service.log.close()
    assert not list(tmp_path.glob("core*"))


def shown_to_others(service):
    """What a process of the same user, without rights over others, is shown of it: a model's, say."""
    files = [f"/proc/{service.process.pid}/{name}" for name in ("environ", "maps")]
    rights = "-sys_ptrace,-perfmon,-sys_admin"  # any of them is enough
    drop = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    return subprocess.run([*drop, "cat", *files], capture_output=True).stdout


def test_others_of_its_user_see_nothing_of_its_memory():
    environment = {"OF_THIS_SERVICE": "and its own"}
    with Lazuli(environment=environment) as service:
        assert shown_to_others(service) == b""
        assert pathlib.Path(f"/proc/{service.process.pid}/mem").stat().st_uid == 0
    with Lazuli(arguments=["--core-dumps"], environment=environment) as service:
        shown = shown_to_others(service)
        assert b"OF_THIS_SERVICE=and its own" in shown and b"[stack]" in shown


def test_a_model_is_not_told_keys():
    secrets = {"FAR_AWAY_KEY": "sk-of-an-upstream", "LAZULI_DRAIN_MS": "4321", "LLAMA_ARG_ALIAS": "alias-of-no-one"}
    with Lazuli(UPSTREAM, environment=secrets | {"OF_NO_CONCERN": "passed on"}) as service:
        assert service.post("gpt-4", QUESTION).status_code == 200
        folder = pathlib.Path(f"/proc/{model_process(service)}")
        told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        assert b"OF_NO_CONCERN=passed on" in told
        for name, value in secrets.items():
            assert f"{name}=".encode() not in told and value.encode() not in told
        for secret in (service.key, service.token):
            assert secret.encode() not in told
