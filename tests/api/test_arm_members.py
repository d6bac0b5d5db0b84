"""What a client may set of accounts and deployments, by Azure's newest specification."""

import uuid

import pytest

from arm import VERSIONS, Arm

CHAT = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": {"format": "OpenAI", "name": "gpt-35-turbo"}}}
# Everything that Azure's newest specification lets a client set, but for what is tested by itself.
ALL_OF_ACCOUNT = {
    "customSubDomainName": None,  # set by the test
    "networkAcls": {
        "defaultAction": "Allow", "bypass": "AzureServices", "ipRules": [{"value": "127.0.0.0/8"}],
        "virtualNetworkRules": [{"id": "/subscriptions/s/subnets/a", "state": "x", "ignoreMissingVnetServiceEndpoint": True}],
    },
    "encryption": {"keySource": "Microsoft.CognitiveServices"},
    "userOwnedStorage": [{"resourceId": "/subscriptions/s/storage", "identityClientId": "i"}],
    "amlWorkspace": {"resourceId": "/subscriptions/s/workspace", "identityClientId": "i"},
    "publicNetworkAccess": "Enabled",
    "apiProperties": {"statisticsEnabled": False, "superUser": "x"},
    "dynamicThrottlingEnabled": True,
    "storedCompletionsDisabled": True,
    "restrictOutboundNetworkAccess": True,
    "allowedFqdnList": ["example.com"],
    "disableLocalAuth": False,
    "locations": {
        "routingMethod": "Priority", "regions": [{"name": "eastus", "value": 1, "customsubdomain": "x"}, {"name": "westus"}],
    },
    "raiMonitorConfig": {"adxStorageResourceId": "/subscriptions/s/adx", "identityClientId": "i"},
    "networkInjections": [{"scenario": "agent", "subnetArmId": "/subscriptions/s/b", "useMicrosoftManagedNetwork": False}],
    "foundryAutoUpgrade": {"mode": "Enabled", "plannedByMicrosoft": False, "statusReason": "x", "scheduledAt": "2027-01-01"},
    "allowProjectManagement": True,
    "defaultProject": "p",
    "associatedProjects": ["p"],
}  # fmt: skip
ALL_OF_DEPLOYMENT = {
    "model": {
        "publisher": "OpenAI", "format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20", "source": "s", "sourceAccount": "a",
    },
    "speculativeDecoding": {"draftModel": {"format": "OpenAI", "name": "gpt-4o-mini"}, "draftTokenCount": 4},
    "raiPolicyName": "Microsoft.Default",
    "versionUpgradeOption": "NoAutoUpgrade",
    "dynamicThrottlingEnabled": True,
    "capacitySettings": {"designatedCapacity": 50, "priority": 1},
    "parentDeploymentName": "chat",
    "spilloverDeploymentName": "chat",
    "serviceTier": "Priority",
    "deploymentState": "Running",
    "routing": {"mode": "balanced", "models": [{"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}]},
}  # fmt: skip
ALL_OF_SKU = {"tier": "Standard", "size": "S", "family": "f"}


@pytest.fixture
def arm(simulated):
    return Arm(simulated, VERSIONS[-1])


def is_within(wanted, shown):
    """Is all of it there?"""
    if isinstance(wanted, dict):
        return isinstance(shown, dict) and all(name in shown and is_within(wanted[name], shown[name]) for name in wanted)
    return wanted == shown


def test_everything_that_may_be_set_is_kept_and_shown(arm, arm_account):
    """Not more than a version's specification has: arm_watch looks at the answer in each."""
    arm.call("PUT", f"{arm_account}/deployments/chat", CHAT, 201)
    properties = ALL_OF_ACCOUNT | {"customSubDomainName": uuid.uuid4().hex}
    of_account = {"kind": "OpenAI", "location": "eastus", "sku": {"name": "S0"} | ALL_OF_SKU, "properties": properties}
    sku = {"name": "ProvisionedManaged", "capacity": 50} | ALL_OF_SKU
    of_deployment = {"sku": sku, "tags": {"a": "b"}, "properties": ALL_OF_DEPLOYMENT}
    for path, body, status in ((arm_account, of_account, 200), (f"{arm_account}/deployments/all", of_deployment, 201)):
        shown = arm.call("PUT", path, body, status)
        assert is_within(body, shown), shown
        assert arm.call("GET", path) == shown
        for method in ("PATCH", "PUT"):  # nothing goes by what does not name it, nor by what is sent back
            again = arm.call(method, path, {"tags": {"a": "b"}} if method == "PATCH" else shown)
            assert is_within(body, again), again
        for version in VERSIONS:
            arm.with_version(version).call("GET", path)
    arm.call("DELETE", f"{arm_account}/deployments/chat")
    left = arm.call("PUT", f"{arm_account}/deployments/all", arm.call("GET", f"{arm_account}/deployments/all"))
    assert left["properties"]["spilloverDeploymentName"] == "chat"  # one that has gone may stay named


def test_what_only_the_service_may_set_is_ignored(arm, arm_account):
    """Read-only by Azure's newest specification, in the right type or not."""
    path = f"{arm_account}/deployments/chat"
    arm.call("PUT", path, CHAT, 201)
    read_only = {
        arm_account: ["provisioningState", "endpoint", "internalId", "capabilities", "isMigrated", "skuChangeInfo",
                  "privateEndpointConnections", "dateCreated", "callRateLimit", "quotaLimit", "endpoints", "deletionDate",
                  "scheduledPurgeDate", "commitmentPlanAssociations", "abusePenalty"],
        path: ["provisioningState", "capabilities", "callRateLimit", "rateLimits", "currentCapacity"],
    }  # fmt: skip
    for resource, names in read_only.items():
        before = arm.call("GET", resource)["properties"]
        for value in ("x", 5):
            given = {"properties": before | dict.fromkeys(names, value)}
            assert arm.call("PATCH", resource, given)["properties"] == before
