"""Tokens: how Azure's own clients get them here, and who gets none."""

import base64
import hashlib
import json
import threading
import urllib.parse

import jwt
import msal
import pytest
import requests
from azure.identity import CertificateCredential, DeviceCodeCredential, ManagedIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certificate import make_certificate
from entra import ARM, AZ_CLIENT, DATA, PASSWORD, Form, claims_of, now
from service import Lazuli
from waiting import wait_until


@pytest.fixture(scope="module")
def ann(entra):
    return entra.make_user("ann@lazuli.example")


# -- What clients find ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["", "/v2.0"])
@pytest.mark.parametrize("tenant", ["own", "common", "organizations", "adfs", "lazuli.example"])
def test_discovery(entra, tenant, form):
    named = entra.tenant if tenant == "own" else tenant
    doc = entra.session.get(f"{entra.base}/{named}{form}/.well-known/openid-configuration").json()
    for name in ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint", "jwks_uri"):
        assert doc[name].startswith(f"{entra.base}/")
    assert entra.session.get(doc["jwks_uri"]).json()["keys"][0]["kty"] == "RSA"
    assert entra.tenant in doc["issuer"]


def test_another_tenant_is_not_known(entra):
    other = "11111111-2222-3333-4444-555555555555"
    answer = entra.session.get(f"{entra.base}/{other}/v2.0/.well-known/openid-configuration")
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"
    assert answer.json()["error_codes"] == [90002] and other in answer.json()["error_description"]


@pytest.mark.parametrize("version", ["2022-09-01", "2019-05-01", "2015-01-01"])
def test_metadata(entra, version):
    doc = entra.session.get(f"{entra.base}/metadata/endpoints", params={"api-version": version}).json()
    if version == "2019-05-01":
        (doc,) = doc
    assert doc["authentication"]["loginEndpoint"] == entra.base
    assert ARM + "/" in doc["authentication"]["audiences"]
    if version == "2015-01-01":
        assert doc["graphEndpoint"] == f"{entra.base}/"
    else:
        assert doc["resourceManager"] == doc["microsoftGraphResourceId"] == f"{entra.base}/"
        assert doc["suffixes"]["storage"] and doc["name"] == "lazuli"


def test_links_go_where_the_client_came_from(entra):
    headers = {"Host": "login.microsoftonline.com"}
    doc = entra.session.get(f"{entra.base}/common/v2.0/.well-known/openid-configuration", headers=headers).json()
    assert doc["token_endpoint"].startswith("https://login.microsoftonline.com/")


# -- Service principals -----------------------------------------------------------------------------------------------------


def test_client_secret_credential(entra):
    v = entra.service.variables
    token = entra.token()
    claims = claims_of(token)
    keys = entra.session.get(entra.url("/discovery/v2.0/keys")).json()
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]].key
    assert jwt.decode(token, key, algorithms=["RS256"], audience=ARM) == claims
    assert claims["appid"] == v["AZURE_CLIENT_ID"] and claims["tid"] == entra.tenant and claims["idtyp"] == "app"
    assert claims["iss"] == f"https://sts.windows.net/{entra.tenant}/" and claims["oid"] == claims["sub"]
    assert claims["exp"] - claims["iat"] == 3600 and claims["ver"] == "1.0"
    assert entra.arm("GET", "/resourceGroups", entra.token(), version="2022-12-01").status_code == 200


def test_the_audience_is_kept_to_the_slash(entra):
    """az asks for "https://host//.default", whose resource ends in a slash."""
    token = entra.ask_as_first(scope="https://management.core.windows.net//.default").json()["access_token"]
    assert claims_of(token)["aud"] == "https://management.core.windows.net/"
    assert entra.arm("GET", "/resourceGroups", token, version="2022-12-01").status_code == 200


def test_v1_form(entra):
    v = entra.service.variables
    answer = entra.ask(
        "/oauth2/token", grant_type="client_credentials", client_id=v["AZURE_CLIENT_ID"],
        client_secret=v["AZURE_CLIENT_SECRET"], resource=ARM,
    ).json()  # fmt: skip
    assert answer["expires_in"] == "3599" and answer["resource"] == ARM and claims_of(answer["access_token"])["aud"] == ARM


# as most write it, and as az does with --cert: in lines, each of them ended
@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes])
def test_certificate_credential(entra, tmp_path, encode):
    make_certificate(tmp_path)
    pem = (tmp_path / "cert.pem").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": encode(der).decode()}
    _, client_id, _ = entra.make_principal("by-certificate", keyCredentials=[key])
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "key.pem").read_bytes() + pem)
    token = CertificateCredential(entra.tenant, client_id, str(both), **entra.options()).get_token(f"{ARM}/.default").token
    assert claims_of(token)["appid"] == client_id and claims_of(token)["appidacr"] == "2"

    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other")
    both.write_bytes((other / "key.pem").read_bytes() + (other / "cert.pem").read_bytes())
    with pytest.raises(Exception, match="AADSTS700027"):
        CertificateCredential(entra.tenant, client_id, str(both), **entra.options()).get_token(f"{ARM}/.default")


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": "11111111-2222-3333-4444-555555555555"}, 400, "unauthorized_client", 700016),
        ({"client_id": ""}, 400, "invalid_request", 900144),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"scope": "openid"}, 400, "invalid_scope", 70011),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
    ],
)
def test_what_the_token_endpoint_refuses(entra, form, status, error, number):
    answer = entra.ask_as_first(**form)
    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (status, error, [number])
    assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")


def test_a_secret_that_was_taken_away(entra):
    object_id, client_id, secret = entra.make_principal("short-lived")
    assert entra.token(client_id=client_id, secret=secret)
    (known,) = entra.graph("GET", f"/servicePrincipals/{object_id}")["passwordCredentials"]
    entra.graph("POST", f"/servicePrincipals/{object_id}/removePassword", {"keyId": known["keyId"]})
    assert entra.ask_as_first(client_id=client_id, client_secret=secret).json()["error_codes"] == [7000215]


# -- People -----------------------------------------------------------------------------------------------------------------


def sign_in(entra, page, **typed):
    """Fills in a page's form and sends it; what comes back is not followed."""
    form = Form(page.text)
    url = urllib.parse.urljoin(page.url, form.action)
    return entra.session.post(url, data=form.fields | typed, allow_redirects=False, timeout=60)


def test_device_code_credential(entra, ann):
    """As the Azure CLI does it: a code, a browser elsewhere, and polls."""
    shown = {}

    def prompt(uri, code, _expires):
        page = entra.session.get(uri)
        shown["wrong code"] = sign_in(entra, page, user_code="BBBBBBBBB", username=ann["userPrincipalName"], password=PASSWORD)
        shown["wrong password"] = sign_in(entra, page, user_code=code, username=ann["userPrincipalName"], password="no")
        shown["right"] = sign_in(entra, page, user_code=code.lower(), username=ann["userPrincipalName"], password=PASSWORD)

    credential = DeviceCodeCredential(AZ_CLIENT, tenant_id=entra.tenant, prompt_callback=prompt, **entra.options())
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert claims["upn"] == ann["userPrincipalName"] and claims["oid"] == ann["id"] and claims["idtyp"] == "user"
    assert "not known" in Form(shown["wrong code"].text).alert and "invalid username" in Form(shown["wrong password"].text).alert
    assert "You have signed in" in shown["right"].text
    # and with its refresh token, one for another resource
    assert claims_of(credential.get_token(f"{DATA}/.default").token)["aud"] == DATA


def test_a_password_for_once(entra):
    """az ad user create --force-change-password-next-sign-in: the page asks for another one, whichever flow led there."""
    name = "newcomer@lazuli.example"
    user = entra.make_user(name, passwordProfile={"password": PASSWORD, "forceChangePasswordNextSignIn": True})
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "scope": f"{ARM}/.default", "username": name}
    refused = entra.ask(password=PASSWORD, **form).json()
    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50055])
    assert refused["error_description"].startswith("AADSTS50055: ")

    def prompt(uri, code, _expires):
        page = sign_in(entra, entra.session.get(uri), user_code=code, username=name, password=PASSWORD)
        assert "Choose a new password" in Form(page.text).alert
        done = sign_in(entra, page, password=PASSWORD, new_password="Another-9", new_password_again="Another-9")
        assert "You have signed in" in done.text

    credential = DeviceCodeCredential(AZ_CLIENT, tenant_id=entra.tenant, prompt_callback=prompt, **entra.options())
    assert claims_of(credential.get_token(f"{ARM}/.default").token)["oid"] == user["id"]
    assert entra.ask(password="Another-9", **form).status_code == 200

    token = entra.ask(password="Another-9", **form | {"scope": "https://graph.microsoft.com/.default"}).json()["access_token"]
    change = {"currentPassword": "Another-9", "newPassword": "A-third-9"}
    assert entra.graph("POST", "/me/changePassword", change, token=token, status=204) is None
    assert entra.ask(password="A-third-9", **form).status_code == 200


def test_password_grant(entra, ann):
    client = msal.PublicClientApplication(
        AZ_CLIENT, authority=f"{entra.base}/{entra.tenant}", instance_discovery=False, http_client=entra.session
    )
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "scope": f"{ARM}/.default openid offline_access"}
    answer = entra.ask(username="ANN@lazuli.example", password=PASSWORD, **form).json()
    assert claims_of(answer["id_token"])["preferred_username"] == ann["userPrincipalName"]
    again = client.acquire_token_by_refresh_token(answer["refresh_token"], [f"{DATA}/.default"])
    assert claims_of(again["access_token"])["aud"] == DATA
    other = entra.ask(
        grant_type="refresh_token", client_id="x" + AZ_CLIENT, refresh_token=answer["refresh_token"], scope=f"{ARM}/.default"
    )
    assert other.json()["error_codes"] == [70000]
    for name in ("ann@lazuli.example", "nobody@lazuli.example"):
        wrong = entra.ask(username=name, password="Wrong-horse-9", **form)
        assert (wrong.status_code, wrong.json()["error_codes"]) == (400, [50126])


def authorize(entra, **more):
    query = {
        "client_id": AZ_CLIENT, "response_type": "code", "redirect_uri": "http://localhost:8400/", "state": "a b&c",
        "scope": f"{ARM}/.default openid offline_access", "code_challenge_method": "S256", "nonce": "n",
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode(),
    }  # fmt: skip
    return entra.session.get(entra.url("/oauth2/v2.0/authorize"), params=query | more, timeout=60)


def redeem(entra, code, **more):
    form = {"grant_type": "authorization_code", "client_id": AZ_CLIENT, "redirect_uri": "http://localhost:8400/",
            "code": code, "code_verifier": "v" * 43}  # fmt: skip
    return entra.ask(**form | more)


def code_of(entra, ann, **more):
    back = sign_in(entra, authorize(entra, **more), username=ann["userPrincipalName"], password=PASSWORD)
    assert back.status_code == 302, back.text
    target = urllib.parse.urlsplit(back.headers["Location"])
    return dict(urllib.parse.parse_qsl(target.query or target.fragment)), target


def test_browser_sign_in(entra, ann):
    page = authorize(entra)
    assert page.headers["X-Frame-Options"] == "DENY" and "script" not in page.text.lower()
    answer, target = code_of(entra, ann)
    assert (target.netloc, answer["state"]) == ("localhost:8400", "a b&c")
    tokens = redeem(entra, answer["code"]).json()
    assert claims_of(tokens["id_token"])["nonce"] == "n" and claims_of(tokens["access_token"])["oid"] == ann["id"]
    again = redeem(entra, answer["code"])
    assert again.status_code == 400 and "before" in again.json()["error_description"]


def test_browser_sign_in_refuses(entra, ann):
    for uri in ("https://evil.example/", "http://localhost.evil.example/", "http://localhost@evil.example/"):
        page = authorize(entra, redirect_uri=uri)
        assert page.status_code == 400 and page.json()["error_codes"] == [50011], uri
    code = code_of(entra, ann)[0]["code"]
    for more in ({"code_verifier": "w" * 43}, {"redirect_uri": "http://localhost:1/"}, {"client_id": "x"}, {"code": code + "A"}):
        assert redeem(entra, **{"code": code} | more).status_code == 400, more
    plain = code_of(entra, ann, code_challenge="")[0]["code"]
    assert redeem(entra, plain).status_code == 400
    wrong = sign_in(entra, authorize(entra, state='"><b>'), username=ann["userPrincipalName"], password="no")
    assert "<b>" not in wrong.text and "invalid username" in Form(wrong.text).alert
    assert Form(wrong.text).fields["state"] == '"><b>'


def test_ten_wrong_passwords_lock(entra):
    user = entra.make_user("bob@lazuli.example")["userPrincipalName"]
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "scope": f"{ARM}/.default", "username": user}
    assert [entra.ask(password="Wrong-horse-9", **form).json()["error_codes"] for _ in range(10)] == [[50126]] * 10
    assert entra.ask(password=PASSWORD, **form).json()["error_codes"] == [50053]


def test_a_new_password_ends_old_tokens(entra):
    user = entra.make_user("eve@lazuli.example")
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "username": user["userPrincipalName"]}
    old = entra.ask(password=PASSWORD, scope=f"{ARM}/.default offline_access", **form).json()
    wait_until(lambda: now() > claims_of(old["access_token"])["iat"], "the next second")
    entra.graph("PATCH", f"/users/{user['id']}", {"passwordProfile": {"password": "Another-horse-9"}})
    refused = entra.ask(
        grant_type="refresh_token", client_id=AZ_CLIENT, scope=f"{ARM}/.default", refresh_token=old["refresh_token"]
    )
    assert refused.json()["error_codes"] == [70000]
    assert entra.arm("GET", "/resourceGroups", old["access_token"], version="2022-12-01").status_code == 401
    assert entra.ask(password="Another-horse-9", scope=f"{ARM}/.default", **form).status_code == 200


# -- Machines ---------------------------------------------------------------------------------------------------------------


def test_managed_identity_credential(tmp_path, monkeypatch):
    with Lazuli(data=tmp_path) as first:
        client_id = first.variables["AZURE_CLIENT_ID"]
        url = f"{first.endpoint}/metadata/identity/oauth2/token?resource={ARM}"
        nobody = requests.get(url, headers={"Metadata": "true"})
        assert nobody.status_code == 400 and "Identity not found" in nobody.text
    with Lazuli(data=tmp_path, arguments=["--machine-identity", client_id]) as service:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", service.endpoint)
        token = ManagedIdentityCredential().get_token(f"{ARM}/.default").token
        assert claims_of(token)["appid"] == client_id
        url = f"{service.endpoint}/metadata/identity/oauth2/token?resource={ARM}"
        assert requests.get(url).status_code == 400  # a browser that was tricked into it
        forwarded = {"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}
        assert requests.get(url, headers=forwarded).status_code == 400


# -- Graph ------------------------------------------------------------------------------------------------------------------


def test_graph_is_for_who_may(entra):
    _, client_id, secret = entra.make_principal("reader")
    token = entra.token("https://graph.microsoft.com", client_id=client_id, secret=secret)
    assert entra.graph("GET", "/users", token=token)["value"]
    refused = entra.graph("POST", "/groups", {"displayName": "x"}, token=token, status=403)
    assert refused["error"]["code"] == "Authorization_RequestDenied"
    assert entra.graph("GET", "/users", token=entra.token(), status=401)["error"]["code"] == "InvalidAuthenticationToken"
    shown = entra.graph("GET", f"/servicePrincipals?$filter=appId eq '{client_id}'")["value"]
    assert len(shown) == 1 and "hash" not in json.dumps(shown) and secret not in json.dumps(shown)
    assert entra.graph("GET", "/users?$filter=age gt 3", status=400)["error"]["code"] == "Request_UnsupportedQuery"


def test_graph_refuses_in_its_own_words(entra):
    def error(method, path, status, **more):
        headers = {"Authorization": f"Bearer {entra.token('https://graph.microsoft.com')}"}
        answer = entra.session.request(method, f"{entra.base}{path}", headers=headers, timeout=60, **more)
        assert answer.status_code == status and answer.json()["error"]["innerError"]["request-id"], answer.text
        return answer.json()["error"]["code"]

    for method, path in (("GET", "/v1.0/nothing"), ("POST", "/v1.0/users/x/y/z"), ("GET", "/v1.0")):
        assert error(method, path, 400) == "BadRequest"
    assert error("PUT", "/v1.0/users", 405) == "Request_BadRequest"
    assert error("POST", "/v1.0/users", 413, data=b" " * (64 * 1024 + 1)) == "RequestEntityTooLarge"
    assert error("POST", "/v1.0/groups", 400, data=b'{"displayName":"a","displayName":"b"}') == "Request_BadRequest"


def test_many_sign_in_at_once(entra, ann):
    """Passwords are hashed two at a time, and others wait for that; but not without an end."""
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "scope": f"{ARM}/.default", "username": ann["userPrincipalName"]}
    got = []

    def ask(count):
        threads = [threading.Thread(target=lambda: got.append(entra.ask(password=PASSWORD, **form))) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    ask(12)
    assert [answer.status_code for answer in got] == [200] * 12
    got.clear()
    ask(40)
    refused = [answer for answer in got if answer.status_code == 503]
    assert {answer.status_code for answer in got} == {200, 503}
    assert all(answer.json()["error"] == "temporarily_unavailable" for answer in refused)
    assert entra.ask(password=PASSWORD, **form).status_code == 200
