"""The control plane by plain HTTP: the walk-through of the Azure CLI's quickstart, with what it sends and shows."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
import requests

from arm import VERSIONS, Arm
from conftest import SIMULATED
from service import Lazuli

ADA = {
    "sku": {"name": "Standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "text-embedding-ada-002", "version": "1"}},
}
TURBO = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": {"format": "OpenAI", "name": "gpt-35-turbo"}}}


in_every_version = pytest.mark.parametrize("arm", VERSIONS, indirect=True)


@pytest.fixture(params=["2023-05-01", "2024-06-01-preview"])
def arm(simulated, request):
    return Arm(simulated, request.param)


@in_every_version
def test_walk_through(arm, arm_group):
    name = "myOAIResource" + uuid.uuid4().hex[:6]
    path = arm.account(arm_group, name)
    account = arm.make_account(arm_group, name)
    assert account["sku"] == {"name": "S0"}
    assert account["kind"] == "OpenAI"
    properties = account["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert [rule["key"] for rule in properties["callRateLimit"]["rules"]] == [
        "openai.dalle.post", "openai.dalle.other", "openai", "default",
    ]
    assert {"name": "VirtualNetworks"} in properties["capabilities"]
    assert {"name": "MaxFineTuneCount", "value": "100"} in properties["capabilities"]
    assert set(properties["endpoints"]) == {
        "OpenAI Dall-E API", "OpenAI Language Model Instance API", "OpenAI Model Scaleset API", "OpenAI Whisper API",
    }
    shown = arm.call("GET", path)
    assert shown == account

    keys = arm.call("POST", f"{path}/listKeys")
    assert set(keys) == {"key1", "key2"}

    deployment = arm.call("PUT", f"{path}/deployments/myModel", ADA, 201)
    assert deployment["properties"]["capabilities"] == {"embeddings": "true", "embeddingsMaxInputs": "1"}
    assert deployment["properties"]["rateLimits"] == [
        {"key": "request", "renewalPeriod": 10, "count": 1}, {"key": "token", "renewalPeriod": 60, "count": 1000},
    ]
    assert deployment["properties"]["versionUpgradeOption"] == "OnceNewDefaultVersionAvailable"
    assert arm.call("GET", f"{path}/deployments")["value"] == [deployment]

    assert arm.error("DELETE", path, status=409)["code"] == "CannotDeleteResource"
    arm.call("DELETE", f"{path}/deployments/myModel")
    arm.call("DELETE", f"{path}/deployments/myModel", status=204)
    arm.call("DELETE", path)
    arm.call("DELETE", path, status=204)
    assert arm.error("GET", path, status=404)["code"] == "ResourceNotFound"


def test_what_was_made_can_be_called_at_once(arm, arm_group, arm_account):
    """The endpoint and either key, pasted into the SDK as they are; a key that was regenerated opens nothing more."""
    arm.call("PUT", f"{arm_account}/deployments/chat", TURBO, 201)
    endpoint = arm.call("GET", arm_account)["properties"]["endpoint"]
    keys = arm.call("POST", f"{arm_account}/listKeys")

    def ask(key):
        client = openai.AzureOpenAI(
            azure_endpoint=endpoint, api_key=key, api_version="2024-02-01", max_retries=0,
        )
        return client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "Hello"}], max_tokens=5,
        )

    assert ask(keys["key1"]).choices[0].message.content
    assert ask(keys["key2"]).choices[0].message.content
    later = arm.call("POST", f"{arm_account}/regenerateKey", {"keyName": "Key1"})
    assert later["key2"] == keys["key2"]
    with pytest.raises(openai.AuthenticationError):
        ask(keys["key1"])
    assert ask(later["key1"]).choices[0].message.content
    arm.call("DELETE", f"{arm_account}/deployments/chat")
    with pytest.raises(openai.NotFoundError):
        ask(later["key1"])


def test_network_rules_hold_for_inference(arm, arm_account):
    """Who is not let in gets Azure's 403, whatever the key."""
    arm.call("PUT", f"{arm_account}/deployments/chat", TURBO, 201)
    shown = arm.call("GET", arm_account)
    endpoint = shown["properties"]["endpoint"]
    headers = {"api-key": arm.call("POST", f"{arm_account}/listKeys")["key1"]}
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}

    def ask(base):
        path = "openai/deployments/chat/chat/completions?api-version=2024-02-01"
        answer = requests.post(base + path, json=body, headers=headers, timeout=60)
        return answer.status_code, answer.json().get("error", {}).get("message")

    def change(**properties):
        arm.call("PATCH", arm_account, {"properties": properties})

    assert ask(endpoint)[0] == 200
    change(customSubDomainName=shown["name"], networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}]})
    refused = (403, "Access denied due to Virtual Network/Firewall rules.")
    assert ask(endpoint) == refused
    assert ask(arm.service.endpoint + "/") == refused
    change(networkAcls={"ipRules": [{"value": "127.0.0.0/8"}]})
    assert ask(endpoint)[0] == ask(arm.service.endpoint + "/")[0] == 200
    subnet = f"{arm_account.split('/providers/')[0]}/providers/Microsoft.Network/virtualNetworks/n/subnets/default"
    change(networkAcls={"virtualNetworkRules": [{"id": subnet}]})
    assert ask(endpoint)[0] == 200
    assert ask(arm.service.endpoint + "/") == (
        403, "A Virtual Network is configured for this resource. Please use the correct endpoint for making requests. Check "
             "https://aka.ms/cogsvc-vnet for more details.",
    )  # fmt: skip
    change(publicNetworkAccess="Disabled")
    assert ask(endpoint) == (403, "Public access is disabled. Please configure private endpoint.")


@in_every_version
def test_every_list_is_as_specified(arm, arm_account):
    subscription = f"{arm.subscription}/providers/Microsoft.CognitiveServices"
    group = arm_account.rsplit("/", 1)[0]
    arm.call("PUT", f"{arm_account}/deployments/chat", TURBO, 201)
    for path in (
        f"{subscription}/accounts", group, f"{arm_account}/models", f"{arm_account}/skus", f"{arm_account}/usages",
        f"{arm_account}/deployments", f"{subscription}/skus", f"{subscription}/locations/eastus/usages",
        "/providers/Microsoft.CognitiveServices/operations",
    ):
        assert arm.call("GET", path)["value"], path
    arm.call("GET", f"{subscription}/locations/eastus/models")
    if arm.version > "2023-05-01":
        assert arm.call("GET", f"{arm_account}/deployments/chat/skus")["value"][0]["sku"]["name"] == "Standard"
    arm.call("POST", f"{subscription}/checkDomainAvailability",
             {"subdomainName": "free", "type": "Microsoft.CognitiveServices/accounts"})
    arm.call("POST", f"{subscription}/locations/eastus/checkSkuAvailability",
             {"skus": ["S0"], "kind": "OpenAI", "type": "Microsoft.CognitiveServices/accounts"})


def test_upgrade_option(arm, arm_account):
    """Working with models: the three options and null, which is not returned."""
    path = f"{arm_account}/deployments/chat"
    arm.call("PUT", path, TURBO, 201)
    for option in ("OnceNewDefaultVersionAvailable", "OnceCurrentVersionExpired", "NoAutoUpgrade"):
        body = {**TURBO, "properties": {**TURBO["properties"], "versionUpgradeOption": option}}
        assert arm.call("PUT", path, body)["properties"]["versionUpgradeOption"] == option
    body = {**TURBO, "properties": {**TURBO["properties"], "versionUpgradeOption": None}}
    assert "versionUpgradeOption" not in arm.call("PUT", path, body)["properties"]
    listed = arm.call("GET", f"{arm_account}/deployments")["value"][0]
    assert "versionUpgradeOption" not in listed["properties"]


@in_every_version
def test_put_takes_back_what_get_gave(arm, arm_account):
    before = arm.call("GET", arm_account)
    after = arm.call("PUT", arm_account, before)
    for changing in (before, after):
        del changing["etag"]
        for name in ("lastModifiedAt",):
            del changing["systemData"][name]
    assert after == before


@in_every_version
def test_put_takes_back_a_deployment(arm, arm_account):
    """With what only the service may set, and with what nobody knows."""
    path = f"{arm_account}/deployments/chat"
    arm.call("PUT", path, TURBO, 201)
    before = arm.call("GET", path)
    after = arm.call("PUT", path, {**before, "unknown": 1, "properties": {**before["properties"], "unknown": 2}})
    for shown in (before, after):
        del shown["etag"], shown["systemData"]["lastModifiedAt"]
    assert after == before


def test_update(arm, arm_account):
    tagged = arm.call("PATCH", arm_account, {"tags": {"team": "a"}})
    assert tagged["tags"] == {"team": "a"}
    if arm.version > "2023-05-01":
        arm.call("PUT", f"{arm_account}/deployments/chat", TURBO, 201)
        changed = arm.call("PATCH", f"{arm_account}/deployments/chat", {"sku": {"name": "Standard", "capacity": 3}})
        assert changed["sku"]["capacity"] == 3


def test_etags(arm, arm_account):
    answer = arm.raw("GET", f"{arm_account}?api-version={arm.version}")
    etag = answer.headers["ETag"]
    assert answer.json()["etag"] == etag
    arm.call("PATCH", arm_account, {"tags": {}}, headers={"If-Match": etag})
    assert arm.error("PATCH", arm_account, {"tags": {}}, 412, headers={"If-Match": etag})["code"] == "PreconditionFailed"


def test_endpoints_are_of_the_scheme_and_host_asked(arm, arm_group, arm_account):
    """Whoever asks by TLS is sent to TLS, and by the name that they know the service by."""
    port = arm.service.port
    for scheme, name in (("http", "127.0.0.1"), ("https", "127.0.0.1"), ("https", "localhost")):
        base = f"{scheme}://{name}:{port}"
        headers = {**arm.session.headers, "Host": f"{name}:{port}"}  # a small system cannot look up localhost
        asked = [
            requests.get(f"{scheme}://127.0.0.1:{port}{path}?api-version={arm.version}", headers=headers, timeout=60,
                         verify=arm.service.variables["LAZULI_CA_BUNDLE"]).json()
            for path in (arm_account, arm_account.rpartition("/")[0],
                         f"{arm.subscription}/providers/Microsoft.CognitiveServices/accounts")
        ]
        shown = [asked[0]] + [item for page in asked[1:] for item in page["value"] if item["id"] == asked[0]["id"]]
        assert len(shown) == 3
        for properties in (item["properties"] for item in shown):
            assert properties["endpoint"] == f"{base}/accounts/{asked[0]['name']}/"
            assert set(properties["endpoints"].values()) == {properties["endpoint"]}


def test_endpoints_are_azures_own_for_who_asks_by_azures_own_name(arm, arm_account):
    """Where one of Azure's names leads here, all of them do."""
    target = f"{arm.service.endpoint}{arm_account}?api-version={arm.version}"
    domain = uuid.uuid4().hex

    def shown(host):
        answer = requests.get(target, headers={**arm.session.headers, "Host": host}, timeout=60)
        return answer.json()["properties"]["endpoint"]

    assert shown("management.azure.com") == "https://eastus.api.cognitive.microsoft.com/"
    arm.call("PATCH", arm_account, {"properties": {"customSubDomainName": domain.upper()}})
    assert shown("Management.Azure.com:8443") == f"https://{domain}.openai.azure.com:8443/"


def at_once(count, do):
    """What `count` threads that start together get."""
    barrier = threading.Barrier(count)

    def run(n):
        barrier.wait()
        return do(n)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_of_concurrent_writers_one_wins(arm, arm_account):
    """Each has read the same state: one changes it, and the others are told that it is no longer so."""
    deployment = f"{arm_account}/deployments/chat"
    arm.call("PUT", deployment, TURBO, 201)
    for path in (arm_account, deployment):
        separate = [Arm(arm.service, "2024-10-01") for _ in range(6)]
        url = f"{path}?api-version=2024-10-01"
        etag = arm.raw("GET", url).headers["ETag"]
        answers = at_once(6, lambda n, to=separate, url=url, etag=etag: to[n].raw(
            "PATCH", url, {"tags": {"writer": str(n)}}, headers={"If-Match": etag}))
        statuses = [answer.status_code for answer in answers]
        assert sorted(statuses) == [200] + 5 * [412]
        winner = str(statuses.index(200))
        assert arm.raw("GET", url).json()["tags"] == {"writer": winner}
        assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 412} == {"PreconditionFailed"}


def test_of_concurrent_writers_of_a_policy_one_wins(arm, arm_account):
    """As above, of types that are only written by PUT."""
    version = "2024-10-01"
    separate = [Arm(arm.service, version) for _ in range(6)]
    for name, body in (("raiPolicies/mine", {"properties": {"basePolicyName": "Microsoft.Default"}}),
                       ("raiBlocklists/mine", {"properties": {"description": "words"}})):
        url = f"{arm_account}/{name}?api-version={version}"
        made = arm.raw("PUT", url, body)
        assert made.status_code == 201, made.text
        etag = made.headers["ETag"]
        answers = at_once(6, lambda n, url=url, body=body, etag=etag: separate[n].raw(
            "PUT", url, body | {"tags": {"writer": str(n)}}, headers={"If-Match": etag}))
        statuses = [answer.status_code for answer in answers]
        assert sorted(statuses) == [200] + 5 * [412]
        winner = answers[statuses.index(200)].json()
        assert arm.raw("GET", url).json() == winner
        assert winner["tags"] == {"writer": str(statuses.index(200))}
        assert winner["etag"] != etag


def test_concurrent_writers_without_conditions_do_not_mix(arm, arm_account):
    """One comes after the other: what each is told is whole, and so is what is there in the end."""
    version = "2024-10-01"
    url = f"{arm_account}/deployments/chat?api-version={version}"
    separate = [Arm(arm.service, version) for _ in range(8)]

    def body(n):
        sku = {"name": "Standard", "capacity": n + 1}
        return TURBO | {"sku": sku, "tags": {"writer": str(n), f"only{n}": "x"}}

    def is_whole(shown, n):
        tokens = next(limit for limit in shown["properties"]["rateLimits"] if limit["key"] == "token")
        return (shown["tags"] == body(n)["tags"] and shown["sku"]["capacity"] == n + 1
                and tokens["count"] == 1000 * (n + 1))

    for _ in range(5):
        answers = at_once(8, lambda n: separate[n].raw("PUT", url, body(n)))
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert all(is_whole(answer.json(), n) for n, answer in enumerate(answers))
        last = arm.raw("GET", url).json()
        assert last in [answer.json() for answer in answers]


def test_deployments_made_in_parallel_under_one_account(arm, arm_account):
    """None is refused with RequestConflict: no account is ever between two states, since a write is done by its reply."""
    separate = [Arm(arm.service) for _ in range(8)]
    answers = at_once(8, lambda n: separate[n].raw(
        "PUT", f"{arm_account}/deployments/chat{n}?api-version={arm.version}", TURBO))
    assert [answer.status_code for answer in answers] == 8 * [201]
    assert {answer.json()["properties"]["provisioningState"] for answer in answers} == {"Succeeded"}
    listed = arm.call("GET", f"{arm_account}/deployments")["value"]
    assert [item["name"] for item in listed] == [f"chat{n}" for n in range(8)]


def test_of_concurrent_makers_one_wins(arm, arm_group, arm_account):
    for path, body in ((f"{arm_account}2", {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus"}),
                       (f"{arm_account}/deployments/chat", TURBO)):
        separate = [Arm(arm.service) for _ in range(4)]
        url = f"{path}?api-version=2023-05-01"
        answers = at_once(4, lambda n, to=separate, url=url, body=body: to[n].raw(
            "PUT", url, body, headers={"If-None-Match": "*"}))
        assert sorted(answer.status_code for answer in answers) == [201] + 3 * [412]


def test_of_concurrent_claims_of_a_subdomain_one_wins(arm, arm_group):
    """By accounts of different names, without conditions."""
    name = "domain" + uuid.uuid4().hex[:8]
    separate = [Arm(arm.service) for _ in range(4)]
    body = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus", "properties": {"customSubDomainName": name}}
    answers = at_once(4, lambda n: separate[n].raw(
        "PUT", f"{arm.account(arm_group, f'claimant{n}')}?api-version=2023-05-01", body))
    assert sorted(answer.status_code for answer in answers) == [201] + 3 * [409]
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {"CustomDomainInUse"}


def test_group_goes_with_all_in_it(arm, arm_group, arm_account):
    arm.call("PUT", f"{arm_account}/deployments/chat", TURBO, 201)
    answer = arm.raw("DELETE", f"{arm.subscription}/resourcegroups/{arm_group}?api-version=2024-11-01")
    assert answer.status_code == 202
    assert answer.headers["Retry-After"]
    location = answer.headers["Location"]
    assert location.startswith(arm.service.endpoint)
    answer = arm.raw("GET", location[len(arm.service.endpoint):])
    assert (answer.status_code, answer.content) == (200, b"")
    assert arm.raw("HEAD", f"{arm.group(arm_group)}?api-version=2024-11-01").status_code == 404
    assert arm.error("GET", arm_account, status=404)["code"] == "ResourceGroupNotFound"


@in_every_version
def test_soft_delete(arm, arm_group, arm_account):
    name = arm_account.rsplit("/", 1)[1]
    provider = f"{arm.subscription}/providers/Microsoft.CognitiveServices"
    deleted = f"{provider}/locations/eastus/resourceGroups/{arm_group}/deletedAccounts/{name}"
    headers = {"api-key": arm.call("POST", f"{arm_account}/listKeys")["key1"]}

    def ask():
        """Of the data plane, by a key of the account, at the endpoint that all accounts share."""
        url = f"{arm.service.endpoint}/openai/models?api-version=2024-10-21"
        return requests.get(url, headers=headers, timeout=60).status_code

    assert ask() == 200
    arm.call("DELETE", arm_account)
    assert ask() == 401
    assert arm.call("GET", deleted)["properties"]["scheduledPurgeDate"]
    assert deleted in [item["id"] for item in arm.call("GET", f"{provider}/deletedAccounts")["value"]]
    arm.call("PUT", arm_account, {"location": "eastus", "properties": {"restore": True}}, 201)
    assert ask() == 200
    arm.call("DELETE", arm_account)
    arm.call("DELETE", deleted, status=202)
    arm.call("DELETE", deleted, status=204)


@in_every_version
def test_children_are_as_specified(arm, arm_group, arm_account):
    """What lies below an account besides deployments: made, listed, shown, and gone again."""
    state = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}}
    plan = {"properties": {"hostingModel": "Web", "planType": "PTU", "current": {"tier": "T1"}}}
    children = [("privateEndpointConnections/one", state, 200, 200), ("commitmentPlans/one", plan, 201, 200)]
    if arm.version > "2023-05-01":
        filters = [{"name": "Hate", "enabled": True, "blocking": True, "severityThreshold": "High", "source": "Prompt"}]
        key = {"keyName": "k", "keyVersion": "1", "keyVaultUri": "https://v.vault.azure.net/"}
        children += [
            ("raiPolicies/one", {"properties": {"mode": "Default", "contentFilters": filters}}, 201, 202),
            ("raiBlocklists/one", {"properties": {"description": "words"}}, 201, 202),
            ("raiBlocklists/one/raiBlocklistItems/two", {"properties": {"pattern": "x", "isRegex": True}}, 201, 202),
            ("encryptionScopes/one", {"properties": {"keySource": "Microsoft.KeyVault", "keyVaultProperties": key}}, 201, 202),
        ]
        provider = f"{arm.subscription}/providers/Microsoft.CognitiveServices/locations/eastus"
        assert arm.call("GET", arm.call("GET", f"{provider}/raiContentFilters")["value"][0]["id"])
    for name, body, made, _ in children:
        shown = arm.call("PUT", f"{arm_account}/{name}", body, made)
        assert arm.call("GET", f"{arm_account}/{name}") == shown
        assert shown in arm.call("GET", f"{arm_account}/{name.rsplit('/', 1)[0]}")["value"]
        arm.call("PUT", f"{arm_account}/{name}", shown)
    assert arm.call("GET", arm_account)["properties"]["privateEndpointConnections"][0]["name"] == "one"
    assert arm.call("GET", f"{arm_account}/privateLinkResources")["value"]
    if arm.version > "2023-05-01":
        items = [{"name": f"item{n}", "properties": {"pattern": "x"}} for n in range(3)]
        assert arm.call("POST", f"{arm_account}/raiBlocklists/one/addRaiBlocklistItems", items)["name"] == "one"
        arm.call("POST", f"{arm_account}/raiBlocklists/one/deleteRaiBlocklistItems", ["item0", "item1"], 204)
        assert len(arm.call("GET", f"{arm_account}/raiBlocklists/one/raiBlocklistItems")["value"]) == 2
    for name, _, _, gone in reversed(children):
        arm.call("DELETE", f"{arm_account}/{name}", status=gone)
        arm.call("DELETE", f"{arm_account}/{name}", status=204)


@in_every_version
def test_defender_for_ai(arm, arm_account):
    if arm.version <= "2023-05-01":
        return
    path = f"{arm_account}/defenderForAISettings/Default"
    assert arm.call("GET", path.rsplit("/", 1)[0])["value"] == []
    assert arm.call("GET", path, status=404)["error"]["code"] == "ResourceNotFound"
    made = arm.call("PUT", path, {"properties": {"state": "Enabled"}}, 201)
    assert (made["id"], made["name"], made["properties"]) == (path, "Default", {"state": "Enabled"})
    assert arm.call("GET", path) == made
    assert arm.call("GET", path.rsplit("/", 1)[0])["value"] == [made]
    changed = arm.call("PATCH", path, {"properties": {"state": "disabled"}})
    assert changed["properties"] == {"state": "Disabled"} and changed["etag"] != made["etag"]
    assert arm.call("PATCH", path, {"tags": {"a": "b"}})["properties"] == {"state": "Disabled"}
    error = arm.call("PUT", path, {"properties": {"state": "On"}}, 400)["error"]
    assert (error["code"], error["target"]) == ("InvalidRequestContent", "properties.state")
    arm.call("DELETE", path, status=405)
    arm.call("DELETE", arm_account)


@in_every_version
def test_network_security_perimeters(arm, arm_account):
    """There are none."""
    if arm.version <= "2023-05-01":
        return
    path = f"{arm_account}/networkSecurityPerimeterConfigurations"
    assert arm.call("GET", path)["value"] == []
    for method, name in (("GET", "one"), ("POST", "one/reconcile")):
        error = arm.call(method, f"{path}/{name}", status=404)["error"]
        assert error["code"] == "ResourceNotFound" and "networkSecurityPerimeterConfigurations/one" in error["message"]
        none = f"{path}/{name}".replace(arm_account, f"{arm_account}-none")
        assert arm.call(method, none, status=404)["error"]["code"] == "ParentResourceNotFound"
    arm.call("PUT", f"{path}/one", {"properties": {}}, 405)


@in_every_version
def test_shared_commitment_plan(arm, arm_group, arm_account):
    provider = f"{arm.group(arm_group)}/providers/Microsoft.CognitiveServices"
    plan = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus",
            "properties": {"hostingModel": "Web", "planType": "PTU", "current": {"tier": "T1"}}}
    arm.call("PUT", f"{provider}/commitmentPlans/shared", plan, 201)
    arm.call("PATCH", f"{provider}/commitmentPlans/shared", {"tags": {"a": "b"}})
    association = f"{provider}/commitmentPlans/shared/accountAssociations/one"
    arm.call("PUT", association, {"properties": {"accountId": arm_account}}, 201)
    for path in (f"{provider}/commitmentPlans", association.rsplit("/", 1)[0],
                 f"{arm.subscription}/providers/Microsoft.CognitiveServices/commitmentPlans"):
        assert arm.call("GET", path)["value"], path
    arm.call("DELETE", association)
    arm.call("DELETE", f"{provider}/commitmentPlans/shared")


def test_common_headers(arm, arm_account):
    ids = {"x-ms-client-request-id": str(uuid.uuid4()), "x-ms-correlation-request-id": str(uuid.uuid4())}
    headers = arm.raw("GET", f"{arm_account}?api-version={arm.version}", headers=ids).headers
    assert headers["x-ms-client-request-id"] == ids["x-ms-client-request-id"]
    assert headers["x-ms-correlation-request-id"] == ids["x-ms-correlation-request-id"]
    assert uuid.UUID(headers["x-ms-request-id"])
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_tokens(arm, arm_account):
    for authorization in (None, "Bearer wrong", "Basic eDp5"):
        answer = arm.raw("GET", f"{arm_account}?api-version={arm.version}", headers={"Authorization": authorization})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
        assert answer.json()["error"]["code"] in ("AuthenticationFailed", "InvalidAuthenticationToken")


@pytest.mark.parametrize("body, code", [
    ({"properties": {"model": {"format": "OpenAI", "name": "gpt-9", "version": "1"}}}, "DeploymentModelNotSupported"),
    ({"sku": {"name": "Nothing"}, "properties": TURBO["properties"]}, "InvalidResourceProperties"),
    ({**TURBO, "properties": {**TURBO["properties"], "scaleSettings": {"scaleType": "Standard"}}},
     "InvalidResourceProperties"),
    ({"sku": {"name": "Standard", "capacity": "many"}, "properties": TURBO["properties"]}, "InvalidRequestContent"),
    ([], "InvalidRequestContent"),
])
def test_refused_deployments(arm, arm_account, body, code):
    error = arm.error("PUT", f"{arm_account}/deployments/chat", body)
    assert error["code"] == code
    assert error["message"]


def test_pages(arm, arm_group):
    names = [f"page{n}" for n in range(3)]
    for name in names:
        arm.make_account(arm_group, name)
    path = f"{arm.group(arm_group)}/resources?api-version=2022-12-01&$top=2"
    found = []
    while path:
        page = arm.raw("GET", path).json()
        found += [item["name"] for item in page["value"]]
        assert len(page["value"]) <= 2
        path = page.get("nextLink", "")[len(arm.service.endpoint):]
    assert found == names


def test_all_is_there_after_a_crash():
    """Also the keys open what they did."""
    with Lazuli(catalog=SIMULATED) as service:
        arm = Arm(service)
        path = service.account_id
        arm.call("PUT", f"{path}/deployments/kept", TURBO, 201)
        deployments = arm.call("GET", f"{path}/deployments")
        keys = arm.call("POST", f"{path}/listKeys")
        service.kill()
        service.start()
        assert arm.call("GET", f"{path}/deployments") == deployments
        assert arm.call("POST", f"{path}/listKeys") == keys
