"""Managed identities by Microsoft's own SDKs: as resources, as principals with roles, and as whom a program gets tokens."""

import uuid

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.cognitiveservices.models import Account, Identity, UserAssignedIdentity
from azure.mgmt.msi import ManagedServiceIdentityClient

from arm import Token
from conftest import SIMULATED
from entra import ARM, DATA, Entra, claims_of
from service import Lazuli

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
NEW = {"location": "eastus", "tags": {"team": "a"}}
IDENTITIES = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}


@pytest.fixture(scope="module")
def service():
    """This machine has the identities of two names."""
    with Lazuli(catalog=SIMULATED, arguments=["--machine-identities", "runner,helper"]) as running:
        yield running


@pytest.fixture(scope="module")
def options(service, entra):
    return {
        "credential": Token(service.token),
        "subscription_id": service.variables["LAZULI_SUBSCRIPTION_ID"],
        "base_url": entra.base,
        "credential_scopes": [f"{ARM}/.default"],
        "connection_verify": entra.ca,
    }


@pytest.fixture(scope="module")
def identities(options):
    return ManagedServiceIdentityClient(**options).user_assigned_identities


# -- Resources --------------------------------------------------------------------------------------------------------------


def test_life_of_an_identity(identities, resources, sdk_group, entra):
    made = identities.create_or_update(sdk_group, "mine", NEW)
    assert made.id.endswith(f"/resourceGroups/{sdk_group}{IDENTITIES}/mine")
    assert (made.type, made.location, made.tags) == ("Microsoft.ManagedIdentity/userAssignedIdentities", "eastus", NEW["tags"])
    assert made.tenant_id == entra.tenant and made.principal_id != made.client_id
    assert identities.get(sdk_group, "mine") == made
    changed = identities.update(sdk_group, "mine", {"tags": {"team": "b"}})
    assert changed.tags == {"team": "b"} and changed.principal_id == made.principal_id
    assert [i.id for i in identities.list_by_resource_group(sdk_group)] == [made.id]
    assert made.id in [i.id for i in identities.list_by_subscription()]
    (listed,) = resources.resources.list_by_resource_group(sdk_group)
    assert (listed.id, listed.tags) == (made.id, {"team": "b"})
    identities.delete(sdk_group, "mine")
    identities.delete(sdk_group, "mine")
    with pytest.raises(ResourceNotFoundError):
        identities.get(sdk_group, "mine")


def test_the_provider_is_registered(resources):
    provider = resources.providers.get("Microsoft.ManagedIdentity")
    assert provider.registration_state == "Registered"
    (kind,) = [t for t in provider.resource_types if t.resource_type == "userAssignedIdentities"]
    assert {"2018-11-30", "2023-01-31", "2024-11-30"} <= set(kind.api_versions)
    assert "Microsoft.ManagedIdentity" in [p.namespace for p in resources.providers.list()]


@pytest.mark.parametrize("version", ["2018-11-30", "2023-01-31", "2024-11-30"])
def test_answers_follow_the_specification(entra, service, version):
    """Each is held against it (arm_watch): the newest stable one; older ones have the same members, but for one."""
    name = "g" + uuid.uuid4().hex[:8]
    sdk_group = f"/resourceGroups/{name}"

    def call(method, path, body=None, status=200):
        answer = entra.arm(method, path, service.token, body, version)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    assert entra.arm("PUT", sdk_group, service.token, {"location": "eastus"}, "2022-12-01").status_code == 201
    mine = f"{sdk_group}{IDENTITIES}/mine"
    body = NEW | {"properties": {"isolationScope": "Regional"}}
    assert ("isolationScope" in call("PUT", mine, body, 201)["properties"]) == (version >= "2024-11-30")
    call("PUT", mine, body)
    call("PATCH", mine, {"tags": {}})
    call("GET", mine)
    assert call("GET", f"{sdk_group}{IDENTITIES}")["value"]
    assert call("GET", IDENTITIES)["value"]
    sdk_account = f"{sdk_group}/providers/Microsoft.CognitiveServices/accounts/{name}"
    new = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus", "identity": {"type": "SystemAssigned"}}
    assert entra.arm("PUT", sdk_account, service.token, new, "2023-05-01").status_code == 201
    call("GET", f"{sdk_account}/providers/Microsoft.ManagedIdentity/identities/default")
    call("DELETE", mine)
    call("DELETE", mine, status=204)
    assert entra.arm("DELETE", sdk_group, service.token, version="2022-12-01").status_code == 202


def test_operations(entra, service):
    path = "/providers/Microsoft.ManagedIdentity/operations"
    headers = {"Authorization": f"Bearer {service.token}"}
    answer = entra.session.get(f"{entra.base}{path}?api-version=2024-11-30", headers=headers).json()
    names = [operation["name"] for operation in answer["value"]]
    assert "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action" in names


def test_locks_and_the_activity_log(identities, options, sdk_group, entra, service):
    mine = identities.create_or_update(sdk_group, "mine", NEW)
    lock = f"{mine.id}/providers/Microsoft.Authorization/locks/keep"
    service.arm("PUT", lock, {"properties": {"level": "CanNotDelete"}}, "2016-09-01").raise_for_status()
    with pytest.raises(HttpResponseError, match="ScopeLocked"):
        identities.delete(sdk_group, "mine")
    service.arm("DELETE", lock, version="2016-09-01").raise_for_status()
    identities.delete(sdk_group, "mine")
    path = "/providers/Microsoft.Insights/eventtypes/management/values"
    filters = {"$filter": f"eventTimestamp ge '2020-01-01T00:00:00Z' and resourceUri eq '{mine.id}'"}
    url = f"{entra.base}/subscriptions/{options['subscription_id']}{path}"
    headers = {"Authorization": f"Bearer {service.token}"}
    events = entra.session.get(url, params={"api-version": "2015-04-01"} | filters, headers=headers).json()["value"]
    seen = {(event["operationName"]["localizedValue"], event["status"]["value"]) for event in events}
    assert {("Create/Update User Assigned Identity", "Succeeded"), ("Delete User Assigned Identity", "Failed")} <= seen
    assert {event["resourceProviderName"]["value"] for event in events} >= {"Microsoft.ManagedIdentity"}


# -- Accounts ---------------------------------------------------------------------------------------------------------------


def test_identities_of_an_account(cognitive, identities, options, entra, sdk_group, sdk_account):
    """What was assigned comes back from a PUT of what was shown; each is a principal that Graph knows."""
    mine = identities.create_or_update(sdk_group, "mine", NEW)
    both = Identity(type="SystemAssigned, UserAssigned", user_assigned_identities={mine.id: UserAssignedIdentity()})
    shown = cognitive.accounts.begin_update(sdk_group, sdk_account, Account(identity=both)).result().identity
    assert shown.tenant_id == entra.tenant
    assert shown.user_assigned_identities[mine.id].principal_id == mine.principal_id
    assert shown.user_assigned_identities[mine.id].client_id == mine.client_id
    body = cognitive.accounts.get(sdk_group, sdk_account)
    again = cognitive.accounts.begin_create(sdk_group, sdk_account, body).result().identity
    assert again.principal_id == shown.principal_id
    assert again.user_assigned_identities[mine.id].client_id == mine.client_id
    scope = cognitive.accounts.get(sdk_group, sdk_account).id
    own = ManagedServiceIdentityClient(**options).system_assigned_identities.get_by_scope(scope)
    assert own.principal_id == shown.principal_id
    for principal, name, explicit in ((mine.principal_id, "mine", "True"), (shown.principal_id, sdk_account, "False")):
        known = entra.graph("GET", f"/servicePrincipals/{principal}")
        assert (known["servicePrincipalType"], known["displayName"]) == ("ManagedIdentity", name)
        assert known["alternativeNames"][0] == f"isExplicit={explicit}"
    none = cognitive.accounts.begin_update(sdk_group, sdk_account, Account(identity=Identity(type="None"))).result()
    assert none.identity is None
    entra.graph("GET", f"/servicePrincipals/{shown.principal_id}", status=404)


def test_who_assigns_an_identity_must_have_it(cognitive, sdk_group, sdk_account):
    wrong = f"{cognitive.accounts.get(sdk_group, sdk_account).id.split('/providers/')[0]}{IDENTITIES}/nobody"
    body = Account(identity=Identity(type="UserAssigned", user_assigned_identities={wrong: UserAssignedIdentity()}))
    with pytest.raises(HttpResponseError) as refused:
        cognitive.accounts.begin_update(sdk_group, sdk_account, body).result()
    assert (refused.value.status_code, refused.value.error.code) == (400, "FailedIdentityOperation")


# -- Tokens -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(service, monkeypatch):
    """Where azure-identity looks for this machine's identities."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", service.endpoint)


def test_a_program_picks_its_identity(machine, identities, sdk_group):
    runner = identities.create_or_update(sdk_group, "runner", NEW)
    other = identities.create_or_update(sdk_group, "other", NEW)

    def token(**how):
        return claims_of(ManagedIdentityCredential(**how).get_token(f"{ARM}/.default").token)

    assert token()["oid"] == runner.principal_id  # the only one of the machine's names that there is
    helper = identities.create_or_update(sdk_group, "helper", NEW)
    with pytest.raises(CredentialUnavailableError):
        token()
    for identity in (runner, helper):
        for how in (
            {"client_id": identity.client_id},
            {"identity_config": {"object_id": identity.principal_id}},
            {"identity_config": {"resource_id": identity.id}},
        ):
            claims = token(**how)
            assert (claims["oid"], claims["appid"]) == (identity.principal_id, identity.client_id)
            assert (claims["xms_mirid"], claims["idtyp"]) == (identity.id, "app")
    for how in (
        {"client_id": other.client_id},
        {"identity_config": {"object_id": other.principal_id}},
        {"identity_config": {"resource_id": other.id}},
    ):
        with pytest.raises(CredentialUnavailableError):
            token(**how)


def test_roles_are_in_force_until_the_identity_is_deleted(machine, service, entra, options, identities, sdk_group):
    """The control plane and the data plane know the bearer at once, and no more once it is gone. What it was given stays
    listed, without a name, and gives nothing: not to the next one of its name either."""
    runner = identities.create_or_update(sdk_group, "runner", NEW)
    credential = ManagedIdentityCredential(client_id=runner.client_id)
    arm, data = (credential.get_token(f"{scope}/.default").token for scope in (ARM, DATA))
    url = f"{service.endpoint}/accounts/{service.variables['LAZULI_ACCOUNT']}/openai/deployments/gpt-4/chat/completions"

    def chat(token):
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(url, params={"api-version": "2024-02-01"}, json=CHAT, headers=headers, timeout=60).status_code

    def groups(token):
        return entra.arm("GET", "/resourceGroups", token, version="2022-12-01").status_code

    assert (groups(arm), chat(data)) == (403, 401)
    reading = entra.assign(runner.principal_id, READER)
    entra.assign(runner.principal_id, OPENAI_USER)
    assert reading["properties"]["principalType"] == "ServicePrincipal"
    assert (groups(arm), chat(data)) == (200, 200)
    identities.delete(sdk_group, "runner")
    assert (groups(arm), chat(data)) == (401, 401)
    with pytest.raises(CredentialUnavailableError):
        ManagedIdentityCredential(client_id=runner.client_id).get_token(f"{DATA}/.default")
    authorization = AuthorizationManagementClient(**options)
    kept = [a for a in authorization.role_assignments.list_for_subscription() if a.principal_id == runner.principal_id]
    assert len(kept) == 2 and {a.principal_type for a in kept} == {"ServicePrincipal"}
    asked = {"ids": [runner.principal_id], "types": ["user", "group", "servicePrincipal"]}
    assert entra.graph("POST", "/directoryObjects/getByIds", asked)["value"] == []
    again = identities.create_or_update(sdk_group, "runner", NEW)
    next_one = ManagedIdentityCredential(client_id=again.client_id)
    assert groups(next_one.get_token(f"{ARM}/.default").token) == 403
    assert chat(next_one.get_token(f"{DATA}/.default").token) == 401
    for assignment in kept:
        authorization.role_assignments.delete_by_id(assignment.id)


def test_an_identity_is_there_after_a_restart(tmp_path, monkeypatch):
    """Also as the machine's own."""
    with Lazuli(data=tmp_path) as first:
        sdk_group = first.account_id.partition("/providers/")[0]
        made = first.arm("PUT", f"{sdk_group}{IDENTITIES}/mine", NEW, "2023-01-31").json()["properties"]
    with Lazuli(data=tmp_path, arguments=["--machine-identity", made["clientId"]]) as second:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", second.endpoint)
        token = ManagedIdentityCredential().get_token(f"{ARM}/.default").token
        assert claims_of(token)["oid"] == made["principalId"]
        assert Entra(second).arm("GET", "/resourceGroups", token, version="2022-12-01").status_code == 403
