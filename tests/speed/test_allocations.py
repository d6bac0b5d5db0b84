"""A request of usual size takes nothing from the heap: all that it needs is there from requests before it."""

import re

import pytest

from counted import FEW, KINDS, MANY, run, upstream_for

# A timer more that came due in the longer run, say; one allocation for every tenth request would be 50.
MORE_MAX = 10


def allocations(tmp_path, upstream, count, kind):
    """Of all that a service does that is asked so much."""
    options = ["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"]
    told = run(options, tmp_path, upstream, count, kind)
    return int(re.search(r"total heap usage: ([\d,]+) allocs", told)[1].replace(",", ""))


# a long prompt takes what it is long by
@pytest.mark.parametrize("name", ["chat", "event"])
def test_nothing_is_taken_from_the_heap(tmp_path, name):
    kind = KINDS[name]
    with upstream_for(kind) as upstream:
        few, many = (allocations(tmp_path, upstream, count, kind) for count in (FEW, MANY))
    assert many - few <= MORE_MAX, f"{few} allocations with {FEW} of them, {many} with {MANY}"
