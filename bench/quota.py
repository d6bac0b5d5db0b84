"""A share of a core for processes, by the kernel's control groups (v2, or the cpu controller of v1)."""

import os
import pathlib
import sys
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
PERIOD_US = 10000  # a tenth of the kernel's own: less time in a row without the core


class Quota:
    """A group whose processes together get so many percent of one core."""

    def __init__(self, percent):
        quota_us = PERIOD_US * percent // 100
        is_v2 = (ROOT / "cgroup.controllers").exists()
        self.folder = (ROOT if is_v2 else ROOT / "cpu") / f"lazuli-bench-{os.getpid()}"
        try:
            if is_v2:
                (ROOT / "cgroup.subtree_control").write_text("+cpu")
            self.folder.mkdir()
            if is_v2:
                (self.folder / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            else:
                (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self.folder / "cpu.cfs_quota_us").write_text(str(quota_us))
        except OSError as failure:
            sys.exit(f"no share of a core can be set here: {failure}")

    def hold(self, pids):
        for pid in pids:
            (self.folder / "cgroup.procs").write_text(str(pid))

    def close(self):
        """Its processes have ended, and are let go of soon."""
        for _ in range(100):
            if not (self.folder / "cgroup.procs").read_text():
                break
            time.sleep(0.01)
        self.folder.rmdir()
