"""Tokens of a foreign issuer: who bears them, which are refused, and how its keys are followed."""

import base64
import json
import time
import uuid

import pytest
import requests

from arm import Arm
from conftest import SIMULATED
from fake_issuer import FakeIssuer, Key, changed, identity_file, sign_with_secret
from service import Lazuli
from waiting import wait_until

OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
VERSION = "api-version=2022-12-01"


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer() as running:
        yield running


def entry_of(issuer, **more):
    return {"issuer": issuer.url, "audiences": ["api://lazuli", "https://management.azure.com"]} | more


@pytest.fixture(scope="module")
def service(issuer, tmp_path_factory):
    file = identity_file(tmp_path_factory.mktemp("identity"), entry_of(issuer))
    with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as running:
        running.identity_file = file
        wait_until(lambda: is_taken(running, issuer.token()), running.log_text)
        yield running


def ask(service, token, path=None):
    """The status of a read of the subscription, and the error's code and message."""
    path = path or f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups"
    url = f"{service.endpoint}{path}?{VERSION}"
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    error = answer.json().get("error", {}) if answer.content else {}
    return answer.status_code, error.get("code"), error.get("message", "")


def is_taken(service, token):
    """The token is good, whatever its bearer may do."""
    return ask(service, token)[0] != 401


def assign(service, role, object_id):
    arm = Arm(service)
    definition = f"{arm.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": object_id, "principalType": "User"}
    path = f"{arm.subscription}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    answer = arm.raw("PUT", f"{path}?api-version=2022-04-01", {"properties": properties})
    assert answer.status_code == 201, answer.text


def test_a_bearer_may_do_what_its_roles_say(service, issuer):
    """A refusal tells the object id by which it is named, and its assignment lets it in."""
    path = f"{Arm(service).group('nothing')}"
    status, code, message = ask(service, issuer.token(), path)
    assert (status, code) == (403, "AuthorizationFailed")
    assert "alice@example.com" in message
    object_id = message.split("object id '")[1].split("'")[0]
    assert uuid.UUID(object_id)
    assign(service, READER, object_id)
    assert ask(service, issuer.token(), path)[:2] == (404, "ResourceGroupNotFound")
    assert ask(service, issuer.token(sub="bob"), path)[0] == 403


def test_a_guid_is_taken_as_it_is(service, issuer):
    """A tenant's object ids stay what they are, and so do groups."""
    path = f"{Arm(service).group('nothing')}"
    object_id, group = str(uuid.uuid4()), str(uuid.uuid4())
    assign(service, READER, object_id)
    assign(service, READER, group)
    assert ask(service, issuer.token(oid=object_id), path)[0] == 404
    assert ask(service, issuer.token(sub="carol", groups=[group]), path)[0] == 404
    assert ask(service, issuer.token(sub="carol", groups=["others"]), path)[0] == 403


def test_what_the_bearer_writes_is_told_in_its_name(service, issuer):
    """The activity log knows who it was, though the write was refused."""
    arm = Arm(service)
    url = f"{service.endpoint}{arm.group('foreign')}?{VERSION}"
    headers = {"Authorization": f"Bearer {issuer.token()}"}
    assert requests.put(url, json={"location": "eastus"}, headers=headers, timeout=60).status_code == 403
    answer = arm.raw(
        "GET",
        f"{arm.subscription}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01"
        "&$filter=eventTimestamp ge '2020-01-01T00:00:00Z' and resourceGroupName eq 'foreign'",
    )
    (event,) = answer.json()["value"]
    assert (event["caller"], event["status"]["value"], event["subStatus"]["value"]) == (
        "alice@example.com",
        "Failed",
        "Forbidden",
    )


def bad_tokens(issuer):
    now = int(time.time())
    own_key = json.dumps(issuer.keys[0].published()).encode()
    return {
        "of another key under a known id": (issuer.token(key=Key("first")), "InvalidAuthenticationToken"),
        "of an unknown issuer": (issuer.token(iss="https://id.example.com"), "InvalidAuthenticationTokenTenant"),
        "of an issuer whose name only begins so": (issuer.token(iss=issuer.url + "/"), "InvalidAuthenticationTokenTenant"),
        "for another audience": (issuer.token(aud="api://other"), "InvalidAuthenticationTokenAudience"),
        "for other audiences": (issuer.token(aud=["a", "b"]), "InvalidAuthenticationTokenAudience"),
        "for none": (issuer.token(aud=None), "InvalidAuthenticationTokenAudience"),
        "expired": (issuer.token(exp=now - 1), "ExpiredAuthenticationToken"),
        "without an end": (issuer.token(exp=None), "InvalidAuthenticationToken"),
        "not valid yet": (issuer.token(nbf=now + 3600), "InvalidAuthenticationToken"),
        "without a subject": (issuer.token(sub=None), "InvalidAuthenticationToken"),
        "unsigned": (
            changed(issuer.token(), 0, lambda h: h | {"alg": "none"}).rpartition(".")[0] + ".",
            "InvalidAuthenticationToken",
        ),
        "signed by a secret": (sign_with_secret(own_key, issuer.claims(), "first"), "InvalidAuthenticationToken"),
        "changed": (changed(issuer.token(), 1, lambda c: c | {"sub": "root"}), "InvalidAuthenticationToken"),
        "with padding": ("A=AA." + issuer.token().partition(".")[2], "InvalidAuthenticationToken"),
        "with critical headers": (issuer.token(header={"crit": ["x"], "x": 1}), "InvalidAuthenticationToken"),
    }


def test_bad_tokens_are_refused(service, issuer):
    for name, (token, code) in bad_tokens(issuer).items():
        status, found, _ = ask(service, token)
        assert (status, found) == (401, code), f"a token {name}"


def test_one_of_several_audiences_is_enough(service, issuer):
    assert is_taken(service, issuer.token(aud=["api://other", "api://lazuli"]))


def test_a_principal_of_the_service_is_not_a_foreign_issuers(service, issuer):
    variables = service.variables
    answer = requests.post(
        f"{service.endpoint}/{variables['AZURE_TENANT_ID']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": variables["AZURE_CLIENT_ID"],
            "client_secret": variables["AZURE_CLIENT_SECRET"],
            "scope": "https://management.azure.com/.default",
        },
        timeout=60,
    )
    own = json.loads(base64.urlsafe_b64decode(answer.json()["access_token"].split(".")[1] + "=="))["oid"]
    for claims in ({"oid": own}, {"groups": [own]}, {"groups": ["others", own.upper()]}):
        status, code, _ = ask(service, issuer.token(**claims))
        assert (status, code) == (401, "InvalidAuthenticationToken"), claims


def test_keys_are_followed_when_they_change(service, issuer):
    """The first token of a new key has the keys fetched; a storm of others does not, for a minute."""
    before = issuer.key_requests
    old = issuer.token()
    issuer.rotate("second")
    wait_until(lambda: is_taken(service, issuer.token()), service.log_text)
    assert issuer.key_requests == before + 1
    assert ask(service, old)[0] == 401
    stranger = Key("third")
    for _ in range(50):
        assert ask(service, issuer.token(key=stranger))[0] == 401
    assert issuer.key_requests == before + 1
    assert is_taken(service, issuer.token())


def test_a_reload_adds_and_removes_issuers(service, issuer):
    with FakeIssuer() as other:
        identity_file(service.identity_file.parent, entry_of(other))
        assert "reload_done" in service.reload()
        wait_until(lambda: is_taken(service, other.token()), service.log_text)
        assert ask(service, issuer.token())[:2] == (401, "InvalidAuthenticationTokenTenant")
        service.identity_file.write_text("issuers:\n  - issuer: http://id.example.com\n    audiences: [a]\n")
        assert "identity.yaml:2: issuers[0].issuer: it must be an https URL" in service.reload()
        assert is_taken(service, other.token())
    identity_file(service.identity_file.parent, entry_of(issuer))
    service.reload()
    wait_until(lambda: is_taken(service, issuer.token()), service.log_text)


# -- Models ------------------------------------------------------------------------------------------------------------------


CONNECTION = requests.Session()  # kept, so that calls come to one worker, which remembers what was good


def chat(service, token, **more):
    """The status of a call of a model, and what its error says: nothing, a code, or a refused token's text."""
    url = f"{service.endpoint}/accounts/{service.variables['LAZULI_ACCOUNT']}/openai/deployments/gpt-4/chat/completions"
    answer = CONNECTION.post(
        f"{url}?api-version=2024-10-21", json={"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2} | more,
        headers={"Authorization": f"Bearer {token}"}, timeout=60,
    )  # fmt: skip
    body = answer.json()
    return answer.status_code, body.get("error", {}).get("code") or body.get("message", "")[:12]


GOOD, NO_ROLE, NO_TOKEN = (200, ""), (401, "PermissionDenied"), (401, "Unauthorized")


@pytest.fixture
def called(tmp_path):
    """A service with an issuer of its own, whose keys come and go, and that lets "alice" call models; where both are."""
    with FakeIssuer() as issuer:
        file = identity_file(tmp_path, entry_of(issuer))
        with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as running:
            wait_until(lambda: is_taken(running, issuer.token()), running.log_text)
            assign(running, OPENAI_USER, object_id_of(running, issuer.token()))
            yield running, issuer, tmp_path


def object_id_of(service, token):
    """By which the service names the bearer: it tells that in a refusal."""
    return ask(service, token, Arm(service).group("nothing"))[2].split("object id '")[1].split("'")[0]


def test_a_bearer_calls_models_by_its_role(service, issuer):
    claims = {"sub": "caller", "preferred_username": "caller@example.com"}
    token = issuer.token(**claims)
    assert chat(service, token) == NO_ROLE
    assign(service, OPENAI_USER, object_id_of(service, token))
    assert chat(service, token) == chat(service, issuer.token(**claims)) == GOOD
    assert chat(service, issuer.token(sub="another")) == NO_ROLE
    client = service.azure(api_key=None, azure_ad_token_provider=lambda: issuer.token(**claims))
    client.base_url = f"{service.endpoint}/accounts/{service.variables['LAZULI_ACCOUNT']}/openai"
    assert client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "hi"}], max_tokens=2).choices


def test_a_bearer_calls_models_by_its_groups_role(service, issuer):
    group = str(uuid.uuid4())
    token = issuer.token(sub="member", groups=["others", group])
    assert chat(service, token) == NO_ROLE
    assign(service, OPENAI_USER, group)
    assert chat(service, token) == GOOD
    assert chat(service, issuer.token(sub="member", groups=["others"])) == NO_ROLE
    assert chat(service, issuer.token(sub="member")) == NO_ROLE


def test_bad_tokens_call_no_model(called):
    service, issuer, _ = called
    assert chat(service, issuer.token()) == GOOD
    for name, (token, _) in bad_tokens(issuer).items():
        assert chat(service, token) == NO_TOKEN, f"a token {name}"


def test_a_token_for_one_service_of_azures_is_for_that_only(tmp_path):
    """Of those audiences; one of the operator's own is for both."""
    arm, data = "https://management.azure.com", "https://cognitiveservices.azure.com"
    with FakeIssuer() as issuer:
        file = identity_file(tmp_path, entry_of(issuer, audiences=["api://lazuli", arm, data]))
        with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as service:
            wait_until(lambda: is_taken(service, issuer.token()), service.log_text)
            object_id = object_id_of(service, issuer.token())
            assign(service, OPENAI_USER, object_id)
            assign(service, READER, object_id)
            taken = {aud: (ask(service, issuer.token(aud=aud))[0], chat(service, issuer.token(aud=aud)))
                     for aud in ("api://lazuli", arm, data)}  # fmt: skip
            assert taken == {"api://lazuli": (200, GOOD), arm: (200, NO_TOKEN), data: (401, GOOD)}


def test_what_was_good_by_an_old_key_is_not_remembered(called):
    """It was called with, so that the service need not have looked at it again."""
    service, issuer, _ = called
    old = issuer.token()
    assert chat(service, old) == chat(service, old) == GOOD
    issuer.rotate("second")
    wait_until(lambda: chat(service, issuer.token()) == GOOD, service.log_text)
    assert chat(service, old) == NO_TOKEN
    assert chat(service, issuer.token()) == GOOD


def test_a_removed_issuers_tokens_are_not_remembered(called):
    service, issuer, folder = called
    token = issuer.token()
    assert chat(service, token) == chat(service, token) == GOOD
    with FakeIssuer() as other:
        identity_file(folder, entry_of(other))
        assert "reload_done" in service.reload()
        assert chat(service, token) == NO_TOKEN
        identity_file(folder, entry_of(issuer, audiences=["api://other"]), entry_of(other))
        assert "reload_done" in service.reload()
        wait_until(lambda: is_taken(service, other.token()), service.log_text)
        assert chat(service, token) == NO_TOKEN
        identity_file(folder, entry_of(issuer))
        assert "reload_done" in service.reload()
        wait_until(lambda: chat(service, token) == GOOD, service.log_text)


def test_an_issuer_is_asked_by_tls_that_is_checked(certificate, tmp_path):
    with FakeIssuer(certificate) as issuer:
        file = identity_file(tmp_path, entry_of(issuer))
        with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as service:
            service.wait_for_log("issuer_fetch_failed")
            assert ask(service, issuer.token())[:2] == (401, "InvalidAuthenticationToken")
            identity_file(tmp_path, entry_of(issuer, ca_file=str(certificate / "cert.pem")))
            service.reload()
            wait_until(lambda: is_taken(service, issuer.token()), service.log_text)


def test_claims_are_found_where_the_file_says(tmp_path):
    with FakeIssuer() as issuer:
        names = {"subject_claim": "who", "name_claim": "mail", "groups_claim": "teams", "tenant_id": "T1"}
        file = identity_file(tmp_path, entry_of(issuer, **names))
        with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as service:
            wait_until(lambda: is_taken(service, issuer.token(who="alice", tid="T1")), service.log_text)
            group, path = str(uuid.uuid4()), Arm(service).group("nothing")
            assign(service, READER, group)
            claims = {"who": "alice", "mail": "alice@lab", "teams": [group], "tid": "T1"}
            assert ask(service, issuer.token(**claims), path)[0] == 404
            status, _, message = ask(service, issuer.token(**claims | {"teams": []}), path)
            assert status == 403 and "alice@lab" in message
            assert ask(service, issuer.token(**claims | {"tid": "T2"}), path)[0] == 401
            assert ask(service, issuer.token(**claims | {"who": None}), path)[0] == 401


def test_a_start_without_its_issuer_serves_the_others(tmp_path, issuer):
    file = identity_file(tmp_path, entry_of(issuer) | {"issuer": "http://127.0.0.1:9/x"}, entry_of(issuer))
    with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as service:
        service.wait_for_log("issuer_fetch_failed issuer=http://127.0.0.1:9/x")
        wait_until(lambda: is_taken(service, issuer.token()), service.log_text)


def test_an_issuer_has_nothing_asked_for_on_this_machine(certificate, tmp_path):
    """Whoever stands behind an https issuer would reach what listens on loopback by its jwks_uri."""
    with FakeIssuer(certificate) as issuer, FakeIssuer() as inside:
        document = {"issuer": issuer.url, "jwks_uri": inside.url + "/keys"}
        issuer.answer = lambda path: (200, json.dumps(document).encode())
        file = identity_file(tmp_path, entry_of(issuer, ca_file=str(certificate / "cert.pem")))
        with Lazuli(catalog=SIMULATED, arguments=["--identity-file", str(file)]) as service:
            service.wait_for_log("discovery document: its jwks_uri must be an https URL")
        assert inside.key_requests == 0
