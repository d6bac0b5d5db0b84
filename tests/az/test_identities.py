"""Managed identities as az makes them, and what they are given with az."""

import pytest

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def scope_of(lazuli, group):
    return f"/subscriptions/{lazuli.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{group}"


@pytest.fixture
def identity(az, group):
    return az("identity", "create", "--name", "runner", "--resource-group", group, "--tags", "team=a")


def test_life_of_an_identity(az, lazuli, group, identity):
    where = ("--name", "runner", "--resource-group", group)
    path = f"{scope_of(lazuli, group)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/runner"
    assert (identity["id"], identity["location"], identity["tags"]) == (path, "eastus", {"team": "a"})
    assert identity["tenantId"] == lazuli.variables["AZURE_TENANT_ID"]
    assert identity["type"] == "Microsoft.ManagedIdentity/userAssignedIdentities"
    assert az("identity", "show", *where) == identity
    assert az("identity", "show", "--ids", identity["id"]) == identity
    assert az("identity", "list", "--resource-group", group) == [identity]
    assert identity in az("identity", "list")
    updated = az("identity", "update", *where, "--set", "tags.team=b")
    assert updated == identity | {"tags": {"team": "b"}}
    assert az("tag", "list", "--resource-id", identity["id"])["properties"]["tags"] == {"team": "b"}
    (listed,) = az("resource", "list", "--resource-group", group)
    assert (listed["id"], listed["type"]) == (identity["id"], identity["type"])
    columns, rows = az.table("identity", "list", "--resource-group", group)
    assert {"Name", "ResourceGroup", "PrincipalId", "ClientId"} <= set(columns) and rows[0]["Name"] == "runner"
    az("identity", "delete", *where)
    assert az("identity", "list", "--resource-group", group) == []
    assert "not found" in az.run("identity", "show", *where, status=3).stderr
    provider = az("provider", "show", "--namespace", "Microsoft.ManagedIdentity")
    assert provider["registrationState"] == "Registered"
    az("provider", "register", "--namespace", "Microsoft.ManagedIdentity")


@pytest.mark.parametrize("by", ["principalId", "clientId"])
def test_roles_of_an_identity(az, lazuli, group, identity, by):
    """Given by either id, and listed after it is gone, as Azure does: without a name."""
    scope = scope_of(lazuli, group)
    given = az("role", "assignment", "create", "--assignee", identity[by], "--role", "Reader", "--scope", scope)
    assert (given["principalId"], given["principalType"]) == (identity["principalId"], "ServicePrincipal")
    (listed,) = az("role", "assignment", "list", "--scope", scope)
    assert (listed["principalName"], listed["roleDefinitionName"]) == (identity["clientId"], "Reader")
    assert az("role", "assignment", "list", "--assignee", identity[by], "--scope", scope) == [listed]
    shown = az("ad", "sp", "show", "--id", identity["clientId"])
    assert (shown["id"], shown["servicePrincipalType"]) == (identity["principalId"], "ManagedIdentity")
    az("identity", "delete", "--ids", identity["id"])
    (kept,) = az("role", "assignment", "list", "--scope", scope)
    assert kept == listed | {"principalName": ""}
    az("role", "assignment", "delete", "--ids", kept["id"])


def test_the_identity_of_an_account(az, lazuli, account):
    """A principal that goes with the account, and is another one after it."""
    cs = ("cognitiveservices", "account")
    assigned = az(*cs, "identity", "assign", *account)
    shown = az("ad", "sp", "show", "--id", assigned["principalId"])
    assert (shown["servicePrincipalType"], shown["displayName"]) == ("ManagedIdentity", account[1])
    who = ("--assignee-object-id", assigned["principalId"], "--assignee-principal-type", "ServicePrincipal")
    scope = scope_of(lazuli, account[3])
    given = az("role", "assignment", "create", *who, "--role", "Reader", "--scope", scope)
    assert given["roleDefinitionId"].endswith(READER)
    az(*cs, "update", *account, "--tags", "a=b")
    assert az(*cs, "identity", "show", *account)["principalId"] == assigned["principalId"]
    az(*cs, "identity", "remove", *account)
    assert az("ad", "sp", "list", "--filter", f"id eq '{assigned['principalId']}'") == []
    again = az(*cs, "identity", "assign", *account)
    assert again["principalId"] != assigned["principalId"]
    az(*cs, "delete", *account)
    assert az("ad", "sp", "list", "--filter", f"id eq '{again['principalId']}'") == []
