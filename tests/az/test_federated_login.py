"""Federated identity credentials as az makes them, and az signed in by them."""

import json
import secrets

import pytest

from az import Az
from federation import EXCHANGE, federating

MAIN = "repo:octo-org/octo-repo:ref:refs/heads/main"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with federating(tmp_path_factory.mktemp("identity")) as running:
        yield running


@pytest.fixture(scope="module")
def issuer(service):
    return service.issuer


@pytest.fixture(scope="module")
def unsigned(service, tmp_path_factory):
    """az that knows the service, and where nobody has signed in: to be copied."""
    az = Az(service, tmp_path_factory.mktemp("unsigned"))
    az.register()
    return az


@pytest.fixture(scope="module")
def az(unsigned, tmp_path_factory):
    """az, signed in as the service's first service principal."""
    az = unsigned.copy(tmp_path_factory.mktemp("az") / "az")
    az.sign_in()
    return az


@pytest.fixture
def stranger(unsigned, tmp_path):
    return unsigned.copy(tmp_path / "stranger")


def scope_of(service):
    return f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}"


def sign_in(stranger, service, client_id, token, **options):
    tenant = ("--tenant", service.variables["AZURE_TENANT_ID"])
    words = ("login", "--service-principal", "--username", client_id, *tenant, "--federated-token", token)
    return stranger.run(*words, "--output", "json", **options)


def test_credentials_of_an_application(az, issuer):
    app = az("ad", "app", "create", "--display-name", "ci")
    fic = ("ad", "app", "federated-credential")
    body = {"name": "main", "issuer": issuer.url, "subject": MAIN, "audiences": [EXCHANGE], "description": "the main branch"}
    made = az(*fic, "create", "--id", app["appId"], "--parameters", json.dumps(body))
    assert body.items() <= made.items() and made["id"]
    assert az(*fic, "list", "--id", app["id"]) == [made]
    for name in (made["id"], "main"):
        assert az(*fic, "show", "--id", app["id"], "--federated-credential-id", name) == made
    where = ("--id", app["id"], "--federated-credential-id", made["id"])
    az(*fic, "update", *where, "--parameters", json.dumps({"subject": MAIN + "2", "description": None}))
    assert az(*fic, "show", *where) == made | {"subject": MAIN + "2", "description": None}
    again = az.run(*fic, "create", "--id", app["id"], "--parameters", json.dumps(body), status=1).stderr
    assert "FederatedIdentityCredential with name main already exists" in again
    wrong = az.run(*fic, "update", *where, "--parameters", json.dumps({"issuer": "github"}), status=1).stderr
    assert "FederatedIdentityCredential.issuer" in wrong
    az(*fic, "delete", *where)
    assert az(*fic, "list", "--id", app["id"]) == []
    az("ad", "app", "delete", "--id", app["id"])


def test_signed_in_by_a_federated_token(az, stranger, service, issuer):
    """As azure/login does it in a workflow of GitHub's."""
    words = ("--name", "ci", "--role", "Reader", "--scopes", scope_of(service))
    made = az("ad", "sp", "create-for-rbac", *words)
    body = {"name": "main", "issuer": issuer.url, "subject": MAIN, "audiences": [EXCHANGE]}
    az("ad", "app", "federated-credential", "create", "--id", made["appId"], "--parameters", json.dumps(body))
    wrong = issuer.token(sub=MAIN + "2", aud=EXCHANGE)
    assert "AADSTS700213: No matching federated" in sign_in(stranger, service, made["appId"], wrong, status=1).stderr
    (account,) = json.loads(sign_in(stranger, service, made["appId"], issuer.token(sub=MAIN, aud=EXCHANGE)).stdout)
    assert account["user"] == {"name": made["appId"], "type": "servicePrincipal"}
    assert service.variables["LAZULI_RESOURCE_GROUP"] in [item["name"] for item in stranger("group", "list")]


def test_credentials_of_an_identity(az, stranger, unsigned, service, issuer, tmp_path):
    group = f"group-{secrets.token_hex(3)}"
    az("group", "create", "--name", group, "--location", "eastus")
    identity = az("identity", "create", "--name", "runner", "--resource-group", group)
    fic = ("identity", "federated-credential")
    all_of = ("--identity-name", "runner", "--resource-group", group)
    where = ("--name", "main", *all_of)
    words = ("--issuer", issuer.url, "--subject", MAIN, "--audiences", EXCHANGE)
    made = az(*fic, "create", *where, *words)
    assert made["id"] == f"{identity['id']}/federatedIdentityCredentials/main"
    assert (made["issuer"], made["subject"], made["audiences"]) == (issuer.url, MAIN, [EXCHANGE])
    assert az(*fic, "show", *where) == made and az(*fic, "list", *all_of) == [made]
    words = ("--issuer", issuer.url, "--subject", MAIN + "2", "--audiences", EXCHANGE)
    assert az(*fic, "update", *where, *words) == made | {"subject": MAIN + "2"}

    az("role", "assignment", "create", "--assignee", identity["principalId"], "--role", "Reader", "--scope", scope_of(service))
    (account,) = json.loads(
        sign_in(stranger, service, identity["clientId"], issuer.token(sub=MAIN + "2", aud=EXCHANGE)).stdout
    )
    assert account["user"] == {"name": identity["clientId"], "type": "servicePrincipal"}
    assert group in [item["name"] for item in stranger("group", "list")]

    az(*fic, "delete", *where, "--yes")
    assert az(*fic, "list", *all_of) == []
    az.run(*fic, "show", *where, status=3)
    # by another one: this one still has its token
    another = unsigned.copy(tmp_path / "another")
    refused = sign_in(another, service, identity["clientId"], issuer.token(sub=MAIN + "2", aud=EXCHANGE), status=1)
    assert "AADSTS700211" in refused.stderr
