"""Requests that come before the answer to the one before them."""

import re

import pytest

from service import Lazuli
from wire import Wire

BUFFER = 16 * 1024  # into which a connection is read


@pytest.fixture(scope="module")
def service():
    with Lazuli() as service:
        yield service


def head(service, length):
    """Of a request whose body is looked at, and is no JSON."""
    path = "/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\napi-key: {service.key}\r\nContent-Length: {length}\r\n\r\n".encode()


def statuses(data):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", data)]


def test_more_behind_a_body_than_the_buffer_holds(service):
    wire = Wire(service)
    wire.send(head(service, 4))
    wire.send(b"{bad" + b"G" * 3 * BUFFER)  # what follows is no request
    assert statuses(wire.read_all()) == [400, 400]


def test_two_bodies_that_end_in_a_full_buffer(service):
    first = head(service, 4)
    second = b"{bad" + head(service, 4) + b"{bad"
    third = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "
    third += b"x" * (BUFFER - 1 - len(first) - len(second) - len(third))
    wire = Wire(service)
    wire.send(first)
    wire.send(second + third)
    wire.send(b"\r\nConnection: close\r\n\r\n")
    assert statuses(wire.read_all()) == [400, 400, 200]


def test_many_requests_at_once(service):
    """Each is answered, in order, wherever the buffer ends in it."""
    wire = Wire(service)
    for i in range(200):
        body = b"x" * (1 + i * 97 % 5000)
        wire.send(head(service, len(body)) + body)
    wire.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert statuses(wire.read_all()) == [400] * 200 + [200]
