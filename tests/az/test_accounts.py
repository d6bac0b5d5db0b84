"""az cognitiveservices account: what each command says, and does."""

import requests

CS = ("cognitiveservices", "account")


def rename(account, name):
    """The options of another account in the same group."""
    return ("--name", name, *account[2:])


def names(items):
    return [item["name"] for item in items]


def test_life_of_an_account(az, lazuli, group):
    one, other = f"{group}-one", f"{group}-other"
    here = ("--name", one, "--resource-group", group)
    options = ("--location", "eastus", "--kind", "OpenAI", "--sku", "S0", "--yes")
    made = az(*CS, "create", *here, *options, "--custom-domain", one, "--tags", "team=core")
    properties = made["properties"]
    assert (made["name"], made["kind"], made["sku"]["name"], made["tags"]) == (one, "OpenAI", "S0", {"team": "core"})
    assert (properties["customSubDomainName"], properties["provisioningState"]) == (one, "Succeeded")
    assert az(*CS, "show", *here) == made
    said = az.refused("CustomDomainInUse", *CS, "create", *rename(here, other), *options, "--custom-domain", one)
    assert said.startswith(f"Please pick a different name. The subdomain name '{one}' is not available")
    plain = az(*CS, "create", *rename(here, other), *options)
    assert plain["properties"]["customSubDomainName"] is None
    assert names(az(*CS, "list", "--resource-group", group)) == [one, other]
    assert {one, other, lazuli.variables["LAZULI_ACCOUNT"]} <= set(names(az(*CS, "list")))
    changed = az(*CS, "update", *here, "--tags", "team=other", "stage=test")
    assert changed["tags"] == {"team": "other", "stage": "test"}
    assert changed["properties"] == properties and changed["etag"] != made["etag"]
    columns, rows = az.table(*CS, "list", "--resource-group", group)
    assert columns == ["Kind", "Location", "Name", "ResourceGroup"]
    assert rows == [dict(zip(columns, ("OpenAI", "eastus", name, group), strict=True)) for name in (one, other)]


def test_soft_delete(az, account):
    name, place = account[1], (*account, "--location", "eastus")
    assert az(*CS, "delete", *account) is None
    assert f"accounts/{name}' under resource group" in az.refused("ResourceNotFound", *CS, "show", *account, status=3)
    (deleted,) = [item for item in az(*CS, "list-deleted") if item["name"] == name]
    assert deleted["type"] == "Microsoft.CognitiveServices/deletedAccounts"
    assert az(*CS, "show-deleted", *place) == deleted
    assert deleted["properties"]["deletionDate"] < deleted["properties"]["scheduledPurgeDate"]
    said = az.refused("FlagMustBeSetForRestore", *CS, "create", *place, "--kind", "OpenAI", "--sku", "S0", "--yes")
    assert said.startswith("An existing resource with ID '") and name in said
    assert az(*CS, "recover", *place)["properties"]["provisioningState"] == "Succeeded"
    assert az(*CS, "show", *account)["name"] == name
    assert name not in names(az(*CS, "list-deleted"))
    az(*CS, "delete", *account)
    assert az(*CS, "purge", *place) is None
    assert name not in names(az(*CS, "list-deleted"))


def test_keys(az, lazuli, account):
    keys = az(*CS, "keys", "list", *account)
    assert set(keys) == {"key1", "key2"}
    endpoint = f"{lazuli.endpoint}/accounts/{account[1]}"

    def status(key):
        url = f"{endpoint}/openai/models?api-version=2024-06-01"
        return requests.get(url, headers={"api-key": key}, timeout=60).status_code

    assert [status(key) for key in keys.values()] == [200, 200]
    renewed = az(*CS, "keys", "regenerate", *account, "--key-name", "key1")
    assert renewed["key1"] != keys["key1"] and renewed["key2"] == keys["key2"]
    assert [status(keys["key1"]), status(renewed["key1"]), status(keys["key2"])] == [401, 200, 200]


def test_network_rules(az, account):
    empty = {"bypass": None, "defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []}
    here = ("--ip-address", "10.1.0.0/16")
    said = az.refused("BadRequest", *CS, "network-rule", "add", *account, *here)
    assert "customSubDomainName" in said
    az(*CS, "update", *account, "--custom-domain", account[1])
    added = az(*CS, "network-rule", "add", *account, *here)
    rules = empty | {"ipRules": [{"value": "10.1.0.0/16"}]}
    assert added["properties"]["networkAcls"] == rules
    assert az(*CS, "network-rule", "list", *account) == rules
    removed = az(*CS, "network-rule", "remove", *account, *here)
    assert removed["properties"]["networkAcls"] == empty


def test_private_endpoint_connections(az, lazuli, account):
    _, name, _, group = account
    path = f"/subscriptions/{lazuli.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{group}"
    path = f"{path}/providers/Microsoft.CognitiveServices/accounts/{name}"
    body = {"properties": {"privateLinkServiceConnectionState": {"status": "Pending"}}}
    lazuli.arm("PUT", f"{path}/privateEndpointConnections/here", body).raise_for_status()
    connection = ("network", "private-endpoint-connection")
    (listed,) = az(*connection, "list", "--id", path)
    here = ("--id", listed["id"])
    for step, status in (("approve", "Approved"), ("reject", "Rejected")):
        az(*connection, step, *here, "--description", f"to {step}")
        state = az(*connection, "show", *here)["properties"]["privateLinkServiceConnectionState"]
        assert (state["status"], state["description"]) == (status, f"to {step}")
    assert az(*connection, "delete", *here, "--yes") is None
    assert az(*connection, "list", "--id", path) == []
    assert names(az("network", "private-link-resource", "list", "--id", path)) == ["account"]


def test_commitment_plans(az, account):
    plan, here = (*CS, "commitment-plan"), (*account, "--commitment-plan-name", "units")
    options = ("--hosting-model", "ProvisionedWeb", "--plan-type", "PTU", "--auto-renew", "false")
    made = az(*plan, "create", *here, *options, "--current-tier", "T1", "--current-count", "100")
    properties = made["properties"]
    assert (properties["hostingModel"], properties["autoRenew"]) == ("ProvisionedWeb", False)
    assert (properties["current"]["tier"], properties["current"]["count"]) == ("T1", 100)
    assert az(*plan, "show", *here) == made
    assert names(az(*plan, "list", *account)) == ["units"]
    assert az(*plan, "delete", *here) is None
    assert az(*plan, "list", *account) == []


def test_identity(az, lazuli, account):
    assigned = az(*CS, "identity", "assign", *account)
    assert assigned["type"] == "SystemAssigned" and assigned["principalId"]
    assert assigned["tenantId"] == lazuli.variables["LAZULI_TENANT_ID"]
    assert az(*CS, "identity", "show", *account) == assigned
    az(*CS, "identity", "remove", *account)
    assert az(*CS, "identity", "show", *account) == {}


def test_deployments(az, account):
    here = (*CS, "deployment")
    model = ("--model-format", "OpenAI", "--model-name", "gpt-4o-mini", "--model-version", "2024-07-18")
    sku = ("--sku-name", "Standard", "--sku-capacity", "3")
    made = az(*here, "create", *account, "--deployment-name", "mini", *model, *sku)
    assert (made["name"], made["sku"]["capacity"]) == ("mini", 3)
    assert made["properties"]["rateLimits"][1]["count"] == 3000
    assert az(*here, "show", *account, "--deployment-name", "mini") == made
    assert az(*here, "list", *account) == [made]
    columns, rows = az.table(*here, "list", *account)
    assert columns == ["Name", "ResourceGroup"]
    assert rows == [{"Name": "mini", "ResourceGroup": account[3]}]
    said = az.refused("CannotDeleteResource", *CS, "delete", *account)
    assert said.startswith("Cannot delete resource while nested resources exist.")
    assert f"accounts/{account[1]}/deployments/mini'" in said
    assert az(*here, "delete", *account, "--deployment-name", "mini") is None
    said = az.refused("ResourceNotFound", *here, "show", *account, "--deployment-name", "mini", status=3)
    assert f"accounts/{account[1]}/deployments/mini'" in said


def test_deployment_of_no_model(az, account):
    model = ("--model-format", "OpenAI", "--model-name", "none", "--model-version", "1")
    words = (*CS, "deployment", "create", *account, "--deployment-name", "none", *model, "--sku-name", "Standard")
    said = az.refused("DeploymentModelNotSupported", *words, "--sku-capacity", "1")
    assert said == "The model 'Format:OpenAI,Name:none,Version:1' of account deployment is not supported."


def test_deployment_beyond_the_quota(az, account):
    model = ("--model-format", "OpenAI", "--model-name", "gpt-4o", "--model-version", "2024-11-20")
    words = (*CS, "deployment", "create", *account, "--deployment-name", "large", *model, "--sku-name")
    said = az.refused("InsufficientQuota", *words, "Standard", "--sku-capacity", "1001")
    assert said.startswith("This operation require 1001 new capacity in quota Tokens Per Minute (thousands) - GPT-4o, which")
    assert said.endswith("and the quota limit is 1000 for quota Tokens Per Minute (thousands) - GPT-4o.")
    said = az.refused("InvalidCapacity", *words, "ProvisionedManaged", "--sku-capacity", "60")
    assert "in steps of 50" in said
    assert az(*CS, "deployment", "list", *account) == []


def test_usages_as_tables(az, account):
    for words in (("cognitiveservices", "usage", "list", "--location", "eastus"), (*CS, "list-usage", *account)):
        columns, rows = az.table(*words)
        assert columns == ["CurrentValue", "Limit", "Unit"]
        assert {row["Unit"] for row in rows} == {"Count"}
        assert len(rows) == len(az(*words))


def test_models_and_usages(az, account):
    models = az(*CS, "list-models", *account)
    (mini,) = [m for m in models if (m["name"], m["version"]) == ("gpt-4o-mini", "2024-07-18")]
    assert mini["format"] == "OpenAI" and "Standard" in names(mini["skus"])
    region = [
        item["model"] for item in az("cognitiveservices", "model", "list", "--location", "eastus") if item["kind"] == "OpenAI"
    ]
    assert mini in region
    (usage,) = [item for item in az(*CS, "list-usage", *account) if item["name"]["value"] == "OpenAI.Standard.gpt-4o-mini"]
    (of_region,) = [
        item
        for item in az("cognitiveservices", "usage", "list", "--location", "eastus")
        if item["name"]["value"] == "OpenAI.Standard.gpt-4o-mini"
    ]
    assert usage["unit"] == of_region["unit"] == "Count"
    assert usage["currentValue"] <= of_region["currentValue"] < usage["limit"] == of_region["limit"]


def test_skus_and_kinds(az, account):
    (sku,) = az(*CS, "list-skus", *account)["value"]
    assert (sku["resourceType"], sku["sku"]["name"]) == ("Microsoft.CognitiveServices/accounts", "S0")
    (sku,) = az(*CS, "list-skus", "--kind", "OpenAI", "--location", "eastus")
    assert sku == {
        "kind": "OpenAI",
        "locations": ["EASTUS"],
        "name": "S0",
        "resourceType": "accounts",
        "restrictions": [],
        "tier": "Standard",
    }
    assert az(*CS, "list-kinds") == ["AIServices", "OpenAI"]


def test_what_is_not_there(az):
    said = az.refused("ResourceNotFound", *CS, "show", "--name", "none", "--resource-group", "lazuli", status=3)
    assert said == (
        "The Resource 'Microsoft.CognitiveServices/accounts/none' under resource group 'lazuli' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    said = az.refused("ResourceGroupNotFound", *CS, "keys", "list", "--name", "none", "--resource-group", "none", status=3)
    assert said == "Resource group 'none' could not be found."
