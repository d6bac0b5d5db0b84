"""A share of a core for processes, by the kernel's control groups (v2, or the cpu controller of v1)."""

import contextlib
import os
import pathlib
import sys

ROOT = pathlib.Path("/sys/fs/cgroup")
PERIOD_US = 10000  # a tenth of the kernel's own: less time in a row without the core


def limit(folder, percent, is_v2):
    """Makes the group."""
    quota_us = PERIOD_US * percent // 100
    if is_v2:
        (ROOT / "cgroup.subtree_control").write_text("+cpu")
    folder.mkdir()
    if is_v2:
        (folder / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
    else:
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(quota_us))


@contextlib.contextmanager
def quota(pids, percent):
    """While it is there, these processes together get so many percent of one core; of 100, nothing is done."""
    if percent == 100:
        yield
        return
    is_v2 = (ROOT / "cgroup.controllers").exists()
    controller = ROOT if is_v2 else ROOT / "cpu"
    folder = controller / f"lazuli-bench-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        try:
            stack.callback(lambda: folder.exists() and folder.rmdir())
            limit(folder, percent, is_v2)
            for pid in pids:
                (folder / "cgroup.procs").write_text(str(pid))
                stack.callback((controller / "cgroup.procs").write_text, str(pid))  # a group with processes stays
        except OSError as failure:
            sys.exit(f"no share of a core can be set here: {failure}")
        yield
