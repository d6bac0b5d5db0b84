"""The commands of the documents in tests/seeds, run as they stand with the real az, and its output held against the samples."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import requests

from az import LIMIT_S
from az import PROGRAM as AZ
from documents import blocks

CREATE_RESOURCE = "create-resource-cli.md"


def in_one_shell(az, folder, commands, **variables):
    """Runs each block as it stands, one after the other in one bash; the output of each."""
    lines = ["set -o pipefail"]
    for i, block in enumerate(commands):
        (folder / f"block-{i}").write_text(block)
        lines.append(f"source ./block-{i} >out-{i} 2>err-{i}; echo $? >status-{i}")
    path = f"{pathlib.Path(AZ).parent}:{os.environ['PATH']}"
    environment = az.environment | {"PATH": path} | variables
    line = ["bash", "-c", "\n".join(lines)]
    subprocess.run(line, cwd=folder, env=environment, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=True)
    for i, block in enumerate(commands):
        said = f"{block}\n{(folder / f'err-{i}').read_text()}"
        assert (folder / f"status-{i}").read_text() == "0\n", said
    return [(folder / f"out-{i}").read_text() for i in range(len(commands))]


# -- Field by field --------------------------------------------------------------------------------------------------------


def leaves(value, path=""):
    """What is in a JSON text: each value that holds no other, by its path."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}[{i}]")
    else:
        yield path, value


def agrees(sample, value):
    """Is this what the page shows? A run of x or y in it stands for what differs from one to the next."""
    if not isinstance(sample, str) or not re.search("xx|yy", sample):
        return type(value) is type(sample) and value == sample
    pattern = re.sub("x+", lambda run: f"[0-9a-fTZ]{{{len(run[0])}}}", re.escape(sample).replace(r"\-", "-"))
    return isinstance(value, str) and re.fullmatch(re.sub("y+", ".+", pattern), value)


def compare(sample, answer, known, new):
    """Each member of the sample is in the answer, with its value, but for what is `known` to differ: by its path, what it is
    here and why. Members that the page does not have are those in `new`."""
    expected, found = dict(leaves(sample)), dict(leaves(answer))
    for path, (value, _) in known.items():
        assert path in expected, f"the page has no {path}"
        assert found[path] == value != expected[path], path
    wrong = {path: (value, found.get(path, "nothing")) for path, value in expected.items() if path not in known}
    wrong = {path: pair for path, pair in wrong.items() if path not in found or not agrees(*pair)}
    assert not wrong, "what the page shows, and what came:\n" + "\n".join(f"{path}: {pair}" for path, pair in wrong.items())
    assert set(found) - set(expected) == set(new)


APPLICATION = ("Application", "the page's writer was signed in as a person, these tests are as a service principal")

# What az shows since the page was written (2024-07).
NEW_OF_ACCOUNT = [
    "properties.allowProjectManagement",
    "properties.amlWorkspace",
    "properties.associatedProjects",
    "properties.defaultProject",
    "properties.foundryAutoUpgrade",
    "properties.networkInjections",
    "properties.raiMonitorConfig",
    "properties.storedCompletionsDisabled",
]
NEW_OF_DEPLOYMENT = [
    "tags",
    "properties.capacitySettings",
    "properties.currentCapacity",
    "properties.deploymentState",
    "properties.dynamicThrottlingEnabled",
    "properties.model.publisher",
    "properties.model.sourceAccount",
    "properties.parentDeploymentName",
    "properties.routing",
    "properties.serviceTier",
    "properties.speculativeDecoding",
    "properties.spilloverDeploymentName",
]


@pytest.fixture(scope="module")
def walk(az, tmp_path_factory):
    """The outputs of all commands of create-resource-cli.md."""
    commands = blocks(CREATE_RESOURCE, "bash")
    assert len(commands) == 5
    return in_one_shell(az, tmp_path_factory.mktemp("walk"), commands)


@pytest.fixture(scope="module")
def samples():
    return [json.loads(block) for block in blocks(CREATE_RESOURCE, "JSON")]


def test_group_of_the_cli_page(walk, samples):
    answer = json.loads(walk[0])
    name = answer["id"].rpartition("/")[2]
    assert name.startswith("myAOAIResourceGroup")
    compare(samples[0], answer, {"name": (name, "the page writes myAIResourceGroup, which its command does not name")}, [])


def test_account_of_the_cli_page(walk, samples, az):
    sample, answer = samples[1], json.loads(walk[1])
    here = f"{az.endpoint}/accounts/{answer['name']}/"
    endpoints = ["endpoint", *(f"endpoints.{name}" for name in sample["properties"]["endpoints"])]
    known = {f"properties.{name}": (here, "the service's own address in place of the region's") for name in endpoints}
    known |= {f"systemData.{name}ByType": APPLICATION for name in ("created", "lastModified")}
    created = answer["systemData"]["createdAt"]
    assert agrees(sample["systemData"]["lastModifiedAt"], created)
    known["systemData.createdAt"] = (created, "az writes it like lastModifiedAt, and not as it comes")
    # nothing, of which az makes an object without values since Azure answers with an empty one
    assert sample["properties"].pop("apiProperties") is None
    assert set(answer["properties"].pop("apiProperties").values()) == {None}
    compare(sample, answer, known, NEW_OF_ACCOUNT)


def test_endpoint_and_key_of_the_cli_page(walk, lazuli):
    """And with them, the deployment that the page makes is called."""
    endpoint, key, deployment = walk[2].strip(), walk[3].strip(), json.loads(walk[4])
    assert endpoint == json.loads(walk[1])["properties"]["endpoint"]
    url = f"{endpoint}openai/deployments/{deployment['name']}/embeddings?api-version=2024-02-01"
    authority = lazuli.variables["LAZULI_CA_BUNDLE"]
    answer = requests.post(url, json={"input": "a"}, headers={"api-key": key}, timeout=60, verify=authority)
    assert (answer.status_code, answer.json()["model"]) == (200, "text-embedding-ada-002")


def test_deployment_of_the_cli_page(walk, samples):
    known = {
        "properties.model.version": ("2", "the page's own command says so"),
        "properties.capabilities.embeddingsMaxInputs": ("2048", "what version 2 takes, and the model does here"),
        "systemData.createdByType": APPLICATION,
        "systemData.lastModifiedByType": APPLICATION,
    }
    compare(samples[2], json.loads(walk[4]), known, NEW_OF_DEPLOYMENT)


# -- The other pages -------------------------------------------------------------------------------------------------------


def test_cli_of_provisioned_deployments(az, account, tmp_path):
    (command,) = blocks("provisioned-get-started.md", "cli")
    _, name, _, group = account
    command = command.replace("<myResourceName>", name).replace("<myResourceGroupName>", group)
    (out,) = in_one_shell(az, tmp_path, [command])
    made = json.loads(out)
    assert made["name"] == "MyModel"
    assert (made["sku"]["name"], made["sku"]["capacity"]) == ("ProvisionedManaged", 100)
    model = made["properties"]["model"]
    assert (model["format"], model["name"], model["version"]) == ("OpenAI", "gpt-4", "0613")
    assert made["properties"]["provisioningState"] == "Succeeded"


def test_cli_of_setup_and_first_call(az, group, lazuli, tmp_path):
    """az itself, in any version that has --sku-name, wants --model-version, which the page's second command leaves out."""
    create, deploy = blocks("setup-and-first-call.md", "bash")
    assert "--model-version" not in deploy
    deploy = f"{deploy.rstrip()} --model-version 2024-07-18\n"
    name = f"{group}-first-call"
    variables = {"AZURE_OPENAI_RESOURCE": name, "AZURE_RESOURCE_GROUP": group}
    account, deployment = [json.loads(out) for out in in_one_shell(az, tmp_path, [create, deploy], **variables)]
    assert account["properties"]["customSubDomainName"] == name
    assert (account["kind"], account["sku"]["name"], account["location"]) == ("OpenAI", "S0", "eastus")
    assert deployment["name"] == "prod-gpt4o-mini"
    assert (deployment["sku"]["name"], deployment["sku"]["capacity"]) == ("Standard", 50)
    assert deployment["properties"]["model"]["name"] == "gpt-4o-mini"
    key = az("cognitiveservices", "account", "keys", "list", "--name", name, "--resource-group", group)["key1"]
    url = f"{account['properties']['endpoint']}openai/deployments/prod-gpt4o-mini/chat/completions?api-version=2024-06-01"
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    authority = az.service.variables["LAZULI_CA_BUNDLE"]
    assert requests.post(url, json=body, headers={"api-key": key}, timeout=60, verify=authority).status_code == 200


def test_words_of_setup_and_first_call(az):
    """The commands that the page has within its text."""
    assert az("provider", "register", "--namespace", "Microsoft.CognitiveServices") is None
    token = az("account", "get-access-token", "--resource", "https://cognitiveservices.azure.com/")
    assert token["tokenType"] == "Bearer" and token["accessToken"].count(".") == 2
