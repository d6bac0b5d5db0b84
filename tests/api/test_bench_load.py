"""lazuli bench load: what it sends, what it prints, and what it makes of the answers."""

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from fake_upstream import answering, chat_answer, chat_event, obliging
from load import KEY, SHORT, TIME, end_load, environment, run_load, start_load
from service import PROGRAM, Lazuli, free_port

JSON_KEYS = ["run_seconds", "timestamp", "rpm", "processing", "completed", "failures", "throttled", "requests", "tpm", "e2e",
             "ttft", "tbt", "util"]  # fmt: skip


# -- What it sends ---------------------------------------------------------------------------------------------------------


def test_asks_as_azures_tool_does(upstream, endpoint):
    done = run_load("-n", 3, "-c", 1, "-a", "2024-02-01", endpoint, deployment="a b")
    assert done.status == 0, done.err
    assert len(upstream.calls) == 3
    stamps = set()
    for call in upstream.calls:
        assert (call.method, call.path) == ("POST", "/openai/deployments/a%20b/chat/completions?api-version=2024-02-01")
        assert call.headers["api-key"] == KEY
        assert call.headers["content-type"] == "application/json"
        assert "authorization" not in call.headers
        assert call.json["stream"] is True
        assert (call.json["max_tokens"], call.json["n"]) == (500, 1)
        words, wish = (message["content"] for message in call.json["messages"])
        assert re.fullmatch(r"\d{10}\.\d{6}( [a-z]{3})+", words)
        assert re.fullmatch(r"\d{10}\.\d{6} write a long essay about life in at least 500 tokens", wish)
        stamps.add(words.split(" ")[0])
    assert len(stamps) == 3


def test_calls_openai_by_model_and_bearer(upstream, endpoint):
    done = run_load("-n", 1, *SHORT, "--temperature", 0.5, "--top-p", 1, f"{endpoint}/v1")
    assert done.status == 0, done.err
    assert "short answers: 2 tokens on average, of 20 asked for" in done.err
    (call,) = upstream.calls
    assert call.path == "/v1/chat/completions"
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert (call.json["model"], call.json["temperature"], call.json["top_p"]) == ("gpt-4", 0.5, 1)


def test_calls_by_token(upstream, endpoint):
    done = run_load("-n", 1, *SHORT, "--token-env", "TOKEN", endpoint, TOKEN="ey.token")
    assert done.status == 0, done.err
    assert upstream.calls[0].headers["authorization"] == "Bearer ey.token"
    assert "api-key" not in upstream.calls[0].headers


def test_replays_messages_in_turn(upstream, endpoint, tmp_path):
    ours = [{"role": "system", "content": "Be <brief>."}, {"role": "user", "content": 'Say "hi" ☺'}]
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3, "seed": 5}
    (tmp_path / "own.jsonl").write_text(json.dumps(ours) + "\n" + json.dumps(body) + "\n")
    done = run_load("-n", 4, "-c", 1, "--replay", tmp_path / "own.jsonl", "--prevent-server-caching", "false", endpoint)
    assert done.status == 0, done.err
    assert [call.json["messages"] for call in upstream.calls] == [ours, body["messages"]] * 2
    assert upstream.calls[1].json == body | {"stream": True, "n": 1}
    assert "max_tokens" not in upstream.calls[0].json


NO_MAX_TOKENS = {
    "error": {
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "type": "invalid_request_error",
        "param": "max_tokens",
        "code": "unsupported_parameter",
    }
}


def test_bounds_answers_of_reasoning_models(upstream, endpoint):
    """By the name that they know, once the first has said so; what was asked by the other one is asked again."""

    async def script(call):
        if "max_tokens" in call.json:
            await call.reply(400, NO_MAX_TOKENS)
        else:
            await obliging(call)

    upstream.script = script
    done = run_load("-n", 8, "-c", 2, "-f", "jsonl", *SHORT, endpoint)
    assert done.status == 0, done.err
    assert (done.last["completed"], done.last["failures"]) == (8, 0)
    assert done.err.count("the model takes max_completion_tokens in place of max_tokens") == 1
    refused = [call.json for call in upstream.calls if "max_tokens" in call.json]
    asked = [call.json for call in upstream.calls if "max_completion_tokens" in call.json]
    assert 1 <= len(refused) <= 2 and len(asked) == 8
    assert all(body["max_completion_tokens"] == 20 and "max_tokens" not in body for body in asked)


def test_leaves_the_bound_that_a_body_has_itself(upstream, endpoint, tmp_path):
    upstream.script = answering(400, NO_MAX_TOKENS)
    (tmp_path / "own.jsonl").write_text(json.dumps({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}))
    done = run_load("-n", 2, "-c", 1, "-m", 5, "--replay", tmp_path / "own.jsonl", endpoint)
    assert done.status == 1 and "2  status 400: unsupported_parameter" in done.err
    assert [call.json["max_tokens"] for call in upstream.calls] == [3, 3]


def test_loads_a_reasoning_model(simulated):
    simulated.deploy("loaded-reasoning", "gpt-5.5", "2026-04-24")
    version = ["-a", "2025-04-01-preview"]
    done = run_load("-n", 3, *SHORT, *version, simulated.endpoint, deployment="loaded-reasoning", OPENAI_API_KEY=simulated.key)
    assert done.status == 0, done.err
    assert done.last["completed"] == "3"


def test_asks_for_whole_answers(upstream, endpoint):
    done = run_load("-n", 2, "-c", 1, "-f", "jsonl", *SHORT, "--no-stream", endpoint)
    assert done.status == 0, done.err
    assert upstream.calls[0].json["stream"] is False
    assert done.last["ttft"] == {"avg": "n/a", "95th": "n/a"}
    assert done.last["e2e"]["avg"] >= 0
    # the usage of the answers: 3 and 2 tokens each
    assert done.last["tpm"]["context"] == pytest.approx(done.last["tpm"]["gen"] * 1.5, rel=0.01)


# -- What it prints --------------------------------------------------------------------------------------------------------


def test_prints_azures_lines(simulated):
    done = run_load("-n", 40, "-c", 4, *SHORT, simulated.endpoint, OPENAI_API_KEY=simulated.key)
    assert done.status == 0, done.err
    last = done.last
    assert (last["completed"], last["requests"], last["failures"], last["throttled"]) == ("40", "40", "0", "0")
    assert last["processing"] == "0"
    assert float(last["rpm"]) > 0 and float(last["tpm"]) > 0
    assert float(last["ttft_avg"]) <= float(last["e2e_avg"])
    said = [re.fullmatch(rf"{TIME} (INFO    ) (.*)", line) for line in done.err.splitlines()]
    assert [match[2] for match in said if match] == [
        "using shape profile custom: context tokens: 50, max tokens: 20",
        "warming up prompt cache",
        "starting load...",
        "waiting for 4 requests to drain",
        "finished load test",
    ]
    assert "40 requests in" in done.err
    assert "short answers" not in done.err


def test_prints_json_lines_each_second(simulated):
    done = run_load("-d", 2, "-r", 600, "-f", "jsonl", *SHORT, simulated.endpoint, OPENAI_API_KEY=simulated.key)
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in done.lines]
    assert [row["run_seconds"] for row in rows][:2] == [1, 2]
    for row in rows:
        assert list(row) == JSON_KEYS
        assert list(row["tpm"]) == ["context", "gen", "total"]
        assert row["util"] == {"avg": "n/a", "95th": "n/a"}
    assert rows[-1]["completed"] == 20
    assert rows[-1]["rpm"] == pytest.approx(600, rel=0.1)
    assert rows[-1]["tpm"]["total"] == rows[-1]["tpm"]["context"] + rows[-1]["tpm"]["gen"]


def test_finds_a_service_by_its_data_folder(simulated):
    """Endpoint and key; over TLS, the development CA. The key of the environment is for somebody else."""
    done = run_load("-n", 2, *SHORT, "--data", simulated.data)
    assert done.status == 0, done.err
    over_tls = simulated.endpoint.replace("http:", "https:")
    done = run_load("-n", 2, *SHORT, "--data", simulated.data, over_tls)
    assert done.status == 0, done.err
    # unless it is asked for
    done = run_load("-n", 2, *SHORT, "--data", simulated.data, "-k", "OPENAI_API_KEY")
    assert done.status == 1 and "status 401" in done.err


def test_a_data_folder_without_a_key(tmp_path):
    """Of a service in production, where keys belong to accounts."""
    config = tmp_path / "lazuli.yaml"
    config.write_text("dev: false\n")
    with Lazuli(data=tmp_path, command="serve", arguments=["--config", config]) as service:
        done = run_load("-n", 1, *SHORT, "--data", service.data)
        assert done.status == 2 and "it knows no key" in done.err
        # with one of one's own, the folder still tells the endpoint
        done = run_load("-n", 1, *SHORT, "--data", service.data, "-k", "OPENAI_API_KEY")
        assert done.status == 1 and "status 401" in done.err


def test_speaks_the_v1_surface(simulated):
    done = run_load("-n", 2, *SHORT, f"{simulated.endpoint}/openai/v1", OPENAI_API_KEY=simulated.key)
    assert done.status == 0, done.err


def test_counts_tokens_by_events_or_usage(upstream, endpoint):
    async def script(call):
        await call.start_events()
        await call.event(chat_event(""))  # no token
        for _ in range(5):
            await call.event(chat_event("x"))
        await call.event(chat_event(finish="stop"))
        if "stream_options" in call.json:
            await call.event(chat_event() | {"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 15}})
        await call.end_events()

    upstream.script = script
    counted = run_load("-n", 1, "-f", "jsonl", *SHORT, endpoint).last["tpm"]
    assert counted["gen"] * 10 == pytest.approx(counted["context"], rel=0.01)  # 5 and 50
    told = run_load("-n", 1, "-f", "jsonl", *SHORT, "--include-usage", endpoint).last["tpm"]
    assert told["gen"] * 2 == pytest.approx(told["context"], rel=0.01)  # 15 and 30


def test_tells_the_utilization(upstream, endpoint):
    async def script(call):
        used = len(upstream.calls) * 20
        await call.reply(200, chat_answer(), {"azure-openai-deployment-utilization": f"{used}%"})

    upstream.script = script
    done = run_load("-n", 4, "-c", 1, "--no-stream", *SHORT, endpoint)
    assert (done.last["util_avg"], done.last["util_95th"]) == ("50.0%", "77.0%")
    assert "utilization of the deployment: 50.0%, 80.0% at most" in done.err


def test_saves_a_copy(upstream, endpoint, tmp_path):
    folder = tmp_path / "logs"
    done = run_load("-n", 1, *SHORT, "--log-save-dir", folder, endpoint)
    (file,) = folder.iterdir()
    assert re.fullmatch(r"\d{4}(-\d\d){5}_gpt-4_shape-custom_clients=20_rate=none\.log", file.name)
    text = file.read_text()
    assert done.lines[-1] in text and "finished load test" in text


def test_saves_a_copy_of_a_model_with_a_slash(upstream, endpoint, tmp_path):
    done = run_load("-n", 1, *SHORT, "--log-save-dir", tmp_path, f"{endpoint}/v1", deployment="a/b" + "c" * 300)
    assert done.status == 0, done.err
    (file,) = tmp_path.iterdir()
    assert "_a-bccc" in file.name


@pytest.mark.parametrize("option", ["--replay", "--report"])
def test_takes_no_pipe(endpoint, tmp_path, option):
    """Nobody reads from it, or writes to it: it would be waited for without a word."""
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    done = run_load("-n", 1, *SHORT, option, pipe, endpoint)
    assert done.status == 2 and re.search(rf"{option}(-path)? {pipe}: it is not a (regular )?file", done.err), done.err


# -- The schedule ----------------------------------------------------------------------------------------------------------


def slow(seconds):
    async def script(call):
        await asyncio.sleep(seconds)
        await obliging(call)

    return script


def test_starts_at_planned_times_however_slow_the_service_is(upstream, endpoint):
    """Ten requests in half a second, though each takes 1.5 s."""
    upstream.script = slow(1.5)
    done = run_load("-n", 10, "-r", 1200, *SHORT, endpoint)
    assert done.status == 0, done.err
    came = [call.came_s - upstream.calls[0].came_s for call in upstream.calls]
    assert 0.4 < came[-1] < 1.4
    assert "held back" not in done.err


def test_arrives_at_random_times(upstream, endpoint):
    """The same in each run, and not evenly."""
    assert run_load("-n", 20, "-r", 1200, "--arrivals", "poisson", *SHORT, endpoint).status == 0
    came = [call.came_s for call in upstream.calls]
    gaps = [later - earlier for earlier, later in itertools.pairwise(came)]
    assert max(gaps) > 3 * min(gaps) and max(gaps) > 0.08
    assert came[-1] - came[0] > 0.3


def test_tells_what_waits_behind_a_slow_service(upstream, endpoint, tmp_path):
    """One client, six requests planned 50 ms apart, each takes 0.3 s: the last waits 1.25 s before it starts."""
    upstream.script = slow(0.3)
    report = tmp_path / "report.json"
    done = run_load("-n", 6, "-r", 1200, "-c", 1, *SHORT, "--report", report, endpoint)
    assert done.status == 0, done.err
    found = json.loads(report.read_text())
    latency = found["latency_seconds"]
    assert latency["e2e"]["min"] >= 0.299
    assert latency["e2e_corrected"]["max"] >= 6 * 0.299 - 5 * 0.05
    # what the service took does not hide the wait, nor the other way round
    assert latency["e2e_corrected"]["max"] > latency["e2e"]["max"] + 1
    assert latency["ttft_corrected"]["max"] > latency["ttft"]["max"] + 1
    assert found["totals"]["held_back"] == 5
    assert 1.2 <= found["totals"]["held_back_max_seconds"] < latency["e2e_corrected"]["max"]
    assert "falling behind committed rate by 1." in done.err
    assert "held back: 5 requests waited for a free client" in done.err


def test_ends_with_the_duration(upstream, endpoint):
    """Clients that wait do not keep the load from ending: what was not started is told."""
    upstream.script = slow(0.8)
    done = run_load("-d", 1, "-r", 600, "-c", 1, *SHORT, endpoint)
    assert done.status == 0, done.err
    assert len(upstream.calls) == 2
    assert "waiting for 1 requests to drain" in done.err
    assert "not started: 8 requests" in done.err


# -- Failures --------------------------------------------------------------------------------------------------------------


async def cut_stream(call):
    await call.start_events()
    await call.event(chat_event("x"))
    call.cut()


async def unfinished_stream(call):
    await call.start_events()
    await call.event(chat_event("x"))
    await call.end_events(done=False)


async def error_event(call):
    await call.start_events()
    await call.event({"error": {"code": "server_error", "message": "The \x1b[31mengine\x07 broke."}})
    await call.end_events()


async def garbled_stream(call):
    await call.start_events()
    await call.event("{not json")
    await call.end_events()


async def no_http(call):
    await call.raw(b"nonsense\r\n\r\n")
    await call.close()


async def closes(call):
    await call.close()


async def stalls(call):
    await call.start_events()
    await call.event(chat_event("x"))
    await call.until_left()


async def says_nothing(call):
    await call.until_left()


@pytest.mark.parametrize(
    ("script", "summary"),
    [
        (cut_stream, "the answer broke off 200: "),
        (unfinished_stream, "the answer broke off 200: no [DONE] at the end of the stream"),
        (error_event, "an error in the stream 200: server_error: The ?[31mengine? broke."),
        (garbled_stream, "not an answer of a model 200: an event that is not JSON"),
        (answering(200, b"<html>"), "not an answer of a model 200: a body that is not JSON"),
        (answering(302, b""), "status 302"),
        (no_http, "not an answer in HTTP"),
        (closes, "closed without an answer: "),
        (stalls, "the answer stalled 200: "),
        (says_nothing, "no answer in time: "),
    ],
)
def test_tells_causes(upstream, endpoint, script, summary):
    upstream.script = script
    done = run_load("-n", 2, "-c", 1, "--timeout", 1, *SHORT, endpoint)
    assert done.status == 1
    assert (done.last["completed"], done.last["failures"], done.last["throttled"]) == ("2", "2", "0")
    assert f"        2  {summary}" in done.err
    assert "\x1b" not in done.err


async def endless_error(call):
    await call.head(500, {"transfer-encoding": "chunked"})
    while True:
        await call.chunk(b"x" * 4096)


def test_an_error_without_end(upstream, endpoint):
    upstream.script = endless_error
    done = run_load("-n", 2, "-c", 1, *SHORT, endpoint)
    assert done.status == 1
    assert "        2  status 500\n" in done.err
    assert upstream.left.wait(10)


def test_tells_request_ids(upstream, endpoint):
    upstream.script = answering(500, {"error": {"code": "500", "message": "Broken."}}, {"apim-request-id": "the-id"})
    done = run_load("-n", 1, *SHORT, endpoint)
    assert "call failed: apim-request-id=the-id 500: 500: Broken." in done.err
    assert "1  status 500: 500: Broken. (apim-request-id the-id)" in done.err


def test_nobody_is_there():
    """Clients without a pause would burn the processor: 20 of them in a second make no more than some rounds."""
    done = run_load("-d", 1, *SHORT, f"http://127.0.0.1:{free_port()}")
    assert done.status == 1
    assert "no connection: 127.0.0.1 port" in done.err and "connection refused" in done.err
    assert 20 <= int(done.last["failures"]) < 400
    assert "no connection: no-such-host.invalid" in run_load("-n", 1, *SHORT, "http://no-such-host.invalid").err


def test_verifies_tls(simulated):
    done = run_load("-n", 1, *SHORT, simulated.endpoint.replace("http:", "https:"), OPENAI_API_KEY=simulated.key)
    assert done.status == 1
    assert "TLS failed: 127.0.0.1" in done.err and "certificate not accepted" in done.err
    trusted = simulated.variables["LAZULI_CA_BUNDLE"]
    done = run_load("-n", 1, "--ca-file", trusted, simulated.endpoint.replace("http:", "https:"), OPENAI_API_KEY=simulated.key)
    assert done.status == 0, done.err


# -- Its end ---------------------------------------------------------------------------------------------------------------


def held(release):
    async def script(call):
        while not release.is_set():
            await asyncio.sleep(0.01)
        await obliging(call)

    return script


def wait_for_err(process, text):
    """Reads what it says until the text comes; returns all of that."""
    said = ""
    deadline = time.monotonic() + 20
    while text not in said:
        line = process.stderr.readline()
        assert line and time.monotonic() < deadline, said
        said += line
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains(upstream, endpoint, number):
    release = threading.Event()
    upstream.script = held(release)
    process = start_load("-c", 2, *SHORT, endpoint)
    upstream.wait_for_calls(2)
    process.send_signal(number)
    wait_for_err(process, "waiting for 2 requests to drain")
    release.set()
    done = end_load(process)
    assert done.status == 0, done.err
    assert (done.last["completed"], done.last["failures"]) == ("2", "0")
    assert len(upstream.calls) == 2


def test_a_second_signal_ends_at_once(upstream, endpoint, tmp_path):
    upstream.script = says_nothing
    report = tmp_path / "report.json"
    process = start_load("-c", 2, *SHORT, "--report", report, endpoint)
    upstream.wait_for_calls(2)
    process.send_signal(signal.SIGINT)
    wait_for_err(process, "requests to drain")
    process.send_signal(signal.SIGINT)
    done = end_load(process)
    assert done.status == 130
    assert "forcing program exit" in done.err and "aborted: 2 requests" in done.err
    assert json.loads(report.read_text())["totals"]["aborted"] == 2
    assert upstream.left.wait(10)


def test_an_answer_without_end(upstream, endpoint):
    """It says something again and again, and is never whole: it is left when the rest has long ended."""

    async def script(call):
        await call.start_events()
        while True:
            await call.chunk(b": wait\n\n")
            await asyncio.sleep(0.02)

    upstream.script = script
    done = run_load("-d", 0.5, "-c", 2, "--drain-timeout", 1, *SHORT, endpoint)
    assert done.status == 1
    assert "2 requests have not ended in 1 s more, leaving them" in done.err and "aborted: 2 requests" in done.err
    assert upstream.left.wait(10)


def test_nobody_reads_its_lines(upstream, endpoint):
    process = start_load("-r", 600, *SHORT, endpoint)
    upstream.wait_for_calls(1)
    process.stdout.close()
    said = wait_for_err(process, "finished load test")
    assert "standard output is gone, draining" in said
    process.stderr.read()
    assert process.wait(20) == 0


def test_draws_a_view_in_a_terminal(upstream, endpoint):
    upstream.script = slow(0.1)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [PROGRAM, "bench", "load", "-e", "gpt-4", "-d", "3", *SHORT, endpoint],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL, env=environment(TERM="xterm"),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass  # the terminal is gone with the process
    finally:
        os.close(ours)
    assert process.wait(20) == 0
    text = shown.decode()
    views = text.split("lazuli bench load  gpt-4 at")[1:]
    assert len(views) >= 2
    assert all("requests/min" in view and "ttft" in view for view in views)
    assert "done  " in views[-1] and "\u2588" in views[-1]
    assert "\x1b[J" in text  # drawn over
    assert text.count(" rpm: ") == 1  # the last line, for the record


# -- Wrong usage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "variables", "why"),
    [
        (["-c", "0"], {}, "-c/--clients must be a whole number from 1 to 100000, not '0'"),
        (["--token-env", "NO_SUCH", "-k", "OPENAI_API_KEY"], {}, "--token-env NO_SUCH: there is no such variable"),
        (["-k", "NO_SUCH"], {}, "-k/--api-key-env NO_SUCH: there is no such variable"),
        (["-k", "EMPTY"], {"EMPTY": ""}, "-k/--api-key-env EMPTY: there is no such variable"),
        (["-k", "ODD"], {"ODD": "a\r\nb: c"}, "-k/--api-key-env ODD: its value holds a character"),
        (["--token-env", "NO_SUCH"], {}, "--token-env NO_SUCH: there is no such variable"),
        (["--replay", "/nowhere"], {}, "--replay-path /nowhere: No such file or directory"),
        (["--report", "/nowhere/a.html"], {}, "--report /nowhere/a.html: No such file or directory"),
        (["--data", "/nowhere"], {}, "/nowhere"),
    ],
)
def test_wrong_usage(endpoint, words, variables, why):
    done = run_load(*words, endpoint, **variables)
    assert done.status == 2, done.err
    assert why in done.err and done.out == ""


def test_a_ca_file_that_is_none(tmp_path):
    (tmp_path / "ca.pem").write_text("none")
    done = run_load("--ca-file", tmp_path / "ca.pem", "https://127.0.0.1:1")
    assert done.status == 2 and f"--ca-file {tmp_path}/ca.pem" in done.err


def test_help_and_commands():
    helped = subprocess.run([PROGRAM, "bench", "load", "--help"], capture_output=True, text=True)
    assert helped.returncode == 0 and "-s, --shape-profile" in helped.stdout
    assert subprocess.run([PROGRAM, "bench"], capture_output=True).returncode == 2
    unknown = subprocess.run([PROGRAM, "bench", "unload"], capture_output=True, text=True)
    assert unknown.returncode == 2 and "there is no 'unload'" in unknown.stderr


def test_tokenizes_by_a_guess():
    def tokens(*words, text=""):
        line = [PROGRAM, "bench", "tokenize", *words]
        return subprocess.run(line, input=text, capture_output=True, text=True, check=True).stdout

    assert tokens("--model", "gpt-4", "this is my context") == "tokens: 5\n"
    assert tokens(text="four") == "tokens: 1\n"
    # a message: 3, its role 1, its content 5; 3 for the answer's beginning
    assert tokens(text='[{"role":"user","content":"this is my context"}]') == "tokens: 12\n"
