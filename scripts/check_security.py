#!/usr/bin/env python3
"""docs/security.md and the tests agree: each row of a table of attacks names its tests, as `FOLDER/FILE::NAME` below tests/, or
as `FOLDER/FILE` where the whole file is the test; all that it names are there, are built and run; each test of the suites of
hostile input is named, and so is each fuzz target."""

import functools
import pathlib
import re
import sys

top = pathlib.Path(__file__).resolve().parent.parent
tests = top / "tests"
built = set(re.findall(r"^(unit_test|fuzz_target)\(([\w/]+)", (top / "CMakeLists.txt").read_text(), re.MULTILINE))
targets = {path.stem.removeprefix("fuzz_") for path in tests.glob("fuzz/fuzz_*.c")}
bad = []


@functools.cache
def tests_in(file):
    """The names of what a file of tests has that is run; none if there is no such file, or if nobody builds it."""
    path = tests / file
    text = path.read_text() if path.is_file() else ""
    if file.startswith("fuzz/"):
        name = path.stem.removeprefix("fuzz_")
        is_built = any(kind == "fuzz_target" and entry.split("/")[1] == name for kind, entry in built)
        return set(re.findall(r"^int (LLVMFuzzerTestOneInput)\(", text, re.MULTILINE)) if is_built else set()
    if file.startswith("unit/"):
        defined = set(re.findall(r"^static void (\w+)\(void \*\*\w+\)$", text, re.MULTILINE))
        listed = set(re.findall(r"\w+", text.partition("struct CMUnitTest ")[2]))
        is_built = ("unit_test", re.sub(r"^unit/(.*)test_(\w+)\.c$", r"\1\2", file)) in built
        return defined & listed if is_built else set()
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE)) if path.name.startswith("test_") else set()


def cells_of(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def tables_of(lines):
    """Each table's header, and its rows with their line numbers."""
    rows = []
    for number, line in enumerate([*lines, ""], 1):
        if line.startswith("|"):
            rows.append((number, cells_of(line)))
        elif rows:
            yield rows[0][1], rows[2:]
            rows = []


def say(number, what):
    bad.append(f"docs/security.md:{number}: {what}")


lines = (top / "docs" / "security.md").read_text().splitlines()
folders = "|".join(sorted(path.name for path in tests.iterdir() if path.is_dir()))
reference = re.compile(rf"((?:{folders})/[\w./-]+\.(?:py|c))(?:::(\w+))?")
every_file = [*tests.glob("*/test_*.py"), *tests.glob("unit/**/test_*.c")]
every_name = {name for path in every_file for name in tests_in(str(path.relative_to(tests)))}
named = set()
for number, line in enumerate(lines, 1):
    for text in re.findall(r"`([^`]+)`", line):
        found = reference.fullmatch(text)
        if not found:
            if re.match(r"(\w*/)*(test|fuzz)_[a-z]\w*(\.\w+)?(::|$)", text) or text in every_name:
                say(number, f"`{text}` is no FOLDER/FILE::NAME below tests/")
            continue
        there = tests_in(found[1])
        if not there or (found[2] and found[2] not in there):
            say(number, f"there is no {text}")
        named.add(found.groups())

with_tests = with_targets = 0
for header, rows in tables_of(lines):
    if "test" in header:
        with_tests += 1
        for number, cells in rows:
            if len(cells) != len(header):
                say(number, f"{len(cells)} columns, where the table has {len(header)}")
                continue
            texts = re.findall(r"`([^`]+)`", cells[header.index("test")])
            if not texts:
                say(number, "names no test")
            for text in texts:
                if not reference.fullmatch(text):
                    say(number, f"`{text}` is no FOLDER/FILE::NAME below tests/")
    elif "attack" in header:
        say(rows[0][0] - 2, "a table of attacks without a column of tests")
    elif "targets" in header:
        with_targets += 1
        listed = {name for _, cells in rows for name in re.findall(r"`([a-z_]+)`", cells[header.index("targets")])}
        bad += [f"docs/security.md does not name the fuzz target {name}" for name in sorted(targets - listed)]
        bad += [f"docs/security.md: there is no fuzz target {name}" for name in sorted(listed - targets)]
if not with_tests:
    bad.append("docs/security.md has no table with tests")
if with_targets != 1:
    bad.append("docs/security.md has not one table of the fuzz targets")
for path in sorted(tests.glob("api/test_hostile_*.py")):
    file = str(path.relative_to(tests))
    bad += [f"docs/security.md does not name {file}::{name}" for name in sorted(tests_in(file)) if (file, name) not in named]
print("\n".join(dict.fromkeys(bad)))
sys.exit(bool(bad))
