"""An account that only a private endpoint leads to, as production has it: whom `private_networks` lets in there."""

import pytest
import requests

from conftest import SIMULATED
from service import Lazuli

CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
PRIVATE, PUBLIC = ("10.1.2.3", "fd00::7"), ("203.0.113.7", "11.0.0.1", "fe00::7", "127.0.0.1")
NO_PUBLIC_ACCESS = (403, "Public access is disabled. Please configure private endpoint.")
FIREWALL = (403, "Access denied due to Virtual Network/Firewall rules.")
GOOD = (200, None)
PROXY = ("--trusted-proxies", "127.0.0.1")
NETWORKS = (*PROXY, "--private-networks", "10.0.0.0/8,fd00::/8")


def ask(service, client, path="/accounts/lazuli-openai", key=None):
    """A call that comes from there, as a proxy says: its status, and what its error says."""
    headers = {"api-key": key or service.key, "X-Forwarded-For": client}
    url = f"{service.endpoint}{path}/openai/deployments/gpt-4/chat/completions?api-version=2024-10-21"
    answer = requests.post(url, json=CHAT, headers=headers, timeout=60)
    return answer.status_code, answer.json().get("error", {}).get("message")


def change(service, **properties):
    answer = service.arm("PATCH", "", {"properties": properties})
    assert answer.status_code == 200, answer.text


def connect(service, status, name="one"):
    state = {"privateLinkServiceConnectionState": {"status": status}}
    answer = service.arm("PUT", f"/privateEndpointConnections/{name}", {"properties": state})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def service(tmp_path):
    with Lazuli(SIMULATED, NETWORKS, data=tmp_path) as running:
        change(running, customSubDomainName="walled", publicNetworkAccess="Disabled")
        yield running


def expect(service, private, public):
    assert [ask(service, client) for client in PRIVATE] == [private] * len(PRIVATE)
    assert [ask(service, client) for client in PUBLIC] == [public] * len(PUBLIC)


def test_an_approved_connection_lets_in(service):
    """No other one, and for as long as it is approved; also after a restart."""
    expect(service, NO_PUBLIC_ACCESS, NO_PUBLIC_ACCESS)
    connect(service, "Pending")
    expect(service, NO_PUBLIC_ACCESS, NO_PUBLIC_ACCESS)
    connect(service, "Approved", "two")
    expect(service, GOOD, NO_PUBLIC_ACCESS)
    service.stop()
    service.start()
    expect(service, GOOD, NO_PUBLIC_ACCESS)
    connect(service, "Rejected", "two")
    expect(service, NO_PUBLIC_ACCESS, NO_PUBLIC_ACCESS)
    connect(service, "Approved", "one")
    expect(service, GOOD, NO_PUBLIC_ACCESS)
    assert service.arm("DELETE", "/privateEndpointConnections/one").status_code in (200, 204)
    expect(service, NO_PUBLIC_ACCESS, NO_PUBLIC_ACCESS)


def test_it_is_one_accounts_endpoint(service):
    """It asks for the account's key as ever, and it is not the endpoint where the key names the account."""
    connect(service, "Approved")
    assert ask(service, PRIVATE[0], key="wrong")[0] == 401
    assert ask(service, PRIVATE[0], path="") == NO_PUBLIC_ACCESS


def test_the_firewall_is_about_the_public_endpoint(service):
    change(service, publicNetworkAccess="Enabled", networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "192.0.2.1"}]})
    expect(service, FIREWALL, FIREWALL)
    connect(service, "Approved")
    expect(service, GOOD, FIREWALL)
    assert ask(service, "192.0.2.1") == GOOD


def test_none_is_private_by_default(tmp_path):
    with Lazuli(SIMULATED, PROXY, data=tmp_path) as service:
        change(service, customSubDomainName="walled", publicNetworkAccess="Disabled")
        connect(service, "Approved")
        expect(service, NO_PUBLIC_ACCESS, NO_PUBLIC_ACCESS)


def test_a_client_cannot_say_that_it_is_private(tmp_path):
    with Lazuli(SIMULATED, NETWORKS[2:], data=tmp_path) as service:
        change(service, customSubDomainName="walled", publicNetworkAccess="Disabled")
        connect(service, "Approved")
        expect(service, NO_PUBLIC_ACCESS, NO_PUBLIC_ACCESS)


def test_a_wrong_list_is_refused():
    with pytest.raises(RuntimeError, match=r"private_networks: '10\.0\.0\.0/33' is neither"):
        Lazuli(arguments=["--private-networks", "10.0.0.1,10.0.0.0/33"])
