"""Deployments of templates, by Microsoft's own Python SDK and by plain requests."""

import json
import pathlib
import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resource.resources.models import (
    Deployment,
    DeploymentProperties,
    DeploymentWhatIf,
    DeploymentWhatIfProperties,
    DeploymentWhatIfSettings,
)

from arm import Arm, Token

TEMPLATES = pathlib.Path(__file__).resolve().parents[1] / "templates"
MODELS = [{"name": "gpt-4o-mini", "capacity": 10}, {"name": "text-embedding-3-small"}]
VERSION = "2022-09-01"


@pytest.fixture(scope="module")
def options(service, entra):
    return {
        "credential": Token(service.token),
        "subscription_id": service.variables["LAZULI_SUBSCRIPTION_ID"],
        "base_url": entra.base,
        "credential_scopes": ["https://management.azure.com/.default"],
        "connection_verify": entra.ca,
    }


@pytest.fixture
def client(resources):
    return resources


@pytest.fixture
def group(sdk_group):
    return sdk_group


@pytest.fixture(scope="module")
def arm(service):
    return Arm(service, "2024-10-01")


def openai():
    return json.loads((TEMPLATES / "openai.json").read_text())


def template(*resources, **sections):
    head = {"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"}
    return head | {"contentVersion": "1.0.0.0", "resources": list(resources)} | sections


def account(name, **more):
    return {
        "type": "Microsoft.CognitiveServices/accounts", "apiVersion": "2024-10-01", "name": name, "location": "eastus",
        "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {},
    } | more  # fmt: skip


def model(name, **more):
    return {
        "type": "Microsoft.CognitiveServices/accounts/deployments", "apiVersion": "2024-10-01", "name": name,
        "sku": {"name": "Standard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": "text-embedding-3-small", "version": "1"}},
    } | more  # fmt: skip


def deployment(body, mode="Incremental", **parameters):
    parameters = {name: {"value": value} for name, value in parameters.items()}
    return Deployment(properties=DeploymentProperties(mode=mode, template=body, parameters=parameters))


def test_life(client, group):
    request = deployment(openai(), models=MODELS, note="do not show")
    checked = client.deployments.begin_validate(group, "main", request).result()
    assert (checked.error, checked.properties.provisioning_state) == (None, "Succeeded")
    done = client.deployments.begin_create_or_update(group, "main", request).result()
    properties = done.properties
    assert (properties.provisioning_state, properties.mode, properties.error) == ("Succeeded", "Incremental", None)
    assert properties.parameters["note"] == {"type": "SecureString"}
    assert properties.outputs["deploymentNames"]["value"] == ["gpt-4o-mini", "text-embedding-3-small"]
    assert "value" not in properties.outputs["key"] and properties.outputs["keyLength"]["value"] >= 32
    assert len(properties.output_resources) == 6
    assert {"Microsoft.CognitiveServices", "Microsoft.ManagedIdentity"} <= {p.namespace for p in properties.providers}
    shown = client.deployments.get(group, "main")
    assert shown.as_dict() == done.as_dict()
    assert client.deployments.check_existence(group, "main") and not client.deployments.check_existence(group, "none")
    assert [d.name for d in client.deployments.list_by_resource_group(group)] == ["main", "main-policies"]
    assert [d.name for d in client.deployments.list_by_resource_group(group, top=1)] == ["main", "main-policies"]
    assert client.deployments.export_template(group, "main").template == openai()
    operations = list(client.deployment_operations.list(group, "main"))
    assert {o.properties.provisioning_state for o in operations} == {"Succeeded"}
    assert client.deployment_operations.get(group, "main", operations[0].operation_id).id == operations[0].id
    with pytest.raises(HttpResponseError) as refusal:
        client.deployments.cancel(group, "main")
    assert refusal.value.status_code == 409
    client.deployments.begin_delete(group, "main").result()
    assert not client.deployments.check_existence(group, "main")


def test_failure(client, group):
    """What failed is the error; what came before it stays."""
    body = template(account("first"), model("missing/m"))
    with pytest.raises(HttpResponseError) as failure:
        client.deployments.begin_create_or_update(group, "bad", deployment(body)).result()
    error = failure.value.error
    assert (error.code, error.details[0].code) == ("DeploymentFailed", "ParentResourceNotFound")
    shown = client.deployments.get(group, "bad")
    assert (shown.properties.provisioning_state, shown.properties.error.code) == ("Failed", "DeploymentFailed")
    states = {o.properties.target_resource.resource_name: o.properties for o in client.deployment_operations.list(group, "bad")}
    assert states["first"].provisioning_state == "Succeeded"
    assert states["m"].status_message.error.code == "ParentResourceNotFound"
    (failed,) = client.deployments.list_by_resource_group(group, filter="provisioningState eq 'Failed'")
    assert failed.name == "bad"


def test_validation(client, group):
    unknown = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "s", "location": "eastus"}
    with pytest.raises(HttpResponseError) as refusal:
        client.deployments.begin_validate(group, "bad", deployment(template(unknown)))
    error = refusal.value.error
    assert (error.code, error.details[0].code) == ("InvalidTemplateDeployment", "InvalidResourceNamespace")
    assert "Microsoft.Storage/storageAccounts" in error.details[0].message
    with pytest.raises(HttpResponseError) as refusal:
        client.deployments.begin_validate(group, "bad", deployment(openai(), prefix="x"))
    assert refusal.value.error.code == "InvalidTemplate" and "'prefix'" in refusal.value.error.message


def test_what_if(client, arm, group):
    arm.make_account(group, f"{group}-a")
    arm.make_account(group, f"{group}-b")
    body = template(account(f"{group}-a", tags={"team": "core"}), account(f"{group}-c"))
    properties = DeploymentWhatIfProperties(
        mode="Incremental", template=body, what_if_settings=DeploymentWhatIfSettings(result_format="FullResourcePayloads"))
    result = client.deployments.begin_what_if(group, "d", DeploymentWhatIf(properties=properties)).result()
    changes = {change.resource_id.rpartition("/")[2]: change for change in result.changes}
    assert {name: change.change_type for name, change in changes.items()} == {
        f"{group}-a": "Modify", f"{group}-b": "Ignore", f"{group}-c": "Create"}
    (difference,) = changes[f"{group}-a"].delta
    assert (difference.path, difference.property_change_type, difference.after) == ("tags", "Create", {"team": "core"})
    assert not client.resources.check_existence_by_id(changes[f"{group}-c"].resource_id, "2024-10-01")


def test_group_as_template(client, arm, group):
    """What a group is exported as is a template of it: deployed again, it changes nothing."""
    arm.make_account(group, f"{group}-a")
    client.deployments.begin_create_or_update(group, "main", deployment(template(model(f"{group}-a/m")))).result()
    request = {"resources": ["*"], "options": "IncludeParameterDefaultValue"}
    exported = client.resource_groups.begin_export_template(group, request).result().template
    properties = DeploymentWhatIfProperties(mode="Complete", template=exported)
    result = client.deployments.begin_what_if(group, "d", DeploymentWhatIf(properties=properties)).result()
    assert [change.change_type for change in result.changes] == ["NoChange"] * 2


def test_what_cannot_be_evaluated(client, group):
    """It is refused before anything is deployed."""
    body = template(account("first"), outputs={"o": {"type": "string", "value": "[none()]"}})
    with pytest.raises(HttpResponseError) as refusal:
        client.deployments.begin_create_or_update(group, "bad", deployment(body))
    assert refusal.value.error.code == "InvalidTemplate" and "'none'" in refusal.value.error.message
    assert not list(client.resources.list_by_resource_group(group))


def test_rights(service, arm, group, entra):
    """Whoever may deploy, and not write what is deployed, is refused before anything is done."""
    principal, client_id, secret = entra.make_principal("deployer")
    scope = f"/resourceGroups/{group}"
    role = {
        "properties": {
            "roleName": "deployer", "assignableScopes": [arm.subscription],
            "permissions": [{"actions": ["Microsoft.Resources/deployments/*", "*/read"], "notActions": []}],
        },
    }  # fmt: skip
    name = str(uuid.uuid4())
    path = f"/providers/Microsoft.Authorization/roleDefinitions/{name}"
    assert entra.arm("PUT", path, service.token, role).status_code == 201
    entra.assign(principal, name, scope)
    token = entra.token(client_id=client_id, secret=secret)
    body = {"properties": {"mode": "Incremental", "template": template(account("mine"))}}
    path = f"{scope}/providers/Microsoft.Resources/deployments/d"
    answer = entra.arm("PUT", path, token, body, VERSION)
    assert answer.status_code == 400, answer.text
    (detail,) = answer.json()["error"]["details"]
    assert detail["code"] == "AuthorizationFailed" and "Microsoft.CognitiveServices/accounts/write" in detail["message"]
    entra.assign(principal, "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68", scope)
    assert entra.arm("PUT", path, token, body, VERSION).status_code == 201


def test_text_of_az(arm, group):
    """The template as its file has it, under a name without quotes."""
    text = '{"properties": {"mode": "Incremental", template:{ // a comment\n' + json.dumps(template())[1:] + "}}"
    path = f"{arm.group(group)}/providers/Microsoft.Resources/deployments/text?api-version={VERSION}"
    headers = {"Content-Type": "application/json"}
    answer = arm.session.put(arm.service.endpoint + path, data=text, headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text


def test_links(arm, group):
    path = f"{arm.group(group)}/providers/Microsoft.Resources/deployments/linked"
    body = {"properties": {"mode": "Incremental", "templateLink": {"uri": "https://contoso.com/main.json"}}}
    error = arm.error("PUT", path, body)
    assert (error["code"], error["target"]) == ("InvalidContentLink", "templateLink")
