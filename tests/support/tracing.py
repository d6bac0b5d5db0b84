"""Whether programs may be traced here, which some containers forbid."""

import functools
import shutil
import subprocess


@functools.cache
def why_not_traced():
    """None where strace may trace what it was started by, else why not."""
    if not shutil.which("strace"):
        return "there is no strace"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True, timeout=60)
    return f"strace cannot trace here: {tried.stderr.strip()}" if tried.returncode else None
