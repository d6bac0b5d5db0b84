"""Hostile bytes for the identity provider: forms, paths, and Graph's JSON. Each is answered in the surface's own shape, the
connection stays, and the next request is served. docs/security.md names these tests."""

import json

import pytest

from entra import ARM, AZ_CLIENT, Entra
from wire import Wire

KIB = 1024
TOKEN = "/common/oauth2/v2.0/token"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def graph_token(service):
    return Entra(service).token("https://graph.microsoft.com")


def ask(service, body, path=TOKEN, method="POST", **headers):
    """The status and the JSON of the answer (None: a page, or nothing)."""
    lines = {"Host": "localhost", "Content-Type": FORM, "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with Wire(service) as wire:
        wire.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        status, _, headers, answer = wire.reply()
        wire.send(b"GET /common/discovery/v2.0/keys HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.reply()[0] == 200
    return status, json.loads(answer) if "json" in headers.get("content-type", "") else None


def credentials(service, secret=None):
    v = service.variables
    client = f"grant_type=client_credentials&scope={ARM}/.default&client_id={v['AZURE_CLIENT_ID']}"
    return f"{client}&client_secret={secret or v['AZURE_CLIENT_SECRET']}".encode()


NO_FORMS = {
    "empty": b"",
    "ampersands": b"&" * KIB,
    "no value": b"grant_type",
    "JSON": b'{"grant_type":"client_credentials"}',
    "multipart": b'--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--\r\n',
    "UTF-16": "grant_type=client_credentials".encode("utf-16"),
    "broken escape in the name": b"grant%_type=client_credentials",
    "broken escape": b"grant_type=%zz",
    "half an escape": b"grant_type=client_credentials%",
    "NUL": b"grant_type=client_credentials%00",
    "raw NUL": b"grant_type=client_credentials\0",
    "no UTF-8": b"grant_type=%ff%fe",
    "line end": b"grant_type=client_credentials%0d%0aSet-Cookie:x",
    "semicolons": b"grant_type=client_credentials;client_id=x",
    "many parameters": b"a=b&" * (15 * KIB),
    "long name": b"a" * (60 * KIB),
    "long value": b"grant_type=" + b"a" * (60 * KIB),
}


@pytest.mark.parametrize("name", NO_FORMS)
def test_forms(service, name):
    status, answer = ask(service, NO_FORMS[name])
    assert status == 400 and answer["error"] in ("invalid_request", "unsupported_grant_type"), answer


@pytest.mark.parametrize("field", ["client_id", "client_secret", "scope", "username", "password", "code", "refresh_token"])
@pytest.mark.parametrize("value", ["%zz", "%00", "%ff", "%0d%0a", "a" * 5000, "'--", "<script>"])
def test_parameters(service, field, value):
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "scope": f"{ARM}/.default", "username": "x", "password": "x"}
    form["grant_type"] = {"client_secret": "client_credentials", "code": "authorization_code"}.get(
        field, "refresh_token" if field == "refresh_token" else "password"
    )
    form[field] = value
    status, answer = ask(service, "&".join(f"{k}={v}" for k, v in form.items()).encode())
    assert status in (400, 401) and answer["error_codes"], answer


def test_a_parameter_twice(service):
    """The first one counts, wherever a query or a form is read."""
    good = credentials(service)
    assert ask(service, good + b"&client_secret=wrong&grant_type=magic")[0] == 200
    assert ask(service, b"client_secret=wrong&" + good)[0] == 401
    assert ask(service, b"grant_type=magic&" + good)[1]["error"] == "unsupported_grant_type"


def test_content_types(service):
    """What a form says that it is does not matter: it is read as one, or there is nothing in it."""
    for content_type in ("text/plain", "application/json", "", "x" * 1000, f"{FORM}; charset=utf-7"):
        assert ask(service, credentials(service), Content_Type=content_type)[0] == 200


def test_a_form_larger_than_the_limit(service):
    body = credentials(service) + b"&x="
    body += b"a" * (64 * KIB - len(body))
    assert ask(service, body)[0] == 200
    status, answer = ask(service, body + b"a")
    assert (status, answer["error"]) == (413, "invalid_request")


PATHS = {
    "/common/oauth2/v2.0/token/": 400,
    "/common//oauth2/v2.0/token": 400,
    "/COMMON/OAuth2/V2.0/Token": 400,
    "/common/oauth2/v2.0/../v2.0/token": 404,
    "/common/oauth2/v2.0/%2e%2e/v2.0/token": 404,
    "/common%2foauth2/v2.0/token": 404,
    "/common/oauth2/v2.0/token%00": 404,
    "/common/oauth2/v2.0/token;x": 404,
    "/../oauth2/v2.0/token": 400,
    "/%00.x/oauth2/v2.0/token": 400,
    "/%zz/oauth2/v2.0/token": 400,
    "/<script>/oauth2/v2.0/token": 400,
    "/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token": 400,
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_of_the_identity_provider(service, path):
    assert ask(service, b"", path)[0] == PATHS[path]


def test_methods(service):
    for method in ("PUT", "DELETE", "PATCH", "GET"):
        status, answer = ask(service, b"", method=method)
        assert (status, answer["error"]) == (405, "invalid_request")


NO_JSON = {
    "empty text": b" ",
    "null": b"null",
    "array": b"[]",
    "byte order mark": b'\xef\xbb\xbf{"displayName":"x"}',
    "bytes behind": b'{"displayName":"x"}x',
    "comma": b'{"displayName":"x",}',
    "no UTF-8": b'{"displayName":"\xff"}',
    "lone surrogate": b'{"displayName":"\\ud800"}',
    "open arrays": b"[" * (60 * KIB),
    "deep": b'{"displayName":"x","y":' + b"[" * 65 + b"]" * 65 + b"}",
    "a member twice": b'{"displayName":"x","displayName":"y"}',
    "a member twice, deeper": b'{"displayName":"x","y":{"z":1,"Z":2}}',
    "NUL": b'{"displayName":"x\\u0000"}',
    "a form": b"displayName=x",
}


@pytest.mark.parametrize("name", NO_JSON)
def test_json_of_graph(service, graph_token, name):
    status, answer = ask(service, NO_JSON[name], "/v1.0/groups", Authorization=f"Bearer {graph_token}")
    assert status == 400 and answer["error"]["code"] == "Request_BadRequest", answer


PATHS_OF_GRAPH = {
    "/v1.0": 400,
    "/v1.0/": 400,
    "/v1.0/nothing": 400,
    "/v1.0/users/x/" + "y/" * 30: 400,
    "/v1.0/users/%00": 404,
    "/v1.0/users/%zz": 404,
    "/v1.0/users/..": 404,
    "/v1.0/users('x": 404,
    "/v1.0/applications(appId='": 404,
    "/v1.0/applications(": 404,
    "/v1.0/(": 400,
    "/v1.0/users/" + "x" * 4000: 404,
    "/v1.0/users?$filter=startswith(displayName,'": 400,
    "/v1.0/users?$top=99999999999999999999": 400,
    "/v1.0/users?$skiptoken='--": 400,
}


@pytest.mark.parametrize("path", PATHS_OF_GRAPH)
def test_paths_of_graph(service, graph_token, path):
    status, answer = ask(service, b"", path, "GET", Authorization=f"Bearer {graph_token}")
    assert status == PATHS_OF_GRAPH[path] and answer["error"]["innerError"]["request-id"], answer


def test_nothing_that_was_typed_is_in_the_log(service):
    """A line of the log is not forged by a name, nor does it hold the password that stands in its field."""
    form = f"grant_type=password&client_id=x%0aevil&scope={ARM}/.default&username=typed-here%0a&password=typed-there"
    begin = len(service.log_text())
    assert ask(service, form.encode())[0] == 400
    service.wait_for_log("sign_in_failed kind=unknown id=unknown client=unknown", begin)
    assert "typed" not in service.log_text() and "evil" not in service.log_text()
