"""lazuli calc: the capacity calculator on the command line."""

import json
import subprocess

import pytest

from service import PROGRAM

MODEL = ("--model", "gpt-5.2", "--sku", "DataZoneProvisionedManaged")


def calc(*arguments):
    return subprocess.run([PROGRAM, "calc", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def estimate(*arguments):
    """The first SKU's answer."""
    done = calc(*arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["estimates"][0]


def test_an_answer_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "calc", *MODEL, "--workload", "1,2,3"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "lazuli: standard output: No space left on device\n")


@pytest.mark.parametrize(
    ("sku", "workload", "needed", "capacity"),
    [
        ("DataZoneProvisionedManaged", "1000,200,20", 105.88, 110),
        ("DataZoneProvisionedManaged", "1000,200,20,50%", 76.47, 80),
        ("datazoneprovisionedmanaged", "1000,200,20,50", 76.47, 80),
        ("ProvisionedManaged", "1000,100,50", 147.06, 150),
    ],
)
def test_examples_of_the_sizing_guide(sku, workload, needed, capacity):
    found = estimate("--model", "gpt-5.2", "--sku", sku, "--workload", workload)
    assert round(found["estimatedCapacity"]["value"], 2) == needed
    assert found["estimatedCapacity"]["deployableValue"] == capacity
    assert found["unit"] == "PTU"
    assert found["utilization"] == pytest.approx(needed / capacity, abs=1e-4)
    assert (found["tokensPerMinute"], found["requestsPerMinute"]) == (3400 * capacity, None)


def test_workloads_add_up_and_all_skus_are_shown():
    done = calc("--model-name", "GPT-4o", "--workload=100,1000,100", "-w", "10,5000,50", "-o", "json")
    shown = json.loads(done.stdout)
    assert shown["model"] == {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}
    assert shown["total"]["inputTokensPerMinute"] == 150000
    assert shown["estimates"][0]["requestsPerMinute"] == 966  # Standard
    capacities = {e["skuName"]: e["estimatedCapacity"]["deployableValue"] for e in shown["estimates"]}
    assert capacities == {
        "Standard": 161,
        "GlobalStandard": 161,
        "DataZoneStandard": 161,
        "ProvisionedManaged": 100,
        "GlobalProvisionedManaged": 80,
        "DataZoneProvisionedManaged": 80,
    }


def test_table():
    lines = calc(*MODEL, "--workload", "1000,200,20").stdout.splitlines()
    assert lines[0].startswith("Model: gpt-5.2, version 2025-12-11; a PTU comes to 3,400 input tokens/min")
    assert "Total: 1,000 calls/min, 220,000 tokens/min (200,000 of prompts, 20,000 of responses)" in lines
    assert lines[-1].split() == [
        "DataZoneProvisionedManaged", "105.88", "110", "PTU", "96.3%", "374,000", "-", "tokens",
    ]  # fmt: skip


def test_a_catalog_of_ones_own(tmp_path):
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(
        "engines: [{ name: e, sim: {} }]\n"
        "models:\n  - { name: ours, engine: e, operations: [chat], ptu: { input_tokens_per_minute: 10 },\n"
        "      skus: [{ name: ProvisionedManaged, minimum: 3, step: 2, maximum: 9 }], versions: [{ version: 1 }] }\n"
    )
    ours = ("--model", "ours", "--catalog", str(catalog), "--workload")
    assert estimate(*ours, "1,35,5")["estimatedCapacity"] == {"value": 4, "deployableValue": 5}
    assert estimate(*ours, "1,100,0")["estimatedCapacity"] == {"value": 10, "deployableValue": None}
    assert "more than the 9 PTU" in calc(*ours, "1,100,0").stdout
    catalog.write_text("engines: [{ name: e, sim: {} }]\nmodels: [{}]\n")
    broken = calc(*ours, "1,1,1")
    assert (broken.returncode, broken.stdout) == (2, "")
    assert f"{catalog}:2: models" in broken.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--model is missing"),
        (MODEL, "--workload is missing"),
        ((*MODEL, "--workload"), "--workload needs a value"),
        ((*MODEL, "--workload", "1,2"), "'1,2' is not CALLS,PROMPT,RESPONSE[,CACHE]"),
        ((*MODEL, "--workload", "1,2,3,4,5"), "is not CALLS"),
        ((*MODEL, "--workload", "1,2,3,"), "is not CALLS"),
        ((*MODEL, "--workload", "1,2,-3"), "is not CALLS"),
        ((*MODEL, "--workload", "1.5,2,3"), "is not CALLS"),
        ((*MODEL, "--workload", "1,2,3,101"), "is not CALLS"),
        ((*MODEL, "--workload", "1,2,3,nan"), "is not CALLS"),
        ((*MODEL, "--workload", "1,2,99999999999999999999"), "is not CALLS"),
        ((*MODEL, "--workload", "1,1,1", "--output", "xml"), "--output must be one of table|json, not 'xml'"),
        ((*MODEL, "--workload", "1,1,1", "--colour", "red"), "there is no option '--colour'"),
        (("--model", "gpt-9", "--workload", "1,1,1"), "the catalog has no model 'gpt-9'"),
        (("--model", "gpt-4o", "--model-version", "1", "--workload", "1,1,1"), "no model 'gpt-4o' of version 1"),
        (("--model", "gpt-4o", "--sku", "Premium", "--workload", "1,1,1"), "has no SKU 'Premium'"),
        ((*MODEL, "--workload", "1,1,1", "--catalog", "/none"), "/none"),
    ],
)
def test_what_is_wrong_is_said(arguments, words):
    done = calc(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
