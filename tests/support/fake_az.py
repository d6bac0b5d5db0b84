"""A program named az, for what lazuli calls it with: it notes each call, and does as the words tell it."""

import json
import sys

RECORD = """\
#!/bin/sh
ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status)
exec "{python}" -c '
import json, os, sys
with open("{file}", "a") as calls:
    call = dict(words=sys.argv[2:], environment=dict(os.environ), ignored=int(sys.argv[1], 16), input=sys.stdin.read())
    calls.write(json.dumps(call) + chr(10))
if os.path.exists("{folder}/fails"):
    sys.exit("ERROR: az says no")
print("az says", *sys.argv[2:])
sys.exit(int(sys.argv[3]) if sys.argv[2] == "exit" else 0)
' "$ignored" "$@"
"""


class FakeAz:
    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.file = folder, folder / "calls"
        self.program = folder / "az"
        self.program.write_text(RECORD.format(python=sys.executable, file=self.file, folder=folder))
        self.program.chmod(0o700)

    def fail(self, fails=True):
        """Whether calls end with status 1 from now on."""
        if fails:
            (self.folder / "fails").touch()
        else:
            (self.folder / "fails").unlink()

    def calls(self):
        """Those since the last time: words, environment, signals that were ignored, input."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.file.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]
