"""That the benchmarks run, shortly, and what they find that does not depend on the clock, nor on what else the machine does."""

import json
import subprocess

import pytest

from service import PROGRAM, TOP

SHORTLY = ["--seconds", "1", "--rounds", "1"]
RUN_LIMIT_S = 240
# Options, and one of the keys that bench/README.md names, of each round, each load, and each peer.
BENCHMARKS = {
    "gateway": (["--connections", "8"], "syscalls_ratio_c8"),
    "limits": (["--connections", "8"], "on_cpu_us"),
    "latency": ([], "over_e2e_p95_ratio"),
    "engine": (["--streams", "1,2"], "tokens_ratio_s2"),
    "control": (["--connections", "2", "--deployments", "64"], "traffic_reload_change_max_ms"),
    "startup": ([], "later_ratio"),
    "load": (["--connections", "8", "--rates", "100"], "rps_ratio_stream_c8"),
}
# Two loads, since what a service has once is in the figures of both.
FEW, MANY = 500, 2000
STREAM_BYTES_MAX = 10_000


def run(name, *options):
    """The figures of a benchmark."""
    line = [TOP / "bench" / name, "--program", PROGRAM, *SHORTLY, *options]
    done = subprocess.run(line, capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_runs(name):
    options, key = BENCHMARKS[name]
    assert run(name, *options)[key] > 0


def test_bytes_of_a_stream():
    """What is resident for each of many that are open, an upstream's connection included."""
    found = run("streams", "--loads", f"{FEW}x1,{MANY}x1", "--rate-share-min", "0.5")
    few, many = (found[f"lazuli_stream_bytes_n{count}"] * count for count in (FEW, MANY))
    each = (many - few) / (MANY - FEW)
    print(f"{each:.0f} bytes a stream")
    assert 0 < each <= STREAM_BYTES_MAX
