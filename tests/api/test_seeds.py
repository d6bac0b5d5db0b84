"""The commands of the documents in tests/seeds, run as they stand: only endpoint, key, names and ids are the service's own."""

import json
import os
import subprocess
import sys

import pytest

from documents import blocks


def run(command, service, **variables):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | service.variables | variables
    out = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert out.returncode == 0, f"{out.stdout}\n{out.stderr}"
    return out.stdout


@pytest.fixture(params=["lazuli", "simulated"])
def service(request):
    return request.getfixturevalue(request.param)


def test_curl_of_the_rest_quickstart(service):
    """And its answer has the shape of the sample output: every key, and no other."""
    (curl,) = [block for block in blocks("quickstart-rest.md", "bash") if block.startswith("curl ")]
    answer = json.loads(run(["bash", "-c", curl], service))
    (sample,) = [json.loads(block) for block in blocks("quickstart-rest.md", "bash") if block.startswith("{")]
    assert answer["choices"][0]["message"]["content"]
    assert answer["model"] == sample["model"] == "gpt-35-turbo"

    def shape(value):
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return [shape(item) for item in value] if isinstance(value, list) else type(value)

    assert shape(answer) == shape(sample)


def test_environment_of_the_rest_quickstart(simulated, tmp_path):
    """`echo export NAME="..." >> file && source file`, which that page has for bash."""
    file = tmp_path / "environment"
    commands = [block for block in blocks("quickstart-rest.md", "Bash") if "echo export" in block]
    assert len(commands) == 2
    script = "".join(commands).replace("/etc/environment", str(file))
    script = script.replace("REPLACE_WITH_YOUR_KEY_VALUE_HERE", simulated.key)
    script = script.replace("REPLACE_WITH_YOUR_ENDPOINT_HERE", simulated.endpoint)
    (curl,) = [block for block in blocks("quickstart-rest.md", "bash") if block.startswith("curl ")]
    environment = {"PATH": os.environ["PATH"]}
    out = subprocess.run(["bash", "-ec", script + curl], env=environment, capture_output=True, text=True, timeout=60)
    assert out.returncode == 0 and json.loads(out.stdout)["choices"], out.stderr


def test_first_call_of_provisioned_deployments(service):
    first, _ = blocks("provisioned-get-started.md", "python")
    assert run([sys.executable, "-c", first], service).strip()


def test_retries_of_provisioned_deployments(service):
    """That page's block prints nothing and leaves `import os` to the one before it."""
    first, second = blocks("provisioned-get-started.md", "python")
    assert "max_retries=5" in second
    printed = run([sys.executable, "-c", first + second + "\nprint('to the end')"], service)
    assert printed.rstrip().endswith("to the end")


def test_python_of_setup_and_first_call(service):
    (block,) = blocks("setup-and-first-call.md", "python")
    service.deploy("prod-gpt4o-mini", "gpt-4o-mini", "2024-07-18", capacity=50)  # the page's step 2
    printed = run([sys.executable, "-c", block], service, AZURE_OPENAI_DEPLOYMENT="prod-gpt4o-mini")
    assert printed.strip()


def of_this_service(text, service, account, group):
    """The command with the service in place of Azure, and its own subscription."""
    text = text.replace("https://management.azure.com", service.endpoint)
    text = text.replace("00000000-0000-0000-0000-000000000000", service.variables["LAZULI_SUBSCRIPTION_ID"])
    text = text.replace("{subscriptionId}", service.variables["LAZULI_SUBSCRIPTION_ID"])
    text = text.replace("{resourceGroupName}", group).replace("{accountName}", account)
    return text.replace("YOUR_AUTH_TOKEN", service.token)


def test_rest_calls_of_working_with_models(simulated):
    """The page's PUT and GET, whose answers have what its samples have."""
    group, account = "resource-group-temp", "docs-openai-test-001"
    base = f"/subscriptions/{simulated.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups/{group}"
    assert simulated.arm("PUT", base, {"location": "eastus"}, version="2021-04-01").status_code in (200, 201)
    body = {"kind": "OpenAI", "sku": {"name": "S0"}, "location": "eastus", "properties": {}}
    path = f"{base}/providers/Microsoft.CognitiveServices/accounts/{account}"
    assert simulated.arm("PUT", path, body).status_code in (200, 201)

    (put,) = blocks("working-with-models.md", "Bash")
    made = json.loads(run(["bash", "-c", of_this_service(put, simulated, account, group)], simulated))
    sample_list, sample = [json.loads(block) for block in blocks("working-with-models.md", "json")]
    assert (made["name"], made["type"], made["sku"]) == (sample["name"], sample["type"], sample["sku"])
    for name, value in sample["properties"].items():
        assert made["properties"][name] == value, name
    assert set(sample["systemData"]) <= set(made["systemData"]) and made["etag"]

    get, _ = blocks("working-with-models.md", "http")
    url = of_this_service(get, simulated, account, group).removeprefix("GET ").strip()
    curl = f"curl '{url}' -H 'Authorization: Bearer {simulated.token}'"
    (item,) = json.loads(run(["bash", "-c", curl], simulated))["value"]
    assert set(sample_list["value"][0]) <= set(item)
    assert item["properties"]["versionUpgradeOption"] == "OnceCurrentVersionExpired"

    key = simulated.arm("POST", f"{path}/listKeys").json()["key1"]
    answer = simulated.post("gpt-35-turbo", {"messages": [{"role": "user", "content": "Hi"}]}, headers={"api-key": key})
    assert (answer.status_code, answer.json()["model"]) == (200, "gpt-35-turbo")


def test_deployments_that_the_cli_pages_make(simulated):
    """What their `az` commands ask of ARM: the same models, SKUs and sizes, with a version or without."""
    for name, model, version, sku, capacity in (
        ("myModel", "text-embedding-ada-002", "2", "Standard", 1),
        ("MyModel-ptu", "GPT-4", "0613", "ProvisionedManaged", 100),
        ("prod-gpt4o-mini-2", "gpt-4o-mini", None, "Standard", 50),
    ):
        simulated.deploy(name, model, version, capacity, sku) if version else simulated.arm(
            "PUT",
            f"/deployments/{name}",
            {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": {"format": "OpenAI", "name": model}}},
        ).raise_for_status()
    assert simulated.post("mymodel", {"input": "a"}, operation="embeddings").status_code == 200
    for name in ("MyModel-ptu", "prod-gpt4o-mini-2"):
        assert simulated.post(name, {"messages": [{"role": "user", "content": "Hi"}]}).status_code == 200
