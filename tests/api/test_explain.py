"""Why a request was refused: by HTTP, by the command, and to whom. Receipts of those that were not."""

import asyncio
import concurrent.futures
import http.client
import json
import os
import subprocess
import time
import uuid

import openai
import pytest
import requests

from entra import ARM, DATA, Entra
from limits import MESSAGES, catalog, deploy_provisioned
from service import PROGRAM, Lazuli
from waiting import wait_for_room, wait_until

# tests share a service, and deploy what each of them needs
CATALOG = catalog(more='quotas: [{ usage: "*", limit: 1000000 }]')


@pytest.fixture(scope="module")
def service():
    with Lazuli(CATALOG, rate_limits=True) as running:
        yield running


@pytest.fixture(scope="module")
def other_key(service):
    """Of another account."""
    account = service.account_id.rsplit("/", 1)[0] + "/other"
    body = {"location": "eastus", "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {}}
    assert service.arm("PUT", account, body).status_code in (200, 201)
    return service.arm("POST", f"{account}/listKeys").json()["key1"]


def ask(service, deployment, max_tokens=1, headers=None, **more):
    return service.post(deployment, {"messages": MESSAGES, "max_tokens": max_tokens, **more}, headers=headers)


def refused(service, deployment, max_tokens=1, **more):
    answer = ask(service, deployment, max_tokens, **more)
    assert answer.status_code == 429, answer.text
    return answer


def look(service, number, prefix="", **headers):
    """By the account's key, unless the headers say otherwise."""
    headers = {name.replace("_", "-"): value for name, value in (headers or {"api_key": service.key}).items()}
    return requests.get(f"{service.endpoint}{prefix}/lazuli/refusals/{number}", headers=headers, timeout=60)


def explain(service, answer):
    found = look(service, answer.headers["apim-request-id"])
    assert found.status_code == 200, found.text
    assert found.headers["content-type"] == "application/json"
    return found.json()


# -- What is said --------------------------------------------------------------------------------


def test_requests_in_a_window(service):
    service.deploy("few", "gpt-35-turbo", "0613", capacity=2)  # 2 in 10 s
    wait_for_room(10, 6)
    assert ask(service, "few").status_code == 200
    assert service.post("few", {"messages": []}).status_code == 400
    refused(service, "few")
    answer = refused(service, "few")
    e = explain(service, answer)
    assert (e["id"], e["deployment"], e["sku"], e["capacity"]) == (answer.headers["apim-request-id"], "few", "Standard", 2)
    assert (e["model"], e["model_version"], e["operation"]) == ("gpt-35-turbo", "0613", "ChatCompletions_Create")
    assert e["refused_by"] == "requests"
    counts = e["requests"]
    assert (counts["limit"], counts["period_s"], counts["per_unit_and_minute"]) == (2, 10, 6)
    assert (counts["admitted_before"], counts["invalid_before"], counts["refused_before"]) == (1, 1, 1)
    assert e["estimate"]["total"] == 2 and e["tokens"]["admitted_before"] == 2
    assert e["retry"]["at"] == counts["window"]["end"] and not e["retry"]["has_passed"] and e["needed"] is None
    assert e["retry"]["in_ms"] <= int(answer.headers["retry-after-ms"])
    time.sleep(e["retry"]["in_ms"] / 1000)
    assert ask(service, "few").status_code == 200  # the very moment that was told
    assert explain(service, answer)["retry"]["has_passed"]


def test_tokens_in_a_minute(service):
    service.deploy("thousand", "gpt-35-turbo", "0613", capacity=10)
    wait_for_room(60, 8)
    assert ask(service, "thousand", 4000, n=2).status_code == 200
    refused(service, "thousand", 3000)
    e = explain(service, refused(service, "thousand", 100, n=5))
    assert e["refused_by"] == "tokens"
    counts = e["tokens"]
    assert (counts["limit"], counts["period_s"], counts["per_unit_and_minute"]) == (10_000, 60, 1000)
    assert (counts["admitted_before"], counts["refused_before"], counts["counted_for_this"]) == (8001, 3001, 501)
    assert e["estimate"]["prompt"] == {"characters": 2, "given_tokens": 0, "tokens": 1}
    assert e["estimate"]["answer"] == {"tokens": 100, "is_asked": True, "count": 5, "ratio": 1}
    assert e["retry"]["at"] == counts["window"]["end"]


def test_what_never_fits(service):
    service.deploy("small", "gpt-35-turbo", "0613", capacity=1)
    wait_for_room(10, 4)
    e = explain(service, refused(service, "small", 1000))
    assert e["refused_by"] == "tokens" and e["retry"] is None
    assert e["needed"] == {"capacity": 2, "max_tokens": 999}
    service.deploy("small", "gpt-35-turbo", "0613", capacity=e["needed"]["capacity"])
    assert ask(service, "small", 1000).status_code == 200


def fill(service, deployment):
    while True:
        answer = ask(service, deployment, 10, n=20)
        if answer.status_code == 429:
            return answer
        assert answer.status_code == 200


def test_throughput(service):
    deploy_provisioned(service, "units")
    wait_for_room(60, 5)
    answer = fill(service, "units")
    e = explain(service, answer)
    assert (e["refused_by"], e["sku"], e["capacity"]) == ("throughput", "GlobalProvisionedManaged", 15)
    t = e["throughput"]
    assert (t["drain_per_minute"], t["per_unit_and_minute"], t["requests_in_flight"]) == (3450, 230, 0)
    assert t["burst_s"] == 60
    assert 100 < t["level_percent"] < 130
    assert t["work_this_minute"] >= 3450 and t["work_last_minute"] == 0
    assert e["estimate"] == {
        "unit": "input-tokens",
        "total": 801,
        "prompt": {"characters": 2, "given_tokens": 0, "tokens": 1},
        "answer": {"tokens": 10, "is_asked": True, "count": 20, "ratio": 4},
    }
    assert e["retry"]["in_ms"] == pytest.approx(int(answer.headers["retry-after-ms"]), abs=2000)
    time.sleep(e["retry"]["in_ms"] / 1000)
    assert ask(service, "units").status_code == 200


def test_what_requests_in_flight_are_taken_for(service):
    """It fills the bucket until they have ended."""
    service.deploy("held", "gpt-4", "0613", capacity=15, sku="GlobalProvisionedManaged")
    body = {"messages": MESSAGES, "max_tokens": 1000, "stream": True}
    held = service.post("held", body, headers={"x-lazuli-fault": "stall; after=1"}, stream=True)
    try:
        e = explain(service, refused(service, "held"))
        assert (e["throughput"]["requests_in_flight"], e["throughput"]["work_in_flight"]) == (1, 4001)
        assert e["throughput"]["work_this_minute"] + e["throughput"]["work_last_minute"] == 0
        said = run(e["id"], "--data", service.data).stdout
        assert "4,001 input tokens that requests in flight are taken for; of those that ended, 0 in the clock's" in said
    finally:
        held.close()
    wait_until(lambda: ask(service, "held").status_code == 200, "its room was not given back")
    last = explain(service, fill(service, "held"))
    assert (last["throughput"]["requests_in_flight"], last["throughput"]["work_in_flight"]) == (0, 0)


def test_embeddings_have_no_answer(service):
    service.deploy("vectors", "text-embedding-ada-002", "2", capacity=1)
    wait_for_room(10, 4)
    answer = service.post("vectors", {"input": "x" * 5001}, operation="embeddings")
    assert answer.status_code == 429
    e = explain(service, answer)
    assert e["estimate"]["total"] == e["estimate"]["prompt"]["tokens"] == 1251 and e["estimate"]["answer"]["count"] == 0
    assert e["needed"] == {"capacity": 2, "max_tokens": None}


def test_many_at_a_time(service):
    """Each of 64 refused at once is found, and knows its own place in the window."""
    service.deploy("crowded", "gpt-35-turbo", "0613", capacity=4)
    wait_for_room(10, 8)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: ask(service, "crowded"), range(68)))
    late = [a for a in answers if a.status_code == 429]
    assert len(late) == 64
    found = [explain(service, a)["requests"] for a in late]
    assert sorted(f["admitted_before"] + f["refused_before"] for f in found) == list(range(4, 68))
    assert {f["window"]["end"] for f in found} == {found[0]["window"]["end"]}
    # those of the same moment see each other as admitted or as refused; who comes later sees all as they were
    last = explain(service, refused(service, "crowded"))["requests"]
    assert (last["admitted_before"], last["refused_before"]) == (4, 64)


# -- To whom -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known(service):
    """The id of a refusal."""
    service.deploy("known", "gpt-35-turbo", "0613", capacity=1)
    return refused(service, "known", 4000).headers["apim-request-id"]


def test_a_key_sees_its_own_account(service, other_key, known):
    account = service.variables["LAZULI_ACCOUNT"]
    assert look(service, known).status_code == 200
    assert look(service, known.upper()).status_code == 200
    assert look(service, known, f"/accounts/{account}").status_code == 200
    assert look(service, known, api_key=other_key).status_code == 404
    assert look(service, known, "/accounts/other", api_key=other_key).status_code == 404
    assert look(service, known, f"/accounts/{account}", api_key=other_key).status_code == 401
    assert look(service, known, api_key="0" * 32).status_code == 401
    assert look(service, known, x_nothing="").status_code == 401


def test_tokens(service, known):
    account = service.variables["LAZULI_ACCOUNT"]
    bearer = {"authorization": f"Bearer {service.token}"}
    assert look(service, known, **bearer).status_code == 200
    assert look(service, known, f"/accounts/{account}", **bearer).status_code == 200
    assert look(service, str(uuid.uuid4()), **bearer).status_code == 404
    assert look(service, known, "/accounts/other", **bearer).status_code == 404
    # Owner of the subscription: it reads deployments in ARM, and has no data action
    arm = {"authorization": f"Bearer {Entra(service).token(ARM)}"}
    assert look(service, known, **arm).status_code == 200
    data = {"authorization": f"Bearer {Entra(service).token(DATA)}"}
    assert look(service, known, **data).status_code == 401  # names no account
    denied = look(service, known, f"/accounts/{account}", **data)
    assert denied.status_code == 401
    assert denied.json()["error"]["code"] == "PermissionDenied"
    assert "`GET /lazuli/refusals/{id}`" in denied.json()["error"]["message"]
    assert look(service, known, authorization="Bearer nonsense").status_code == 401


def test_ids_of_any_form(service, known):
    for number in ("", "x", known[:-1], known + "0", known + "/", known + "/x", "%00", "..%2f", "a" * 4000, str(uuid.uuid4())):
        answer = look(service, number)
        assert answer.status_code == 404, number
        assert answer.json() == {"error": {"code": "404", "message": "Resource not found"}}
    wrong = requests.post(f"{service.endpoint}/lazuli/refusals/{known}", headers={"api-key": service.key}, timeout=60)
    assert wrong.status_code == 405 and wrong.headers["allow"] == "GET"


def test_the_oldest_are_forgotten():
    body = json.dumps({"messages": MESSAGES, "max_tokens": 4000})
    ids = []
    with Lazuli(CATALOG, rate_limits=True) as service:
        service.deploy("flooded", "gpt-35-turbo", "0613", capacity=1)
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        path = service.url("flooded").removeprefix(service.endpoint)
        for _ in range(4096 + 50):
            connection.request("POST", path, body, {"api-key": service.key, "content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 429
            ids.append(answer.headers["apim-request-id"])
        connection.close()
        assert [look(service, ids[at]).status_code for at in (0, 49, 50, 51, -1)] == [404, 404, 200, 200, 200]


# -- lazuli explain ------------------------------------------------------------------------------


def run(*words, environment=None):
    return subprocess.run(
        [PROGRAM, "explain", *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"]} | (environment or {}),
    )


def test_the_command_tells_people(service):
    service.deploy("told", "gpt-35-turbo", "0613", capacity=2)
    wait_for_room(10, 6)
    assert [ask(service, "told").status_code for _ in range(2)] == [200, 200]
    number = refused(service, "told").headers["apim-request-id"]
    done = run(number, "--data", service.data)
    assert done.returncode == 0 and done.stderr == ""
    for text in (
        number,
        "told of account lazuli-openai: gpt-35-turbo 0613, Standard, capacity 2",
        "requests: 2 in 10 s (6 a minute for each unit of capacity)",
        "2 admitted, 0 refused for a limit (429), 0 refused as invalid (400)",
        "2 tokens = prompt 1 (2 characters, four to a token) + 1 x answer 1 (max_tokens)",
        "passes from ",
    ):
        assert text in done.stdout
    hopeless = refused(service, "told", 4000).headers["apim-request-id"]
    assert "a capacity of 5, or max_tokens of at most 1,999" in run(hopeless, f"--data={service.data}").stdout


def test_the_command_tells_programs(service):
    deploy_provisioned(service, "read")
    number = fill(service, "read").headers["apim-request-id"]
    done = run("--output", "json", "--data", service.data, number)
    assert done.returncode == 0
    assert json.loads(done.stdout)["refused_by"] == "throughput"
    text = run(number, "--data", service.data).stdout
    assert "utilization: 100 % (60 s of the drain); 3,450 input tokens drain in a minute (230 for each PTU)" in text


def test_the_command_finds_the_service(service, known, other_key):
    v = service.variables
    assert run(known, "--endpoint", service.endpoint, environment={"AZURE_OPENAI_API_KEY": service.key}).returncode == 0
    assert run(known, f"--endpoint={service.endpoint}/", environment={"LAZULI_ARM_TOKEN": service.token}).returncode == 0
    secure = {"LAZULI_ARM_TOKEN": service.token, "LAZULI_CA_BUNDLE": v["LAZULI_CA_BUNDLE"]}
    assert run(known, "--endpoint", v["AZURE_AUTHORITY_HOST"], environment=secure).returncode == 0
    assert run(known, environment={"LAZULI_DATA": str(service.data)}).returncode == 0
    foreign = run(known, "--endpoint", service.endpoint, environment={"AZURE_OPENAI_KEY": other_key})
    assert foreign.returncode == 1 and "knows of no refusal" in foreign.stderr
    wrong = run(known, "--endpoint", service.endpoint, environment={"AZURE_OPENAI_KEY": "wrong"})
    assert wrong.returncode == 1 and "does not take our credential" in wrong.stderr


def test_the_command_says_what_is_wrong(service, known, tmp_path):
    data = ("--data", service.data)
    for words, status, text in (
        ((), 2, "explain needs the apim-request-id"),
        (("chatcmpl-1", *data), 2, "is no apim-request-id"),
        ((known, "more", *data), 2, "'more' is one word too many"),
        ((known, "--output", "yaml", *data), 2, "--output must be one of text|json, not 'yaml'"),
        ((known, "--endpoint"), 2, "--endpoint needs a value"),
        ((known, "--nonsense", "1", *data), 2, "there is no setting 'nonsense'"),
        ((known, "--endpoint", "127.0.0.1:1"), 2, "in the environment"),
        ((str(uuid.uuid4()), *data), 1, "knows of no refusal"),
        ((known, "--data", tmp_path / "nothing"), 1, "nothing"),
    ):
        done = run(*words)
        assert (done.returncode, done.stdout) == (status, ""), done
        assert text in done.stderr
    key = {"AZURE_OPENAI_KEY": "a"}
    assert run(known, "--endpoint", "ftp://x", environment=key).returncode == 2
    unreached = run(known, "--endpoint", "http://127.0.0.1:1", environment=key)
    assert unreached.returncode == 1 and "http://127.0.0.1:1: " in unreached.stderr


# -- Receipts ------------------------------------------------------------------------------------

WANTED = {"x-lazuli-receipt": "true"}


def parts(receipt):
    return dict(part.split("=") for part in receipt.split(", "))


def test_receipts_of_whole_replies(service):
    service.deploy("standard", "gpt-35-turbo", "0613", capacity=100)
    answer = ask(service, "standard", 100, headers=WANTED)
    used = answer.json()["usage"]["total_tokens"]
    assert parts(answer.headers["x-lazuli-receipt"]) == {
        "unit": "tokens", "estimate": "101", "actual": str(used), "correction": "0",
    }  # fmt: skip
    assert "x-lazuli-receipt" not in ask(service, "standard").headers


def test_receipts_of_provisioned_deployments(service):
    deploy_provisioned(service, "receipts")
    answer = ask(service, "receipts", 100, headers=WANTED)
    usage = answer.json()["usage"]
    work = usage["prompt_tokens"] + 4 * usage["completion_tokens"]
    receipt = parts(answer.headers["x-lazuli-receipt"])
    assert (receipt["unit"], receipt["drain"]) == ("input-tokens", "57.500")
    assert (int(receipt["estimate"]), int(receipt["actual"]), int(receipt["correction"])) == (401, work, work - 401)
    assert float(receipt["level"]) == pytest.approx(100 * work / 3450, abs=0.5)


def test_receipts_of_streams(service):
    deploy_provisioned(service, "flowing")
    answer = ask(service, "flowing", 100, headers=WANTED, stream=True)
    first = parts(answer.headers["x-lazuli-receipt"])
    assert first["estimate"] == "401" and first["drain"] == "57.500"
    lines = answer.text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""] and lines[-3].startswith(": lazuli-receipt ")
    assert answer.text.count("lazuli-receipt") == 1
    receipt = parts(lines[-3].removeprefix(": lazuli-receipt "))
    assert receipt["estimate"] == "401" and int(receipt["correction"]) == int(receipt["actual"]) - 401
    again = ask(service, "flowing", 1, headers=WANTED)  # the stream has been put right once
    assert float(parts(again.headers["x-lazuli-receipt"])["level"]) == pytest.approx(
        100 * (int(receipt["actual"]) + int(parts(again.headers["x-lazuli-receipt"])["actual"])) / 3450, abs=1
    )


@pytest.mark.parametrize("kind", ["azure", "plain"])
def test_sdk_passes_over_the_comment(service, kind):
    service.deploy("sdk", "gpt-35-turbo", "0613", capacity=100)
    request = {"model": "sdk", "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}}
    client = getattr(service, kind)(default_headers=WANTED)
    chunks = list(client.chat.completions.create(**request))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    whole = getattr(service, kind)().chat.completions.create(model="sdk", messages=MESSAGES)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens

    async def gather():
        kinds = {"azure": openai.AsyncAzureOpenAI, "plain": openai.AsyncOpenAI}
        async with getattr(service, kind)(kind=kinds[kind], default_headers=WANTED) as asynchronous:
            return [c async for c in await asynchronous.chat.completions.create(**request)]

    assert [c.choices for c in asyncio.run(gather())] == [c.choices for c in chunks]


def test_receipts_where_limits_only_count():
    with Lazuli(CATALOG, ["--charge-usage=true"]) as service:
        service.deploy("open", "gpt-35-turbo", "0613", capacity=1)
        wait_for_room(60, 4)
        answer = ask(service, "open", 4000, headers=WANTED)
        receipt = parts(answer.headers["x-lazuli-receipt"])
        assert int(receipt["correction"]) == int(receipt["actual"]) - 4001
