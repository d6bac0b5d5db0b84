"""What large requests take, the system gets back: an allocator is in use as it is set up, so the build is what people run."""

import concurrent.futures
import contextlib
import resource
import socket
import ssl

from memory import peak_mib, resident_mib
from service import Lazuli
from tls import Session
from waiting import wait_until

CATALOG = "extends: default\ndefault_engines: { chat: sim }\n"
MIB = 1024 * 1024
CLIENTS, REQUESTS = 8, 4
# One body of each client. Of what large ones took nothing is left; a loop keeps a body buffer of up to 1 MiB and 2 MiB at
# the end of its heap, besides the holes that those of 300 kB leave when they meet.
MORE_MIB = 32
STRANGERS = 1500
# As docs/security.md has it. OpenSSL 3.5's handshakes take more than those of 3.0.
HANDSHAKE_BYTES_MAX, HEAD_BYTES_MAX = 80_000, 70_000
IDLE_KB_MAX = 15000


def ask(service, body_bytes):
    """A client that asks several times, and is gone when this returns. No model's context has room for such prompts."""
    text = b'{"max_tokens":1,"messages":[{"role":"user","content":"word"}],"user":"%s"}' % (b"word " * (body_bytes // 5))
    for _ in range(REQUESTS):
        answer = service.post("gpt-4", text)
        assert answer.status_code == 200, answer.text


def at_a_time(service, body_bytes):
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        for asked in [clients.submit(ask, service, body_bytes) for _ in range(CLIENTS)]:
            asked.result()


def test_an_idle_service_is_small():
    """Right after its first start, which takes the most: accounts, keys and certificates are made."""
    with Lazuli(CATALOG, ["--workers", "2"]) as service:
        assert resident_mib(service) * 1024 < IDLE_KB_MAX


def test_large_bodies_leave_nothing():
    with Lazuli(CATALOG, ["--workers", "2"]) as service:
        at_a_time(service, 1000)
        before = resident_mib(service)
        for body_bytes in (4 * MIB, 2 * MIB, 300000):
            at_a_time(service, body_bytes)
        after = resident_mib(service)
        print(f"resident: {before:.1f} MiB, then {after:.1f} MiB")
        assert after <= before + MORE_MIB


@contextlib.contextmanager
def strangers(service):
    """Many of them have connected, and say nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, STRANGERS + 500)), hard))
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", service.port)
        yield [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(STRANGERS)]


def test_handshakes_that_are_not_finished():
    """Each takes a multiple of what a connection does that is only there, and leaves nothing."""
    hello = Session(ssl.create_default_context()).hello()
    with Lazuli(CATALOG, ["--workers", "2"]) as service:
        before = resident_mib(service)
        with strangers(service) as clients:
            for client in clients:
                client.sendall(hello)
            for client in clients:
                assert client.recv(1) == b"\x16"
        more = peak_mib(service) - before
        print(f"{more * MIB / STRANGERS:.0f} bytes a handshake")
        assert 2 * MORE_MIB < more < STRANGERS * HANDSHAKE_BYTES_MAX / MIB
        wait_until(
            lambda: resident_mib(service) < before + MORE_MIB,
            lambda: f"resident: {before:.1f} MiB, then {resident_mib(service):.1f} MiB",
            limit_s=30,
        )


def test_heads_that_are_not_finished():
    """As long as they may be, but for their ends."""
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X: %s\r\n" % (b"x" * 4000) * 15
    with Lazuli(CATALOG, ["--workers", "2", "--head-timeout-ms", "60000"]) as service:
        before = resident_mib(service)
        with strangers(service) as clients:
            for client in clients:
                client.sendall(head)
            least = before + STRANGERS * len(head) / MIB
            wait_until(lambda: resident_mib(service) > least, "they have not been read", limit_s=30)
            more = peak_mib(service) - before
            print(f"{more * MIB / STRANGERS:.0f} bytes a head")
            assert more < STRANGERS * HEAD_BYTES_MAX / MIB
