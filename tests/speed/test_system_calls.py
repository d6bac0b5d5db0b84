"""How many system calls a request takes, and an event of a stream, as strace counts them: the least that there can be.

The same service is started twice, for few and for many of the same; the difference is what the many took. Client and upstream
write what belongs together at once, and an event only when the one before has been read, so that nothing is left to chance.
"""

import asyncio
import json
import re
import shutil
import subprocess
import threading

import pytest

from counted import CATALOG, FEW, MANY, MESSAGES, PATH, TEXT, begun
from fake_upstream import FakeUpstream, chat_answer, chat_event
from service import Lazuli
from waiting import wait_until
from wire import Wire

RECEIVES = {"read", "readv", "recvfrom", "recvmsg", "recvmmsg"}
SENDS = {"write", "writev", "sendto", "sendmsg", "sendmmsg"}
WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
WAITS_MAX = 2  # one for each receive of a request; of events, some for timers besides
FEW_MORE = 0.1  # what the longer run had time for
APART_S = 0.01  # net/ack_pace.h: of events that come closer to each other acknowledgements are not put off
LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", re.MULTILINE)


def why_not_traced():
    """None where strace may trace what it was started by, which some containers forbid."""
    if not shutil.which("strace"):
        return "there is no strace"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True, timeout=60)
    return f"strace cannot trace here: {tried.stderr.strip()}" if tried.returncode else None


class Requests:
    """Whole answers, on one connection."""

    receives, sends, options = 2, 2, 0
    messages = MESSAGES

    async def script(self, call):
        body = json.dumps(chat_answer(TEXT)).encode()
        await call.raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    def ask(self, service, count):
        with Wire(service) as wire:
            for _ in range(count):
                wire.post(PATH, json.dumps({"messages": self.messages}).encode())
                status, _, _, body = wire.reply()
                assert status == 200, body


class LargeRequests(Requests):
    """Larger than what is read with the head, and no larger than what the kernel sends on at once."""

    receives = 3
    messages = ({"role": "user", "content": "x" * 24_000},)


class Events:
    """Of one stream."""

    receives, sends, options = 1, 1, 1  # it asks TCP to put the next acknowledgement off

    def __init__(self):
        self.read = threading.Semaphore(0)

    async def script(self, call):
        await call.start_events()
        for number in range(call.json["max_tokens"]):
            await call.event(chat_event(f"word {number} "))
            await asyncio.sleep(APART_S)
            while not self.read.acquire(blocking=False):
                await asyncio.sleep(0.001)
        await call.event(chat_event(finish="stop"))
        await call.end_events()

    def ask(self, service, count):
        with Wire(service) as wire:
            wire.post(PATH, json.dumps({"messages": MESSAGES, "stream": True, "max_tokens": count}).encode())
            for number in range(count):
                wire.read_until(f'"word {number} "'.encode())
                self.read.release()
            assert b"[DONE]" in wire.read_until(b"\r\n0\r\n\r\n")


def calls(tmp_path, upstream, kind, count):
    """Of a service from its start to its end, by name; strace is its grandchild, so that signals come to the service."""
    log = tmp_path / f"strace-{count}"
    data = shutil.copytree(begun(tmp_path, upstream), tmp_path / str(count))
    under = ["strace", "-D", "-f", "-c", "-o", log]
    with Lazuli(CATALOG.format(port=upstream.port), ["--workers", "1"], data=data, under=under) as service:
        kind.ask(service, count)
    wait_until(lambda: log.exists() and re.search(r" total$", log.read_text(), re.MULTILINE), lambda: "strace has told nothing")
    return {name: int(number) for number, name in LINE.findall(log.read_text())}


@pytest.mark.skipif(why_not_traced() is not None, reason=why_not_traced() or "it is tried")
@pytest.mark.parametrize("kind", [Requests(), LargeRequests(), Events()], ids=lambda kind: type(kind).__name__)
def test_system_calls(tmp_path, kind):
    upstream = FakeUpstream()
    upstream.reset(kind.script)
    few, many = (calls(tmp_path, upstream, kind, count) for count in (FEW, MANY))
    upstream.stop()
    each = {name: (number - few.get(name, 0)) / (MANY - FEW) for name, number in many.items() if name != "total"}
    told = {name: number for name, number in each.items() if number}

    def sum_of(names):
        return sum(each.get(name, 0) for name in names)

    found = [sum_of(RECEIVES), sum_of(SENDS), each.get("setsockopt", 0)]
    assert found == pytest.approx([kind.receives, kind.sends, kind.options], abs=FEW_MORE), told
    assert sum_of(WAITS) <= WAITS_MAX + FEW_MORE, told
    others = each.keys() - RECEIVES - SENDS - WAITS - {"setsockopt"}
    assert all(each[name] <= FEW_MORE for name in others), told
