"""What the running service and the models that it starts have given up."""

import os
import pathlib

from service import Lazuli

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
    sanitizer = {name: f"{os.environ.get(name, '')}:disable_coredump=0" for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}
    allowed = {"under": ["prlimit", "--core=4096:4096"], "environment": sanitizer}
    with Lazuli(**allowed) as service:
        assert core_bytes_max(service.process.pid) == ["0", "0"]
    with Lazuli(arguments=["--core-dumps"], **allowed) as service:
        assert core_bytes_max(service.process.pid) == ["4096", "4096"]


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
