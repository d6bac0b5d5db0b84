"""The llama-server behind a deployment: a crash of it is nobody else's, and it does not outlive lazuli."""

import contextlib
import json
import os
import pathlib
import signal

from service import Lazuli
from waiting import wait_until

QUESTION = {"messages": [{"role": "user", "content": "What is a deployment?"}], "max_tokens": 16}


def processes(service):
    """The ids of the processes that lazuli keeps, as its run folder names them."""
    found = []
    for file in (service.data / "run").glob("*.pid"):
        with contextlib.suppress(FileNotFoundError):  # it has ended since
            found.append(int(file.read_text().split()[0]))
    return found


def is_running(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # the latter when it goes between the opening and the reading
        return False
    return state not in "ZX"


def wait_until_gone(pid):
    wait_until(lambda: not is_running(pid), f"process {pid} is still there")


def test_a_killed_model_comes_back():
    with Lazuli() as service:
        assert service.post("gpt-4", QUESTION).status_code == 200
        (first,) = processes(service)
        os.kill(first, signal.SIGKILL)
        wait_until_gone(first)
        answer = service.post("gpt-4", QUESTION)
        assert answer.status_code == 200, answer.text
        (second,) = processes(service)
        assert second != first
        assert 'error="ended by signal 9' in service.log_text()
    wait_until_gone(second)


LOADED = """
extends: default
engines:
  - name: tiny
    llama:
      model: embedded
      load_at_start: true
"""
HASTY = LOADED + """\
      health_interval_ms: 100
      health_timeout_ms: 1000
      health_failures: 2
"""


def wait_until_ready(service, status, state):
    """Until /readyz answers with that status and shows the engine so."""
    wait_until(lambda: service.state_of("tiny") == (status, state), lambda: service.state_of("tiny"))


@contextlib.contextmanager
def begun_stream(service, tokens):
    """Of so many, all of which come: its lines behind the first."""
    body = QUESTION | {"stream": True, "max_tokens": tokens, "logit_bias": {"2": -100}}
    with service.post("gpt-4", body, stream=True) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(b"data: ")
        yield lines


def test_a_hung_model_is_replaced():
    """Its stream ends in an error, /readyz tells, and who comes meanwhile is served by the next one."""
    with Lazuli(catalog=HASTY) as service:
        wait_until_ready(service, 200, "ready")
        (first,) = processes(service)
        with begun_stream(service, 4000) as lines:
            os.kill(first, signal.SIGSTOP)
            wait_until_ready(service, 503, "starting")
            assert service.post("gpt-4", QUESTION).status_code == 200
            *_, last = (line for line in lines if line)
        assert "The server had an error" in json.loads(last[6:])["error"]["message"]
        wait_until_ready(service, 200, "ready")
        (second,) = processes(service)
        assert second != first and not is_running(first)
        assert 'error="hung: no answer to 2 probes in a row' in service.log_text()


def test_a_reload_replaces_a_model_after_its_streams():
    """Never two processes at a time: the memory may be there for one."""
    with Lazuli(catalog=LOADED, arguments=["--drain-ms", "60000"]) as service:
        wait_until_ready(service, 200, "ready")
        (first,) = processes(service)
        with begun_stream(service, 150) as lines:
            service.catalog_file.write_text(LOADED + "      parallel: 2\n")
            os.kill(first, signal.SIGSTOP)  # its stream shall not be over before the reload
            try:
                assert "reload_done" in service.reload()
            finally:
                os.kill(first, signal.SIGCONT)
            assert processes(service) == [first]
            last = None
            for line in lines:
                assert len(processes(service)) <= 1
                last = line or last
        assert last == b"data: [DONE]"
        wait_until_gone(first)
        assert service.post("gpt-4", QUESTION).status_code == 200
        (second,) = processes(service)
        assert second != first


def test_a_model_does_not_outlive_lazuli():
    service = Lazuli()
    try:
        assert service.post("gpt-4", QUESTION).status_code == 200
        (pid,) = processes(service)
    finally:
        service.kill()
    wait_until_gone(pid)
    service.start()  # on the same folder, where the socket of before still lies
    with service:
        assert service.post("gpt-4", QUESTION).status_code == 200


def test_what_was_asked_is_not_in_the_log():
    with Lazuli(arguments=["--log-level", "debug"]) as service:
        secret = "lapis-4711"
        for more in (
            {},
            {"response_format": {"type": "json_schema", "json_schema": {"name": secret, "schema": {"type": secret}}}},
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": secret}}}]},
        ):
            service.post("gpt-4", QUESTION | {"messages": [{"role": "user", "content": secret}]} | more)
        log = service.log_text()
        assert "llama_log" in log
        assert secret not in log
