"""What an operator sees of sign-ins that fail and of changed principals: the log, and the activity log."""

import pytest

from entra import ARM, AZ_CLIENT, claims_of
from service import Lazuli


@pytest.fixture(scope="module")
def service():
    with Lazuli() as s:
        yield s


def test_sign_ins_that_fail_are_in_the_log(service, entra):
    ann = entra.make_user("ann@lazuli.example")
    begin = len(service.log_text())
    form = {"grant_type": "password", "client_id": AZ_CLIENT, "scope": f"{ARM}/.default", "username": ann["userPrincipalName"]}
    assert entra.ask(password="not-the-one", **form).status_code == 400
    service.wait_for_log(
        f"sign_in_failed kind=user id={ann['id']} client={AZ_CLIENT} reason=AADSTS50126 left_out=0 address=127.0.0.1\n", begin
    )
    entra.ask_as_first(client_secret="not-the-one-either")
    service.wait_for_log("sign_in_failed kind=application id=", begin)
    assert "not-the-one" not in service.log_text()


def events_of(service, entra, object_id):
    """The activity log's of an application, the newest first."""
    query = {"api-version": "2015-04-01", "$filter": "eventTimestamp ge '2020-01-01T00:00:00Z'"}
    headers = {"Authorization": f"Bearer {service.token}"}
    url = f"{entra.base}/providers/Microsoft.Insights/eventtypes/management/values"
    answer = entra.session.get(url, headers=headers, params=query)
    return [e for e in answer.json()["value"] if e["resourceId"] == f"/providers/Microsoft.Graph/applications/{object_id}"]


def operations_of(service, entra, object_id):
    return [e["operationName"]["value"] for e in events_of(service, entra, object_id)]


def test_changes_of_principals_are_in_the_logs(service, entra):
    begin, first = len(service.log_text()), claims_of(entra.token())
    object_id, _, secret = entra.make_principal("told-of")
    for change in ("created", "secret_added"):
        service.wait_for_log(f"principal_changed change={change} kind=application id={object_id} ", begin)
    assert f"by={first['oid']} address=127.0.0.1\n" in service.log_text()[begin:] and secret not in service.log_text()
    events = events_of(service, entra, object_id)
    assert len(events) == 3 and {e["operationName"]["value"] for e in events} == {"Microsoft.Graph/applications/write"}
    assert {(e["caller"], e["httpRequest"]["clientIpAddress"]) for e in events} == {(first["appid"], "127.0.0.1")}


def test_what_is_taken_from_a_principal_does_not_delete_it(service, entra):
    object_id, _, _ = entra.make_principal("federated")
    body = {"name": "pod", "issuer": "https://id.example", "subject": "s", "audiences": ["a"]}
    path = f"/applications/{object_id}"
    entra.graph("POST", f"{path}/federatedIdentityCredentials", body)
    entra.graph("DELETE", f"{path}/federatedIdentityCredentials/pod")
    service.wait_for_log(f"principal_changed change=federated_credential_removed kind=application id={object_id} ")
    assert operations_of(service, entra, object_id)[0] == "Microsoft.Graph/applications/write"
    entra.graph("DELETE", path)
    assert operations_of(service, entra, object_id)[0] == "Microsoft.Graph/applications/delete"
