"""The wall clock as the service sees it, set by hand."""

import datetime
import struct
import time

from compiled import preloaded

HALF_AN_HOUR_S = 1800


class Clock:
    """The service's wall clock, set by hand; it begins half an hour before midnight, UTC."""

    def __init__(self, folder):
        self.file = folder / "shift"
        now = datetime.datetime.now(datetime.UTC)
        self.tomorrow = now.date() + datetime.timedelta(days=1)
        midnight = datetime.datetime.combine(self.tomorrow, datetime.time(), datetime.UTC)
        self.shift_s = int((midnight - now).total_seconds()) - HALF_AN_HOUR_S
        self.file.write_bytes(struct.pack("q", self.shift_s))
        self.environment = preloaded(folder, "shifted_clock") | {"SHIFT_FILE": str(self.file)}

    def move(self, seconds):
        self.shift_s += seconds
        with self.file.open("r+b") as file:
            file.write(struct.pack("q", self.shift_s))

    def now(self):
        return time.time() + self.shift_s
