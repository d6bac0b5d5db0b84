"""What a running service takes of memory, as the kernel counts it."""

import contextlib
import os
import pathlib
import re

# For a service whose memory is looked at: AddressSanitizer keeps less of what was freed than it usually does.
SMALL_QUARANTINE = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}

# Under ThreadSanitizer each byte has several in its shadow, which are resident too.
FACTOR = int(os.environ.get("MEMORY_FACTOR", "1"))


def _read_mib(service, key):
    status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024


def resident_mib(service):
    return _read_mib(service, "VmRSS")


def peak_mib(service):
    """The most that has been resident."""
    return _read_mib(service, "VmHWM")


@contextlib.contextmanager
def bounded_memory(service, limit_mib):
    """The resident memory does not grow by more than that at any time."""
    before = resident_mib(service)
    pathlib.Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")  # the peak begins anew
    yield
    grown = peak_mib(service) - before
    assert grown < limit_mib * FACTOR, f"{grown:.0f} MiB more"
