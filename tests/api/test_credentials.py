"""Microsoft's credential classes for people, and for services that people call: each gets a token here."""

import base64
import threading
import urllib.parse

import msal
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AuthorizationCodeCredential,
    ChainedTokenCredential,
    ClientSecretCredential,
    EnvironmentCredential,
    InteractiveBrowserCredential,
    OnBehalfOfCredential,
    UsernamePasswordCredential,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certificate import make_certificate
from conftest import SIMULATED
from entra import ARM, AZ_CLIENT, DATA, PASSWORD, Form, claims_of, forge
from fake_issuer import changed
from federation import EXCHANGE, federating
from service import free_port

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with federating(tmp_path_factory.mktemp("identity"), catalog=SIMULATED) as running:
        yield running


@pytest.fixture(scope="module")
def issuer(service):
    return service.issuer


@pytest.fixture(scope="module")
def ann(entra):
    return entra.make_user("ann@lazuli.example")


def sign_in(entra, url, name):
    """What a browser does with the page: where it is sent with a code."""
    page = entra.session.get(url, timeout=60)
    form = Form(page.text)
    typed = form.fields | {"username": name, "password": PASSWORD}
    target = urllib.parse.urljoin(page.url, form.action)
    answer = entra.session.post(target, data=typed, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


# -- People -------------------------------------------------------------------------------------------------------------------


def test_interactive_browser_credential(entra, ann, monkeypatch):
    """The browser is this test; the code comes back to a port that the credential listens on."""
    opened = []

    def browse(url):
        entra.session.get(sign_in(entra, url, ann["userPrincipalName"]), timeout=60)

    def open_url(url):
        opened.append(url)
        threading.Thread(target=browse, args=[url]).start()
        return True

    monkeypatch.setattr("azure.identity._credentials.browser._open_browser", open_url)
    back = f"http://127.0.0.1:{free_port()}"  # the name localhost is not known on every machine
    options = entra.options() | {"redirect_uri": back, "timeout": 60}
    credential = InteractiveBrowserCredential(tenant_id=entra.tenant, client_id=AZ_CLIENT, **options)
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert (claims["oid"], claims["aud"], claims["appidacr"]) == (ann["id"], ARM, "0")
    # another resource takes no browser
    assert claims_of(credential.get_token(f"{DATA}/.default").token)["aud"] == DATA
    assert len(opened) == 1


def test_authorization_code_credential(entra, ann):
    """A web application with a secret: the code, and afterwards what it got with it."""
    back = "https://app.example/back"
    _, client_id, secret = entra.make_principal("web application", web={"redirectUris": [back]})
    query = {"client_id": client_id, "response_type": "code", "redirect_uri": back, "scope": f"{ARM}/.default offline_access"}
    location = sign_in(entra, entra.url("/oauth2/v2.0/authorize") + "?" + urllib.parse.urlencode(query), "ann@lazuli.example")
    (code,) = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"]
    credential = AuthorizationCodeCredential(entra.tenant, client_id, code, back, client_secret=secret, **entra.options())
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert (claims["oid"], claims["appid"], claims["appidacr"]) == (ann["id"], client_id, "1")
    used = AuthorizationCodeCredential(entra.tenant, client_id, code, back, client_secret=secret, **entra.options())
    with pytest.raises(ClientAuthenticationError, match="redeemed before"):
        used.get_token(f"{ARM}/.default")


def test_a_refresh_token_of_a_client_with_a_secret(entra, ann, shop):
    """Is of use only to who has the secret, too."""
    application = msal.ConfidentialClientApplication(
        shop[1], shop[2], authority=f"{entra.base}/{entra.tenant}", instance_discovery=False, http_client=entra.session
    )
    first = application.acquire_token_on_behalf_of(token_of_ann(entra, "api://shop"), [f"{ARM}/.default"])
    again = application.acquire_token_by_refresh_token(first["refresh_token"], [f"{DATA}/.default"])
    claims = claims_of(again["access_token"])
    assert (claims["oid"], claims["aud"], claims["appidacr"]) == (ann["id"], DATA, "1")
    form = {"grant_type": "refresh_token", "client_id": shop[1], "scope": f"{DATA}/.default"}
    for token in (first["refresh_token"], again["refresh_token"]):
        assert entra.ask(refresh_token=token, **form).json()["error_codes"] == [7000218]


def test_username_password_credential(entra, ann):
    """By the tenant "adfs": of any other, MSAL asks for the user's realm at port 443, whatever the authority's port."""
    options = {"tenant_id": "adfs"} | entra.options()
    with pytest.deprecated_call():
        credential = UsernamePasswordCredential(AZ_CLIENT, "ann@lazuli.example", PASSWORD, **options)
    assert claims_of(credential.get_token(f"{ARM}/.default").token)["oid"] == ann["id"]
    with pytest.deprecated_call():
        wrong = UsernamePasswordCredential(AZ_CLIENT, "ann@lazuli.example", "Wrong-horse-9", **options)
    with pytest.raises(ClientAuthenticationError, match="AADSTS50126"):
        wrong.get_token(f"{ARM}/.default")


def test_chained_credential(entra, monkeypatch):
    """One that cannot be had is passed over; one that is refused is not."""
    for name in ("AZURE_CLIENT_ID", "AZURE_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    good = entra.secret_credential()
    wrong = ClientSecretCredential(entra.tenant, entra.service.variables["AZURE_CLIENT_ID"], "wrong", **entra.options())
    assert ChainedTokenCredential(EnvironmentCredential(), good).get_token(f"{ARM}/.default").token
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        ChainedTokenCredential(wrong, good).get_token(f"{ARM}/.default")


# -- On behalf of people ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(entra):
    """An application that people call, by a name of its own: (object id, client id, secret)."""
    return entra.make_principal("shop", identifierUris=["api://shop"])


def token_of_ann(entra, resource, member="access_token"):
    answer = entra.ask(
        grant_type="password", client_id=AZ_CLIENT, username="ann@lazuli.example", password=PASSWORD,
        scope=f"{resource}/.default openid offline_access",
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json()[member]


def on_behalf_of(entra, shop, **more):
    options = {"user_assertion": token_of_ann(entra, "api://shop")} | entra.options()
    return OnBehalfOfCredential(entra.tenant, shop[1], **options | more)


def test_on_behalf_of_by_a_secret(entra, ann, shop):
    credential = on_behalf_of(entra, shop, client_secret=shop[2])
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert (claims["oid"], claims["upn"], claims["aud"]) == (ann["id"], "ann@lazuli.example", ARM)
    assert (claims["appid"], claims["appidacr"], claims["scp"]) == (shop[1], "1", "user_impersonation")
    me = entra.graph("GET", "/me", token=credential.get_token("https://graph.microsoft.com/.default").token)
    assert me["id"] == ann["id"]


def test_the_users_roles_count(entra, ann, shop):
    """A service calls a model as the person whom it serves, whatever its own roles are."""
    credential = on_behalf_of(entra, shop, client_secret=shop[2])
    url = f"{entra.base}/accounts/lazuli-openai/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"

    def call():
        headers = {"Authorization": f"Bearer {credential.get_token(f'{DATA}/.default').token}"}
        body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
        return entra.session.post(url, json=body, headers=headers, timeout=60).status_code

    entra.assign(shop[0], OPENAI_USER)
    assert call() == 401
    entra.assign(ann["id"], OPENAI_USER, kind="User")
    assert call() == 200


def test_on_behalf_of_by_a_certificate(entra, ann, shop, tmp_path):
    make_certificate(tmp_path)
    pem = (tmp_path / "cert.pem").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}
    entra.graph("PATCH", f"/applications(appId='{shop[1]}')", {"keyCredentials": [key]}, status=204)
    credential = on_behalf_of(entra, shop, client_certificate=(tmp_path / "key.pem").read_bytes() + pem)
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert (claims["oid"], claims["appidacr"]) == (ann["id"], "2")


def test_on_behalf_of_by_a_foreign_assertion(entra, ann, shop, issuer):
    """The service is a workload of a foreign issuer; whom it serves is still a person of this one."""
    path = f"/applications(appId='{shop[1]}')/federatedIdentityCredentials"
    body = {"name": "pod", "issuer": issuer.url, "subject": "pod", "audiences": [EXCHANGE]}
    entra.graph("POST", path, body, status=201)
    credential = on_behalf_of(entra, shop, client_assertion_func=lambda: issuer.token(sub="pod", aud=EXCHANGE))
    assert claims_of(credential.get_token(f"{ARM}/.default").token)["oid"] == ann["id"]
    wrong = on_behalf_of(entra, shop, client_assertion_func=lambda: issuer.token(sub="other", aud=EXCHANGE))
    with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
        wrong.get_token(f"{ARM}/.default")
    # a foreign issuer's token of a person is no assertion of one
    strange = on_behalf_of(entra, shop, client_secret=shop[2], user_assertion=issuer.token(aud=shop[1], oid=ann["id"], scp="x"))
    with pytest.raises(ClientAuthenticationError, match="AADSTS50013"):
        strange.get_token(f"{ARM}/.default")


def test_what_is_no_assertion_of_a_person(entra, ann, shop):
    good = token_of_ann(entra, "api://shop")
    refused = {
        "for the control plane": (token_of_ann(entra, ARM), "AADSTS500131"),
        "an application's": (entra.token("api://shop"), "AADSTS7000114"),
        "an id token": (token_of_ann(entra, "api://shop", "id_token"), "AADSTS50013"),
        "a refresh token": (token_of_ann(entra, "api://shop", "refresh_token"), "AADSTS50027"),
        "of another key": (forge(good), "AADSTS50013"),
        "unsigned": (changed(good, 0, lambda h: h | {"alg": "none"}).rpartition(".")[0] + ".", "AADSTS50027"),
        "signed by a secret": (forge(good, key="x" * 64, algorithm="HS256"), "AADSTS50027"),
        "no token": ("x", "AADSTS50027"),
    }
    for name, (token, number) in refused.items():
        credential = on_behalf_of(entra, shop, client_secret=shop[2], user_assertion=token)
        with pytest.raises(ClientAuthenticationError, match=f"{number}: "):
            credential.get_token(f"{ARM}/.default")
            pytest.fail(name)
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215: "):
        on_behalf_of(entra, shop, client_secret="wrong").get_token(f"{ARM}/.default")


def test_who_is_switched_off_is_not_served(entra, shop):
    bob = entra.make_user("bob@lazuli.example")
    token = entra.ask(
        grant_type="password", client_id=AZ_CLIENT, username="bob@lazuli.example", password=PASSWORD, scope="api://shop/.default"
    ).json()["access_token"]
    options = {"client_secret": shop[2], "user_assertion": token}
    first = on_behalf_of(entra, shop, **options).get_token(f"{ARM}/.default").token
    assert claims_of(first)["oid"] == bob["id"]
    entra.graph("PATCH", f"/users/{bob['id']}", {"accountEnabled": False}, status=204)
    with pytest.raises(ClientAuthenticationError, match="AADSTS50013"):
        on_behalf_of(entra, shop, **options).get_token(f"{ARM}/.default")
    assert entra.arm("GET", "/resourceGroups", first, version="2022-12-01").status_code == 401
