"""When the process has no descriptor left: who is there goes on, who comes waits, and nobody spins."""

import json
import os
import pathlib
import resource
import time

import pytest

from paced import MESSAGES, begin_stream, start
from paced import PATH as PACED_PATH
from scripted import PATH, WHOLE
from wire import Wire

MORE = """\
  - { deployment: scripted, engine: scripted }
engines:
  - name: scripted
    upstream: { url: "http://127.0.0.1:%d/v1" }
"""
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def service(upstream):
    with start(answer_tokens=60, more=MORE % upstream.port) as running:
        running.deploy("scripted", "gpt-4o", "2024-11-20")
        yield running


def cpu_seconds(service):
    fields = pathlib.Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Starved:
    """As long as it is entered, the process gets no new descriptor, whichever it gives back."""

    def __init__(self, service):
        self.pid = service.process.pid
        self.service = service
        self.limits = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        self.waiting = []

    def __enter__(self):
        highest = max(int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd"))
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (highest + 1, self.limits[1]))
        while len(os.listdir(f"/proc/{self.pid}/fd")) <= highest:  # numbers between those in use are taken by clients
            self.waiting.append(Wire(self.service))
        return self

    def __exit__(self, *exception):
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self.limits)


def test_no_descriptor_left(service, upstream):
    upstream.reset()
    stream, data = begin_stream(service)
    with stream, Wire(service) as known:
        assert known.post(PACED_PATH, json.dumps({"messages": MESSAGES, "max_tokens": 1}).encode()).reply()[0] == 200
        with Starved(service):
            newcomers = [Wire(service).send(HEALTH) for _ in range(20)]
            # an engine cannot be called: that concerns who asked, who is there still
            for _ in range(5):
                status, _, _, text = known.post(PATH, WHOLE).reply()
                assert (status, json.loads(text)["error"]["code"]) == (503, "ServiceUnavailable")
            assert not upstream.calls
            began, used = time.monotonic(), cpu_seconds(service)
            data += stream.read_until(b"0\r\n\r\n")  # takes seconds
            assert cpu_seconds(service) - used < 0.2 * (time.monotonic() - began)
            assert data.count(b'"delta":{"content":"') >= 60 and b"data: [DONE]" in data
            assert known.send(HEALTH).reply()[0] == 200
        # the engine was not at fault: nobody is kept from it
        assert known.post(PATH, WHOLE).reply()[0] == 200
        for wire in newcomers:
            assert wire.reply()[0] == 200
            wire.close()
    assert "engine_failed" in service.log_text()
