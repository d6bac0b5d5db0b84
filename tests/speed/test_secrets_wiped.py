"""The searches of memory that tests/api/test_secrets.py does, of the build that people run: what stays behind is the compiler's
doing, which keeps copies on the stack, and the allocator's, which leaves what was freed as it is. Each step is searched after,
since what it left on the stack is there until the next one."""

import pytest

from secret_talk import TALKS, check_memory


@pytest.mark.parametrize("name", TALKS)
def test_no_secret_stays_in_memory(name, tmp_path):
    check_memory(name, tmp_path, at_each_step=True)


def test_no_key_stays_in_memory_by_tls(tmp_path):
    check_memory("keys", tmp_path, has_tls=True, at_each_step=True)
