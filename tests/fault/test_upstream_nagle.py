"""An upstream with Nagle's algorithm on, which sends the next small piece only when the one before is acknowledged: to put
off acknowledgements, which streams of others are spared, would make each of its events late by 40 ms."""

import asyncio
import json
import re
import socket
import statistics
import time

import pytest

from fake_upstream import FakeUpstream, chat_event
from faulty import wait_until_settled
from scripted import CATALOG, PATH, STREAM
from service import Lazuli
from wire import Wire

EVENTS = 40
LATE_MS_MAX = 20  # half of what Linux waits before it acknowledges
FEW = 6  # events that may be late: how an upstream sends is known by its first ones
TRIES = 3


def chunk(value):
    text = f"data: {json.dumps(value)}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(text), text)


def stamped():
    """An event with the time at which it was written."""
    return chunk(chat_event(f"at {time.monotonic_ns()} "))


async def write_whole(call):
    await call.raw(stamped())


async def write_in_two(call):
    """A part of the chunk, and right behind it the rest."""
    event = stamped()
    await call.raw(event[:20])
    await call.raw(event[20:])


async def write_pair(call):
    await call.raw(chunk(chat_event("")))
    await call.raw(stamped())


def with_nagle(write, pause_s):
    async def script(call):
        call.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        await call.start_events()
        for _ in range(EVENTS):
            await write(call)
            await asyncio.sleep(pause_s)
        await call.event(chat_event(finish="stop"))
        await call.end_events()

    return script


def lateness_ms(service):
    """Of each event, from when it was written until the client has it."""
    found = []
    with Wire(service) as wire:
        wire.post(PATH, STREAM)
        data = b""
        while b"[DONE]" not in data:
            data = wire.read()
            now_ns = time.monotonic_ns()
            found += [(now_ns - int(at)) / 1e6 for at in re.findall(rb'"at (\d+) "', data)]
    assert len(found) == EVENTS
    return found


@pytest.fixture(scope="module")
def upstream():
    upstream = FakeUpstream()
    yield upstream
    upstream.stop()


@pytest.mark.parametrize("write", [write_whole, write_in_two, write_pair])
@pytest.mark.parametrize("pause_s", [0.1, 0.03], ids=["10 a second", "30 a second"])
def test_events_do_not_wait_for_acknowledgements(upstream, write, pause_s):
    upstream.reset(with_nagle(write, pause_s))
    with Lazuli(CATALOG.format(port=upstream.port)) as service:
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        for _ in range(TRIES):  # on a busy machine more may be late, but not always
            late = lateness_ms(service)
            assert statistics.median(late) < LATE_MS_MAX, late
            count = sum(ms >= LATE_MS_MAX for ms in late)
            print(f"{count} events of {EVENTS} late, at most {max(late):.1f} ms")
            if count <= FEW:
                break
        wait_until_settled(service)
    assert count <= FEW, late
