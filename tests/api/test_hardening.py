"""What the running service and the models that it starts have given up."""

import contextlib
import errno
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess

import pytest

from refusals import Refusals, check_refusals
from service import PROGRAM, Lazuli
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
    """All its threads are, or none."""
    threads = [status_of(f"{pid}/task/{task.name}") for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    limits = {(status["NoNewPrivs"], status["Seccomp"]) for status in threads}
    assert len(limits) == 1, limits
    return limits == {("1", "2")}


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


# In place of a llama-server: which of these files it can write to.
PROBE = """#!/bin/sh
for file in $PROBED; do if (: >>"$file") 2>/dev/null; then echo "$file"; fi; done >"$REPORT.new"
mv "$REPORT.new" "$REPORT"
exec sleep 600
"""
PROBED = """
extends: default
engines:
  - name: probe
    llama: { model: embedded, load_at_start: true }
"""


def test_a_model_writes_where_it_has_to_alone(tmp_path):
    """Whoever runs it: of the machine's settings and devices root could write to any."""
    inside, outside, report = tmp_path / "data" / "inside", pathlib.Path(PROGRAM).parent / "outside", tmp_path / "data" / "report"
    outside.write_text("")
    probe = tmp_path / "probe"
    probe.write_text(PROBE)
    probe.chmod(0o755)
    probed = [inside, "/dev/null", outside, "/dev/ptmx", "/proc/self/oom_score_adj", "/proc/sys/kernel/core_pattern"]
    environment = {"PROBED": " ".join(map(str, probed)), "REPORT": str(report)}
    arguments = ["--sandbox", "required", "--llama-server", str(probe)]
    try:
        with Lazuli(PROBED, data=tmp_path, arguments=arguments, environment=environment) as service:
            wait_until(report.exists, lambda: f"it has not tried:\n{service.log_text()}")
            assert report.read_text().split() == [str(inside), "/dev/null"]
    finally:
        outside.unlink()


def test_calls_of_no_use_are_refused(tmp_path):
    """Of a model, which inherits that. A build for LeakSanitizer lets one of them pass; tests/speed has the other builds'."""
    check_refusals(tmp_path, but=["ptrace"])


PARTS = {
    "no_new_privileges": "PR_SET_NO_NEW_PRIVS",
    "capabilities": "PR_CAPBSET_DROP",
    "seccomp": "seccomp",
    "landlock": "landlock_create_ruleset",
}


@pytest.mark.parametrize("part, call", PARTS.items())
def test_what_is_lacking_is_said_and_stops_only_where_it_is_required(tmp_path, part, call):
    """As in a container that keeps it from the service."""
    under = Refusals(tmp_path).around(errno.ENOSYS, call)
    with Lazuli(under=under) as service:
        log = service.log_text()
        assert f'warn sandbox_incomplete lacks={part} reason="{os.strerror(errno.ENOSYS)}"' in log
        assert log.count(" sandbox_incomplete ") == 1
        others = PARTS.keys() - {part}
        assert all(f'{other}="on"' in log for other in others) and f'{part}="{os.strerror(errno.ENOSYS)}"' in log
        assert service.post("gpt-4", QUESTION).status_code == 200
    up = [*under, PROGRAM, "up", "--listen", "127.0.0.1:0", "--data", tmp_path / "required", "--sandbox", "required"]
    ended = subprocess.run(up, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and f"sandbox: {part} is not to be had here: " in ended.stderr, ended
    assert " started " not in ended.stdout + ended.stderr


RIGHTS_KEPT = sum(1 << number for number in (1, 10, 14, 23))  # DAC_OVERRIDE, NET_BIND_SERVICE, IPC_LOCK, SYS_NICE
SETPCAP = 1 << 8


def rights_of(pid, kind):
    """Of all its threads: of the set that is called so, Eff, Prm, Bnd ..."""
    rights = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        rights |= int(status_of(f"{pid}/task/{task.name}")[f"Cap{kind}"], 16)
    return rights


def test_of_roots_rights_few_are_left():
    """Whatever it was given; and nothing comes back to a model, though the same user starts it."""
    mine = rights_of("self", "Eff")
    under = ["setpriv", "--inh-caps=+chown", "--ambient-caps=+chown"] if mine & 1 and mine & SETPCAP else []
    kinds = ["Eff", "Prm", "Inh", "Amb"] + (["Bnd"] if mine & SETPCAP else [])  # who may not narrow that one gains nothing by it
    with Lazuli(under=under, arguments=["--sandbox", "required"]) as service:
        assert service.post("gpt-4", QUESTION).status_code == 200
        for pid in (service.process.pid, model_process(service)):
            assert {kind: f"{rights_of(pid, kind) & ~RIGHTS_KEPT:x}" for kind in kinds} == dict.fromkeys(kinds, "0")


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
    """Nor does a model, whose memory is shown again once it runs: by the one limit that holds where cores go to a program, too
    (core(5)). The limit that it starts with allows cores, and --core-dumps leaves it so. Sanitizers are told not to forbid them
    by themselves."""
    allowed = {"under": ["prlimit", "--core=4096:4096"], "environment": CORES_OF_SANITIZERS}
    with Lazuli(**allowed) as service:
        assert service.post("gpt-4", QUESTION).status_code == 200
        for pid in (service.process.pid, model_process(service)):
            assert core_bytes_max(pid) == ["1", "1"]
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
    wait_until(lambda: pathlib.Path(f"/proc/{other.pid}/comm").read_text() == "sleep\n", "it does not run")
    if not leaves_core(other):
        pytest.skip("no process leaves a core here")
    limited = subprocess.Popen(["prlimit", "--core=1:1", "sleep", "600"])
    wait_until(lambda: pathlib.Path(f"/proc/{limited.pid}/comm").read_text() == "sleep\n", "it does not run")
    assert not leaves_core(limited), "a model that aborts"
    for core in tmp_path.glob("core*"):
        core.unlink()
    service = Lazuli(data=tmp_path / "service", under=under, environment=CORES_OF_SANITIZERS)
    with contextlib.suppress(PermissionError):
        resource.prlimit(service.process.pid, resource.RLIMIT_CORE, (CORE_BYTES, CORE_BYTES))
    assert not leaves_core(service.process)
    service.log.close()
    assert not list(tmp_path.glob("core*"))


IS_ROOT = os.geteuid() == 0
RIGHTS_OVER_OTHERS = "-sys_ptrace,-perfmon,-sys_admin"  # any of them is enough
NO_RIGHTS = ["setpriv", f"--bounding-set={RIGHTS_OVER_OTHERS}", f"--inh-caps={RIGHTS_OVER_OTHERS}"]
WITHOUT_RIGHTS = NO_RIGHTS if IS_ROOT else []


def shown_to_others(process):
    """What a process of the same user, without rights over others, is shown of it: a model's, say."""
    files = [f"/proc/{process.pid}/{name}" for name in ("environ", "maps")]
    return subprocess.run([*WITHOUT_RIGHTS, "cat", *files], capture_output=True).stdout


def test_others_of_its_user_see_nothing_of_its_memory():
    environment = {"OF_THIS_SERVICE": "and its own"}
    with Lazuli(environment=environment) as service:
        assert shown_to_others(service.process) == b""
        if not IS_ROOT:  # whose files these are anyway
            assert pathlib.Path(f"/proc/{service.process.pid}/mem").stat().st_uid == 0
    with Lazuli(arguments=["--core-dumps"], environment=environment) as service:
        shown = shown_to_others(service.process)
        assert b"OF_THIS_SERVICE=and its own" in shown and b"[stack]" in shown


@contextlib.contextmanager
def running(*words, **environment):
    """A command with no more rights over others than those have over it."""
    line = [*WITHOUT_RIGHTS, PROGRAM, *words]
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ | environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def check_hidden(process, reached):
    """Once it waits there, with its secrets or about to read them."""
    wait_until(lambda: reached() or process.poll() is not None, "it does not get there")
    assert process.poll() is None, "it has ended"
    assert core_bytes_max(process.pid) == ["1", "1"]
    assert shown_to_others(process) == b""


@pytest.fixture(scope="module")
def data():
    with Lazuli() as service:
        yield service.data


@pytest.mark.parametrize("command", ["env", "az", "az-setup", "reseal"])
def test_commands_hide_their_memory(data, tmp_path, command):
    """Those that open what is sealed: here they wait for the key that does it."""
    words = {"az": ["account", "show"], "reseal": ["--new-key-file", str(tmp_path / "new")]}.get(command, [])
    there, az = tmp_path / "there", tmp_path / "az"
    az.write_text("#!/bin/sh\n")
    az.chmod(0o755)
    folder = data
    if command == "reseal":  # of no running service
        with Lazuli(data=tmp_path / "ended") as service:
            folder = service.data
    variables = {
        "LAZULI_MASTER_KEY_COMMAND": f"touch {there}; while [ -e {there} ]; do sleep 0.1; done",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    with running(command, "--data", str(folder), *words, **variables) as process:
        try:
            check_hidden(process, there.exists)
        finally:
            there.unlink(missing_ok=True)


@pytest.mark.parametrize("command", ["bench", "explain"])
def test_commands_that_ask_a_service_hide_their_memory(command):
    """Here it does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        request = "01234567-89ab-cdef-0123-456789abcdef"
        words = {"bench": ["load", "-e", "gpt-4", url], "explain": ["--endpoint", url, request]}[command]
        variables = {"LAZULI_ARM_TOKEN": "token", "OPENAI_API_KEY": "key"}
        with running(command, *words, **variables) as process:
            check_hidden(process, lambda: select.select([server], [], [], 0)[0])


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
