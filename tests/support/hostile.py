"""Requests that are wrong, byte by byte, and what a service must make of each: its answers, the fate of the connection, what
the upstream behind it may see, and that the next client is served."""

import json

import pytest

from scripted import PATH
from wire import ClosedError, Wire

BODY = b'{"messages":[{"role":"user","content":"Hi"}]}'
SMUGGLED = "SMUGGLED"


def chat(service, headers="", body=BODY, path=PATH, line=None, length=True):
    """A good request; `headers` are lines with their ends."""
    first = line or f"POST {path} HTTP/1.1\r\n"
    if length:
        headers += f"Content-Length: {len(body)}\r\n"
    head = f"{first}Host: localhost\r\napi-key: {service.key}\r\nContent-Type: application/json\r\n{headers}\r\n"
    return head.encode("latin-1") + body


def hidden(service):
    """A whole request that must never be taken for one."""
    return chat(service, body=BODY.replace(b"Hi", SMUGGLED.encode()))


def chunks(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def chunked(service, coded, headers="Transfer-Encoding: chunked\r\n", **more):
    return chat(service, headers, coded, length=False, **more)


def code_of(body):
    try:
        return json.loads(body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None


def assert_documented(reply):
    """An error that HTTP itself calls for bears the code that docs/security.md gives its status, and says what is wrong."""
    status, _, headers, body = reply
    error = json.loads(body)["error"]
    assert error["code"] == {400: "BadRequest", 408: "Timeout"}.get(status, str(status)) and error["message"], reply
    assert headers["content-type"] == "application/json", reply


def attack(service, upstream, data, statuses, closed, calls=0):
    """Sends it, and checks the answers, the connection's fate, what the upstream saw, and the next client."""
    replies = []
    with Wire(service, timeout=20) as wire:
        wire.send(data)
        for status in statuses:
            replies.append(wire.reply())
            assert replies[-1][0] == status, replies[-1]
        if closed:
            assert replies[-1][2].get("connection") == "close", replies[-1]
            with pytest.raises(ClosedError):
                pytest.fail(f"one more answer: {wire.reply()}")
        else:
            wire.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status, _, _, body = wire.reply()
            assert (status, body) == (200, "ok\n")
    seen = list(upstream.calls)
    assert len(seen) == calls, [call.body for call in seen]
    assert not any(SMUGGLED.encode() in call.body or SMUGGLED in call.path for call in seen)
    with Wire(service) as wire:
        wire.send(chat(service))
        assert wire.reply()[0] == 200
    assert len(upstream.calls) == calls + 1
    return replies


def attack_framing(service, upstream, data, statuses, closed, calls):
    """An attack by what HTTP is made of, in the path of the data plane."""
    for reply in attack(service, upstream, data, statuses, closed, calls):
        if reply[0] >= 400:
            assert_documented(reply)


def table(rows):
    return pytest.mark.parametrize("make, statuses, closed, calls", rows.values(), ids=rows.keys())


def refused(make, status=400):
    """An error in the framing: one answer, and the end; whatever followed is dropped."""
    return make, [status], True, 0


def taken(make):
    return make, [200], False, 1


def with_headers(headers, body=BODY):
    return lambda service: chat(service, headers, body, length=False)


def with_chunks(coded, smuggles=False, headers="Transfer-Encoding: chunked\r\n"):
    return lambda service: chunked(service, coded, headers) + (hidden(service) if smuggles else b"")


def with_line(line, headers=""):
    return lambda service: chat(service, headers, line=line)


def with_path(path):
    return lambda service: chat(service, path=path)


LENGTH = len(BODY)
SIZE = b"%x" % LENGTH
CODED = chunks(BODY)
CHUNKED = "Transfer-Encoding: chunked\r\n"


def with_host(host):
    def make(service):
        return chat(service).replace(b"Host: localhost\r\n", host.encode("latin-1"))

    return make


def length(value):
    return with_headers(f"Content-Length: {value}\r\n")


def coding(value, **more):
    return with_headers(f"Transfer-Encoding: {value}\r\n", CODED, **more)


def bare(line, headers=""):
    return lambda service: f"{line}\r\nHost: localhost\r\napi-key: {service.key}\r\n{headers}\r\n".encode("latin-1")
