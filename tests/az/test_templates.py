"""`az deployment` and `az bicep`'s templates: what a team that describes its resources in Bicep calls."""

import json
import pathlib

import pytest

OPENAI = pathlib.Path(__file__).resolve().parents[1] / "templates" / "openai.json"
HEAD = '"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0"'
SUBSCRIPTION = "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"
MODELS = json.dumps([{"name": "gpt-4o-mini", "capacity": 10}, {"name": "text-embedding-3-small"}])


@pytest.fixture
def main(tmp_path):
    """The options of a template of the text."""

    def write(text):
        file = tmp_path / "main.json"
        file.write_text(text)
        return ("--template-file", file)

    return write


def test_life(az, group):
    here = ("--resource-group", group, "--name", "main")
    options = ("--template-file", OPENAI, "--parameters", f"models={MODELS}", "prefix=life", "note=do not show")
    checked = az("deployment", "group", "validate", *here, *options)
    assert (checked["error"], checked["properties"]["provisioningState"]) == (None, "Succeeded")
    done = az("deployment", "group", "create", *here, *options)
    outputs = done["properties"]["outputs"]
    assert done["properties"]["provisioningState"] == "Succeeded"
    assert outputs["deploymentNames"]["value"] == ["gpt-4o-mini", "text-embedding-3-small"]
    assert az("deployment", "group", "show", *here) == done
    columns, rows = az.table("deployment", "group", "list", "--resource-group", group)
    assert columns == ["Name", "State", "Timestamp", "Mode", "ResourceGroup"]
    assert sorted(row["Name"] for row in rows) == ["main", "main-policies"]
    operations = az("deployment", "operation", "group", "list", *here)
    assert {operation["properties"]["provisioningState"] for operation in operations} == {"Succeeded"}
    assert az("deployment", "group", "export", *here) == json.loads(OPENAI.read_text())
    name = outputs["accountId"]["value"].rpartition("/")[2]
    shown = az("cognitiveservices", "account", "show", "--name", name, "--resource-group", group)
    assert shown["properties"]["endpoint"] == outputs["endpoint"]["value"]
    said = az.run("deployment", "group", "what-if", *here, *options).stdout
    assert "Resource changes:" in said and "no change" in said and "to modify" not in said
    said = az.run("deployment", "group", "what-if", *here, *options, "--parameters", 'tags={"team": "core"}').stdout
    assert "2 to modify" in said and '+ tags' in said and '"core"' in said
    assert az("deployment", "group", "delete", *here) is None
    az.refused("DeploymentNotFound", "deployment", "group", "show", *here, status=3)


def test_failure(az, group, main):
    """Validation passes; what is missing is found when it is deployed."""
    text = (
        "{ // comments are allowed\n" + HEAD + ', "resources": [{"type": "Microsoft.CognitiveServices/accounts/deployments",'
        '"apiVersion": "2024-10-01", "name": "missing/m", "sku": {"name": "Standard", "capacity": 1},'
        '"properties": {"model": {"format": "OpenAI", "name": "gpt-4o-mini"}}}]}'
    )
    here = ("--resource-group", group, "--name", "bad")
    said = az.run("deployment", "group", "create", *here, *main(text), status=1).stderr
    assert '"code":"DeploymentFailed"' in said.replace(": ", ":") and "ParentResourceNotFound" in said, said
    assert az("deployment", "group", "show", *here)["properties"]["provisioningState"] == "Failed"
    (operation,) = az("deployment", "operation", "group", "list", *here)
    assert operation["properties"]["statusMessage"]["error"]["code"] == "ParentResourceNotFound"


def test_refusals(az, group, main):
    here = ("--resource-group", group, "--name", "bad")
    resource = '{"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "s"}'
    unknown = "{" + HEAD + f', "resources": [{resource}]}}'
    said = az.run("deployment", "group", "create", *here, *main(unknown), status=1).stderr
    assert "InvalidTemplateDeployment" in said and "Microsoft.Storage/storageAccounts" in said
    options = ("--template-file", OPENAI, "--parameters", "prefix=x")
    said = az.run("deployment", "group", "validate", *here, *options, status=1).stderr
    assert "InvalidTemplate" in said and "greater than or equal to '2'" in said
    az.refused("DeploymentNotFound", "deployment", "group", "show", *here, status=3)


def test_subscription(az, main):
    inner = "{" + HEAD + ', "resources": [], "outputs": {"where": {"type": "string", "value": "[resourceGroup().location]"}}}'
    text = (
        '{"$schema": "' + SUBSCRIPTION + '", "contentVersion": "1.0.0.0", "parameters": {"name": {"type": "string"}},'
        '"resources": [{"type": "Microsoft.Resources/resourceGroups", "apiVersion": "2022-09-01",'
        '"name": "[parameters(\'name\')]", "location": "westeurope"},'
        '{"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "inner",'
        '"resourceGroup": "[parameters(\'name\')]", "properties": {"mode": "Incremental",'
        '"expressionEvaluationOptions": {"scope": "inner"}, "template": ' + inner + "},"
        '"dependsOn": ["[subscriptionResourceId(\'Microsoft.Resources/resourceGroups\', parameters(\'name\'))]"]}]}'
    )
    here = ("--name", "team", "--location", "eastus")
    options = (*here, *main(text), "--parameters", "name=from-template")
    done = az("deployment", "sub", "create", *options)
    assert (done["properties"]["provisioningState"], done["location"]) == ("Succeeded", "eastus")
    assert az("group", "show", "--name", "from-template")["location"] == "westeurope"
    inner = az("deployment", "group", "show", "--resource-group", "from-template", "--name", "inner")
    assert inner["properties"]["outputs"]["where"]["value"] == "westeurope"
    assert "no change" in az.run("deployment", "sub", "what-if", *options).stdout
    assert [found["name"] for found in az("deployment", "sub", "list")] == ["team"]
    assert len(az("deployment", "operation", "sub", "list", "--name", "team")) == 2
    assert az("deployment", "sub", "delete", "--name", "team") is None
