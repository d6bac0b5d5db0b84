#!/usr/bin/env python3
"""Adds up what the suites of scripts/test report: tally.py FOLDER SUITE... --failed SUITE=STATUS...

A suite leaves FOLDER/SUITE.xml (JUnit), several such files in FOLDER/SUITE/, or FOLDER/SUITE.tap. The report of ctest
is read one level deeper: what a test program printed as TAP counts case by case. Cases that were announced and never
reported (a crash) have failed, and so has a suite that ended badly without naming a case. The last line is "N passed, N
failed", with ", N skipped" if any.
"""

import pathlib
import re
import sys
from xml.etree import ElementTree


class Count:
    def __init__(self):
        self.passed = self.skipped = 0
        self.failures = []

    def add(self, other):
        self.passed += other.passed
        self.skipped += other.skipped
        self.failures += other.failures

    def __str__(self):
        text = f"{self.passed} passed, {len(self.failures)} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def read_tap(text, name):
    """Counts the innermost cases: a line whose own subtests were counted just before it is their sum."""
    count, planned, seen, deepest = Count(), 0, 0, {}
    for line in text.splitlines():
        plan = re.match(r"1\.\.(\d+)", line)
        case = re.match(r"( *)(not )?ok\b(?: \d+)?(?: -)? ?(.*)", line)
        if plan:
            planned += int(plan.group(1))
        if not case:
            continue
        indent, bad, title = len(case.group(1)), bool(case.group(2)), case.group(3)
        seen += indent == 0
        below = any(deeper > indent for deeper in deepest)
        bad_below = any(deepest.pop(deeper) for deeper in list(deepest) if deeper > indent)
        deepest[indent] = deepest.get(indent, False) or (bad and "# SKIP" not in title)
        if re.search(r"# (SKIP|TODO)\b", title, re.IGNORECASE):
            count.skipped += 1
        elif not bad and not below:
            count.passed += 1
        elif bad and not bad_below:
            count.failures.append(f"{name}: {title}")
    count.failures += [f"{name}: case {n} never reported" for n in range(seen + 1, planned + 1)]
    return count


def read_junit(path, name):
    count = Count()
    for case in ElementTree.parse(path).iter("testcase"):
        title = "::".join(filter(None, [case.get("classname"), case.get("name")]))
        bad = case.find("failure") is not None or case.find("error") is not None
        output = case.findtext("system-out") or ""
        if re.search(r"^1\.\.\d+$", output, re.MULTILINE):
            inner = read_tap(output, f"{name}: {case.get('name')}")
            if bad and not inner.failures:  # every case passed, and then it leaked or crashed
                inner.failures.append(f"{name}: {title}: ended badly")
            count.add(inner)
        elif bad:
            count.failures.append(f"{name}: {title}")
        elif case.find("skipped") is not None:
            count.skipped += 1
        else:
            count.passed += 1
    return count


def main():
    split = sys.argv.index("--failed")
    folder, suites = pathlib.Path(sys.argv[1]), sys.argv[2:split]
    ended_badly = dict(item.split("=") for item in sys.argv[split + 1 :])
    total = Count()
    print()
    for suite in suites:
        count = Count()
        try:
            reports = [*folder.glob(f"{suite}.xml"), *sorted(folder.glob(f"{suite}/*.xml"))]
            if reports:
                for report in reports:
                    count.add(read_junit(report, suite))
            elif (folder / f"{suite}.tap").exists():
                count = read_tap((folder / f"{suite}.tap").read_text(errors="replace"), suite)
            elif suite not in ended_badly:
                count.failures.append(f"{suite}: reported nothing")
        except ElementTree.ParseError as error:
            count.failures.append(f"{suite}: its report cannot be read: {error}")
        status = ended_badly.get(suite)
        if status and not count.failures:
            why = "ran out of time" if status in ("124", "137") else f"status {status}"
            count.failures.append(f"{suite}: did not run to its end ({why})")
        print(f"{suite:8} {count}")
        total.add(count)
    for failure in total.failures:
        print(f"FAILED   {failure}")
    print(total)
    return 1 if total.failures or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
