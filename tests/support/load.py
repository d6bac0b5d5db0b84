"""`lazuli bench load`, run as a user runs it."""

import dataclasses
import json
import os
import re
import subprocess

from service import PROGRAM

KEY = "the-key-of-the-load"
LIMIT_S = 60
SHORT = ["-s", "custom", "-p", "50", "-m", "20"]  # a small shape

# A line of Azure's benchmark tool: names and widths of its columns.
COLUMNS = [
    ("rpm", 5), ("processing", 4), ("completed", 5), ("failures", 4), ("throttled", 4), ("requests", 5), ("tpm", 6),
    ("ttft_avg", 6), ("ttft_95th", 6), ("tbt_avg", 6), ("tbt_95th", 6), ("e2e_avg", 6), ("e2e_95th", 6), ("util_avg", 6),
    ("util_95th", 6),
]  # fmt: skip
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@dataclasses.dataclass
class Done:
    """A load that has ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def last(self):
        """The last line of output, as values by column; of --output-format jsonl, the object."""
        line = self.lines[-1]
        return json.loads(line) if line.startswith("{") else read_line(line)


def read_line(line):
    """The values of a line, which must be what Azure's tool would have written of them, to the blank."""
    time, rest = line[:19], line[20:]
    assert re.fullmatch(TIME, time), line
    found = re.fullmatch(" ".join(rf"{name}: (\S+) *" for name, _ in COLUMNS), rest)
    assert found, line
    values = {name: value for (name, _), value in zip(COLUMNS, found.groups(), strict=True)}
    assert rest == " ".join(f"{name}: {values[name]:<{width}}" for name, width in COLUMNS)
    return values


def environment(**more):
    return os.environ | {"OPENAI_API_KEY": KEY, "TERM": "dumb"} | more


def start_load(*words, deployment="gpt-4", **more):
    """A process; `more` are variables of its environment."""
    line = [PROGRAM, "bench", "load", "-e", deployment, *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=environment(**more))


def end_load(process):
    out, err = process.communicate(timeout=LIMIT_S)
    return Done(process.returncode, out, err)


def run_load(*words, **more):
    return end_load(start_load(*words, **more))
