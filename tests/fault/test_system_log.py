"""A reader of the log that stops reading: the service goes on, and says afterwards how many lines it left out."""

import fcntl
import os
import pathlib
import re
import signal

from faulty import BODY
from scripted import CATALOG
from service import Lazuli, free_port
from waiting import wait_until

# Runs the service with a pipe to `cat` for its standard error.
PIPED = 'pids=$0 log=$1; shift; exec 2> >(echo "$BASHPID" >"$pids"; exec cat >>"$log"); exec "$@"'


def test_the_reader_stops(tmp_path):
    pids, log = tmp_path / "reader", tmp_path / "log"
    under = ["bash", "-c", PIPED, str(pids), str(log)]
    with Lazuli(CATALOG.format(port=free_port()), data=tmp_path, under=under) as service:  # nobody is its upstream
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        pipe = os.open(f"/proc/{service.process.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        room = fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        reader = int(pathlib.Path(pids).read_text())
        os.kill(reader, signal.SIGSTOP)
        try:
            fails = room // 50  # each of them logs more than that
            for _ in range(fails):
                assert service.post("scripted", BODY, timeout=20).status_code >= 500
        finally:
            os.kill(reader, signal.SIGCONT)
            os.close(pipe)
        log_lost = re.compile(r" warn log_lines_lost count=(\d+)\n")
        wait_until(
            lambda: service.post("scripted", BODY).status_code >= 500 and log_lost.search(service.log_text()), "lost lines"
        )
        lost = sum(int(count) for count in log_lost.findall(service.log_text()))
        assert 0 < lost <= fails * 3
