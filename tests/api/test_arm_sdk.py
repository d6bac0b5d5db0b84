"""The control plane by Microsoft's own Python SDKs, over TLS as they insist on."""


import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.mgmt.cognitiveservices.models import (
    Account,
    AccountProperties,
    Deployment,
    DeploymentModel,
    DeploymentProperties,
    IpRule,
    NetworkRuleSet,
    PatchResourceTagsAndSku,
    RaiPolicy,
    RaiPolicyContentFilter,
    RaiPolicyProperties,
    Sku,
)
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource import ManagementLockClient, SubscriptionClient

from arm import Arm
from certificate import tls_arguments
from conftest import SIMULATED
from service import Lazuli

ACCOUNT_TYPE = "Microsoft.CognitiveServices/accounts"


@pytest.fixture(scope="module")
def service(certificate):
    with Lazuli(catalog=SIMULATED, arguments=tls_arguments(certificate)) as running:
        yield running


@pytest.fixture(scope="module")
def options(service, certificate):
    return {
        "credential": ClientSecretCredential(
            service.variables["AZURE_TENANT_ID"], service.variables["AZURE_CLIENT_ID"],
            service.variables["AZURE_CLIENT_SECRET"], authority=f"https://127.0.0.1:{service.port}",
            disable_instance_discovery=True, connection_verify=str(certificate / "cert.pem"),
        ),
        "subscription_id": service.variables["LAZULI_SUBSCRIPTION_ID"],
        "base_url": f"https://127.0.0.1:{service.port}",
        "credential_scopes": ["https://management.azure.com/.default"],
        "connection_verify": str(certificate / "cert.pem"),
    }


def embedding(version="1", capacity=1):
    return Deployment(
        sku=Sku(name="Standard", capacity=capacity),
        properties=DeploymentProperties(
            model=DeploymentModel(format="OpenAI", name="text-embedding-ada-002", version=version)),
    )


def test_subscriptions(service, options):
    client = SubscriptionClient(**{name: value for name, value in options.items() if name != "subscription_id"})
    found = list(client.subscriptions.list())
    assert [s.subscription_id for s in found] == [service.variables["LAZULI_SUBSCRIPTION_ID"]]
    assert found[0].state == "Enabled"
    assert client.subscriptions.get(found[0].subscription_id).display_name
    assert "eastus" in [location.name for location in client.subscriptions.list_locations(found[0].subscription_id)]
    assert [t.tenant_id for t in client.tenants.list()] == [service.variables["LAZULI_TENANT_ID"]]


def test_providers(resources):
    provider = resources.providers.register("Microsoft.CognitiveServices")
    assert provider.registration_state == "Registered"
    assert "accounts" in [t.resource_type for t in resources.providers.get("Microsoft.CognitiveServices").resource_types]
    assert "Microsoft.Resources" in [p.namespace for p in resources.providers.list()]


def test_a_provider_that_is_not_registered(options, resources, sdk_group):
    client = ManagedServiceIdentityClient(**options)

    def state_of(namespace):
        return {p.namespace: p.registration_state for p in resources.providers.list()}[namespace]

    def make():
        return client.user_assigned_identities.create_or_update(sdk_group, "mine", {"location": "eastus"})

    assert resources.providers.unregister("Microsoft.ManagedIdentity").registration_state == "Unregistered"
    assert state_of("Microsoft.ManagedIdentity") == "Unregistered"
    assert resources.providers.get("Microsoft.ManagedIdentity").registration_state == "Unregistered"
    assert make().name == "mine"  # the SDK registers what it is told is missing, and tries again
    assert state_of("Microsoft.ManagedIdentity") == "Registered"
    with pytest.raises(ResourceExistsError, match=r"CannotUnregisterProvider.*userAssignedIdentities"):
        resources.providers.unregister("Microsoft.ManagedIdentity")
    with pytest.raises(ResourceExistsError, match="CannotUnregisterProvider"):
        resources.providers.unregister("Microsoft.Authorization")
    client.user_assigned_identities.delete(sdk_group, "mine")
    assert resources.providers.unregister("Microsoft.ManagedIdentity").registration_state == "Unregistered"
    assert resources.providers.register("Microsoft.ManagedIdentity").registration_state == "Registered"


def test_groups(resources, sdk_group):
    shown = resources.resource_groups.get(sdk_group)
    assert (shown.location, shown.tags, shown.properties.provisioning_state) == ("eastus", {"owner": "user"}, "Succeeded")
    assert sdk_group in [g.name for g in resources.resource_groups.list()]
    assert sdk_group in [g.name for g in resources.resource_groups.list(filter="tagName eq 'owner' and tagValue eq 'user'")]
    assert not list(resources.resource_groups.list(filter="tagName eq 'owner' and tagValue eq 'nobody'"))
    assert resources.resource_groups.update(sdk_group, {"tags": {"a": "b"}}).tags == {"a": "b"}
    resources.resource_groups.begin_delete(sdk_group).result()
    assert not resources.resource_groups.check_existence(sdk_group)
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        resources.resource_groups.get(sdk_group)


def test_accounts(service, cognitive, resources, sdk_group, sdk_account):
    shown = cognitive.accounts.get(sdk_group, sdk_account)
    assert (shown.kind, shown.sku.name, shown.properties.provisioning_state) == ("OpenAI", "S0", "Succeeded")
    assert shown.properties.endpoint.endswith(f":{service.port}/accounts/{sdk_account}/")
    assert shown.system_data.created_at
    assert sdk_account in [a.name for a in cognitive.accounts.list()]
    assert [a.name for a in cognitive.accounts.list_by_resource_group(sdk_group)] == [sdk_account]
    assert [r.type for r in resources.resources.list_by_resource_group(sdk_group)] == [ACCOUNT_TYPE]
    by_filter = list(resources.resources.list(filter=f"resourceType eq '{ACCOUNT_TYPE}'", expand="createdTime"))
    assert sdk_account in [r.name for r in by_filter] and by_filter[0].created_time
    assert not list(resources.resources.list(filter="resourceType eq 'Microsoft.Web/sites'"))

    shown.tags = {"team": "a"}
    updated = cognitive.accounts.begin_update(sdk_group, sdk_account, shown).result()
    assert updated.tags == {"team": "a"}
    acls = NetworkRuleSet(default_action="Deny", ip_rules=[IpRule(value="1.2.3.4")])
    with pytest.raises(HttpResponseError, match="custom subdomain"):
        cognitive.accounts.begin_update(
            sdk_group, sdk_account, Account(properties=AccountProperties(network_acls=acls))).result()
    properties = AccountProperties(network_acls=acls, custom_sub_domain_name=sdk_account)
    updated = cognitive.accounts.begin_update(sdk_group, sdk_account, Account(properties=properties)).result()
    assert updated.properties.network_acls.ip_rules[0].value == "1.2.3.4"
    assert updated.properties.custom_sub_domain_name == sdk_account
    taken = cognitive.check_domain_availability(subdomain_name=sdk_account, type=ACCOUNT_TYPE)
    assert not taken.is_subdomain_available

    cognitive.accounts.begin_delete(sdk_group, sdk_account).result()
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        cognitive.accounts.get(sdk_group, sdk_account)


def test_soft_delete(cognitive, sdk_group, sdk_account):
    keys = cognitive.accounts.list_keys(sdk_group, sdk_account)
    cognitive.accounts.begin_delete(sdk_group, sdk_account).result()
    assert sdk_account in [a.name for a in cognitive.deleted_accounts.list()]
    shown = cognitive.deleted_accounts.get("eastus", sdk_group, sdk_account)
    assert shown.properties.deletion_date < shown.properties.scheduled_purge_date
    again = Account(location="eastus", kind="OpenAI", sku=Sku(name="S0"), properties=AccountProperties())
    with pytest.raises(ResourceExistsError, match="FlagMustBeSetForRestore"):
        cognitive.accounts.begin_create(sdk_group, sdk_account, again).result()
    restoring = Account(location="eastus", properties=AccountProperties(restore=True))
    assert cognitive.accounts.begin_create(sdk_group, sdk_account, restoring).result().kind == "OpenAI"
    assert cognitive.accounts.list_keys(sdk_group, sdk_account).key1 == keys.key1
    cognitive.accounts.begin_delete(sdk_group, sdk_account).result()
    cognitive.deleted_accounts.begin_purge("eastus", sdk_group, sdk_account).result()
    with pytest.raises(ResourceNotFoundError):
        cognitive.deleted_accounts.get("eastus", sdk_group, sdk_account)
    cognitive.deleted_accounts.begin_purge("eastus", sdk_group, sdk_account).result()
    cognitive.accounts.begin_create(sdk_group, sdk_account, again).result()
    assert cognitive.accounts.list_keys(sdk_group, sdk_account).key1 != keys.key1


def test_keys(cognitive, sdk_group, sdk_account):
    before = cognitive.accounts.list_keys(sdk_group, sdk_account)
    after = cognitive.accounts.regenerate_key(sdk_group, sdk_account, key_name="Key2")
    assert after.key1 == before.key1
    assert after.key2 != before.key2


def test_deployments(cognitive, sdk_group, sdk_account):
    made = cognitive.deployments.begin_create_or_update(sdk_group, sdk_account, "ada", embedding()).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.capabilities == {"embeddings": "true", "embeddingsMaxInputs": "1"}
    assert made.properties.version_upgrade_option == "OnceNewDefaultVersionAvailable"
    assert [(r.key, r.renewal_period, r.count) for r in made.properties.rate_limits] == [("request", 10, 1), ("token", 60, 1000)]
    made = cognitive.deployments.begin_create_or_update(sdk_group, sdk_account, "ada", embedding("2", 120)).result()
    assert (made.properties.model.version, made.sku.capacity) == ("2", 120)
    updated = cognitive.deployments.begin_update(
        sdk_group, sdk_account, "ada", PatchResourceTagsAndSku(tags={"a": "b"}, sku=Sku(name="Standard", capacity=7))).result()
    assert (updated.sku.capacity, updated.tags) == (7, {"a": "b"})
    assert [d.name for d in cognitive.deployments.list(sdk_group, sdk_account)] == ["ada"]
    assert [s.sku.name for s in cognitive.deployments.list_skus(sdk_group, sdk_account, "ada")]
    with pytest.raises(ResourceExistsError, match="CannotDeleteResource"):
        cognitive.accounts.begin_delete(sdk_group, sdk_account).result()
    cognitive.deployments.begin_delete(sdk_group, sdk_account, "ada").result()
    assert not list(cognitive.deployments.list(sdk_group, sdk_account))


def test_models_skus_usages(cognitive, sdk_group, sdk_account):
    cognitive.deployments.begin_create_or_update(sdk_group, sdk_account, "ada", embedding(capacity=3)).result()
    models = list(cognitive.models.list("eastus"))
    assert ("OpenAI", "gpt-35-turbo") in [(m.kind, m.model.name) for m in models]
    assert all(m.model.lifecycle_status for m in models)
    assert [m for m in cognitive.accounts.list_models(sdk_group, sdk_account) if m.is_default_version]
    assert [s.sku.name for s in cognitive.accounts.list_skus(sdk_group, sdk_account).value] == ["S0"]
    usages = {u.name.value: u.current_value for u in cognitive.accounts.list_usages(sdk_group, sdk_account).value}
    assert usages["OpenAI.Standard.text-embedding-ada-002"] == 3
    assert [u for u in cognitive.usages.list("eastus") if u.name.value == "OpenAI.Standard.text-embedding-ada-002"]
    assert "EASTUS" in [place for sku in cognitive.resource_skus.list() for place in sku.locations]
    answer = cognitive.check_sku_availability("eastus", skus=["S0"], kind="OpenAI", type=ACCOUNT_TYPE)
    assert answer.value[0].sku_available
    assert [o for o in cognitive.operations.list() if o.name == ACCOUNT_TYPE + "/write"]


def test_content_filter_policies(cognitive, sdk_group, sdk_account):
    hate = RaiPolicyContentFilter(name="Hate", enabled=True, blocking=True, severity_threshold="Low", source="Prompt")
    policy = RaiPolicy(properties=RaiPolicyProperties(
        mode="Blocking", base_policy_name="Microsoft.DefaultV2", content_filters=[hate]))
    cognitive.rai_policies.create_or_update(sdk_group, sdk_account, "strict", policy)
    assert [p.name for p in cognitive.rai_policies.list(sdk_group, sdk_account)] == [
        "Microsoft.Default", "Microsoft.DefaultV2", "strict"]
    deployment = embedding()
    deployment.properties.rai_policy_name = "strict"
    made = cognitive.deployments.begin_create_or_update(sdk_group, sdk_account, "ada", deployment).result()
    assert made.properties.rai_policy_name == "strict"
    with pytest.raises(HttpResponseError, match="used by the deployment"):
        cognitive.rai_policies.begin_delete(sdk_group, sdk_account, "strict").result()
    cognitive.deployments.begin_delete(sdk_group, sdk_account, "ada").result()
    cognitive.rai_policies.begin_delete(sdk_group, sdk_account, "strict").result()
    cognitive.rai_blocklists.create_or_update(sdk_group, sdk_account, "words", {"properties": {"description": "d"}})
    cognitive.rai_blocklist_items.batch_add(sdk_group, sdk_account, "words", [{"name": "a", "properties": {"pattern": "x"}}])
    assert [i.properties.pattern for i in cognitive.rai_blocklist_items.list(sdk_group, sdk_account, "words")] == ["x"]
    cognitive.rai_blocklist_items.batch_delete(sdk_group, sdk_account, "words", ["a"])
    cognitive.rai_blocklists.begin_delete(sdk_group, sdk_account, "words").result()


def test_private_endpoints(cognitive, sdk_group, sdk_account):
    body = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "mine"}}}
    made = cognitive.private_endpoint_connections.begin_create_or_update(sdk_group, sdk_account, "one", body).result()
    assert made.properties.private_link_service_connection_state.status == "Approved"
    assert [c.name for c in cognitive.accounts.get(sdk_group, sdk_account).properties.private_endpoint_connections] == ["one"]
    assert cognitive.private_link_resources.list(sdk_group, sdk_account).value
    cognitive.private_endpoint_connections.begin_delete(sdk_group, sdk_account, "one").result()


def test_settings_of_other_services(cognitive, sdk_group, sdk_account):
    here = (sdk_group, sdk_account)
    settings = cognitive.defender_for_ai_settings
    assert settings.create_or_update(*here, "Default", {"properties": {"state": "Enabled"}}).state == "Enabled"
    assert settings.update(*here, "Default", {"properties": {"state": "Disabled"}}).state == "Disabled"
    assert settings.get(*here, "Default").state == "Disabled"
    assert [(s.name, s.state) for s in settings.list(*here)] == [("Default", "Disabled")]
    perimeters = cognitive.network_security_perimeter_configurations
    assert list(perimeters.list(*here)) == []
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        perimeters.get(*here, "one")
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        perimeters.begin_reconcile(*here, "one").result()


def test_tags(resources, service, sdk_group, sdk_account):
    scope = (f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{sdk_group}"
             f"/providers/{ACCOUNT_TYPE}/{sdk_account}")

    def update(operation, tags):
        return resources.tags.begin_update_at_scope(scope, {"operation": operation, "properties": {"tags": tags}}).result()

    update("Merge", {"team": "a", "cost": "1"})
    assert update("Delete", {"cost": ""}).properties.tags == {"team": "a"}
    assert resources.tags.get_at_scope(scope).properties.tags == {"team": "a"}
    assert ("team", ["a"]) in [(t.tag_name, [v.tag_value for v in t.values]) for t in resources.tags.list()]
    resources.tags.begin_delete_at_scope(scope).result()
    assert not resources.tags.get_at_scope(scope).properties.tags


def test_predefined_tags(resources, sdk_group):
    def found():
        return {t.tag_name: {v.tag_value: v.count.value for v in t.values} for t in resources.tags.list()}

    made = resources.tags.create_or_update("stage")
    assert (made.tag_name, made.count.type, made.count.value, made.values) == ("stage", "Total", 0, [])
    assert resources.tags.create_or_update("Stage").id == made.id
    value = resources.tags.create_or_update_value("stage", "live & well")
    assert (value.tag_value, value.id) == ("live & well", f"{made.id}/tagValues/live & well")
    assert found()["stage"] == {"live & well": 0}
    resources.resource_groups.update(sdk_group, {"tags": {"stage": "live & well"}})
    assert found()["stage"] == {"live & well": 1}
    with pytest.raises(ResourceExistsError, match=r"PredefinedTagInUse.*Tag name 'stage' and tag value 'live & well'"):
        resources.tags.delete_value("stage", "live & well")
    with pytest.raises(ResourceExistsError, match=r"PredefinedTagInUse.*'stage' cannot be deleted"):
        resources.tags.delete("stage")
    resources.resource_groups.update(sdk_group, {"tags": {}})
    resources.tags.delete_value("stage", "live & well")
    resources.tags.delete("stage")
    resources.tags.delete("stage")
    assert "stage" not in found()
    with pytest.raises(ResourceNotFoundError, match="PredefinedTagNameNotFound"):
        resources.tags.create_or_update_value("stage", "live")
    with pytest.raises(HttpResponseError, match="ReservedTagName"):
        resources.tags.create_or_update("azureStage")
    with pytest.raises(HttpResponseError, match="InvalidTagNameCharacters"):
        resources.tags.create_or_update("stage?")
    with pytest.raises(HttpResponseError, match="InvalidTagNameLength"):
        resources.tags.create_or_update("s" * 513)


def test_locks(service, options, cognitive, sdk_group, sdk_account):
    client = ManagementLockClient(**options)
    locks = client.management_locks
    locks.create_or_update_at_resource_group_level(sdk_group, "keep", {"level": "CanNotDelete", "notes": "why"})
    with pytest.raises(ResourceExistsError, match="ScopeLocked"):
        cognitive.accounts.begin_delete(sdk_group, sdk_account).result()
    assert [lock.name for lock in locks.list_at_resource_group_level(sdk_group)] == ["keep"]
    locks.create_or_update_at_resource_group_level(sdk_group, "keep", {"level": "ReadOnly"})
    with pytest.raises(ResourceExistsError, match="ScopeLocked"):
        cognitive.accounts.list_keys(sdk_group, sdk_account)
    locks.delete_at_resource_group_level(sdk_group, "keep")
    cognitive.accounts.begin_delete(sdk_group, sdk_account).result()


def test_generic_resources(resources, sdk_group, sdk_account):
    """As `az resource tag` works: the whole resource is read, tagged and written back."""
    shown = resources.resources.get(sdk_group, "Microsoft.CognitiveServices", "", "accounts", sdk_account, "2023-05-01")
    shown.tags = {"team": "b"}
    poller = resources.resources.begin_create_or_update(
        sdk_group, "Microsoft.CognitiveServices", "", "accounts", sdk_account, "2023-05-01", shown)
    assert poller.result().tags == {"team": "b"}


def test_export(resources, cognitive, sdk_group, sdk_account):
    """As a template, which says of each resource what a client may set."""
    cognitive.deployments.begin_create_or_update(sdk_group, sdk_account, "embed", embedding(capacity=3)).result()
    request = {"resources": ["*"], "options": "IncludeParameterDefaultValue"}
    template = resources.resource_groups.begin_export_template(sdk_group, request).result().template
    parameter = f"accounts_{sdk_account.replace('-', '_')}_name"
    assert template["parameters"] == {parameter: {"defaultValue": sdk_account, "type": "String"}}
    account, deployment = template["resources"]
    assert (account["type"], account["name"]) == (ACCOUNT_TYPE, f"[parameters('{parameter}')]")
    assert account["properties"].keys().isdisjoint({"endpoint", "provisioningState", "internalId"})
    assert deployment["name"] == f"[concat(parameters('{parameter}'), '/embed')]"
    assert deployment["sku"]["capacity"] == 3 and deployment["properties"]["model"]["name"] == "text-embedding-ada-002"
    assert deployment["dependsOn"] == [f"[resourceId('{ACCOUNT_TYPE}', parameters('{parameter}'))]"]
    with pytest.raises(HttpResponseError, match="InvalidRequestContent"):
        resources.resource_groups.begin_export_template(sdk_group, {"resources": []}).result()


def test_writes_end_without_a_poll(cognitive, sdk_group):
    """The first answer is final: no client waits its 30 seconds."""
    calls = []
    body = Account(location="eastus", kind="OpenAI", sku=Sku(name="S0"), properties=AccountProperties())
    poller = cognitive.accounts.begin_create(
        sdk_group, "unpolled", body, raw_response_hook=lambda r: calls.append(r.http_request.method))
    assert poller.result().name == "unpolled"
    assert calls == ["PUT"]


def test_preconditions(cognitive, service, sdk_group, sdk_account):
    path = (f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{sdk_group}"
            f"/providers/{ACCOUNT_TYPE}/{sdk_account}?api-version=2024-10-01")
    wrong = '"00000000-0000-0000-0000-000000000000"'
    request = HttpRequest("PATCH", path, json={"tags": {}}, headers={"If-Match": wrong})
    answer = cognitive._send_request(request)
    with pytest.raises((ResourceModifiedError, HttpResponseError)):
        answer.raise_for_status()
    assert answer.status_code == 412


def test_existence(resources, cognitive, service, certificate, sdk_group, sdk_account):
    """HEAD finds what GET finds, of every type."""
    cognitive.deployments.begin_create_or_update(sdk_group, sdk_account, "ada", embedding()).result()
    arm = Arm(service)
    arm.session.verify, arm.session.trust_env = str(certificate / "cert.pem"), False
    in_group, of_account = arm.group(sdk_group), arm.account(sdk_group, sdk_account)
    lock = f"{of_account}/providers/Microsoft.Authorization/locks/keep"
    assert arm.raw("PUT", f"{lock}?api-version=2020-05-01", {"properties": {"level": "CanNotDelete"}}).status_code == 201
    role = f"{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    for path, version in (
        (in_group, "2022-12-01"),
        (of_account, "2023-05-01"),
        (f"{of_account}/deployments/ada", "2023-05-01"),
        (f"{of_account}/raiPolicies/Microsoft.Default", "2024-10-01"),
        (lock, "2020-05-01"),
        (role, "2022-04-01"),
    ):
        get = arm.raw("GET", f"{path}?api-version={version}")
        head = arm.raw("HEAD", f"{path}?api-version={version}")
        assert (get.status_code, head.status_code, head.content) == (200, 204, b""), path
        assert head.headers.get("ETag") == get.headers.get("ETag"), path
        assert resources.resources.check_existence_by_id(path, version), path
        other = path[:-1] + ("1" if path.endswith("0") else "0")
        assert not resources.resources.check_existence_by_id(other, version), other
    assert resources.resources.check_existence(
        sdk_group, "Microsoft.CognitiveServices", f"accounts/{sdk_account}", "deployments", "ada", "2023-05-01")
    assert not resources.resources.check_existence(
        sdk_group, "Microsoft.CognitiveServices", f"accounts/{sdk_account}", "deployments", "none", "2023-05-01")
    assert arm.raw("DELETE", f"{lock}?api-version=2020-05-01").status_code == 200
    listkeys = arm.raw("HEAD", f"{of_account}/listKeys?api-version=2023-05-01")
    assert listkeys.status_code == 405  # what only POST gets is not asked for by HEAD either
