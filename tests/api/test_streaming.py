"""Streams as bytes on the wire, and engines that die in the middle of one."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import time

import pytest

from service import Lazuli
from wire import Wire

PATH = "/openai/deployments/{}/chat/completions?api-version=2024-10-21"
MESSAGES = [{"role": "user", "content": "What is a deployment?"}]


def request(wire, deployment, **more):
    return wire.post(PATH.format(deployment), json.dumps({"messages": MESSAGES, "stream": True} | more).encode())


def test_bytes_of_a_stream(simulated):
    with Wire(simulated) as wire:
        data = request(wire, "gpt-4", max_tokens=3).read_until(b"0\r\n\r\n")
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    headers = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:]}
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["transfer-encoding"] == "chunked" and "content-length" not in headers
    text = b""
    while body != b"0\r\n\r\n":
        size, rest = body.split(b"\r\n", 1)
        text += rest[: int(size, 16)]
        assert rest[int(size, 16) :].startswith(b"\r\n")
        body = rest[int(size, 16) + 2 :]
    events = text.decode().split("\n\n")
    assert all(event.startswith("data: ") for event in events[:-1])
    assert events[-2:] == ["data: [DONE]", ""]
    assert json.loads(events[0][6:])["prompt_filter_results"]


def test_connection_goes_on_after_a_stream(simulated):
    with Wire(simulated) as wire:
        for _ in range(3):
            assert b"[DONE]" in request(wire, "gpt-4", max_tokens=2).read_until(b"0\r\n\r\n")


@pytest.mark.parametrize("deployment", ["gpt-4", "paced"])
def test_head_and_first_event_come_together(simulated, deployment):
    """One segment carries both, so that no timer of TCP stands between the head and the first token."""
    for _ in range(5):
        with Wire(simulated) as wire:
            first = request(wire, deployment).read()
            assert first.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\n\r\n" in first
            assert b'"prompt_filter_results"' in first and b'"role":"assistant"' in first


def socket_of_the_service(service, wire):
    """The other end of a connection, fetched out of the service's process."""
    ports = f":{service.port:04X} ", f":{wire.socket.getsockname()[1]:04X} "
    rows = pathlib.Path("/proc/net/tcp").read_text().splitlines()
    (inode,) = [
        row.split()[9]
        for row in rows
        if ports[0] in row and ports[1] in row and row.index(ports[0]) < row.index(ports[1])
    ]
    folder = f"/proc/{service.process.pid}/fd"
    (number,) = [int(fd) for fd in os.listdir(folder) if os.readlink(f"{folder}/{fd}") == f"socket:[{inode}]"]
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(438, os.pidfd_open(service.process.pid), number, 0)  # pidfd_getfd
    if fd < 0:
        pytest.skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
    return socket.socket(fileno=fd)


def test_connections_do_not_wait_to_fill_segments(simulated):
    with Wire(simulated) as wire:
        request(wire, "gpt-4").read()
        with socket_of_the_service(simulated, wire) as other:
            assert other.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_each_token_comes_by_itself(simulated):
    """At 25 tokens a second each is read alone: nothing is held back until more has gathered."""
    with Wire(simulated) as wire:
        request(wire, "paced", max_tokens=12)
        reads = []
        while not reads or b"[DONE]" not in reads[-1]:
            reads.append(wire.read())
    with_tokens = [data.count(b'"delta":{"content":"') for data in reads]
    assert len(reads) >= 10 and sum(with_tokens) >= 12 and max(with_tokens[1:]) <= 3


def test_http_1_0_client_gets_no_chunks(simulated):
    body = json.dumps({"messages": MESSAGES, "stream": True, "max_tokens": 2}).encode()
    head = f"POST {PATH.format('gpt-4')} HTTP/1.0\r\napi-key: {simulated.key}\r\nContent-Type: application/json\r\n"
    with Wire(simulated) as wire:
        data = wire.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body).read_all()
    assert b"transfer-encoding" not in data.lower().split(b"\r\n\r\n")[0]
    assert data.split(b"\r\n\r\n", 1)[1].startswith(b"data: {") and data.endswith(b"data: [DONE]\n\n")


def test_many_streams_at_once(simulated):
    wires = [request(Wire(simulated), "paced", max_tokens=10, seed=i) for i in range(60)]
    answers = [wire.read_until(b"0\r\n\r\n") for wire in wires]
    assert all(answer.count(b'"delta":{"content":"') >= 10 and b"[DONE]" in answer for answer in answers)
    for wire in wires:
        wire.close()


def test_clients_that_leave_at_any_point(simulated):
    """After none, some or all bytes of the request, or of the answer: the service lives on."""
    whole = b"POST " + PATH.format("paced").encode() + b" HTTP/1.1\r\nHost: x\r\napi-key: " + simulated.key.encode()
    body = json.dumps({"messages": MESSAGES, "stream": True}).encode()
    whole += b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for size in range(0, len(whole) + 1, 16):
        with Wire(simulated) as wire:
            wire.send(whole[:size])
    for reads in range(4):
        with Wire(simulated) as wire:
            wire.send(whole)
            for _ in range(reads):
                wire.read(100)
            wire.reset()
    with Wire(simulated) as wire:
        assert b"[DONE]" in request(wire, "gpt-4").read_until(b"0\r\n\r\n")


def llama_pid(service):
    """Of the last llama-server that was started."""
    return int(service.log_text().rsplit("llama_starting engine=tiny pid=", 1)[1].split()[0])


def test_engine_that_dies_in_a_stream():
    """An error event and no [DONE]; the next request finds a new process."""
    with Lazuli() as service:
        long = {"max_tokens": 3000, "logit_bias": {str(token): -100 for token in range(3)}, "temperature": 1.9}
        with Wire(service) as wire:
            data = request(wire, "gpt-4", **long).read_until(b'"content":"')
            pid = llama_pid(service)
            os.kill(pid, signal.SIGKILL)
            data += wire.read_until(b"0\r\n\r\n")
        assert b"[DONE]" not in data
        last = json.loads(data.rsplit(b"data: ", 1)[1].split(b"\n\n")[0])
        assert last["error"]["type"] == "server_error"
        deadline = time.monotonic() + 20
        while (answer := service.post("gpt-4", {"messages": MESSAGES, "max_tokens": 5})).status_code != 200:
            assert answer.status_code == 503 and time.monotonic() < deadline
            time.sleep(0.05)
        new = llama_pid(service)
        assert new != pid and os.path.exists(f"/proc/{new}")
    assert not os.path.exists(f"/proc/{new}")  # it goes with the service
