"""Hostile bytes as HTTP, by bare sockets: each attack gets its documented answer, its connection the right fate, the next
client is served, and the upstream has seen what lazuli understood, nothing else. docs/security.md names these tests."""

import select
import time

import pytest

from hostile import CHUNKED, PATH, attack, attack_framing, chat, code_of, table
from hostile_tables import CHUNKS, CONNECTION, HOSTS, LINES, SMUGGLING, TARGETS, TRAILERS
from wire import Wire

# -- Where a message ends ----------------------------------------------------------------------------------------------


@table(SMUGGLING)
def test_where_a_body_ends(gateway, upstream, make, statuses, closed, calls):
    attack_framing(gateway, upstream, make(gateway), statuses, closed, calls)


@table(LINES)
def test_lines(gateway, upstream, make, statuses, closed, calls):
    attack_framing(gateway, upstream, make(gateway), statuses, closed, calls)


@table(CHUNKS)
def test_chunks(gateway, upstream, make, statuses, closed, calls):
    attack_framing(gateway, upstream, make(gateway), statuses, closed, calls)


@table(TRAILERS)
def test_trailers(gateway, upstream, make, statuses, closed, calls):
    """None changes what was decided by the head."""
    attack_framing(gateway, upstream, make(gateway), statuses, closed, calls)


# -- Whom and what it asks for -----------------------------------------------------------------------------------------


@table(HOSTS)
def test_hosts(gateway, upstream, make, statuses, closed, calls):
    attack_framing(gateway, upstream, make(gateway), statuses, closed, calls)


@table(TARGETS)
def test_request_lines(gateway, upstream, make, statuses, closed, calls):
    attack_framing(gateway, upstream, make(gateway), statuses, closed, calls)


NO_DEPLOYMENT = "DeploymentNotFound"
VERSION = "?api-version=2024-10-21"
OPERATION = f"chat/completions{VERSION}"
PATHS = {
    f"//openai/deployments/scripted/{OPERATION}": 200,
    f"/OpenAI/Deployments/Scripted/Chat/Completions?API-VERSION={VERSION[13:]}": 200,
    f"/openai/deployments/%73cripted/{OPERATION}": 200,
    f"/openai//deployments/scripted/{OPERATION}": "404",
    f"/./openai/deployments/scripted/{OPERATION}": "404",
    f"/x/../openai/deployments/scripted/{OPERATION}": "404",
    f"/openai/%2e%2e/openai/deployments/scripted/{OPERATION}": "404",
    f"/openai/deployments/../deployments/scripted/{OPERATION}": "404",
    f"/openai/deployments/scripted%2fchat/completions{VERSION}": NO_DEPLOYMENT,
    f"/openai/deployments/scripted/chat%2fcompletions{VERSION}": "404",
    f"/%6fpenai/deployments/scripted/{OPERATION}": "404",
    f"/openai/deployments/%2573cripted/{OPERATION}": NO_DEPLOYMENT,
    f"/openai/deployments/scripted%00/{OPERATION}": "404",
    f"/openai/deployments/scripted%00x/{OPERATION}": "404",
    f"/openai/deployments/scripted%/{OPERATION}": "404",
    f"/openai/deployments/scripted%zz/{OPERATION}": "404",
    f"/openai/deployments/scripted;a=b/{OPERATION}": NO_DEPLOYMENT,
    f"/openai/deployments/scripted/chat/completions;a{VERSION}": "404",
    f"/openai\\deployments\\scripted\\{OPERATION}": "404",
    f"/openai/deployments/..\\scripted/{OPERATION}": NO_DEPLOYMENT,
    f"/openai/deployments/%c0%ae%c0%ae/{OPERATION}": NO_DEPLOYMENT,
    f"/openai/deployments/%ff/{OPERATION}": NO_DEPLOYMENT,
    f"/openai/deployments/%0d%0aX:%20y/{OPERATION}": NO_DEPLOYMENT,
    f"/openai/deployments//{OPERATION}": "404",
    f"/openai/deployments/scripted/chat/completions/{VERSION}": "404",
    f"{PATH}%0d%0aX:y": "404",
    f"{PATH};x=y": "404",
    f"{PATH}&api-version=evil": 200,
    f"{PATH[: -len(VERSION)]}?api-version=evil&api-version=2024-10-21": "404",
    f"{PATH[: -len(VERSION)]}?api-version=%": "404",
    f"/accounts/%2e%2e/openai/deployments/scripted/{OPERATION}": "404",
    f"/accounts/x%2fy/openai/deployments/scripted/{OPERATION}": "404",
    f"/subscriptions/../openai/deployments/scripted/{OPERATION}": "AuthenticationFailed",
    "/healthz/../metrics": "404",
    "/metrics%00": "404",
    "/HEALTHZ": "404",
    "/../../../etc/passwd": "404",
    "/%2e%2e/%2e%2e/etc/passwd": "404",
}


@pytest.mark.parametrize("path", PATHS)
def test_paths(gateway, upstream, path):
    """Nothing is normalised: an odd path is another path."""
    wanted = PATHS[path]
    status = {200: 200, "AuthenticationFailed": 401}.get(wanted, 404)
    (reply,) = attack(gateway, upstream, chat(gateway, path=path), [status], False, int(status == 200))
    assert status == 200 or code_of(reply[3]) == wanted


ARM_PATHS = {
    "/subscriptions/%2e%2e?api-version=2021-04-01": "InvalidSubscriptionId",
    "/subscriptions/%00?api-version=2021-04-01": "NotFound",
    "/subscriptions/%ff?api-version=2021-04-01": "InvalidSubscriptionId",
    "/subscriptions/{id}/resourceGroups/..?api-version=2021-04-01": "InvalidResourceGroup",
    "/subscriptions/{id}/resourceGroups/a%2fb?api-version=2021-04-01": "NotFound",
    "/subscriptions/{id}/resourceGroups/a%0d%0ab?api-version=2021-04-01": "InvalidResourceGroup",
    "/subscriptions/{id}/../{id}/resourceGroups/a?api-version=2021-04-01": "NotFound",
    "{account}/deployments/%2e%2e?api-version=2023-05-01": "InvalidResourceName",
    "{account}/deployments/a%0d%0ab?api-version=2023-05-01": "InvalidResourceName",
    "{account}/deployments/a?api-version=%0d%0aX:%20y": "InvalidApiVersionParameter",
    "{account}/deployments/a?api-version=%00": "InvalidApiVersionParameter",
    "{account}/deployments/a?api-version=%ff": "InvalidApiVersionParameter",
}


@pytest.mark.parametrize("path", ARM_PATHS)
def test_paths_of_the_control_plane(gateway, upstream, path):
    filled = path.format(id=gateway.account_id.split("/")[2], account=gateway.account_id)
    head = f"PUT {filled} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.token}\r\nContent-Length: 2\r\n\r\n"
    code = ARM_PATHS[path]
    (reply,) = attack(gateway, upstream, head.encode() + b"{}", [404 if code == "NotFound" else 400], False)
    assert code_of(reply[3]) == code, reply


BROKEN_QUERIES = {
    "$filter=%00": "InvalidFilterInQueryString",
    "$filter=name%20eq%20'a'%": "InvalidFilterInQueryString",
    "$filter=('": "InvalidFilterInQueryString",
    "$filter='%20or%201=1--": "InvalidFilterInQueryString",
    "$top=1%00": "BadRequest",
    "$top=-1": "BadRequest",
    "$top=99999999999999999999": "BadRequest",
    "$skipToken=%ff": "BadRequest",
    "$skipToken=..%2f": "BadRequest",
}


@pytest.mark.parametrize("query", BROKEN_QUERIES)
def test_queries_of_the_control_plane(gateway, query):
    """One that cannot be understood is refused, not taken for none."""
    subscription = "/".join(gateway.account_id.split("/")[:3])
    with Wire(gateway) as wire:
        head = f"GET {subscription}/resources?api-version=2021-04-01&{query} HTTP/1.1\r\nHost: localhost\r\n"
        wire.send(f"{head}Authorization: Bearer {gateway.token}\r\n\r\n".encode())
        status, _, headers, body = wire.reply()
    assert (status, code_of(body)) == (400, BROKEN_QUERIES[query]) and "connection" not in headers


ARM_FRAMING = {
    "chunks": ("Transfer-Encoding: chunked\r\n", b"nonsense\r\n", 400, "BadRequest"),
    "length and coding": (CHUNKED + "Content-Length: 2\r\n", b"0\r\n\r\n", 400, "BadRequest"),
    "too large": ("Content-Length: 200001\r\n", b"", 413, "RequestEntityTooLarge"),
    "chunks too large": (CHUNKED, b"30d41\r\n", 413, "RequestEntityTooLarge"),
    "content coding": ("Content-Length: 2\r\nContent-Encoding: gzip\r\n", b"{}", 415, "UnsupportedMediaType"),
    "expectation": ("Content-Length: 2\r\nExpect: x\r\n", b"{}", 417, "417"),
    "no body": ("Content-Length: 2\r\n", b"{", 408, "Timeout"),
}


@pytest.mark.parametrize("name", ARM_FRAMING)
def test_framing_of_the_control_plane(gateway, upstream, name):
    """In ARM's envelope where the path was read, and nothing of it is done."""
    headers, body, status, code = ARM_FRAMING[name]
    line = f"PUT {gateway.account_id}/deployments/hostile?api-version=2023-05-01 HTTP/1.1\r\nHost: localhost\r\n"
    data = f"{line}Authorization: Bearer {gateway.token}\r\n{headers}\r\n".encode() + body
    (reply,) = attack(gateway, upstream, data, [status], True)
    assert code_of(reply[3]) == code
    assert name == "length and coding" or reply[2]["content-type"] == "application/json; charset=utf-8"
    assert gateway.arm("GET", "/deployments/hostile").status_code == 404


# -- The connection ----------------------------------------------------------------------------------------------------


@table(CONNECTION)
def test_connections(gateway, upstream, make, statuses, closed, calls):
    attack_framing(gateway, upstream, make(gateway), statuses, closed, calls)


def test_slow_loris(gateway, upstream):
    """Many heads that come a byte at a time: each is given up at its time, which no byte begins anew; others are served."""
    begun = time.monotonic()
    waiting = [Wire(gateway) for _ in range(50)]
    for wire in waiting:
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
    while waiting:
        assert time.monotonic() - begun < 20
        with Wire(gateway) as wire:
            assert wire.send(chat(gateway)).reply()[0] == 200
        answered, _, _ = select.select([wire.socket for wire in waiting], [], [], 0.05)
        for wire in [wire for wire in waiting if wire.socket in answered]:
            status, _, headers, _ = wire.reply()
            assert (status, headers["connection"]) == (408, "close")
            wire.close()
            waiting.remove(wire)
        for wire in waiting:
            wire.send(b"y")
