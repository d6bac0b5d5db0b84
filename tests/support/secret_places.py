"""Where secrets of a running service lie: in its memory, its log, its files."""

import os
import re

import numpy

# For a service whose memory is searched: by its default, each function's variables get a place of their own, which nothing that
# comes later is written to.
SEARCHED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_stack_use_after_return=0"}
SANITIZERS_BYTES = 1 << 30  # what sanitizers keep of memory is larger than that, and none of it
REGION_OF_ITS_OWN = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw")
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT.*$", re.MULTILINE)
WORD_BYTES = 8
# What is searched for is at least twice a word; half of it is enough, since the rest may have been overwritten, as the allocator
# does with the beginning of what is freed. A vector's worth of a longer one is left on the stack of a build for sanitizers.
SECRET_BYTES_MIN = 2 * WORD_BYTES


def memory_of(pid):
    """All that the process can write to. It allows that to its parent when it runs with core_dumps."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            found = REGION_OF_ITS_OWN.match(line)
            start, end = (int(edge, 16) for edge in found.groups()) if found else (0, 0)
            if 0 < end - start < SANITIZERS_BYTES:
                memory.seek(start)
                yield memory.read(end - start)


def bytes_of(secret):
    return secret if isinstance(secret, bytes) else secret.encode()


def words_of(secrets):
    """Whose each run of eight bytes is, and where in it."""
    words = {}
    for name, secret in secrets.items():
        assert len(bytes_of(secret)) >= SECRET_BYTES_MIN, name
        for at in range(len(bytes_of(secret)) - WORD_BYTES + 1):
            words.setdefault(bytes_of(secret)[at : at + WORD_BYTES], []).append((name, at))
    return words


def reach(region, at, secret, start):
    """The bounds of what the region has of the secret, given that both have the same word there."""
    before, after = 0, WORD_BYTES
    while before < min(at, start) and region[at - before - 1] == secret[start - before - 1]:
        before += 1
    while after < min(len(region) - at, len(secret) - start) and region[at + after] == secret[start + after]:
        after += 1
    return at - before, at + after


def places_of(pid, secrets):
    """In how many places each secret, or half of it, lies in the memory of the process; only those that do."""
    words = words_of(secrets)
    known = numpy.sort(numpy.frombuffer(b"".join(words), "<u8"))
    places = set()
    for region in memory_of(pid):
        there = numpy.frombuffer(region, "<u8")
        filled = numpy.flatnonzero(there)
        nearest = numpy.searchsorted(known, there[filled]).clip(max=len(known) - 1)
        for index in filled[known[nearest] == there[filled]]:
            at = int(index) * WORD_BYTES
            for name, start in words[region[at : at + WORD_BYTES]]:
                begin, end = reach(region, at, bytes_of(secrets[name]), start)
                if 2 * (end - begin) >= max(len(bytes_of(secrets[name])), 2 * SECRET_BYTES_MIN):
                    places.add((name, id(region), begin))
    return {name: sum(place[0] == name for place in places) for name in sorted({place[0] for place in places})}


def files_with(folder, secrets):
    """Which file has which secret."""
    found = []
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        found += [(name, file.name) for name, secret in secrets.items() if bytes_of(secret) in content]
    return found
