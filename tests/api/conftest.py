"""Fixtures that the API tests share."""

import pytest
from service import Lazuli

# Every deployment answers from the simulator: same request, same answer, at once.
SIMULATED = """
extends: default
default_engines:
  chat: sim
  completion: sim
  embeddings: sim
"""


@pytest.fixture(scope="session")
def lazuli():
    """`lazuli up` as a newcomer has it: the embedded model behind every deployment."""
    with Lazuli() as service:
        yield service


@pytest.fixture(scope="session")
def simulated():
    """`lazuli up` with the simulator behind every deployment."""
    with Lazuli(catalog=SIMULATED) as service:
        yield service
