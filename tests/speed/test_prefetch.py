"""That memory is asked for before it is needed (base/prefetch.h): a hint that the compiler may leave out, after which all is as
correct, and slower."""

import re
import subprocess

from service import PROGRAM

HINT = re.compile(r"\b(prefetch\w*|prfm)\b")  # x86-64, arm64


def test_the_compiler_keeps_the_hints():
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", PROGRAM], check=True, capture_output=True, text=True).stdout
    hints = [line for line in listing.splitlines() if HINT.search(line.partition("<")[0])]
    assert len(hints) >= 4, "a call's parser, the call itself, what it names, and an answer's id"
