"""The directory by az: who is in which group, and the roles of an application of one's own."""

import json

PASSWORD = "Sesame-0pen!Door"


def test_memberships(az):
    name = "member@lazuli.local"
    user = az("ad", "user", "create", "--display-name", "Member", "--password", PASSWORD, "--user-principal-name", name)
    group = az("ad", "group", "create", "--display-name", "team", "--mail-nickname", "team")
    which = ("--group", group["id"], "--member-id", user["id"])
    assert az("ad", "group", "member", "check", *which) == {"value": False}
    az("ad", "group", "member", "add", *which)
    assert az("ad", "group", "member", "check", *which) == {"value": True}
    assert az("ad", "user", "get-member-groups", "--id", name) == [{"displayName": "team", "id": group["id"]}]


def test_owners(az):
    name = "owner@lazuli.local"
    user = az("ad", "user", "create", "--display-name", "Owner", "--password", PASSWORD, "--user-principal-name", name)
    group = az("ad", "group", "create", "--display-name", "owned", "--mail-nickname", "owned")
    app = az("ad", "app", "create", "--display-name", "owned")
    for of, which in (("group", ("--group", group["id"])), ("app", ("--id", app["appId"]))):
        assert az("ad", of, "owner", "list", *which) == []
        az("ad", of, "owner", "add", *which, "--owner-object-id", user["id"])
        assert [owner["id"] for owner in az("ad", of, "owner", "list", *which)] == [user["id"]]
        az("ad", of, "owner", "remove", *which, "--owner-object-id", user["id"])
        assert az("ad", of, "owner", "list", *which) == []


def test_a_service_principal_is_changed(az):
    app = az("ad", "app", "create", "--display-name", "changed")
    made = az("ad", "sp", "create", "--id", app["appId"])
    assert made["appRoleAssignmentRequired"] is False
    az("ad", "sp", "update", "--id", made["id"], "--set", "appRoleAssignmentRequired=true")
    assert az("ad", "sp", "show", "--id", made["id"])["appRoleAssignmentRequired"] is True
    assert az("ad", "sp", "owner", "list", "--id", made["id"]) == []
    assert az("ad", "app", "permission", "list-grants", "--id", app["appId"]) == []


def test_app_roles(az, lazuli, tmp_path):
    roles = tmp_path / "roles.json"
    role = {"value": "Orders.Read", "displayName": "Read", "description": "Read orders", "isEnabled": True}
    roles.write_text(json.dumps([role | {"allowedMemberTypes": ["Application"]}]))
    app = az("ad", "app", "create", "--display-name", "shop", "--identifier-uris", "api://shop", "--app-roles", f"@{roles}")
    (made,) = app["appRoles"]
    assert (made["value"], app["identifierUris"]) == ("Orders.Read", ["api://shop"])
    assert az("ad", "app", "show", "--id", "api://shop")["appId"] == app["appId"]
    shop = az("ad", "sp", "create", "--id", app["appId"])
    grant = {"principalId": shop["id"], "resourceId": shop["id"], "appRoleId": made["id"]}
    base = lazuli.endpoint.replace("http:", "https:")
    url = f"{base}/v1.0/servicePrincipals/{shop['id']}/appRoleAssignedTo"
    given = az("rest", "--method", "post", "--url", url, "--resource", base, "--body", json.dumps(grant))
    assert (given["principalType"], given["appRoleId"]) == ("ServicePrincipal", made["id"])
    assert az("rest", "--url", url, "--resource", base)["value"] == [given]
