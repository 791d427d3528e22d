"""How far a long step is: told on standard error and in the job's log, when a stage begins, ends, and now and then."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TextIO

from filiation.step.binding import ScriptJob

_EVERY = 30.0  # seconds between two lines of one stage


class Progress:
    """Tells how far one step is; the log keeps it, so that after a kill it can be seen how far it came.

    Parameters
    ----------
    job
        The script's ``snakemake`` object.
    """

    def __init__(self, job: ScriptJob) -> None:
        self._job = job
        self._stage = ""
        self._told = 0.0

    def tell(self, stage: str, done: int, total: int) -> None:
        """Tell it, unless the last line of this stage is too fresh."""
        now = time.monotonic()
        if stage == self._stage and done < total and now - self._told < _EVERY:
            return
        self._stage, self._told = stage, now
        line = f"{self._job.rule}: {stage}, {done} of {total}"
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
        add_to_log(self._job, line)


def add_to_log(job: ScriptJob, text: str) -> None:
    """Add a text to the job's first log; nothing if it has none."""
    logs = [str(path) for _, value in job.log._allitems() for path in ([value] if isinstance(value, str) else value)]
    if logs:
        stream: TextIO
        with Path(logs[0]).open("a", encoding="utf-8") as stream:
            stream.write(text.rstrip("\n") + "\n")
