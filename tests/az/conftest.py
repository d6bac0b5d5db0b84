"""Fixtures of the tests with the real Azure CLI."""

import secrets

import pytest

from az import Az
from service import Lazuli


@pytest.fixture(scope="session")
def lazuli():
    """`lazuli up` as a newcomer has it, which serves TLS with its development CA."""
    with Lazuli() as service:
        yield service


@pytest.fixture
def signed_out(lazuli, tmp_path):
    """az as it is when it has been installed."""
    return Az(lazuli, tmp_path / "az")


@pytest.fixture(scope="session")
def registered(lazuli, tmp_path_factory):
    """az that knows the service, and where nobody has signed in: to be copied."""
    az = Az(lazuli, tmp_path_factory.mktemp("registered"))
    az.register()
    return az


@pytest.fixture(scope="session")
def az(registered, tmp_path_factory):
    """az, signed in as the service's first service principal."""
    az = registered.copy(tmp_path_factory.mktemp("az") / "az")
    az.sign_in()
    return az


@pytest.fixture
def stranger(registered, tmp_path):
    """az of somebody who has not signed in yet."""
    return registered.copy(tmp_path / "stranger")


@pytest.fixture
def group(lazuli):
    """A resource group of the test's own."""
    name = f"group-{secrets.token_hex(3)}"
    path = f"/subscriptions/{lazuli.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{name}"
    lazuli.arm("PUT", path, {"location": "eastus"}, version="2021-04-01").raise_for_status()
    return name


@pytest.fixture
def account(lazuli, group):
    """An account of the test's own in its group: the options by which az finds it."""
    name = f"account-{secrets.token_hex(3)}"
    path = f"/subscriptions/{lazuli.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{group}"
    body = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus", "properties": {}}
    path = f"{path}/providers/Microsoft.CognitiveServices/accounts/{name}"
    lazuli.arm("PUT", path, body).raise_for_status()
    return ("--name", name, "--resource-group", group)
