"""Fixtures that the API tests share."""

import contextlib
import uuid

import pytest
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.resource import ResourceManagementClient

from arm_watch import arm_answers_are_as_specified, look_at_answers  # noqa: F401
from certificate import make_certificate, tls_arguments
from entra import Entra
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
  - {{ deployment: instruct, engine: scripted }}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def service():
    """One of the module's own, which it may change; some start theirs otherwise."""
    with Lazuli(catalog=SIMULATED) as running:
        yield running


@pytest.fixture(scope="module")
def entra(service):
    return Entra(service)


# -- Microsoft's management SDKs; a module's `options` are the arguments of its clients ----------------------------------------


@pytest.fixture(scope="module")
def resources(options):
    return ResourceManagementClient(**options)


@pytest.fixture(scope="module")
def cognitive(options):
    return CognitiveServicesManagementClient(**options)


@pytest.fixture
def sdk_group(resources):
    """The name of a resource group."""
    name = "group" + uuid.uuid4().hex[:8]
    resources.resource_groups.create_or_update(name, {"location": "eastus", "tags": {"owner": "user"}})
    yield name
    if resources.resource_groups.check_existence(name):
        resources.resource_groups.begin_delete(name).result()


@pytest.fixture
def sdk_account(cognitive, sdk_group):
    """The name of an account in it."""
    name = "account" + uuid.uuid4().hex[:8]
    body = {"location": "eastus", "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {}}
    cognitive.accounts.begin_create(sdk_group, name, body).result()
    return name


# -- Services that modules share -----------------------------------------------------------------------------------------------


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


# Low enough to be met.
SIZES = ["--body-bytes-max", "200000", "--url-bytes-max", "1000", "--head-bytes-max", "8000"]
TIMES = ["--body-timeout-ms", "500", "--head-timeout-ms", "2000"]


@contextlib.contextmanager
def in_front_of(upstream_server, arguments):
    catalog = GATEWAY.format(port=upstream_server.port, dead=free_port())
    with Lazuli(catalog=catalog, arguments=arguments, environment={"FAKE_KEY": "the-key-of-the-upstream"}) as service:
        service.endpoint = service.endpoint.replace("https:", "http:")  # where there is TLS, plain HTTP is on the same port
        for name in ("scripted", "nameless", "azure", "no-usage", "pair", "dead", "hasty"):
            service.deploy(name, "gpt-4o", "2024-11-20")
        service.deploy("vectors", "text-embedding-3-small", "1")
        service.deploy("instruct", "gpt-35-turbo-instruct", "0914")
        yield service


@pytest.fixture(scope="session")
def gateway(upstream_server):
    """`lazuli up` in front of the scripted upstream, with limits low enough to be met."""
    with in_front_of(upstream_server, [*SIZES, *TIMES, "--tls-development=false"]) as service:
        yield service


@pytest.fixture(scope="session")
def tls_gateway(upstream_server, tmp_path_factory):
    """The same with TLS and plain HTTP on one port, one event loop, and time for those who send a byte now and then."""
    folder = make_certificate(tmp_path_factory.mktemp("tls"))
    with in_front_of(upstream_server, [*SIZES, *tls_arguments(folder), "--workers", "1"]) as service:
        service.certificate = folder
        yield service


@pytest.fixture
def upstream(upstream_server):
    """The scripted upstream, forgetful of earlier tests."""
    upstream_server.reset()
    return upstream_server


@pytest.fixture
def endpoint(upstream):
    """Its base URL."""
    return f"http://127.0.0.1:{upstream.port}"


@pytest.fixture
def arm_group(arm):
    """A group of the test's own, gone with all in it at its end; `arm` is the module's."""
    name = "group" + uuid.uuid4().hex[:8]
    arm.make_group(name)
    yield name
    arm.raw("DELETE", f"{arm.group(name)}?api-version=2022-12-01")


@pytest.fixture
def arm_account(arm, arm_group):
    """The path of an account in it."""
    name = "account" + uuid.uuid4().hex[:8]
    arm.make_account(arm_group, name)
    return arm.account(arm_group, name)
