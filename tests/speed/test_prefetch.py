"""That memory is asked for before it is needed (base/prefetch.h): a hint that the compiler may leave out, after which all is as
correct, and slower."""

import re
import subprocess

from service import PROGRAM

FUNCTION = re.compile(r"^[0-9a-f]+ <on_space\b[^>]*>:$(.*?)^$", re.MULTILINE | re.DOTALL)
HINT = re.compile(r"\b(?:prefetcht0|prfm)\b")  # x86-64, arm64
HINTS = 4  # before a call's answer is read: of the call, of its parser two, and of all that the call named, in a loop


def test_the_compiler_keeps_the_hints():
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", PROGRAM], check=True, capture_output=True, text=True).stdout
    functions = FUNCTION.findall(listing)
    assert functions
    assert sum(len(HINT.findall(text)) for text in functions) >= HINTS
