"""The filter of system calls, of the build that people run: one for LeakSanitizer lets a call pass that this one forbids."""

from refusals import check_refusals


def test_calls_of_no_use_are_refused(tmp_path):
    check_refusals(tmp_path)
