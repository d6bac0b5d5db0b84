"""An account's network rules are about the client, also behind a proxy, and nobody can pass for another one."""

import pytest
import requests

from service import Lazuli

BODY = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
ALLOWED = "203.0.113.7"


def start(*arguments):
    service = Lazuli(catalog="extends: default\ndefault_engines: { chat: sim }\n", arguments=arguments)
    acls = {"defaultAction": "Deny", "ipRules": [{"value": ALLOWED}]}
    answer = service.arm("PATCH", "", {"properties": {"customSubDomainName": "walled", "networkAcls": acls}})
    assert answer.status_code == 200, answer.text
    return service


def ask(service, *forwarded):
    url = f"{service.endpoint}/accounts/lazuli-openai/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"
    session = requests.Session()
    headers = {"api-key": service.key, "X-Forwarded-For": ", ".join(forwarded)} if forwarded else {"api-key": service.key}
    return session.post(url, json=BODY, headers=headers, timeout=60).status_code


@pytest.fixture(scope="module")
def behind_a_proxy():
    with start("--trusted-proxies", "127.0.0.1,10.0.0.0/8") as service:
        yield service


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ([ALLOWED], 200),
        ([f"{ALLOWED}:4711"], 200),
        ([ALLOWED, "10.1.2.3"], 200),
        (["198.51.100.1", ALLOWED, "10.1.2.3"], 200),
        ([ALLOWED, "198.51.100.1"], 403),  # the client itself says that it comes from there
        ([], 403),
        (["10.1.2.3"], 403),
        (["garbage"], 403),
        ([ALLOWED, ""], 403),
        ([","], 403),
    ],
)
def test_the_nearest_that_is_no_proxy(behind_a_proxy, forwarded, status):
    assert ask(behind_a_proxy, *forwarded) == status


def test_nobody_is_trusted_by_default():
    with start() as service:
        assert ask(service, ALLOWED) == 403


def test_a_wrong_list_is_refused():
    with pytest.raises(RuntimeError, match=r"trusted_proxies: '10\.0\.0\.0/33' is neither"):
        Lazuli(arguments=["--trusted-proxies", "10.0.0.1,10.0.0.0/33"])
