"""What of a client's request reaches an upstream, what of a hostile upstream's answer reaches a client, and what lazuli
reflects. docs/security.md names these tests."""

import json

import pytest

from fake_upstream import chat_answer
from hostile import BODY, LENGTH, PATH, SMUGGLED, attack, chat, chunked, chunks, code_of
from wire import Wire

OWN = {"host", "content-length", "content-type", "user-agent", "x-request-id", "authorization"}


def test_nothing_of_a_head_goes_on(gateway, upstream):
    """The upstream's request is lazuli's own: no header of the client's, hop-by-hop or not, and no query."""
    headers = (
        "Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=1\r\nTE: trailers\r\nTrailer: X\r\n"
        "Proxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\nVia: 1.1 x\r\nForwarded: for=1.2.3.4\r\nCookie: a=b\r\n"
        "X-Forwarded-Host: evil.example\r\nX-HTTP-Method-Override: DELETE\r\nX-Original-URL: /admin\r\n"
        "x-request-id: mine\r\nx-ms-client-request-id: mine-too\r\nRange: bytes=0-1\r\n"
    )
    path = PATH + "&evil=1&api-version=2023-05-15"
    attack(gateway, upstream, chat(gateway, headers, path=path), [200], False, 1)
    call = upstream.calls[0]
    assert (call.method, call.path) == ("POST", "/v1/chat/completions")
    assert set(call.headers) == OWN
    assert len(call.lines) == len(OWN) + 1
    assert call.headers["content-length"] == str(len(call.body)) and "mine" not in "".join(call.lines)
    assert call.headers["authorization"] == "Bearer the-key-of-the-upstream"


def test_chunks_and_extensions_do_not_go_on(gateway, upstream):
    coded = b'5;a="b"\r\n%s\r\n%x\r\n%s\r\n0;z\r\nX-Trailer: 1\r\n\r\n' % (BODY[:5], LENGTH - 5, BODY[5:])
    attack(gateway, upstream, chunked(gateway, coded), [200], False, 1)
    call = upstream.calls[0]
    assert "transfer-encoding" not in call.headers and "x-trailer" not in call.headers
    assert call.body == BODY[:-1] + b',"model":"backend"}'


ODD = {
    "absolute target": lambda s: chat(s, line=f"POST http://other.example:99{PATH} HTTP/1.1\r\n"),
    "HTTP/1.0": lambda s: chat(s, "Connection: keep-alive\r\n", line=f"POST {PATH} HTTP/1.0\r\n"),
    "another host": lambda s: chat(s).replace(b"Host: localhost", b"Host: other.example:99"),
    "doubled slash and other case": lambda s: chat(s, path=PATH.replace("/openai", "//OpenAI").replace("scripted", "SCRIPTED")),
    "escapes": lambda s: chat(s, path=PATH.replace("scripted", "%73cr%69pted").replace("api-version", "api%2Dversion")),
    "by the account's name": lambda s: chat(s, path=f"/accounts/{s.variables['LAZULI_ACCOUNT']}{PATH}"),
    "empty lines before": lambda s: b"\r\n\r\n" + chat(s),
    "headers in capitals": lambda s: chat(s).replace(b"Content-Length", b"CONTENT-LENGTH").replace(b"api-key", b"API-KEY"),
    "blanks around values": lambda s: chat(s, f"Content-Length: \t {LENGTH}  \r\n", length=False),
    "type with parameters": lambda s: chat(s).replace(b"application/json", b'Application/JSON ; charset="x"'),
    "a length with zeros": lambda s: chat(s, f"Content-Length: 000{LENGTH}\r\n", length=False),
    "a byte a chunk": lambda s: chunked(s, chunks(*(BODY[i : i + 1] for i in range(LENGTH)))),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_but_legal_requests(gateway, upstream, name):
    """However it was put, the upstream sees the same request."""
    attack(gateway, upstream, ODD[name](gateway), [200], False, 1)
    odd, plain = upstream.calls
    lines = [[line for line in call.lines if not line.startswith("x-request-id: ")] for call in (odd, plain)]
    assert lines[0] == lines[1] and odd.body == plain.body


# The data plane gives an id back as it was; the control plane one that is UTF-8, as it goes into the activity log's JSON.
REFLECTED = {
    "a\tb": True,
    "caf\xe9": False,
    "caf\xc3\xa9": True,
    "x" * 256: True,
    'a: b, c=d; "e"': True,
    "%0d%0aSet-Cookie: a=b": True,
    "<script>": True,
}


def subscriptions(client_id):
    head = f"GET /subscriptions?api-version=2021-04-01 HTTP/1.1\r\nHost: localhost\r\nx-ms-client-request-id: {client_id}\r\n\r\n"
    return head.encode("latin-1")


@pytest.mark.parametrize("value, in_arm", REFLECTED.items(), ids=range(len(REFLECTED)))
def test_reflected_headers(gateway, upstream, value, in_arm):
    """A client's id comes back in one header, as it was; what could end the line was refused before."""
    with Wire(gateway) as wire:
        wire.send(chat(gateway, f"x-ms-client-request-id: {value}\r\n"))
        _, _, headers, _ = wire.reply()
        assert headers["x-ms-client-request-id"] == value and "set-cookie" not in headers
        wire.send(subscriptions(value))
        status, _, headers, _ = wire.reply()
        assert status == 401 and "set-cookie" not in headers
        assert headers.get("x-ms-client-request-id") == (value if in_arm else None)


@pytest.mark.parametrize("value", ["", "x" * 257])
def test_ids_that_are_not_reflected(gateway, upstream, value):
    with Wire(gateway) as wire:
        wire.send(chat(gateway, f"x-ms-client-request-id: {value}\r\n"))
        _, _, headers, _ = wire.reply()
        assert headers["x-ms-client-request-id"] == headers["apim-request-id"]
        wire.send(subscriptions(value))
        status, _, headers, _ = wire.reply()
    assert status == 401 and "x-ms-client-request-id" not in headers


ANSWER = json.dumps(chat_answer()).encode()


def answer_of(head, body=ANSWER):
    return head.replace("LEN", str(len(body))).encode("latin-1") + b"\r\n" + body


JSON_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ANSWERS = {
    "weird headers": (200, answer_of(
        JSON_HEAD + "content-length: LEN\r\nSet-Cookie: a=b\r\nx-ms-region: evil\r\nLocation: http://evil.example/\r\n"
        "Server: evil\r\nConnection: x-evil\r\nx-evil: 1\r\napim-request-id: evil\r\nstrict-transport-security: max-age=0\r\n"
    )),
    "headers beyond ASCII": (200, answer_of(JSON_HEAD + "content-length: LEN\r\nx: \xff\xfe\r\n")),
    "trailers": (200, answer_of(
        JSON_HEAD + "transfer-encoding: chunked\r\n",
        b"%x\r\n%s\r\n0\r\nSet-Cookie: a=b\r\nContent-Type: text/html\r\n\r\n" % (len(ANSWER), ANSWER),
    )),
    "length and coding": (500, answer_of(JSON_HEAD + "content-length: LEN\r\ntransfer-encoding: chunked\r\n")),
    "two lengths": (500, answer_of(JSON_HEAD + "content-length: LEN\r\ncontent-length: 3\r\n")),
    "xchunked": (500, answer_of(JSON_HEAD + "transfer-encoding: xchunked\r\n")),
    "bare LF": (500, answer_of(JSON_HEAD + "content-length: LEN\r\nx: y\nSet-Cookie: a=b\r\n")),
    "bare CR": (500, answer_of(JSON_HEAD + "content-length: LEN\r\nx: y\rSet-Cookie: a=b\r\n")),
    "NUL": (500, answer_of(JSON_HEAD + "content-length: LEN\r\nx: y\0z\r\n")),
    "folded": (500, answer_of(JSON_HEAD + "content-length: LEN\r\nx: y\r\n z\r\n")),
    "upgrade": (500, b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"),
    "no HTTP": (500, b"220 smtp.example ESMTP\r\n"),
    "HTTP/2": (500, answer_of("HTTP/2.0 200 OK\r\ncontent-length: LEN\r\n")),
    "endless head": (500, JSON_HEAD.encode() + b"x: " + b"y" * 200000),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_an_upstream(gateway, upstream, name):
    """Its headers go no further, and what does not parse is no answer."""
    status, data = ANSWERS[name]

    async def script(call):
        await call.raw(data)
        if status != 200:
            await call.until_left()

    upstream.script = script
    with Wire(gateway) as wire:
        wire.send(chat(gateway))
        got, _, headers, body = wire.reply()
        assert got == status, body
        assert headers["content-type"] == "application/json" and "evil" not in str(headers)
        assert not {"set-cookie", "location", "server", "x-evil", "x"} & set(headers)
        assert status == 200 or code_of(body) == "InternalServerError"
        upstream.reset()
        wire.send(chat(gateway))
        assert wire.reply()[0] == 200
    assert len(upstream.calls) == 1


def test_an_answer_too_many(gateway, upstream):
    """A second answer behind the first one is not taken for the next request's."""
    extra = answer_of(JSON_HEAD + "content-length: LEN\r\n", json.dumps(chat_answer(SMUGGLED)).encode())

    async def script(call):
        await call.raw(answer_of(JSON_HEAD + "content-length: LEN\r\n") + extra)

    upstream.script = script
    with Wire(gateway) as wire:
        wire.send(chat(gateway))
        assert wire.reply()[0] == 200
        upstream.reset()
        wire.send(chat(gateway))
        status, _, _, body = wire.reply()
    assert status == 200 and SMUGGLED not in body
    assert len(upstream.calls) == 1
