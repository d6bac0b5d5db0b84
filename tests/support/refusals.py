"""System calls that are refused: by a filter around a service (refusals.c), and by the service's own."""

import errno
import os

from compiled import compiled
from service import Lazuli
from waiting import wait_until

# What docs/security.md says of: neither a service nor an engine needs it, and attacks are made of it.
FORBIDDEN = """
ptrace process_vm_readv process_vm_writev pidfd_getfd bpf perf_event_open userfaultfd init_module finit_module delete_module
kexec_load kexec_file_load reboot syslog io_uring_setup io_uring_enter io_uring_register add_key request_key keyctl mount umount2
mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick pivot_root chroot unshare setns open_by_handle_at fanotify_init
swapon swapoff acct quotactl quotactl_fd sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex
""".split()  # noqa: SIM905
NAMESPACES = ["clone_new" + kind for kind in ("ns", "user", "pid", "net", "ipc", "uts", "cgroup")]
OTHER_ABIS = ["x32"]
if os.uname().machine == "x86_64":
    FORBIDDEN += ["iopl", "ioperm", "modify_ldt"]
    OTHER_ABIS += ["i386"]
CATALOG = """
extends: default
engines:
  - name: asked
    llama: { model: embedded, load_at_start: true }
"""
OF_THE_SANDBOX = ["seccomp", "landlock_create_ruleset"]


class Refusals:
    """The program, made in that folder."""

    def __init__(self, folder):
        calls = " ".join(f"CALL({name})" for name in FORBIDDEN + OF_THE_SANDBOX)
        self.program, self.file = compiled(folder, "refusals", f"-DCALLS={calls}"), folder / "data" / "refusals"

    def around(self, number, *names):
        """For a service that is to run where these calls fail with that error, or uses of prctl (PR_...)."""
        return [str(self.program), str(number), *names, "--"]

    def ask(self, but=()):
        """By which error each call fails in a service's engine: by one that no kernel gives where the service's filter does not
        refuse it, `but` these calls of the service itself, whose error is the kernel's then."""
        refused = [name for name in FORBIDDEN + NAMESPACES + ["x32"] if name not in but]
        with Lazuli(
            CATALOG,
            data=self.file.parent.parent,
            under=self.around(errno.EXFULL, *refused),
            arguments=["--llama-server", str(self.program)],
            environment={"REFUSALS_FILE": str(self.file)},
        ) as service:
            wait_until(self.file.exists, lambda: f"it has not asked:\n{service.log_text()}", limit_s=30)
            answers = (line.split() for line in self.file.read_text().splitlines())
            return {name: errno.errorcode.get(int(number), number) for name, number in answers if name not in OF_THE_SANDBOX}


def check_refusals(folder, but=()):
    """All that is forbidden fails as it shall, `but` calls that this build lets pass."""
    expected = dict.fromkeys(FORBIDDEN + NAMESPACES, "EPERM") | dict.fromkeys(["clone3", *OTHER_ABIS], "ENOSYS")
    answers = Refusals(folder).ask(but)
    wrong = {name: answers.get(name) for name in expected if name not in but and answers.get(name) != expected[name]}
    assert not wrong, wrong
