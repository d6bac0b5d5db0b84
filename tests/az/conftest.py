"""Fixtures of the tests with the real Azure CLI."""

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
def az(lazuli, tmp_path_factory):
    """az, signed in."""
    az = Az(lazuli, tmp_path_factory.mktemp("az"))
    az.sign_in()
    return az
