"""Fixtures that the API tests share."""

import pytest

from certificate import make_certificate
from fake_upstream import FakeUpstream
from service import Lazuli, free_port

# Models that tests deploy stay deployable whatever the date.
KEPT = """
models:
  - name: o3-mini
    versions:
      - { version: 2025-01-31, retires: 2099-01-01 }
  - name: text-embedding-3-small
    versions:
      - { version: "1", retires: 2099-01-01 }
# tests share a service, and deploy what each of them needs
quotas:
  - { usage: "*", limit: 1000000 }
"""

# Every deployment answers from the simulator: same request, same answer, at once.
SIMULATED = f"""
extends: default
default_engines:
  chat: sim
  completion: sim
  embeddings: sim
deployments:
  - {{ deployment: paced, sim: {{ tokens_per_second: 25, answer_tokens: 30 }} }}
  - {{ deployment: tiny-vectors, engine: tiny-embeddings }}
{KEPT}
"""

# Engines that answer as a test's script says (fake_upstream.py), each with its own settings.
GATEWAY = """
extends: default
engines:
  - name: scripted
    upstream: {{ url: "http://127.0.0.1:{port}/v1", model: backend, api_key_env: FAKE_KEY }}
  - name: nameless
    upstream: {{ url: "http://127.0.0.1:{port}/v1" }}
  - name: azure
    upstream: {{ api: azure, url: "http://127.0.0.1:{port}", model: theirs, api_key_env: FAKE_KEY }}
  - name: no-usage
    upstream: {{ url: "http://127.0.0.1:{port}/v1", model: backend, stream_usage: false }}
  - name: pair
    upstream:
      model: backend
      addresses:
        - {{ url: "http://127.0.0.1:{dead}/v1", weight: 1000 }}
        - {{ url: "http://127.0.0.1:{port}/v1" }}
  - name: dead
    upstream: {{ url: "http://127.0.0.1:{dead}/v1" }}
  - name: hasty
    upstream:
      url: "http://127.0.0.1:{port}/v1"
      first_byte_timeout_ms: 400
      idle_timeout_ms: 400
deployments:
  - {{ deployment: scripted, engine: scripted }}
  - {{ deployment: nameless, engine: nameless }}
  - {{ deployment: azure, engine: azure }}
  - {{ deployment: no-usage, engine: no-usage }}
  - {{ deployment: pair, engine: pair }}
  - {{ deployment: dead, engine: dead }}
  - {{ deployment: hasty, engine: hasty }}
  - {{ deployment: vectors, engine: scripted }}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def lazuli():
    """`lazuli up` as a newcomer has it: the embedded model behind every deployment."""
    with Lazuli() as service:
        yield service


@pytest.fixture(scope="session")
def simulated():
    """`lazuli up` with the simulator behind every deployment."""
    with Lazuli(catalog=SIMULATED) as service:
        service.deploy("reasoning", "o3-mini", "2025-01-31")
        service.deploy("instruct", "gpt-35-turbo-instruct", "0914")
        service.deploy("gpt-4o", "gpt-4o", "2024-11-20")
        service.deploy("vectors", "text-embedding-3-small", "1")
        service.deploy("tiny-vectors", "text-embedding-3-small", "1")
        service.deploy("paced", "gpt-4o", "2024-11-20")
        yield service


@pytest.fixture(scope="session")
def upstream_server():
    fake = FakeUpstream()
    yield fake
    fake.stop()


@pytest.fixture(scope="session")
def gateway(upstream_server):
    """`lazuli up` in front of the scripted upstream, with limits low enough to be met."""
    catalog = GATEWAY.format(port=upstream_server.port, dead=free_port())
    limits = [
        "--body-bytes-max",
        "200000",
        "--body-timeout-ms",
        "500",
        "--head-timeout-ms",
        "2000",
        "--url-bytes-max",
        "1000",
        "--head-bytes-max",
        "8000",
        "--tls-development=false",
    ]
    with Lazuli(catalog=catalog, arguments=limits, environment={"FAKE_KEY": "the-key-of-the-upstream"}) as service:
        for name in ("scripted", "nameless", "azure", "no-usage", "pair", "dead", "hasty"):
            service.deploy(name, "gpt-4o", "2024-11-20")
        service.deploy("vectors", "text-embedding-3-small", "1")
        yield service


@pytest.fixture
def upstream(upstream_server):
    """The scripted upstream, forgetful of earlier tests."""
    upstream_server.reset()
    return upstream_server
