"""Who may what, given and taken with az; and every way in which az signs somebody in."""

import contextlib
import json
import re
import subprocess

import pytest
import requests

from az import LIMIT_S, TOP, Az
from az import PROGRAM as AZ

PASSWORD = "Sesame-0pen!Door"


def subscription(lazuli):
    return f"/subscriptions/{lazuli.variables['LAZULI_SUBSCRIPTION_ID']}"


def assign(az, who, role, scope):
    return az("role", "assignment", "create", "--assignee", who, "--role", role, "--scope", scope)


@pytest.fixture(scope="module")
def reader(az, lazuli):
    """A service principal that may read everything: what `az ad sp create-for-rbac` says."""
    words = ("--name", "reader", "--role", "Reader", "--scopes", subscription(lazuli))
    return az("ad", "sp", "create-for-rbac", *words)


@pytest.fixture(scope="module")
def ann(az, lazuli):
    """A person who may read everything."""
    name = "ann@lazuli.local"
    made = az("ad", "user", "create", "--display-name", "Ann", "--password", PASSWORD, "--user-principal-name", name)
    assert (made["userPrincipalName"], made["displayName"], made["accountEnabled"]) == (name, "Ann", True)
    assert assign(az, name, "Reader", subscription(lazuli))["principalId"] == made["id"]
    return made


# -- Roles -----------------------------------------------------------------------------------------------------------------


def test_role_definitions(az, lazuli):
    (definition,) = az("role", "definition", "list", "--name", "Cognitive Services OpenAI User")
    guid = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
    assert definition["id"] == f"{subscription(lazuli)}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    assert (definition["name"], definition["roleType"], definition["assignableScopes"]) == (guid, "BuiltInRole", ["/"])
    (permissions,) = definition["permissions"]
    assert "Microsoft.CognitiveServices/*/read" in permissions["actions"]
    action = "Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action"
    assert action in permissions["dataActions"]
    names = {item["roleName"] for item in az("role", "definition", "list")}
    assert {"Owner", "Contributor", "Reader", "Cognitive Services Contributor", "Cognitive Services User"} <= names


def test_provider_operations(az):
    """What who writes a custom role chooses from."""
    shown = az("provider", "operation", "show", "--namespace", "Microsoft.CognitiveServices")
    actions = {item["name"]: item["isDataAction"] for kind in shown["resourceTypes"] for item in kind["operations"]}
    assert actions["Microsoft.CognitiveServices/accounts/listKeys/action"] is False
    assert actions["Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action"] is True
    listed = az("provider", "operation", "list")
    assert {item["name"] for item in listed} >= {"Microsoft.Authorization", "Microsoft.CognitiveServices"}


def test_role_assignments(az, lazuli, reader, group):
    scope = f"{subscription(lazuli)}/resourceGroups/{group}"
    made = assign(az, reader["appId"], "Contributor", scope)
    assert (made["scope"], made["principalType"]) == (scope, "ServicePrincipal")
    assert made["roleDefinitionId"].endswith("/b24988ac-6180-42a0-ab88-20f7382dd24c")
    (listed,) = az("role", "assignment", "list", "--scope", scope)
    assert (listed["name"], listed["principalName"]) == (made["name"], reader["appId"])
    assert listed["roleDefinitionName"] == "Contributor"
    columns, rows = az.table("role", "assignment", "list", "--all", "--assignee", reader["appId"])
    assert columns == ["Principal", "Role", "Scope"]
    expected = [(reader["appId"], "Reader", subscription(lazuli)), (reader["appId"], "Contributor", scope)]
    assert sorted(tuple(row.values()) for row in rows) == sorted(expected)
    words = ("--assignee", reader["appId"], "--role", "Contributor", "--scope", scope)
    assert az("role", "assignment", "delete", *words) is None
    assert az("role", "assignment", "list", "--scope", scope) == []


def test_custom_role(az, stranger, lazuli, reader, account):
    """Made, given to somebody whom it lets deploy, changed so that it does not, and deleted."""
    scope, words = f"{subscription(lazuli)}/resourceGroups/{account[3]}", ("cognitiveservices", "account", "deployment")
    role = {
        "Name": f"Deployer of {account[3]}",
        "Description": "Deploys models.",
        "Actions": ["Microsoft.CognitiveServices/accounts/deployments/*"],
        "AssignableScopes": [scope],
    }
    made = az("role", "definition", "create", "--role-definition", json.dumps(role))
    assert (made["roleName"], made["roleType"], made["assignableScopes"]) == (role["Name"], "CustomRole", [scope])
    listed = az("role", "definition", "list", "--custom-role-only", "true", "--scope", scope)
    assert [item["name"] for item in listed] == [made["name"]]
    assign(az, reader["appId"], role["Name"], scope)
    stranger.sign_in(reader["appId"], reader["password"])
    model = ("--model-format", "OpenAI", "--model-name", "gpt-4o-mini", "--model-version", "2024-07-18")
    deploy = (*words, "create", *account, "--deployment-name", "own", *model, "--sku-name", "Standard", "--sku-capacity", "1")
    assert stranger(*deploy)["properties"]["provisioningState"] == "Succeeded"
    changed = made | {"permissions": [{"actions": ["Microsoft.CognitiveServices/accounts/deployments/delete"]}]}
    az("role", "definition", "update", "--role-definition", json.dumps(changed))
    assert "accounts/deployments/write' over scope" in stranger.refused("AuthorizationFailed", *deploy)
    assert stranger(*words, "delete", *account, "--deployment-name", "own") is None
    given = ("--assignee", reader["appId"], "--role", role["Name"], "--scope", scope)
    assert az("role", "assignment", "delete", *given) is None
    assert az("role", "definition", "delete", "--name", role["Name"], "--scope", scope) is None
    assert az("role", "definition", "list", "--custom-role-only", "true", "--scope", scope) == []


def test_what_a_reader_may_not(stranger, lazuli, reader):
    (account,) = stranger.sign_in(reader["appId"], reader["password"])
    assert account["user"] == {"name": reader["appId"], "type": "servicePrincipal"}
    group, name = lazuli.variables["LAZULI_RESOURCE_GROUP"], lazuli.variables["LAZULI_ACCOUNT"]
    assert group in [item["name"] for item in stranger("group", "list")]
    for words, action, scope in (
        (
            ("group", "create", "--name", "denied", "--location", "eastus"),
            "Microsoft.Resources/subscriptions/resourceGroups/write",
            f"{subscription(lazuli)}/resourceGroups/denied",
        ),
        (
            ("cognitiveservices", "account", "keys", "list", "--name", name, "--resource-group", group),
            "Microsoft.CognitiveServices/accounts/listKeys/action",
            lazuli.account_id,
        ),
    ):
        said = stranger.refused("AuthorizationFailed", *words)
        pattern = (
            f"The client '{reader['appId']}' with object id '[0-9a-f-]{{36}}' does not have authorization to perform action "
            f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
            "credentials."
        )
        assert re.fullmatch(pattern, said), said


def test_model_called_by_token(az, lazuli, account):
    """`az account get-access-token --resource https://cognitiveservices.azure.com` is good once a role allows the call."""
    client = lazuli.variables["AZURE_CLIENT_ID"]
    scope = az("cognitiveservices", "account", "show", *account)["id"]
    model = ("--model-format", "OpenAI", "--model-name", "gpt-4o-mini", "--model-version", "2024-07-18")
    words = ("--deployment-name", "mini", *model, "--sku-name", "Standard", "--sku-capacity", "1")
    az("cognitiveservices", "account", "deployment", "create", *account, *words)
    token = az("account", "get-access-token", "--resource", "https://cognitiveservices.azure.com")["accessToken"]
    url = f"{lazuli.endpoint}/accounts/{account[1]}/openai/deployments/mini/chat/completions?api-version=2024-06-01"

    def call():
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
        return requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    refused = call()
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "PermissionDenied")
    assign(az, client, "Cognitive Services OpenAI User", scope)
    assert call().status_code == 200


# -- Signing in ------------------------------------------------------------------------------------------------------------


def test_certificate(az, stranger, lazuli, tmp_path):
    maker = az.copy(tmp_path / "maker")
    maker.environment["HOME"] = str(tmp_path)  # where az leaves the certificate and its key
    words = ("--name", "certified", "--create-cert", "--role", "Reader", "--scopes", subscription(lazuli))
    made = maker("ad", "sp", "create-for-rbac", *words)
    words = ("--certificate", made["fileWithCertAndPrivateKey"], "--tenant", made["tenant"])
    (account,) = stranger("login", "--service-principal", "--username", made["appId"], *words)
    assert account["user"] == {"name": made["appId"], "type": "servicePrincipal"}
    assert lazuli.variables["LAZULI_RESOURCE_GROUP"] in [item["name"] for item in stranger("group", "list")]


def test_wrong_secret(stranger, lazuli):
    v = lazuli.variables
    words = ("--username", v["AZURE_CLIENT_ID"], "--password", "wrong", "--tenant", v["AZURE_TENANT_ID"])
    said = stranger.run("login", "--service-principal", *words, status=1).stderr
    assert "AADSTS7000215: Invalid client secret provided." in said


@contextlib.contextmanager
def device_login(az):
    """`az login --use-device-code`, which waits: the process, the page that it names, and the code."""
    line = [AZ, "login", "--use-device-code", "--output", "json"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(line, env=az.environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
    try:
        said = process.stderr.readline()
        match = re.search(r"open the page (\S+) and enter the code (\S+) to authenticate", said)
        assert match, said + process.stderr.read()
        yield process, *match.groups()
    finally:
        process.kill()
        process.communicate()


def test_device_code(stranger, lazuli, ann):
    with device_login(stranger) as (process, page, code):
        form = {"user_code": code, "username": ann["userPrincipalName"], "password": PASSWORD}
        wrong = requests.post(page, data=form | {"password": "wrong"}, verify=lazuli.data / "tls" / "ca.pem", timeout=60)
        assert "You have signed in" not in wrong.text
        answer = requests.post(page, data=form, verify=lazuli.data / "tls" / "ca.pem", timeout=60)
        assert answer.status_code == 200 and "You have signed in" in answer.text
        out, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    (account,) = json.loads(out)
    assert account["user"] == {"name": ann["userPrincipalName"], "type": "user"}
    assert account["tenantId"] == lazuli.variables["LAZULI_TENANT_ID"]
    assert stranger("ad", "signed-in-user", "show")["id"] == ann["id"]
    assert lazuli.variables["LAZULI_RESOURCE_GROUP"] in [item["name"] for item in stranger("group", "list")]
    said = stranger.refused("AuthorizationFailed", "group", "create", "--name", "denied", "--location", "eastus")
    assert said.startswith(f"The client '{ann['userPrincipalName']}' with object id '{ann['id']}' does not have authorization")


# -- Azure's own names -----------------------------------------------------------------------------------------------------


@pytest.fixture
def unmodified(lazuli, tmp_path):
    """az that knows of no cloud but Azure's, where the names of that are this service's."""
    az = Az(lazuli, tmp_path / "unmodified")
    del az.environment["AZURE_CORE_INSTANCE_DISCOVERY"]
    az.environment |= {
        "PYTHONPATH": str(TOP / "tests" / "support" / "names"),
        "OVERRIDDEN_NAMES": "management.azure.com login.microsoftonline.com graph.microsoft.com",
        "OVERRIDING_PORT": str(lazuli.port),
    }
    return az


def test_service_principal_under_azures_names(unmodified, lazuli):
    (account,) = unmodified.sign_in()
    assert (account["cloudName"], account["id"]) == ("AzureCloud", lazuli.variables["LAZULI_SUBSCRIPTION_ID"])
    assert lazuli.variables["LAZULI_RESOURCE_GROUP"] in [item["name"] for item in unmodified("group", "list")]
    accounts = unmodified("cognitiveservices", "account", "list")
    assert lazuli.variables["LAZULI_ACCOUNT"] in [item["name"] for item in accounts]


def test_password_under_azures_names(unmodified, lazuli, ann):
    """Only there: az asks for a user's realm at port 443, whatever the authority's port."""
    (account,) = unmodified("login", "--username", ann["userPrincipalName"], "--password", PASSWORD)
    assert account["user"] == {"name": ann["userPrincipalName"], "type": "user"}
    assert unmodified("ad", "signed-in-user", "show")["userPrincipalName"] == ann["userPrincipalName"]
    said = unmodified.run("login", "--username", ann["userPrincipalName"], "--password", "wrong", status=1).stderr
    assert "AADSTS50126" in said
