"""Quotas, what is left of them, and capacities that cannot be, over HTTP and by Microsoft's SDK."""

import concurrent.futures
import threading
import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import (
    Deployment,
    DeploymentModel,
    DeploymentProperties,
    ModelCapacityCalculatorWorkload,
    ModelCapacityCalculatorWorkloadRequestParam,
    Sku,
)

from arm import Arm, Token
from service import Lazuli

CATALOG = """
extends: default
default_engines: { chat: sim, completion: sim, embeddings: sim }
quotas:
  - { usage: OpenAI.Standard.gpt-4o, location: eastus2, limit: 8 }
  - { usage: OpenAI.Standard.gpt-4o-mini, location: eastus2, limit: 50 }
  - { usage: OpenAI.DataZoneProvisionedManaged, location: eastus2, limit: 20 }
"""
VERSIONS = {"gpt-4o": "2024-11-20", "gpt-4o-mini": "2024-07-18", "gpt-5.2": "2025-12-11"}


@pytest.fixture(scope="module")
def service():
    with Lazuli(catalog=CATALOG) as running:
        yield running


@pytest.fixture(scope="module")
def arm(service):
    return Arm(service, "2024-06-01-preview")


@pytest.fixture(scope="module")
def cognitive(service):
    """Its token is there already: how one gets it is tested elsewhere."""
    return CognitiveServicesManagementClient(
        Token(service.token),
        service.variables["LAZULI_SUBSCRIPTION_ID"],
        base_url=service.variables["AZURE_AUTHORITY_HOST"],
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=service.variables["LAZULI_CA_BUNDLE"],
    )


@pytest.fixture
def account(arm):
    """In a location with quotas of its own; what it has taken of them is given back."""
    group = arm.group("group" + uuid.uuid4().hex[:8])
    path = f"{group}/providers/Microsoft.CognitiveServices/accounts/account{uuid.uuid4().hex[:8]}"
    arm.call("PUT", group, {"location": "eastus2"}, 201)
    arm.call("PUT", path, {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus2", "properties": {}}, 201)
    yield path
    arm.call("DELETE", group, status=202)
    name = path.rsplit("/", 1)[1]
    deleted = f"{cs(arm)}/locations/eastus2/resourceGroups/{group.rsplit('/', 1)[1]}/deletedAccounts/{name}"
    assert arm.raw("DELETE", f"{deleted}?api-version=2023-05-01").status_code in (202, 204)


def cs(arm):
    return f"{arm.subscription}/providers/Microsoft.CognitiveServices"


def body(capacity, model="gpt-4o", sku="Standard"):
    return {
        "sku": {"name": sku, "capacity": capacity},
        "properties": {"model": {"format": "OpenAI", "name": model, "version": VERSIONS[model]}},
    }


def used(arm, usage, path=None):
    usages = arm.call("GET", path or f"{cs(arm)}/locations/eastus2/usages")["value"]
    (found,) = [u for u in usages if u["name"]["value"] == usage]
    return found["currentValue"]


def test_a_deployment_beyond_the_quota(arm, account):
    words = "Tokens Per Minute (thousands) - GPT-4o"
    assert arm.error("PUT", f"{account}/deployments/large", body(30)) == {
        "code": "InsufficientQuota",
        "message": f"This operation require 30 new capacity in quota {words}, which is bigger than the current available "
        f"capacity 8. The current quota usage is 0 and the quota limit is 8 for quota {words}.",
    }
    arm.call("PUT", f"{account}/deployments/small", body(5), 201)
    assert used(arm, "OpenAI.Standard.gpt-4o") == used(arm, "OpenAI.Standard.gpt-4o", f"{account}/usages") == 5
    refused = arm.error("PATCH", f"{account}/deployments/small", {"sku": {"name": "Standard", "capacity": 9}})
    assert "require 4 new capacity" in refused["message"] and "available capacity 3" in refused["message"]
    assert arm.call("GET", f"{account}/deployments/small")["sku"]["capacity"] == 5
    assert arm.call("PATCH", f"{account}/deployments/small", {"sku": {"name": "Standard", "capacity": 8}})
    assert arm.call("PUT", f"{account}/deployments/small", body(2))["sku"]["capacity"] == 2


def test_throughput_units_of_all_models_are_one_quota(arm, account):
    sku = "DataZoneProvisionedManaged"
    arm.call("PUT", f"{account}/deployments/a", body(15, "gpt-4o", sku), 201)
    refused = arm.error("PUT", f"{account}/deployments/b", body(15, "gpt-5.2", sku))
    assert refused["message"].startswith(
        "This operation require 15 new capacity in quota Data Zone Provisioned Managed Throughput Unit, which is bigger "
        "than the current available capacity 5."
    )
    arm.call("PUT", f"{account}/deployments/c", body(50, "gpt-4o", "ProvisionedManaged"), 201)


def test_concurrent_deployments_do_not_share_what_is_left(arm, account):
    """Each of 16 fits for itself, and five of them together."""
    barrier = threading.Barrier(16)

    def put(n):
        client = Arm(arm.service, arm.version)
        barrier.wait()
        path = f"{account}/deployments/d{n}?api-version={arm.version}"
        return client.raw("PUT", path, body(10, "gpt-4o-mini")).status_code

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(put, range(16)))
    assert statuses == [201] * 5 + [400] * 11
    assert len(arm.call("GET", f"{account}/deployments")["value"]) == 5
    assert used(arm, "OpenAI.Standard.gpt-4o-mini") == 50


def test_a_deleted_account_holds_its_quota(arm, account):
    arm.call("PUT", f"{account}/deployments/a", body(6), 201)
    group = account.split("/providers/")[0]
    arm.call("DELETE", group, status=202)
    assert used(arm, "OpenAI.Standard.gpt-4o") == 6
    arm.call("PUT", group, {"location": "eastus2"}, 201)
    arm.call("PUT", account, {"location": "eastus2", "properties": {"restore": True}}, 201)
    assert "available capacity 2" in arm.error("PUT", f"{account}/deployments/b", body(3))["message"]


def test_quotas_survive_a_restart_and_change_with_the_catalog(arm, account):
    service = arm.service
    arm.call("PUT", f"{account}/deployments/a", body(6), 201)
    service.catalog_file.write_text(CATALOG.replace("limit: 8 }", "limit: 4 }"))
    service.stop()
    service.start()
    arm.session.headers["Authorization"] = f"Bearer {service.token}"
    try:
        assert used(arm, "OpenAI.Standard.gpt-4o") == 6
        assert arm.call("PUT", f"{account}/deployments/a", body(6))
        assert "available capacity 0" in arm.error("PUT", f"{account}/deployments/a", body(7))["message"]
        assert arm.call("PUT", f"{account}/deployments/a", body(5))
    finally:
        service.catalog_file.write_text(CATALOG)
        service.stop()
        service.start()
        arm.session.headers["Authorization"] = f"Bearer {service.token}"


@pytest.mark.parametrize(
    ("sku", "code", "target"),
    [
        ({"capacity": 0}, "InvalidCapacity", "sku.capacity"),
        ({"capacity": -1}, "InvalidRequestContent", "sku.capacity"),
        ({"capacity": 1.5}, "InvalidRequestContent", "sku.capacity"),
        ({"capacity": "many"}, "InvalidRequestContent", "sku.capacity"),
        ({"capacity": True}, "InvalidRequestContent", "sku.capacity"),
        ({"capacity": [1]}, "InvalidRequestContent", "sku.capacity"),
        ({"capacity": 1000001}, "InvalidCapacity", "sku.capacity"),
        ({"capacity": 2**31 - 1}, "InvalidCapacity", "sku.capacity"),
        ({"capacity": 2**31}, "InvalidRequestContent", "sku.capacity"),
        ({"capacity": 2**64}, "InvalidRequestContent", "sku.capacity"),
        ({"capacity": 10**100}, "InvalidRequestContent", "sku.capacity"),
        ({"name": "ProvisionedManaged", "capacity": 60}, "InvalidCapacity", "sku.capacity"),
        ({"name": "ProvisionedManaged", "capacity": 25}, "InvalidCapacity", "sku.capacity"),
        ({"name": "ProvisionedManaged", "capacity": 100050}, "InvalidCapacity", "sku.capacity"),
        ({"name": "GlobalProvisionedManaged", "capacity": 17}, "InvalidCapacity", "sku.capacity"),
        ({"name": "Standart", "capacity": 1}, "InvalidResourceProperties", "sku.name"),
        ({"name": "GlobalBatch", "capacity": 1}, "InvalidResourceProperties", "sku.name"),
        ({"name": 5, "capacity": 1}, "InvalidRequestContent", "sku.name"),
    ],
)
def test_capacities_that_cannot_be(arm, account, sku, code, target):
    """At creation, at a PUT of what is there, and at a PATCH; nothing changes."""
    sku = {"name": "Standard"} | sku
    wrong = body(1) | {"sku": sku}
    arm.call("PUT", f"{account}/deployments/old", body(1), 201)
    before = arm.call("GET", f"{account}/deployments/old")
    for method, name, content in (("PUT", "new", wrong), ("PUT", "old", wrong), ("PATCH", "old", {"sku": sku})):
        error = arm.error(method, f"{account}/deployments/{name}", content)
        assert (error["code"], error["target"]) == (code, target), error
        assert error["message"]
    assert [d["name"] for d in arm.call("GET", f"{account}/deployments")["value"]] == ["old"]
    assert arm.call("GET", f"{account}/deployments/old") == before
    assert used(arm, "OpenAI.Standard.gpt-4o") == 1


def test_model_capacities(arm, account):
    arm.call("PUT", f"{account}/deployments/a", body(3), 201)
    query = "modelFormat=OpenAI&modelName=gpt-4o&modelVersion=2024-11-20"
    here = arm.call("GET", f"{cs(arm)}/locations/eastus2/modelCapacities?{query}")["value"]
    assert {c["name"]: c["properties"]["availableCapacity"] for c in here} == {
        "Standard": 5,
        "GlobalStandard": 30000,
        "DataZoneStandard": 10000,
        "ProvisionedManaged": 500,
        "GlobalProvisionedManaged": 500,
        "DataZoneProvisionedManaged": 20,
    }
    everywhere = arm.call("GET", f"{cs(arm)}/modelCapacities?{query}")["value"]
    assert [c for c in everywhere if c["location"] == "EastUS2"] == here
    assert len({c["location"] for c in everywhere}) > 50
    assert arm.error("GET", f"{cs(arm)}/modelCapacities?modelFormat=OpenAI")["target"] == "modelName"


def test_calculate_model_capacity(arm):
    """The first example of the guide to sizing."""
    asked = {
        "model": {"format": "OpenAI", "name": "gpt-5.2", "version": "2025-12-11"},
        "skuName": "DataZoneProvisionedManaged",
        "workloads": [{"requestPerMinute": 1000, "requestParameters": {"avgPromptTokens": 200, "avgGeneratedTokens": 20}}],
    }
    answer = arm.call("POST", f"{cs(arm)}/calculateModelCapacity", asked)
    assert answer == {
        "model": asked["model"],
        "skuName": "DataZoneProvisionedManaged",
        "estimatedCapacity": {"value": 106, "deployableValue": 110},
    }
    assert arm.error("POST", f"{cs(arm)}/calculateModelCapacity", asked | {"workloads": []})["target"] == "workloads"


def test_by_the_sdk(arm, account, cognitive):
    group, name = account.split("/")[4], account.rsplit("/", 1)[1]
    model = DeploymentModel(format="OpenAI", name="gpt-4o", version="2024-11-20")
    wanted = Deployment(sku=Sku(name="Standard", capacity=9), properties=DeploymentProperties(model=model))
    with pytest.raises(HttpResponseError, match="This operation require 9 new capacity in quota") as refused:
        cognitive.deployments.begin_create_or_update(group, name, "large", wanted).result()
    assert (refused.value.status_code, refused.value.error.code) == (400, "InsufficientQuota")
    usages = {u.name.value: u for u in cognitive.usages.list("eastus2")}
    assert usages["OpenAI.Standard.gpt-4o"].name.localized_value == "Tokens Per Minute (thousands) - GPT-4o"
    assert (usages["OpenAI.Standard.gpt-4o"].current_value, usages["OpenAI.Standard.gpt-4o"].limit) == (0, 8)
    either = "name.value eq 'AccountCount' or name.value eq 'OpenAI.Standard.gpt-4o'"
    assert {u.name.value for u in cognitive.usages.list("eastus2", filter=either)} == {"AccountCount", "OpenAI.Standard.gpt-4o"}
    (own,) = cognitive.accounts.list_usages(group, name, filter="name.value eq 'OpenAI.Standard.gpt-4o'").value
    assert own.limit == 8
    assert usages["OpenAI.S0.AccountCount"].current_value == usages["AccountCount"].current_value == 1
    (standard,) = [
        c for c in cognitive.location_based_model_capacities.list("eastus2", "OpenAI", "gpt-4o", "2024-11-20")
        if c.name == "Standard"
    ]  # fmt: skip
    assert standard.properties.available_capacity == 8
    assert [c for c in cognitive.model_capacities.list("OpenAI", "gpt-4o", "2024-11-20") if c.location == "WestUS"]
    workload = ModelCapacityCalculatorWorkload(
        request_per_minute=1000,
        request_parameters=ModelCapacityCalculatorWorkloadRequestParam(avg_prompt_tokens=100, avg_generated_tokens=50),
    )
    newest = DeploymentModel(format="OpenAI", name="gpt-5.2", version="2025-12-11")
    answer = cognitive.calculate_model_capacity(model=newest, sku_name="ProvisionedManaged", workloads=[workload])
    assert (answer.estimated_capacity.value, answer.estimated_capacity.deployable_value) == (148, 150)
