"""Runs ``filiation pack`` again and again, each time with another call of the system failing. Started by ``faults.py``.

It imports filiation once and forks for every trial, with the shim ``faults.c`` preloaded. It reads trials as JSON lines
``{"catalogue": …, "kind": 1, "nth": 5, "error": 28, "sticky": 1}`` and answers each with one: exit code, what was said,
and how many calls of that kind there were.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

# What packing needs, imported once for all trials.
import filiation.catalogue.packing
import filiation.cli.application
import filiation.cli.pack
import filiation.lineage

LONGEST = 60
"""Seconds that a packing may take; it needs about one."""


def trial(shim: ctypes.CDLL, asked: dict[str, object]) -> dict[str, object]:
    """Pack in a child with one fault."""
    with tempfile.TemporaryFile() as said:
        code = _in_child(shim, asked, said.fileno())
        calls = shim.fault_disarm()
        said.seek(0)
        return {"code": code, "said": said.read().decode("utf-8", "replace"), "calls": calls}


def _in_child(shim: ctypes.CDLL, asked: dict[str, object], said: int) -> int:
    child = os.fork()
    if not child:
        code = 99
        try:
            signal.alarm(LONGEST)  # a packing that hangs is ended, and told as such
            os.dup2(said, 1)
            os.dup2(said, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            os.chdir(Path(str(asked["catalogue"])).parent)
            shim.fault_arm(asked["kind"], ctypes.c_long(asked["nth"]), asked["error"], asked["sticky"])
            try:
                filiation.cli.application.main(["pack", "--catalogue", str(asked["catalogue"])])
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Answer trials until there are no more."""
    shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
    shim.fault_disarm.restype = ctypes.c_long
    for line in sys.stdin:
        sys.stdout.write(json.dumps(trial(shim, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
