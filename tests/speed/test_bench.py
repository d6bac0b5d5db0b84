"""The benchmarks run, shortly; they notice when answers are not what they should be; and what a stream takes of memory, which
does not depend on the clock."""

import asyncio
import json
import os
import re
import subprocess
import time

import pytest

from fake_upstream import FakeUpstream, chat_event
from service import PROGRAM, TOP
from tracing import why_not_traced

SHORTLY = ["--seconds", "1", "--rounds", "1"]
RUN_LIMIT_S = 240
SYSCALLS = ["--no-syscalls"] if why_not_traced() else []
# Options, and keys of the last line that bench/README.md names.
BENCHMARKS = {
    "gateway": (
        ["--connections", "8", *SYSCALLS],
        ["cpu_ratio_c8", "rps_ratio_c8", "p99_ratio_c8", "memory_ratio_c8", *([] if SYSCALLS else ["syscalls_ratio_c8"])],
    ),
    "gateway by token": (
        ["--connections", "8", "--no-syscalls", "--token", "--tls", "--prompt-bytes", "100000"],
        ["cpu_ratio_c8", "p50_ratio_c8"],
    ),
    "gateway to a Unix socket": (["--connections", "8", "--no-syscalls", "--unix"], ["cpu_ratio_c8"]),
    "limits": (["--connections", "8"], ["standard_ns_n2", "provisioned_ns", "on_cpu_us", "off_rps"]),
    "latency": ([], ["admitted_per_s", "over_e2e_p95_ratio"]),
    "engine": (["--streams", "1,2"], ["tokens_ratio_s1", "tokens_ratio_s2"]),
    "control": (
        ["--connections", "2", "--deployments", "64"],
        ["put_rps_ratio_c2", "list_ms", "traffic_quiet_p999_us", "traffic_put_change_ms", "traffic_reload_change_max_ms"],
    ),
    "startup": ([], ["first_ms", "later_ratio"]),
    "load": (
        ["--connections", "8", "--rates", "100"],
        ["rps_ratio_whole_c8", "rps_ratio_stream_c8", "planned_corrected_p50_us_r100"],
    ),
}
# Two loads, since what a service has once is in the figures of both.
FEW, MANY = 500, 2000
STREAM_BYTES_MAX = 10_000

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is for what is measured, one for the load")


def run(name, *options):
    """The figures of a benchmark."""
    line = [TOP / "bench" / name, "--program", PROGRAM, *SHORTLY, *options]
    done = subprocess.run(line, capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_runs(name):
    options, keys = BENCHMARKS[name]
    found = run(name.split()[0], *options)
    assert {key: found.get(key) for key in keys if not (found.get(key) or 0) > 0} == {}


def test_all_are_run():
    names = re.search(r'^names="(.*)"$', (TOP / "bench" / "run").read_text(), re.MULTILINE)[1].split()
    assert {*names} == {name.split()[0] for name in BENCHMARKS} | {"streams"}


def test_bytes_of_a_stream():
    """What is resident for each of many that are open, an upstream's connection included."""
    found = run("streams", "--loads", f"{FEW}x1,{MANY}x1", "--rate-share-min", "0.5")
    (few, few_bytes), (many, many_bytes) = (
        (found[f"streams_n{count}"], found[f"streams_n{count}"] * found[f"lazuli_stream_bytes_n{count}"]) for count in (FEW, MANY)
    )
    each = (many_bytes - few_bytes) / (many - few)
    print(f"{each:.0f} bytes a stream")
    assert 0 < each <= STREAM_BYTES_MAX


ORDERS = {"none": [0, 1, 2, 3], "lost": [0, 1, 3, 4], "misordered": [0, 2, 1, 3], "broken": [0, 1, None]}


@pytest.mark.parametrize("wrong", ORDERS)
def test_what_went_astray_is_counted(tmp_path, wrong):
    """By the program that reads bench/streams' events, each with its number and time."""

    async def script(call):
        await call.start_events()
        for number in ORDERS[wrong]:
            if number is None:
                call.cut()
                return
            event = json.dumps(chat_event(f"{number} {time.monotonic_ns()}"), separators=(",", ":"))
            await call.chunk(f"data: {event}\n\n".encode())
            await asyncio.sleep(0.02)
        await call.end_events()

    upstream = FakeUpstream()
    upstream.reset(script)
    request = tmp_path / "request"
    request.write_bytes(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    client = [TOP / "build" / "bench" / "stream_client", str(upstream.port), request, "2", "1", "stamped"]
    done = subprocess.run(client, capture_output=True, text=True, timeout=60)
    upstream.stop()
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["events"] > 0, found
    # what comes too late has been taken for lost before
    expected = {"misordered": {"lost", "misordered"}, "none": set()}.get(wrong, {wrong})
    assert {key for key in ("lost", "misordered", "broken", "unfinished") if found[key]} == expected, found
