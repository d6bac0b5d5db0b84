"""Fixtures that tests of faults share."""

import pytest

from arm_watch import arm_answers_are_as_specified, look_at_answers  # noqa: F401
from certificate import make_certificate, tls_arguments
from fake_upstream import FakeUpstream
from memory import SMALL_QUARANTINE
from scripted import CATALOG
from service import ONE_LOOP, Lazuli


@pytest.fixture(scope="module")
def upstream():
    fake = FakeUpstream()
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def service(request, upstream, certificate):
    """In front of the upstream, with the module's own LIMITS. Plain HTTP and TLS are served on the same port,
    all by one loop."""
    arguments = tls_arguments(certificate) + getattr(request.module, "LIMITS", [])
    with Lazuli(CATALOG.format(port=upstream.port), arguments, environment=SMALL_QUARANTINE | ONE_LOOP) as running:
        running.endpoint = running.endpoint.replace("https:", "http:")
        running.deploy("scripted", "gpt-4o", "2024-11-20")
        yield running
