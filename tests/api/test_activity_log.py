"""The activity log by Microsoft's SDK: the caller, the client's address, the outcome and the order of what was written."""

import datetime
import uuid

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.mgmt.monitor import MonitorManagementClient

from arm import Arm, Token
from certificate import tls_arguments
from conftest import SIMULATED
from service import Lazuli

MODEL = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}
DEPLOYMENT = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": MODEL}}
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture(scope="module")
def service(certificate):
    with Lazuli(catalog=SIMULATED, arguments=tls_arguments(certificate)) as running:
        yield running


@pytest.fixture(scope="module")
def arm(service, certificate):
    arm = Arm(service)
    arm.session.verify = str(certificate / "cert.pem")
    arm.session.trust_env = False  # a bundle of the environment would take its place
    return arm


@pytest.fixture(scope="module")
def monitor(service, certificate):
    return MonitorManagementClient(
        Token(service.token),
        service.variables["LAZULI_SUBSCRIPTION_ID"],
        base_url=f"https://127.0.0.1:{service.port}",
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=str(certificate / "cert.pem"),
    )


@pytest.fixture(scope="module")
def group(arm):
    name = "log" + uuid.uuid4().hex[:8]
    arm.make_group(name)
    return name


def now():
    """The service's clock may be 10 ms late."""
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(milliseconds=50)


def events(monitor, more="", since=None, **arguments):
    since = since or now() - datetime.timedelta(hours=1)
    return list(monitor.activity_logs.list(f"eventTimestamp ge '{since:%Y-%m-%dT%H:%M:%S.%fZ}'{more}", **arguments))


def test_a_write_is_told_to_the_sdk(arm, monitor, group):
    correlation = str(uuid.uuid4())
    before = now()
    path = arm.account(group, "told")
    body = {"kind": "OpenAI", "sku": {"name": "s0"}, "location": "eastus", "properties": {}}
    headers = {"x-ms-correlation-request-id": correlation, "x-ms-client-request-id": "mine"}
    answer = arm.raw("PUT", f"{path}?api-version=2023-05-01", body, headers=headers)
    assert answer.status_code == 201
    (event,) = events(monitor, f" and correlationId eq '{correlation}'")
    assert event.operation_name.value == "Microsoft.CognitiveServices/accounts/write"
    assert event.operation_name.localized_value == "Write API Account"
    assert (event.status.value, event.sub_status.value, event.level) == ("Succeeded", "Created", "Informational")
    assert (event.resource_id, event.resource_group_name) == (path, group)
    assert event.resource_type.value == "Microsoft.CognitiveServices/accounts"
    assert event.caller == "admin"
    assert event.authorization.action == "Microsoft.CognitiveServices/accounts/write"
    assert event.authorization.scope == path
    assert event.http_request.client_ip_address == "127.0.0.1"
    assert (event.http_request.method, event.http_request.client_request_id) == ("PUT", "mine")
    assert event.http_request.uri == answer.url
    assert event.correlation_id == correlation
    assert event.properties["serviceRequestId"] == answer.headers["x-ms-request-id"]
    assert before - SECOND < event.event_timestamp < now() + SECOND
    assert uuid.UUID(event.event_data_id)


def test_what_is_refused_is_told_too(arm, monitor, group):
    before = now()
    path = arm.account(group, "refused")
    arm.make_account(group, "refused")
    arm.call("PUT", path + "/deployments/one", DEPLOYMENT, 201)
    arm.error("DELETE", path, status=409)
    arm.error("PUT", path + "/deployments/two", {"sku": {"name": "Nothing"}}, status=400)
    arm.error("PATCH", path, {"tags": {}}, status=412, headers={"If-Match": '"other"'})
    found = events(monitor, f" and resourceId eq '{path}'", before)
    outcomes = [(e.operation_name.value.rsplit("/", 1)[1], e.status.value, e.sub_status.value) for e in found]
    assert outcomes == [
        ("write", "Failed", "PreconditionFailed"),
        ("write", "Failed", "BadRequest"),
        ("delete", "Failed", "Conflict"),
        ("write", "Succeeded", "Created"),
        ("write", "Succeeded", "Created"),
    ]
    assert "CannotDeleteResource" in found[2].properties["statusMessage"]
    assert [e.event_timestamp for e in found] == sorted((e.event_timestamp for e in found), reverse=True)
    assert len(events(monitor, f" and resourceId eq '{path}' and status eq 'Failed'", before)) == 3


def test_a_body_above_the_limit_is_told(arm, monitor, group):
    """One that tells its length before it comes, and one in chunks."""
    large = b"x" * (4 << 20)
    for name, body in (("announced", large + b"x"), ("chunked", iter([large, b"x"]))):
        path = arm.account(group, name)
        url = f"{arm.service.endpoint}{path}?api-version=2023-05-01"
        answer = requests.put(url, data=body, headers=arm.session.headers, verify=arm.session.verify, timeout=60)
        assert answer.status_code == 413
        (event,) = events(monitor, f" and resourceId eq '{path}'")
        assert event.sub_status.value == "RequestEntityTooLarge"


def test_strangers_and_readers_leave_nothing(arm, monitor):
    url = f"{arm.service.endpoint}{arm.group('nobodys')}?api-version=2022-12-01"
    headers = {"Authorization": "Bearer wrong"}
    assert requests.delete(url, headers=headers, verify=arm.session.verify, timeout=60).status_code == 401
    arm.call("GET", arm.group("nobodys"), status=404)
    assert events(monitor, " and resourceGroupName eq 'nobodys'") == []


def test_keys_are_not_in_it(arm, monitor, group, service):
    arm.make_account(group, "keys")
    path = arm.account(group, "keys")
    old = arm.call("POST", path + "/listKeys")
    new = arm.call("POST", path + "/regenerateKey", {"keyName": "Key1"})
    found = events(monitor, f" and resourceUri eq '{path}'")
    assert [e.operation_name.value for e in found[:2]] == [
        "Microsoft.CognitiveServices/accounts/regenerateKey/action",
        "Microsoft.CognitiveServices/accounts/listKeys/action",
    ]
    files = b"".join(f.read_bytes() for f in service.data.rglob("*") if f.is_file())
    assert b"regenerateKey/action" in files  # the log is looked at as it lies on the disk
    for secret in (old["key1"], old["key2"], new["key1"], service.token):
        assert secret.encode() not in files


def test_pages_hold_every_event_once(arm, monitor, group):
    before = now()
    arm.make_account(group, "pages")
    path = arm.account(group, "pages")
    for number in range(120):
        arm.call("PATCH", path, {"tags": {"number": str(number)}})
    found = events(monitor, f" and resourceId eq '{path}'", before)
    assert len(found) == len({e.event_data_id for e in found}) == 121


def test_only_what_is_selected_comes(monitor, group):
    event = events(monitor, f" and resourceGroupName eq '{group}'", select="caller,eventTimestamp")[0]
    assert event.caller == "admin" and event.event_timestamp and event.operation_name is None


def test_a_filter_without_a_start_is_refused(monitor):
    with pytest.raises(HttpResponseError) as failure:
        list(monitor.activity_logs.list("resourceGroupName eq 'x'"))
    assert failure.value.status_code == 400
    assert "eventTimestamp ge" in failure.value.message


def test_categories_and_the_tenants_log(monitor):
    assert "Administrative" in [c.value for c in monitor.event_categories.list()]
    assert list(monitor.tenant_activity_logs.list(filter="eventTimestamp ge '2020-01-01T00:00:00Z'")) == []


def test_it_outlives_a_restart(arm, monitor, group, service, certificate):
    found = [e.event_data_id for e in events(monitor, f" and resourceGroupName eq '{group}'")]
    service.stop()
    service.start()
    again = MonitorManagementClient(
        Token(service.token),
        service.variables["LAZULI_SUBSCRIPTION_ID"],
        base_url=f"https://127.0.0.1:{service.port}",
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=str(certificate / "cert.pem"),
    )
    assert [e.event_data_id for e in events(again, f" and resourceGroupName eq '{group}'")] == found
    assert found
