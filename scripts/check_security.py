#!/usr/bin/env python3
"""docs/security.md and the tests agree: each test that it names (`FOLDER/FILE::NAME`, below tests/) is there, and each test
of the suites of hostile input is named."""

import pathlib
import re
import sys

top = pathlib.Path(__file__).resolve().parent.parent
tests = top / "tests"
named = set(re.findall(r"`([\w./-]+)::(\w+)`", (top / "docs" / "security.md").read_text()))
bad = [] if named else ["docs/security.md names no test"]
for file, name in sorted(named):
    definition = rf"^def {name}\(" if file.endswith(".py") else rf"^static void {name}\(void"
    path = tests / file
    if not path.is_file() or not re.search(definition, path.read_text(), re.MULTILINE):
        bad.append(f"docs/security.md: there is no {file}::{name}")
for path in sorted(tests.glob("api/test_hostile_*.py")):
    file = str(path.relative_to(tests))
    for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE):
        if (file, name) not in named:
            bad.append(f"docs/security.md does not name {file}::{name}")
print("\n".join(bad))
sys.exit(bool(bad))
