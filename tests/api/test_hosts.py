"""An account is called by its own host, as in Azure: below Azure's names, which a resolver sends here, and below data_domain."""

import socket
import ssl

import httpx
import openai
import pytest
import requests
from azure.identity import get_bearer_token_provider

from arm import Arm
from conftest import SIMULATED
from entra import DATA
from service import Lazuli, free_port

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
AZURES = ("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com")
DOMAINS = (*AZURES, "openai.lab.example")
NOT_FOUND = {"error": {"code": "404", "message": "Resource not found"}}
MODEL = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}


def make_account(service, name, domain):
    """With a deployment "chat": its key."""
    arm = Arm(service)
    path = arm.account(service.variables["LAZULI_RESOURCE_GROUP"], name)
    arm.make_account(service.variables["LAZULI_RESOURCE_GROUP"], name, customSubDomainName=domain)
    body = {"sku": {"name": "Standard", "capacity": 10}, "properties": {"model": MODEL}}
    arm.call("PUT", f"{path}/deployments/chat", body, 201)
    return arm.call("POST", f"{path}/listKeys")["key1"]


@pytest.fixture(scope="module")
def service():
    """Two accounts with subdomains of their own, and the first one without any."""
    with Lazuli(SIMULATED, ["--data-domain", "lab.example"]) as running:
        running.key_of = {name: make_account(running, f"account-{name}", name) for name in ("blue", "green")}
        yield running


@pytest.fixture(scope="module")
def provider(entra):
    """Tokens of a principal that may call the models of "blue" only."""
    object_id, client_id, secret = entra.make_principal("caller")
    group = entra.service.variables["LAZULI_RESOURCE_GROUP"]
    scope = f"/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/account-blue"
    entra.assign(object_id, OPENAI_USER, scope)
    return get_bearer_token_provider(entra.secret_credential(client_id, secret), f"{DATA}/.default")


@pytest.fixture
def http(service, entra, monkeypatch):
    """A client to which a resolver gives this service for all names that are Azure's, or the operator's."""
    look_up = socket.getaddrinfo

    def look_up_here(host, port, *arguments, **options):
        if str(host).endswith(DOMAINS):
            host, port = "127.0.0.1", service.port
        return look_up(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    with httpx.Client(verify=ssl.create_default_context(cafile=entra.ca), trust_env=False) as client:
        yield client


def azure(http, host, **credential):
    return openai.AzureOpenAI(
        azure_endpoint=f"https://{host}", api_version="2024-10-21", http_client=http, max_retries=0, **credential
    )


def ask(service, host, key, path="/openai/deployments/chat/chat/completions", **more):
    """The status of a call by that Host, and the body."""
    answer = requests.post(
        f"{service.endpoint}{path}?api-version=2024-10-21", json=CHAT, timeout=60,
        headers={"Host": host, "api-key": key} | more,
    )  # fmt: skip
    return answer.status_code, answer.json()


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_sdk_by_key(service, http, domain):
    client = azure(http, f"blue.{domain}", api_key=service.key_of["blue"])
    assert client.chat.completions.create(model="chat", **CHAT).choices[0].message.content
    client = openai.OpenAI(
        base_url=f"https://blue.{domain}/openai/v1/", api_key=service.key_of["blue"], http_client=http, max_retries=0
    )
    assert client.chat.completions.create(model="chat", **CHAT).choices[0].message.content


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_sdk_by_token(http, provider, domain):
    """Whose role is at one account: at the other one's host it is refused, for want of a role."""
    client = azure(http, f"blue.{domain}", azure_ad_token_provider=provider)
    assert client.chat.completions.create(model="chat", **CHAT).choices[0].message.content
    with pytest.raises(openai.AuthenticationError, match="lacks the required data action"):
        azure(http, f"green.{domain}", azure_ad_token_provider=provider).chat.completions.create(model="chat", **CHAT)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_key_of_another_account(service, http, domain):
    for key in (service.key_of["green"], service.key):
        with pytest.raises(openai.AuthenticationError, match="invalid subscription key"):
            azure(http, f"blue.{domain}", api_key=key).chat.completions.create(model="chat", **CHAT)


@pytest.mark.parametrize("host", ["blue.openai.azure.com:8443", "BLUE.OpenAI.Azure.COM", "Blue.openai.lab.EXAMPLE:443"])
def test_ports_and_case_do_not_count(service, host):
    assert ask(service, host, service.key_of["blue"])[0] == 200
    assert ask(service, host, service.key_of["green"])[0] == 401


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("name", ["nobody", "blue.green", "account-blue", "x" * 60])
def test_a_name_that_nobody_has(service, provider, domain, name):
    """It would not even resolve in Azure; whoever has a key is not answered by another account than it named."""
    for key in (service.key, service.key_of["blue"], "wrong"):
        assert ask(service, f"{name}.{domain}", key) == (404, NOT_FOUND)
    assert ask(service, f"{name}.{domain}:443", service.key, Authorization=f"Bearer {provider()}") == (404, NOT_FOUND)


def test_the_name_of_a_deleted_account(service):
    key, arm = make_account(service, "account-brief", "brief"), Arm(service)
    path = arm.account(service.variables["LAZULI_RESOURCE_GROUP"], "account-brief")
    assert ask(service, "brief.openai.azure.com", key)[0] == 200
    arm.call("DELETE", f"{path}/deployments/chat")
    arm.call("DELETE", path)
    assert ask(service, "brief.openai.azure.com", key) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]:8080", "localhost", "lab.example", "openai.lab.example", "gate.lab.example", "openai.azure.com",
     "eastus.api.cognitive.microsoft.com", "xopenai.azure.com", "blue.openai.azure.com.example", "*"],
)  # fmt: skip
def test_hosts_that_name_no_account(service, host):
    """There the key names it, as at Azure's regional endpoint."""
    assert ask(service, host, service.key_of["blue"])[0] == 200
    assert ask(service, host, service.key_of["green"])[0] == 200
    assert ask(service, host, "wrong")[0] == 401


def test_a_path_stands_above_the_host(service):
    path = "/accounts/account-green/openai/deployments/chat/chat/completions"
    for host in ("blue.openai.azure.com", "nobody.openai.azure.com"):
        assert ask(service, host, service.key_of["green"], path)[0] == 200
        assert ask(service, host, service.key_of["blue"], path)[0] == 401


@pytest.mark.parametrize("own", ["gate.openai.lab.example", "gate.openai.azure.com"])
def test_the_services_own_name_may_look_like_an_accounts(own):
    port = free_port()
    arguments = ["--listen", f"127.0.0.1:{port}", "--data-domain", "lab.example", "--public-base", f"http://{own}:{port}"]
    with Lazuli(SIMULATED, arguments) as service:
        service.endpoint = f"http://127.0.0.1:{port}"
        service.deploy("chat", "gpt-4o-mini", "2024-07-18")
        assert ask(service, f"{own}:{port}", service.key)[0] == 200
        assert ask(service, own.upper(), service.key)[0] == 200
        assert ask(service, f"x{own}:{port}", service.key) == (404, NOT_FOUND)
