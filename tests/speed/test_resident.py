"""What large requests take, the system gets back: an allocator is in use as it is set up, so the build is what people run."""

import concurrent.futures
import pathlib
import re

from service import Lazuli

CATALOG = "extends: default\ndefault_engines: { chat: sim }\n"
MIB = 1024 * 1024
CLIENTS, REQUESTS = 8, 4
# One body of each client. Of what large ones took nothing is left; a loop keeps a body buffer of up to 1 MiB and 2 MiB at
# the end of its heap, besides the holes that those of 300 kB leave when they meet.
MORE_MIB = 32


def resident_mib(service):
    text = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024


def ask(service, body_bytes):
    """A client that asks several times, and is gone when this returns."""
    text = b'{"max_tokens":1,"messages":[{"role":"user","content":"%s"}]}' % (b"word " * (body_bytes // 5))
    for _ in range(REQUESTS):
        answer = service.post("gpt-4", text)
        assert answer.status_code == 200, answer.text


def at_a_time(service, body_bytes):
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        for asked in [clients.submit(ask, service, body_bytes) for _ in range(CLIENTS)]:
            asked.result()


def test_large_bodies_leave_nothing():
    with Lazuli(CATALOG, ["--workers", "2"]) as service:
        at_a_time(service, 1000)
        before = resident_mib(service)
        for body_bytes in (4 * MIB, 2 * MIB, 300000):
            at_a_time(service, body_bytes)
        after = resident_mib(service)
        print(f"resident: {before:.1f} MiB, then {after:.1f} MiB")
        assert after <= before + MORE_MIB
