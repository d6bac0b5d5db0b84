"""az on groups, resources of any type, tags, locks, providers and the subscription."""

import json

TYPE = "Microsoft.CognitiveServices/accounts"


def subscription(lazuli):
    return f"/subscriptions/{lazuli.variables['LAZULI_SUBSCRIPTION_ID']}"


def test_life_of_a_group(az, lazuli):
    made = az("group", "create", "--name", "life", "--location", "westeurope", "--tags", "team=core")
    assert made == {
        "id": f"{subscription(lazuli)}/resourceGroups/life",
        "location": "westeurope",
        "managedBy": None,
        "name": "life",
        "properties": {"provisioningState": "Succeeded"},
        "tags": {"team": "core"},
        "type": "Microsoft.Resources/resourceGroups",
    }
    assert az("group", "show", "--name", "life") == made
    assert made in az("group", "list")
    columns, rows = az.table("group", "list")
    assert columns == ["Name", "Location", "Status"]
    assert {"Name": "life", "Location": "westeurope", "Status": "Succeeded"} in rows
    assert az("group", "exists", "--name", "life") is True
    assert az("group", "delete", "--name", "life", "--yes") is None
    assert az("group", "exists", "--name", "life") is False
    said = az.refused("ResourceGroupNotFound", "group", "show", "--name", "life", status=3)
    assert said == "Resource group 'life' could not be found."


def test_resources_of_any_type(az, account):
    _, name, _, group = account
    here = ("--resource-type", TYPE, *account)
    shown = az("resource", "show", *here)
    assert (shown["name"], shown["kind"], shown["tags"]) == (name, "OpenAI", None)
    (item,) = az("resource", "list", "--resource-group", group)
    assert (item["id"], item["type"], item["provisioningState"]) == (shown["id"], TYPE, "Succeeded")
    assert item["createdTime"] == item["changedTime"]
    tagged = az("resource", "tag", *here, "--tags", "team=core")
    assert tagged == shown | {"tags": {"team": "core"}, "etag": tagged["etag"], "systemData": tagged["systemData"]}
    assert item["id"] in [found["id"] for found in az("resource", "list", "--tag", "team=core")]
    assert az("resource", "delete", *here) is None
    az.refused("ResourceNotFound", "resource", "show", *here, status=3)


def test_export_of_a_group(az, lazuli, account):
    _, name, _, group = account
    template = az("group", "export", "--name", group)
    parameter = f"accounts_{name.replace('-', '_')}_name"
    assert template["parameters"] == {parameter: {"type": "String"}}
    assert [resource["name"] for resource in template["resources"]] == [f"[parameters('{parameter}')]"]
    here = f"{subscription(lazuli)}/resourceGroups/{group}/providers/{TYPE}/{name}"
    template = az("group", "export", "--name", group, "--resource-ids", here, "--skip-all-params")
    (resource,) = template["resources"]
    assert (resource["name"], resource["kind"], resource["sku"]["name"]) == (name, "OpenAI", "S0")
    az.refused("InvalidRequestContent", "group", "export", "--name", group, "--export-format", "bicep")


def test_rest(az, lazuli, group):
    url = f"{subscription(lazuli)}/resourceGroups/{group}?api-version=2021-04-01"
    assert az("rest", "--method", "get", "--url", url)["name"] == group
    body = json.dumps({"tags": {"by": "rest"}})
    assert az("rest", "--method", "patch", "--url", url, "--body", body)["tags"] == {"by": "rest"}
    none = url.replace(group, "none")
    said = az.run("rest", "--method", "get", "--url", none, status=1).stderr
    assert said.startswith('ERROR: Not Found({"error":{"code":"ResourceGroupNotFound"')


def test_tags(az, lazuli, group):
    scope = f"{subscription(lazuli)}/resourceGroups/{group}"
    here = ("--resource-id", scope)
    tags = az("tag", "create", *here, "--tags", "team=core", "phase=test")
    assert (tags["id"], tags["name"]) == (f"{scope}/providers/Microsoft.Resources/tags/default", "default")
    assert tags["properties"]["tags"] == {"team": "core", "phase": "test"}
    merged = az("tag", "update", *here, "--operation", "merge", "--tags", "phase=live")
    assert merged["properties"]["tags"] == {"team": "core", "phase": "live"}
    assert az("tag", "list", *here) == merged
    assert az("group", "show", "--name", group)["tags"] == {"team": "core", "phase": "live"}
    (phase,) = [item for item in az("tag", "list") if item["tagName"] == "phase"]
    assert [value["tagValue"] for value in phase["values"]] == ["live"]
    assert az("tag", "delete", *here, "--yes") is None
    assert az("tag", "list", *here)["properties"]["tags"] == {}


def test_names_of_tags(az, group):
    made = az("tag", "create", "--name", "stage")
    assert (made["tagName"], made["count"]) == ("stage", {"type": "Total", "value": 0})
    assert az("tag", "add-value", "--name", "stage", "--value", "live")["tagValue"] == "live"
    az("group", "update", "--name", group, "--set", "tags.stage=test")
    (stage,) = [item for item in az("tag", "list") if item["tagName"] == "stage"]
    assert [(value["tagValue"], value["count"]["value"]) for value in stage["values"]] == [("live", 0), ("test", 1)]
    said = az.refused("PredefinedTagInUse", "tag", "remove-value", "--name", "stage", "--value", "test")
    assert said.startswith("The tag cannot be deleted. It is associated to one or more resources.")
    assert az("tag", "remove-value", "--name", "stage", "--value", "live") is None
    az.refused("PredefinedTagInUse", "tag", "delete", "--name", "stage", "--yes")
    az("group", "update", "--name", group, "--tags", "")
    assert az("tag", "delete", "--name", "stage", "--yes") is None
    assert "stage" not in [item["tagName"] for item in az("tag", "list")]
    az.refused("PredefinedTagNameNotFound", "tag", "add-value", "--name", "stage", "--value", "live", status=3)


def test_locks(az, lazuli, account):
    _, name, _, group = account
    lock = az("lock", "create", "--name", "kept", "--lock-type", "CanNotDelete", "--resource-group", group, "--notes", "ask us")
    scope = f"{subscription(lazuli)}/resourceGroups/{group}"
    assert lock["id"] == f"{scope}/providers/Microsoft.Authorization/locks/kept"
    assert (lock["level"], lock["notes"]) == ("CanNotDelete", "ask us")
    assert az("lock", "list", "--resource-group", group) == [lock]
    account_id = f"{scope}/providers/{TYPE}/{name}"
    said = az.refused("ScopeLocked", "cognitiveservices", "account", "delete", *account)
    assert said == (
        f"The scope '{account_id}' cannot perform delete operation because following scope(s) are locked: '{scope}'. "
        "Please remove the lock and try again."
    )
    assert az("lock", "delete", "--name", "kept", "--resource-group", group) is None
    here = ("--resource", name, "--resource-type", TYPE, "--resource-group", group)
    az("lock", "create", "--name", "frozen", "--lock-type", "ReadOnly", *here)
    said = az.refused("ScopeLocked", "cognitiveservices", "account", "update", *account, "--tags", "a=b")
    assert said.startswith(f"The scope '{account_id}' cannot perform write operation")
    az("lock", "delete", "--name", "frozen", *here)
    assert az("lock", "list", "--resource-group", group) == []


def test_providers(az):
    provider = az("provider", "show", "--namespace", "Microsoft.CognitiveServices")
    assert (provider["namespace"], provider["registrationState"]) == ("Microsoft.CognitiveServices", "Registered")
    assert "accounts" in [item["resourceType"] for item in provider["resourceTypes"]]


def test_a_provider_that_is_not_registered(az, account):
    here = ("--namespace", "Microsoft.Insights")
    assert az("provider", "unregister", *here) is None
    assert az("provider", "show", *here)["registrationState"] == "Unregistered"
    columns, rows = az.table("provider", "list")
    assert columns == ["Namespace", "RegistrationPolicy", "RegistrationState"]
    states = {row["Namespace"]: (row["RegistrationState"], row["RegistrationPolicy"]) for row in rows}
    assert states["Microsoft.Insights"] == ("Unregistered", "RegistrationRequired")
    assert states["Microsoft.Resources"] == ("Registered", "RegistrationFree")
    assert az("provider", "register", *here) is None
    assert az("provider", "show", *here)["registrationState"] == "Registered"
    said = az.refused("CannotUnregisterProvider", "provider", "unregister", "--namespace", "Microsoft.CognitiveServices")
    assert f"resources of the type '{TYPE}'" in said


def test_subscription(az, lazuli):
    v = lazuli.variables
    account = az("account", "show")
    assert account == {
        "environmentName": "lazuli",
        "homeTenantId": v["LAZULI_TENANT_ID"],
        "id": v["LAZULI_SUBSCRIPTION_ID"],
        "isDefault": True,
        "managedByTenants": [],
        "name": "lazuli",
        "state": "Enabled",
        "tenantId": v["LAZULI_TENANT_ID"],
        "user": {"name": v["AZURE_CLIENT_ID"], "type": "servicePrincipal"},
    }
    del account["environmentName"]
    assert az("account", "list") == [account | {"cloudName": "lazuli"}]
    columns, rows = az.table("account", "list")
    assert columns == ["Name", "CloudName", "SubscriptionId", "TenantId", "State", "IsDefault"]
    ids = [v["LAZULI_SUBSCRIPTION_ID"], v["LAZULI_TENANT_ID"]]
    assert rows == [dict(zip(columns, ["lazuli", "lazuli", *ids, "Enabled", "True"], strict=True))]
    token = az("account", "get-access-token")
    assert (token["subscription"], token["tenant"], token["tokenType"]) == (*ids, "Bearer")
    (east,) = [item for item in az("account", "list-locations") if item["name"] == "eastus"]
    assert (east["displayName"], east["regionalDisplayName"], east["type"]) == ("East US", "East US", "Region")
