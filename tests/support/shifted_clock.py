"""The wall clock as the service sees it, set by hand."""

import datetime
import os
import pathlib
import struct
import subprocess
import time

HALF_AN_HOUR_S = 1800


class Clock:
    """The service's wall clock, set by hand; it begins half an hour before midnight, UTC."""

    def __init__(self, folder):
        self.file, library = folder / "shift", folder / "shifted_clock.so"
        source = pathlib.Path(__file__).with_name("shifted_clock.c")
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source], check=True)
        now = datetime.datetime.now(datetime.UTC)
        self.tomorrow = now.date() + datetime.timedelta(days=1)
        midnight = datetime.datetime.combine(self.tomorrow, datetime.time(), datetime.UTC)
        self.shift_s = int((midnight - now).total_seconds()) - HALF_AN_HOUR_S
        self.file.write_bytes(struct.pack("q", self.shift_s))
        self.environment = {
            "LD_PRELOAD": str(library),
            "SHIFT_FILE": str(self.file),
            # a library that is loaded before the sanitizer's would do harm only if it replaced what that replaces
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    def move(self, seconds):
        self.shift_s += seconds
        with self.file.open("r+b") as file:
            file.write(struct.pack("q", self.shift_s))

    def now(self):
        return time.time() + self.shift_s
