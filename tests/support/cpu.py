"""What a running service takes of the processors, whatever else the machine is busy with."""

import contextlib
import os
import pathlib

from memory import FACTOR


def cpu_seconds(service):
    fields = pathlib.Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bounded_cpu(service, limit_s):
    """All its threads together take no more than that."""
    before = cpu_seconds(service)
    yield
    used = cpu_seconds(service) - before
    assert used < limit_s * FACTOR, f"{used:.1f} s"
