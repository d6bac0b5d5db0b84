"""Network rules, the activity log and tokens are about the client, also behind a proxy, and nobody can pass for another one."""

import re
import uuid

import pytest
import requests

from entra import ARM, AZ_CLIENT, PASSWORD, Entra, claims_of
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


def addresses_told(service, *forwarded):
    """Of a user who signs in, and of what is written then, both by the same way: what the token and the activity log say."""
    entra = Entra(service)
    name = f"user{uuid.uuid4().hex[:8]}"
    entra.make_user(f"{name}@lazuli.example")
    entra.session.headers["X-Forwarded-For"] = ", ".join(forwarded)
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "username": f"{name}@lazuli.example", "password": PASSWORD}
    token = entra.ask(scope=f"{ARM}/.default", **form).json()["access_token"]
    made = entra.arm("PUT", f"/resourceGroups/{name}", service.token, {"location": "eastus"}, "2022-12-01")
    assert made.status_code == 201, made.text
    log = entra.session.get(
        f"{entra.base}/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}/providers/Microsoft.Insights/eventtypes"
        "/management/values", headers={"Authorization": f"Bearer {service.token}"}, timeout=60,
        params={"api-version": "2015-04-01",
                "$filter": f"eventTimestamp ge '2020-01-01T00:00:00Z' and resourceGroupName eq '{name}'"},
    ).json()  # fmt: skip
    (event,) = log["value"]
    claims = claims_of(token)
    return claims.get("ipaddr"), event["httpRequest"].get("clientIpAddress")


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["198.51.100.1", ALLOWED, "10.1.2.3"], ALLOWED),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["10.1.2.3"], "10.1.2.3"),
        ([ALLOWED, "<script>"], None),  # not the proxy's, whose it is not
    ],
)
def test_tokens_and_the_activity_log_tell_the_client(behind_a_proxy, forwarded, client):
    assert addresses_told(behind_a_proxy, *forwarded) == (client, client)


def test_a_strangers_word_is_not_told():
    with start("--trusted-proxies", "10.0.0.0/8") as service:
        assert addresses_told(service, ALLOWED) == ("127.0.0.1", "127.0.0.1")


def test_nobody_becomes_a_program_of_this_machine(tmp_path):
    """The identity of the machine goes by who is really connected, and that is not whom a proxy names."""
    with Lazuli(data=tmp_path) as service:
        client_id = service.variables["AZURE_CLIENT_ID"]
    arguments = ["--trusted-proxies", "127.0.0.1", "--machine-identity", client_id]
    with Lazuli(data=tmp_path, arguments=arguments) as service:
        url, headers = f"{service.endpoint}/metadata/identity/oauth2/token?resource={ARM}", {"Metadata": "true"}
        assert requests.get(url, headers=headers, timeout=60).status_code == 200
        for client in ("127.0.0.1", ALLOWED):
            assert requests.get(url, headers=headers | {"X-Forwarded-For": client}, timeout=60).status_code == 400


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
