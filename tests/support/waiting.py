"""Waiting for what the service, or what is around it, is about to do."""

import time


def wait_until(condition, what, limit_s=20, step_s=0.01):
    """Until the condition, asked every so often, gives something true, which is returned. `what`: what to say, or a function
    that tells, if it does not."""
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(step_s)
    return found


def wait_for_room(period_s, needed_s):
    """Until so much is left of the wall clock's period (a limit's window) that a test fits into it."""
    left = period_s - time.time() % period_s
    if left < needed_s:
        time.sleep(left + 0.05)
