"""How many system calls a request takes, and an event of a stream, as strace counts them: the least that there can be.

The same service is started twice, for few and for many of the same; the difference is what the many took. Client and upstream
write what belongs together at once, and an event only when the one before has been read, so that nothing is left to chance.
"""

import asyncio
import contextlib
import json
import re
import shutil
import threading

import pytest

from counted import CATALOG, FEW, MANY, MESSAGES, PATH, TEXT, begun
from fake_upstream import FakeUpstream, chat_answer, chat_event
from service import Lazuli
from tracing import why_not_traced
from waiting import wait_until
from wire import Wire

RECEIVES = {"read", "readv", "recvfrom", "recvmsg", "recvmmsg"}
SENDS = {"write", "writev", "sendto", "sendmsg", "sendmmsg"}
WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
FEW_MORE = 0.1  # what the longer run had time for
APART_S = 0.01  # net/ack_pace.h: of events that come closer to each other acknowledgements are not put off
LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", re.MULTILINE)


class Requests:
    """Whole answers, on one connection."""

    receives, sends, options = 2, 2, 0
    waits_max = 2  # one for each receive
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


class ManyRequests(Requests):
    """Of many connections that ask at the same moment, and are answered at the same moment: each by itself as before, and what
    the loop waits for is there for all of them."""

    waits_max = 0.2
    clients = 25

    def __init__(self):
        self.asked = []

    async def script(self, call):
        self.asked.append(call)
        if len(self.asked) == self.clients:
            asked, self.asked = self.asked, []
            for each in asked:
                await super().script(each)

    def ask(self, service, count):
        body = json.dumps({"messages": self.messages}).encode()
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(Wire(service)) for _ in range(self.clients)]
            for _ in range(count // self.clients):
                for wire in wires:
                    wire.post(PATH, body)
                for wire in wires:
                    status, _, _, text = wire.reply()
                    assert status == 200, text


class Events:
    """Of one stream."""

    receives, sends, options = 1, 1, 1  # it asks TCP to put the next acknowledgement off
    waits_max = 2  # some for timers besides

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
@pytest.mark.parametrize("kind", [Requests(), LargeRequests(), ManyRequests(), Events()], ids=lambda kind: type(kind).__name__)
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
    assert sum_of(WAITS) <= kind.waits_max + FEW_MORE, told
    others = each.keys() - RECEIVES - SENDS - WAITS - {"setsockopt"}
    assert all(each[name] <= FEW_MORE for name in others), told
