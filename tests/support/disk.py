"""A disk that fills up, or becomes read-only, below one folder: a file system of its own where one can be mounted, else calls
that fail in the service's process (failing_disk.c)."""

import contextlib
import errno
import functools
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import pytest

from compiled import preloaded

SYS_ADMIN = 1 << 21
IN_MEMORY = ["-t", "tmpfs", "-o", "size=32m", "lazuli-test"]
IN_CI = os.environ.get("CI") == "true"


@functools.cache
def why_not_mounted():
    """None where a file system can be mounted, which is tried when a test asks first. Where continuous integration may, it has
    to, lest nobody notices that the real thing isn't tried any more."""
    status = pathlib.Path("/proc/self/status").read_text()
    if os.geteuid() != 0 or not int(re.search(r"CapEff:\s*(\w+)", status)[1], 16) & SYS_ADMIN:
        return "only root may mount a file system, with CAP_SYS_ADMIN"
    if IN_CI:
        return None
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(["mount", *IN_MEMORY, folder], capture_output=True, text=True)
        if tried.returncode:
            return f"no file system can be mounted: {tried.stderr.strip()}"
        subprocess.run(["umount", folder], check=True)
    return None


@contextlib.contextmanager
def mounted(folder, *what):
    """A file system of its own there."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *what, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


class MountedDisk:
    """In memory; or, where it is to break down as a kernel makes it of one that fails, in a file. `has_log` is for the other kind
    of disk: on this one a log below the folder fails as all else does."""

    def __init__(self, folder, has_log=False):
        if why_not := why_not_mounted():
            pytest.skip(why_not)
        self.environment = {}
        self.folder = folder / "data"
        self.image = folder / "image"
        self.ballast = self.folder / "ballast"

    @contextlib.contextmanager
    def there(self):
        with mounted(self.folder, *IN_MEMORY):
            yield self

    def fill(self):
        with self.ballast.open("ab", buffering=0) as ballast:
            for size in (1 << 20, 1):
                with pytest.raises(OSError) as caught:
                    while True:
                        ballast.write(bytes(size))
                assert caught.value.errno == errno.ENOSPC

    def empty(self):
        self.ballast.unlink()

    def forbid(self):
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    def allow(self):
        subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)

    @contextlib.contextmanager
    def breakable_there(self):
        if not self.image.exists():
            with self.image.open("wb") as file:
                file.truncate(16 << 20)
            mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
            if not mkfs and not IN_CI:
                pytest.skip("there is no mkfs.ext4")
            subprocess.run([mkfs, "-q", self.image], check=True)
        with mounted(self.folder, "-o", "loop", self.image):
            yield self

    def break_down(self):
        """Whatever is open for writing."""
        subprocess.run(["mount", "-o", "remount,abort", self.folder], check=True)


class PretendedDisk:
    """A folder like others, but that the service's calls fail there, and with `has_log` the log's lines."""

    def __init__(self, folder, has_log=False):
        self.folder, self.file = folder / "data", folder / "failure"
        self.folder.mkdir()
        self.fail_with(0)
        self.environment = preloaded(folder, "failing_disk") | {
            "FAILING_FILE": str(self.file),
            "FAILING_FOLDER": str(self.folder),
            "FAILING_LOG": "1" if has_log else "",
        }

    def fail_with(self, number):
        with self.file.open("r+b" if self.file.exists() else "w+b") as file:
            file.write(struct.pack("i", number))

    @contextlib.contextmanager
    def there(self):
        self.fail_with(0)
        yield self

    breakable_there = there

    def fill(self):
        self.fail_with(errno.ENOSPC)

    def empty(self):
        self.fail_with(0)

    allow = empty

    def forbid(self):
        self.fail_with(errno.EROFS)

    break_down = forbid


DISKS = [PretendedDisk, MountedDisk]
