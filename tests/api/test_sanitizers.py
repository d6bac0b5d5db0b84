"""What a sanitizer reports ends the service with a status of its own, and so fails the test that stops it, without any check."""

import os
import subprocess

import pytest

from compiled import preloaded
from service import PROGRAM, Lazuli, is_built_with

STATUS = 99  # as scripts/test asks for
ERRORS = {
    "OVERFLOW": ("address", "-fsanitize=undefined -fno-sanitize-recover=all", "runtime error: signed integer overflow"),
    "OUT_OF_BOUNDS": ("address", "-fsanitize=address", "AddressSanitizer: heap-buffer-overflow"),
    "LEAK": ("address", "", "SUMMARY: AddressSanitizer: 4321 byte(s) leaked in 1 allocation(s)."),
    "RACE": ("thread", "-fsanitize=thread", "ThreadSanitizer: data race"),
}
ENVIRONMENT = {f"{name}_OPTIONS": f"exitcode={STATUS}" for name in ("ASAN", "UBSAN", "TSAN")}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_ends_a_program(tmp_path, error):
    sanitizer, options, report = ERRORS[error]
    if not is_built_with(sanitizer):
        pytest.skip(f"this build is not for {sanitizer} sanitizer")
    environment = ENVIRONMENT | os.environ
    environment |= preloaded(tmp_path, "error", f"-D{error}", *options.split())
    ended = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, timeout=60, env=environment)
    assert report in ended.stderr and ended.returncode == STATUS, ended


@pytest.mark.skipif(not is_built_with("address"), reason="LeakSanitizer is part of AddressSanitizer, which this build is without")
def test_a_leak_fails_the_test(tmp_path):
    service = Lazuli("extends: default\n", data=tmp_path / "data", environment=preloaded(tmp_path, "error", "-DLEAK"))
    with pytest.raises(AssertionError, match=r"lazuli ended with [1-9]"):
        service.stop()
