"""How many instructions a request takes, held to committed figures, so that a slow-down is a change that is seen.

Callgrind counts what lazuli executes, which is the same whatever else the machine does, so that no clock is needed. The
same service is started twice, for few and for many of the same request; the difference is what the many took. Figures
depend on the compiler: instructions.json has them for those of the Debian releases. After a change that is meant,
`SPEED_WRITE=1 make test SUITES=speed` writes them anew; docs/performance.md says what they were and why.
"""

import json
import os
import pathlib
import platform
import re
import subprocess

import pytest

from counted import FEW, KINDS, MANY, run, upstream_for

FILE = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05


def instructions(tmp_path, upstream, count, kind):
    """Of all that a service does that is asked so much."""
    options = ["--tool=callgrind", f"--callgrind-out-file={tmp_path / f'callgrind.out.{count}'}"]
    return int(re.search(r"Collected : (\d+)", run(options, tmp_path, upstream, count, kind))[1])


def compiler():
    """As instructions.json names it."""
    version = subprocess.run(["gcc", "-dumpversion"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{platform.machine()} gcc-{version.split('.')[0]}"


def hold_to_figure(name, found):
    figures = json.loads(FILE.read_text())
    if os.environ.get("SPEED_WRITE"):
        figures.setdefault(compiler(), {})[name] = round(found)
        FILE.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    if compiler() not in figures:
        pytest.skip(f"there are no figures for {compiler()}; this is {found:.0f}")
    known = figures[compiler()][name]
    assert abs(found - known) <= TOLERANCE * known, f"{found:.0f} instructions for {name}, where {known} are known"


@pytest.mark.parametrize("name", KINDS)
def test_instructions(tmp_path, name):
    kind = KINDS[name]
    with upstream_for(kind) as upstream:
        few, many = (instructions(tmp_path, upstream, count, kind) for count in (FEW, MANY))
    hold_to_figure(name, (many - few) / (MANY - FEW))
