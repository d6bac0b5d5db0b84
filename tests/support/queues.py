"""What the kernel holds of a connection within the machine."""

import pathlib


def all_is_read_between(ports):
    """Has all that was sent between two local ports been read, both ways? Neither side's kernel holds anything of it."""
    ends = [f"{ports[0]:04X} {ports[1]:04X}", f"{ports[1]:04X} {ports[0]:04X}"]
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    queues = [row[4] for row in rows if f"{row[1].split(':')[1]} {row[2].split(':')[1]}" in ends]
    return queues == ["00000000:00000000"] * 2
