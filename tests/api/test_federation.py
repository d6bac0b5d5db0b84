"""Workload identity federation: programs of a foreign issuer are applications and managed identities here, without a secret,
by Microsoft's own credential classes; and whom the token endpoint refuses."""

import json
import time

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import (
    AzurePipelinesCredential,
    ClientAssertionCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    WorkloadIdentityCredential,
)
from azure.mgmt.msi import ManagedServiceIdentityClient

from arm import Token
from conftest import SIMULATED
from entra import ARM, DATA, Entra, claims_of
from fake_issuer import FakeIssuer, Key, changed, identity_file, sign_with_secret
from federation import EXCHANGE, federating, listed
from service import Lazuli
from waiting import wait_until

POD = "system:serviceaccount:shop:runner"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with federating(tmp_path_factory.mktemp("identity"), catalog=SIMULATED) as running:
        yield running


@pytest.fixture(scope="module")
def issuer(service):
    return service.issuer


def pod_token(issuer, **more):
    """As Kubernetes mounts one into a pod."""
    return issuer.token(**{"sub": POD, "aud": [EXCHANGE], "preferred_username": None} | more)


def credential_of(issuer, **more):
    return {"name": "shop-runner", "issuer": issuer.url, "subject": POD, "audiences": [EXCHANGE]} | more


@pytest.fixture
def runner(entra, issuer):
    """An application that the pod may be: (object id, client id, path of its credentials)."""
    object_id, client_id, _ = entra.make_principal("runner")
    path = f"/applications(appId='{client_id}')/federatedIdentityCredentials"
    entra.graph("POST", path, credential_of(issuer), status=201)
    return object_id, client_id, path


def exchange(entra, client_id, token, **more):
    form = {
        "grant_type": "client_credentials", "client_id": client_id, "scope": f"{ARM}/.default", "client_assertion": token,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }  # fmt: skip
    return entra.ask(**form | more)


def refusal(entra, client_id, token):
    """The number of Entra's error, which is a client's."""
    answer = exchange(entra, client_id, token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
    (number,) = answer.json()["error_codes"]
    assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")
    return number


# -- Credential classes -------------------------------------------------------------------------------------------------------


def test_workload_identity_credential(entra, issuer, runner, tmp_path):
    """By the file that is mounted into a pod, which is read again each time that it is asked for."""
    object_id, client_id, _ = runner
    file = tmp_path / "token"
    file.write_text(pod_token(issuer))
    credential = WorkloadIdentityCredential(
        tenant_id=entra.tenant, client_id=client_id, token_file_path=str(file), **entra.options()
    )
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert (claims["appid"], claims["oid"], claims["appidacr"]) == (client_id, object_id, "2")
    entra.assign(object_id, READER)
    assert may_list(entra, credential.get_token(f"{ARM}/.default").token) == 200
    token = credential.get_token(f"{DATA}/.default").token
    assert call_model(entra, token) == 401
    entra.assign(object_id, OPENAI_USER)
    assert call_model(entra, token) == 200


def may_list(entra, token):
    """The status of a list of the subscription's groups."""
    return entra.arm("GET", "/resourceGroups", token, version="2022-12-01").status_code


def call_model(entra, token):
    url = f"{entra.base}/accounts/lazuli-openai/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
    return entra.session.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code


def test_client_assertion_credential(entra, issuer, runner):
    credential = ClientAssertionCredential(entra.tenant, runner[1], lambda: pod_token(issuer), **entra.options())
    assert claims_of(credential.get_token(f"{ARM}/.default").token)["appid"] == runner[1]
    wrong = ClientAssertionCredential(entra.tenant, runner[1], lambda: pod_token(issuer, sub="x"), **entra.options())
    with pytest.raises(ClientAuthenticationError, match="AADSTS700213: No matching federated identity record found"):
        wrong.get_token(f"{ARM}/.default")


def test_default_credential_of_a_pod(entra, issuer, runner, tmp_path, monkeypatch):
    """By the variables that the webhook of workload identity sets."""
    file = tmp_path / "token"
    file.write_text(pod_token(issuer))
    monkeypatch.setenv("AZURE_TENANT_ID", entra.tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", runner[1])
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", entra.base)
    for name in ("AZURE_CLIENT_SECRET", "AZURE_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    options = {"disable_instance_discovery": True, "connection_verify": entra.ca}
    assert claims_of(DefaultAzureCredential(**options).get_token(f"{ARM}/.default").token)["appid"] == runner[1]
    # beside a secret, that is taken
    monkeypatch.setenv("AZURE_CLIENT_SECRET", entra.service.variables["AZURE_CLIENT_SECRET"])
    monkeypatch.setenv("AZURE_CLIENT_ID", entra.service.variables["AZURE_CLIENT_ID"])
    assert claims_of(EnvironmentCredential(**options).get_token(f"{ARM}/.default").token)["appidacr"] == "1"


def test_azure_pipelines_credential(entra, issuer, runner, monkeypatch):
    """Its tokens come from Azure DevOps, in whose place the issuer gives one."""
    usual, asked = issuer.answer, []

    def answer(path):
        if not path.startswith("/oidc"):
            return usual(path)
        asked.append(path)
        return 200, json.dumps({"oidcToken": pod_token(issuer)}).encode()

    monkeypatch.setattr(issuer, "answer", answer)
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", issuer.url.replace("/realms/lab", "/oidc"))
    credential = AzurePipelinesCredential(
        tenant_id=entra.tenant, client_id=runner[1], service_connection_id="connection", system_access_token="x",
        **entra.options(),
    )  # fmt: skip
    assert claims_of(credential.get_token(f"{ARM}/.default").token)["appid"] == runner[1]
    assert len(asked) == 1 and "serviceConnectionId=connection" in asked[0]


@pytest.mark.parametrize("path", ["/oauth2/v2.0/token", "/oauth2/token"])
def test_terraform_signs_in(entra, issuer, runner, path):
    """As its providers do with use_oidc and oidc_token, which have no class of Microsoft's."""
    form = {"scope": f"{entra.base}/.default"} if "v2.0" in path else {"resource": ARM, "scope": ""}
    answer = entra.ask(
        path, grant_type="client_credentials", client_id=runner[1], client_assertion=pod_token(issuer),
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer", **form,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert may_list(entra, answer.json()["access_token"]) == 403  # who it is, is known; it has no role


# -- Managed identities -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def options(service, entra):
    return {
        "credential": Token(service.token), "subscription_id": service.variables["LAZULI_SUBSCRIPTION_ID"],
        "base_url": entra.base, "credential_scopes": [f"{ARM}/.default"], "connection_verify": entra.ca,
    }  # fmt: skip


def test_a_managed_identity_of_a_pod(entra, issuer, options, sdk_group, tmp_path):
    client = ManagedServiceIdentityClient(**options)
    mine = client.user_assigned_identities.create_or_update(sdk_group, "mine", {"location": "eastus"})
    credentials = client.federated_identity_credentials
    body = {"issuer": issuer.url, "subject": POD, "audiences": [EXCHANGE]}
    made = credentials.create_or_update(sdk_group, "mine", "pod", body)
    assert made.id == f"{mine.id}/federatedIdentityCredentials/pod"
    assert (made.issuer, made.subject, made.audiences) == (issuer.url, POD, [EXCHANGE])
    assert credentials.get(sdk_group, "mine", "pod") == made and list(credentials.list(sdk_group, "mine")) == [made]
    with pytest.raises(HttpResponseError, match="Issuer and subject combination already exists"):
        credentials.create_or_update(sdk_group, "mine", "other", body)

    file = tmp_path / "token"
    file.write_text(pod_token(issuer))
    credential = WorkloadIdentityCredential(
        tenant_id=entra.tenant, client_id=mine.client_id, token_file_path=str(file), **entra.options()
    )
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert (claims["appid"], claims["oid"], claims["xms_mirid"]) == (mine.client_id, mine.principal_id, mine.id)
    token = credential.get_token(f"{ARM}/.default").token
    entra.assign(mine.principal_id, READER)
    assert may_list(entra, token) == 200

    credentials.delete(sdk_group, "mine", "pod")
    with pytest.raises(ResourceNotFoundError):
        credentials.get(sdk_group, "mine", "pod")
    assert refusal(entra, mine.client_id, pod_token(issuer)) == 700211
    credentials.create_or_update(sdk_group, "mine", "pod", body)
    assert exchange(entra, mine.client_id, pod_token(issuer)).status_code == 200
    client.user_assigned_identities.delete(sdk_group, "mine")
    gone = exchange(entra, mine.client_id, pod_token(issuer))
    assert gone.json()["error_codes"] == [700016]
    assert may_list(entra, token) == 401


# -- Refusals -----------------------------------------------------------------------------------------------------------------


def test_each_refusal_has_its_number(entra, issuer, runner):
    client_id, now = runner[1], int(time.time())
    own_key = json.dumps(issuer.keys[0].published()).encode()
    claims = issuer.claims(sub=POD, aud=EXCHANGE)
    refused = {
        "another issuer": (pod_token(issuer, iss="https://id.example.com"), 700211),
        "an issuer whose name only begins so": (pod_token(issuer, iss=issuer.url + "/"), 700211),
        "this service itself": (entra.token(), 700222),
        "another subject": (pod_token(issuer, sub="system:serviceaccount:shop:other"), 700213),
        "a subject in another case": (pod_token(issuer, sub=POD.upper()), 700213),
        "no subject": (pod_token(issuer, sub=None), 700213),
        "another audience": (pod_token(issuer, aud=ARM), 700212),
        "no audience": (pod_token(issuer, aud=None), 700212),
        "expired": (pod_token(issuer, exp=now - 1), 700024),
        "without an end": (pod_token(issuer, exp=None), 700024),
        "not valid yet": (pod_token(issuer, nbf=now + 3600), 700024),
        "of another key under a known id": (issuer.token(key=Key("first"), sub=POD, aud=EXCHANGE), 700027),
        "of a key that is not known": (issuer.token(key=Key("other"), sub=POD, aud=EXCHANGE), 700027),
        "unsigned": (changed(pod_token(issuer), 0, lambda h: h | {"alg": "none"}).rpartition(".")[0] + ".", 700027),
        "signed by a secret": (sign_with_secret(own_key, claims, "first"), 700027),
        "changed": (changed(pod_token(issuer, sub="x"), 1, lambda c: c | {"sub": POD}), 700027),
        "with critical headers": (pod_token(issuer, header={"crit": ["x"], "x": 1}), 700027),
        "no token": ("x", 700027),
    }
    for name, (token, number) in refused.items():
        assert refusal(entra, client_id, token) == number, name
    assert exchange(entra, client_id, pod_token(issuer)).status_code == 200
    wrong_type = exchange(entra, client_id, pod_token(issuer), client_assertion_type="x")
    assert wrong_type.json()["error_codes"] == [700027]


def test_an_assertion_is_good_for_its_whole_life(entra, issuer, runner):
    """As often as it is shown, and for whichever resource: a file in a pod lasts for an hour."""
    token = pod_token(issuer)
    assert [exchange(entra, runner[1], token).status_code for _ in range(3)] == [200] * 3


def test_it_is_no_token_to_call_with(entra, issuer, runner):
    """Its issuer is for federation only."""
    answer = entra.arm("GET", "/resourceGroups", pod_token(issuer, aud=ARM), version="2022-12-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationTokenTenant")


def test_what_was_taken_away_lets_nobody_in(entra, issuer, runner):
    object_id, client_id, path = runner
    token = pod_token(issuer)
    assert exchange(entra, client_id, token).status_code == 200
    (kept,) = entra.graph("GET", path)["value"]
    entra.graph("PATCH", f"{path}/{kept['id']}", {"subject": "other"}, status=204)
    assert refusal(entra, client_id, token) == 700213
    entra.graph("PATCH", f"{path}/{kept['name']}", {"subject": POD}, status=204)
    assert exchange(entra, client_id, token).status_code == 200
    entra.graph("PATCH", f"/servicePrincipals/{object_id}", {"accountEnabled": False}, status=204)
    assert exchange(entra, client_id, token).json()["error_codes"] == [700016]
    entra.graph("PATCH", f"/servicePrincipals/{object_id}", {"accountEnabled": True}, status=204)
    entra.graph("DELETE", f"{path}/{kept['id']}", status=204)
    assert refusal(entra, client_id, token) == 700211
    entra.graph("POST", path, credential_of(issuer), status=201)
    entra.graph("DELETE", f"/servicePrincipals/{object_id}", status=204)
    assert exchange(entra, client_id, token).json()["error_codes"] == [700016]


def test_an_issuer_that_nobody_lists_is_not_asked(entra, issuer, service):
    """A credential may name it, and nothing is fetched from it; once it is listed, the credential works."""
    with FakeIssuer() as other:
        _, client_id, _ = entra.make_principal("of another issuer")
        path = f"/applications(appId='{client_id}')/federatedIdentityCredentials"
        entra.graph("POST", path, credential_of(other), status=201)
        answer = exchange(entra, client_id, pod_token(other))
        assert answer.json()["error_codes"] == [700211] and "identity_file" in answer.json()["error_description"]
        assert other.key_requests == 0
        identity_file(service.identity_file.parent, listed(issuer), listed(other))
        assert "reload_done" in service.reload()
        service.wait_for_log(f"issuer_keys_fetched issuer={other.url}")
        assert exchange(entra, client_id, pod_token(other)).status_code == 200
    identity_file(service.identity_file.parent, listed(issuer))
    assert "reload_done" in service.reload()
    assert refusal(entra, client_id, pod_token(other)) == 700211


def test_refusals_are_in_the_log(entra, issuer, runner, service):
    refusal(entra, runner[1], pod_token(issuer, sub="somebody-else"))
    line = f"sign_in_failed kind=application id={runner[0]} client={runner[1]} reason=AADSTS700213"
    assert line in service.log_text() and "somebody-else" not in service.log_text()


def test_an_issuer_of_tokens_serves_federation_too(tmp_path):
    """The operator trusts it with more: what it signs for an audience of this service bears its own principals."""
    with FakeIssuer() as issuer:
        file = identity_file(tmp_path, {"issuer": issuer.url, "audiences": ["api://lazuli"], "tenant_id": "T1"})
        with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as service:
            service.wait_for_log("issuer_keys_fetched")
            entra = Entra(service)
            _, client_id, _ = entra.make_principal("runner")
            entra.graph("POST", f"/applications(appId='{client_id}')/federatedIdentityCredentials", credential_of(issuer))
            assert exchange(entra, client_id, pod_token(issuer, tid="T1")).status_code == 200
            assert refusal(entra, client_id, pod_token(issuer, tid="T2")) == 700027
            # its keys are followed here, too: the first token of a new one has them fetched
            issuer.rotate("second")
            assert refusal(entra, client_id, pod_token(issuer, tid="T1")) == 700027
            wait_until(lambda: exchange(entra, client_id, pod_token(issuer, tid="T1")).status_code == 200, service.log_text)
