"""What Terraform's providers ask on the wire, as azurerm 5.2 and azapi 1.15 were recorded, and that they find what they read:
all that was written is shown as it was written, or each plan would have a change. docs/terraform.md tells how to run them."""

import uuid

import pytest
import requests

from entra import claims_of

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"
GROUPS, COGNITIVE, ROLES, ASSIGNMENTS = "2023-07-01", "2026-03-01", "2022-05-01-preview", "2022-04-01"  # azurerm's
MODEL = {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}


class Provider:
    """Calls of ARM as a provider makes them, with its token."""

    def __init__(self, entra, base, token):
        self.base, self.session = base, requests.Session()
        self.session.trust_env, self.session.verify = False, entra.ca
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json; charset=utf-8; IEEE754Compatible=false",
            "Content-Type": "application/json; charset=utf-8",
            "OData-Version": "4.0",
        }
        self.session.headers.update(headers)
        self.subscription = f"/subscriptions/{entra.service.variables['LAZULI_SUBSCRIPTION_ID']}"

    def ask(self, method, path, version, body=None, status=200, **query):
        query = {"api-version": version} | query
        answer = self.session.request(method, self.base + path, params=query, json=body, timeout=60)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def __call__(self, *request, **more):
        """The body, which must be called JSON: the SDK's pollers read nothing else."""
        answer = self.ask(*request, **more)
        assert answer.headers["Content-Type"].startswith("application/json")
        return answer.json()

    def create(self, path, version, body):
        """Not there yet; then there, and done, as it was written. What is shown of it."""
        assert self("GET", path, version, status=404)["error"]["code"]
        self("PUT", path, version, body, 201)
        return self.read(path, version, body)

    def read(self, path, version, body):
        shown = self("GET", path, version)
        assert shown["id"] == path
        assert shown["properties"].get("provisioningState", "Succeeded") == "Succeeded"
        assert_shown(body, shown)
        return shown

    def delete(self, path, version, status=200):
        """Deleted, and seen to be."""
        answer = self.ask("DELETE", path, version, status=status)
        self("GET", path, version, status=404)
        return answer


def assert_shown(written, shown, at="body"):
    """All that was written, in its own spelling; there may be more."""
    if isinstance(written, dict):
        for name, value in written.items():
            if value is not None:
                assert name in shown, f"{at} lacks {name}"
                assert_shown(value, shown[name], f"{at}.{name}")
    else:
        assert shown == written, at


@pytest.fixture
def azurerm(entra):
    """As it signs in by metadata_host: from the cloud's description, with a token for the address of ARM without its slash."""
    cloud = entra.session.get(f"{entra.base}/metadata/endpoints", params={"api-version": "2022-09-01"}).json()
    arm, graph = (cloud[name].rstrip("/") for name in ("resourceManager", "microsoftGraphResourceId"))
    assert cloud["name"] not in ("", "AzureStackCloud") and cloud["authentication"]["identityProvider"] == "AAD"
    tokens = [entra.ask_as_first(scope=f"{resource}/.default").json()["access_token"] for resource in (graph, arm)]
    provider = Provider(entra, arm, tokens[1])
    me = claims_of(tokens[0])  # who it is, it takes from Graph's token
    assert me["tid"] == entra.tenant and me["appid"] == entra.service.variables["AZURE_CLIENT_ID"]
    principals = f"/servicePrincipals?$filter=appId eq '{me['appid']}'"
    assert [p["id"] for p in entra.graph("GET", principals, token=tokens[0])["value"]] == [me["oid"]]
    return provider


def test_azurerm(azurerm):
    group = f"{azurerm.subscription}/resourceGroups/from-azurerm"
    account = f"{group}/providers/Microsoft.CognitiveServices/accounts/from-azurerm"
    azurerm.create(group, GROUPS, {"location": "eastus", "tags": {}})
    properties = {
        "allowProjectManagement": False,
        "allowedFqdnList": [],
        "apiProperties": {},
        "customSubDomainName": "from-azurerm",
        "disableLocalAuth": False,
        "dynamicThrottlingEnabled": False,
        "publicNetworkAccess": "Enabled",
        "restrictOutboundNetworkAccess": False,
    }
    body = {
        "identity": {"type": "SystemAssigned", "userAssignedIdentities": None},
        "kind": "OpenAI",
        "location": "eastus",
        "properties": properties,
        "sku": {"name": "S0"},
        "tags": {"team": "search"},
    }
    shown = azurerm.create(account, COGNITIVE, body)
    assert shown["properties"]["endpoint"] and "networkAcls" not in shown["properties"]
    keys = azurerm("POST", f"{account}/listKeys", COGNITIVE)
    assert keys["key1"] and keys["key2"]

    deployment = f"{account}/deployments/chat"
    wanted = {"model": MODEL, "versionUpgradeOption": "OnceNewDefaultVersionAvailable"}
    chat = azurerm.create(deployment, COGNITIVE, {"properties": wanted, "sku": {"capacity": 10, "name": "Standard"}})
    chat["sku"]["capacity"] = 20  # it sends back all that it knows of what it read
    changed = {name: chat[name] for name in ("id", "name", "type", "sku", "properties", "systemData") if name in chat}
    azurerm("PUT", deployment, COGNITIVE, changed)
    azurerm.read(deployment, COGNITIVE, {"properties": wanted, "sku": {"capacity": 20, "name": "Standard"}})

    change = {name: body[name] for name in ("kind", "properties", "sku")} | {"tags": {"team": "ranking", "stage": "test"}}
    azurerm("PATCH", account, COGNITIVE, change)
    azurerm.read(account, COGNITIVE, body | change)
    check_azurerm_role(azurerm, account, shown["identity"]["principalId"])

    azurerm.delete(deployment, COGNITIVE)
    azurerm.delete(account, COGNITIVE)
    deleted = "/providers/Microsoft.CognitiveServices/locations/eastus/resourceGroups/from-azurerm/deletedAccounts/from-azurerm"
    azurerm.delete(azurerm.subscription + deleted, COGNITIVE, status=202)
    assert azurerm("GET", f"{group}/resources", GROUPS, **{"$expand": "provisioningState", "$top": "10"})["value"] == []
    azurerm.delete(group, GROUPS, status=202)


def check_azurerm_role(azurerm, account, principal_id):
    """A role by its name, at the account; and one that is looked up at no scope at all."""
    named = {"$filter": "roleName eq 'Cognitive Services OpenAI User'"}
    (role,) = azurerm("GET", account + DEFINITIONS, ROLES, **named)["value"]
    assert role["id"] == f"{azurerm.subscription}{DEFINITIONS}/{OPENAI_USER}"
    (anywhere,) = azurerm("GET", DEFINITIONS, ROLES, **named)["value"]
    assert azurerm("GET", anywhere["id"], ROLES)["properties"] == anywhere["properties"] == role["properties"]

    assignment = f"{account}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    body = {"description": "", "principalId": principal_id, "roleDefinitionId": role["id"]}
    shown = azurerm.create(assignment, ASSIGNMENTS, {"properties": body})
    assert shown["properties"]["principalType"] == "ServicePrincipal" and shown["properties"]["scope"] == account
    azurerm("GET", shown["properties"]["roleDefinitionId"], ROLES)
    azurerm.delete(assignment, ASSIGNMENTS)


def test_azurerm_registers_no_provider(azurerm):
    """By resource_provider_registrations it registers, of what it needs, what is listed here as not registered."""
    listed = azurerm("GET", f"{azurerm.subscription}/providers", "2022-09-01")["value"]
    states = {provider["namespace"]: provider["registrationState"] for provider in listed}
    assert "Microsoft.CognitiveServices" in states and set(states.values()) == {"Registered"}


def test_azapi(entra):
    """With tenant_id = "adfs", which spares version 1 the question to Microsoft whether the authority is known there."""
    well_known = entra.session.get(f"{entra.base}/adfs/.well-known/openid-configuration").json()
    v = entra.service.variables
    form = {
        "client_id": v["AZURE_CLIENT_ID"],
        "client_secret": v["AZURE_CLIENT_SECRET"],
        "grant_type": "client_credentials",
        "scope": "https://management.azure.com/.default openid offline_access profile",
    }
    token = entra.session.post(well_known["token_endpoint"], data=form, timeout=60).json()["access_token"]
    azapi = Provider(entra, entra.base, token)
    group = f"{azapi.subscription}/resourceGroups/from-azapi"
    account = f"{group}/providers/Microsoft.CognitiveServices/accounts/from-azapi"
    deployment = f"{account}/deployments/chat"
    azapi.create(group, "2022-09-01", {"location": "eastus"})
    body = {
        "identity": {"type": "SystemAssigned"},
        "kind": "OpenAI",
        "location": "eastus",
        "properties": {"customSubDomainName": "from-azapi", "publicNetworkAccess": "Enabled"},
        "sku": {"name": "S0"},
        "tags": {"team": "search"},
    }
    principal_id = azapi.create(account, "2023-05-01", body)["identity"]["principalId"]
    wanted = {"model": MODEL, "versionUpgradeOption": "OnceCurrentVersionExpired"}
    for capacity, status in ((10, 201), (20, 200)):
        chat = {"properties": wanted, "sku": {"capacity": capacity, "name": "Standard"}}
        azapi("PUT", deployment, "2023-05-01", chat, status)
        azapi.read(deployment, "2023-05-01", chat)
    assignment = f"{account}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    role = {"principalId": principal_id, "principalType": "ServicePrincipal"}
    role["roleDefinitionId"] = f"{azapi.subscription}{DEFINITIONS}/{OPENAI_USER}"
    azapi.create(assignment, ASSIGNMENTS, {"properties": role})
    azapi("PUT", assignment, ASSIGNMENTS, {"properties": role})  # once more, after an import
    assert azapi("POST", f"{account}/listKeys", "2023-05-01")["key1"]

    for path in (assignment, deployment, account):
        azapi.delete(path, ASSIGNMENTS if path == assignment else "2023-05-01")
    operation = azapi.delete(group, "2022-09-01", status=202).headers["Location"]
    assert azapi.session.get(operation, timeout=60).status_code == 200
