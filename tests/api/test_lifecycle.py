"""Being killed, and models that retire."""

import json

import pytest

from paced import MESSAGES, start
from service import Lazuli
from wire import Wire


def test_killed_and_started_again(tmp_path):
    """Whatever ARM acknowledged is there; what it had not begun is not."""
    service = start(data=tmp_path)
    try:
        for number in range(20):
            service.deploy(f"kept-{number}", "gpt-4o", "2024-11-20", capacity=number + 1)
        key = service.arm("POST", "/regenerateKey", {"keyName": "Key1"}).json()["key1"]
        assert service.arm("DELETE", "/deployments/kept-7").status_code in (200, 202, 204)
        service.kill()
        service.start()
        assert service.key == key
        names = {item["name"]: item["sku"]["capacity"] for item in service.arm("GET", "/deployments").json()["value"]}
        kept = {name: capacity for name, capacity in names.items() if name.startswith("kept-")}
        assert kept == {f"kept-{n}": n + 1 for n in range(20) if n != 7}
        assert service.post("kept-3", {"messages": MESSAGES}).status_code == 200
        assert service.post("kept-7", {"messages": MESSAGES}).status_code == 404
    finally:
        service.stop()


def test_killed_in_the_middle_of_writes(tmp_path):
    """kill -9 while writes are under way: all that were answered are there, and the file is sound."""
    service = start(data=tmp_path)
    for round_number in range(3):
        acknowledged = []
        body = {
            "sku": {"name": "Standard", "capacity": 1},
            "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
        }
        with Wire(service) as wire:
            head = f"Host: x\r\nAuthorization: Bearer {service.token}\r\nContent-Type: application/json\r\n"
            data = json.dumps(body).encode()
            for number in range(30):
                path = f"{service.account_id}/deployments/r{round_number}-{number}?api-version=2023-05-01"
                wire.send(f"PUT {path} HTTP/1.1\r\n{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            while len(acknowledged) < 5 + 5 * round_number:
                status, _, _, text = wire.reply()
                assert status in (200, 201), text
                acknowledged.append(json.loads(text)["name"])
            service.kill()
        service.start()
        names = {item["name"] for item in service.arm("GET", "/deployments").json()["value"]}
        assert set(acknowledged) <= names
    service.stop()


AGEING = """
extends: default
default_engines: { chat: sim, completion: sim, embeddings: sim }
models:
  - name: ours
    operations: [chat]
    capabilities: [chatCompletion]
    default_version: "2"
    skus: [{ name: Standard }]
    versions:
      - { version: "1", created: 2024-01-01, retires: %s }
      - { version: "2", created: 2024-06-01 }
"""


@pytest.mark.parametrize("arguments, code", [([], "DeploymentNotFound"), (["--strict-errors"], "404")])
def test_retirement(arguments, code):
    """A version's end moves a deployment on, or stops it; the log says so once."""

    def deploy(name, option):
        model = {"format": "OpenAI", "name": "ours", "version": "1"}
        body = {"sku": {"name": "Standard", "capacity": 1}, "properties": {"model": model, "versionUpgradeOption": option}}
        assert service.arm("PUT", f"/deployments/{name}", body).status_code == 201

    with Lazuli(catalog=AGEING % "2099-01-01", arguments=arguments) as service:
        deploy("moves", "OnceCurrentVersionExpired")
        deploy("stays", "NoAutoUpgrade")
        assert " reload_done" in service.reload()
        assert " deployment_" not in service.log_text()
        service.catalog_file.write_text(AGEING % "2025-01-01")
        assert " reload_done" in service.reload()
        assert " reload_done" in service.reload()
        place = f"account={service.variables['LAZULI_ACCOUNT']} deployment="
        lines = [line.split(" info ")[1] for line in service.log_text().splitlines() if " deployment_" in line]
        assert sorted(lines) == [
            f"deployment_retired {place}stays model=ours version=1",
            f"deployment_upgraded {place}moves model=ours from=1 to=2",
        ]
        assert service.post("moves", {"messages": MESSAGES}).status_code == 200
        gone = service.post("stays", {"messages": MESSAGES})
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, code)
        assert ("ours, version 1, was retired on 2025-01-01" in gone.text) == (not arguments)
        shown = service.arm("GET", "/deployments/moves").json()
        assert shown["properties"]["model"]["version"] == "2"
        service.arm("PUT", "/deployments/moves", shown)
        assert " reload_done" in service.reload()
        assert service.log_text().count(" deployment_") == 2
