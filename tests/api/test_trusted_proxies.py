"""An account's network rules are about the client, also behind a proxy, and nobody can pass for another one."""

import re

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


@pytest.fixture(scope="module")
def behind_a_proxy_of_ipv6():
    with start("--listen", "[::]:0", "--trusted-proxies", "::1,2001:db8::/32,127.0.0.1") as service:
        yield service


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ([ALLOWED], 200),
        ([ALLOWED, "2001:db8::1"], 200),
        ([ALLOWED, "[2001:db8::1]:4711"], 200),
        ([ALLOWED, "2001:db9::1"], 403),
        (["2001:db9::1"], 403),
        ([f"::ffff:{ALLOWED}"], 200),
    ],
)
def test_proxies_and_clients_of_ipv6(behind_a_proxy_of_ipv6, forwarded, status):
    service = behind_a_proxy_of_ipv6
    for host in ("[::1]", "127.0.0.1"):  # the socket takes both
        service.endpoint = f"http://{host}:{service.port}"
        assert ask(service, *forwarded) == status


def test_rules_are_of_ipv4(behind_a_proxy):
    """As Azure has it, so that under a rule a client of IPv6 is not let in by any address of its own."""
    acls = {"defaultAction": "Deny", "ipRules": [{"value": "2001:db8::7"}]}
    answer = behind_a_proxy.arm("PATCH", "", {"properties": {"networkAcls": acls}})
    assert answer.status_code == 400
    assert "neither an IPv4 address nor a range" in answer.json()["error"]["message"]


def test_nobody_is_trusted_by_default():
    with start() as service:
        assert ask(service, ALLOWED) == 403


def test_a_wrong_list_is_refused():
    for wrong in ("10.0.0.0/33", "::1/129", "[::1]", "localhost"):
        with pytest.raises(RuntimeError, match=f"trusted_proxies: '{re.escape(wrong)}' is neither"):
            Lazuli(arguments=["--trusted-proxies", f"10.0.0.1,::1,{wrong}"])
