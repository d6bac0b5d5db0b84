"""Looks at every answer of the control plane that any test gets through `requests`, which Microsoft's SDKs use, too."""

import re
import urllib.parse

import pytest
import requests

import arm_spec

PATHS = re.compile(r"/(subscriptions|providers|tenants)(/|$)", re.IGNORECASE)
METHODS = {"GET", "PUT", "PATCH", "DELETE", "POST", "HEAD"}
# Operations of the service's own, which Azure does not have.
OWN = {("PUT", 2)}  # of a subscription, by the number of the path's segments

found = {}  # problem: the first request that it was an answer to; items of a list are alike
send = requests.adapters.HTTPAdapter.send


def look(request, answer):
    """Notes what is wrong with it."""
    url = urllib.parse.urlsplit(request.url)
    version = urllib.parse.parse_qs(url.query).get("api-version", [""])[0]
    if not PATHS.match(url.path) or request.method not in METHODS:
        return
    if (request.method, len(arm_spec.parts_of(url.path))) in OWN and answer.ok:
        return
    try:
        body = answer.json() if answer.content else None
    except ValueError:
        found.setdefault(f"{answer.status_code} {answer.text[:200]} is no JSON", f"{request.method} {request.url}")
        return
    for problem in arm_spec.problems(request.method, urllib.parse.unquote(url.path), version, answer.status_code, body):
        found.setdefault(re.sub(r"\[\d+\]", "[]", problem), f"{request.method} {request.url}: {answer.status_code}")


def send_and_look(self, request, **arguments):
    answer = send(self, request, **arguments)
    look(request, answer)
    return answer


@pytest.fixture(scope="session", autouse=True)
def look_at_answers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", send_and_look)
        yield


@pytest.fixture(autouse=True)
def arm_answers_are_as_specified(look_at_answers):
    """What a session's or module's fixture was answered counts for the test that it was made for."""
    yield
    wrong = [f"{problem}: {request}" for problem, request in found.items()]
    found.clear()
    assert not wrong, "answers of the control plane are not as specified:\n" + "\n".join(wrong)
