"""How a job's command or script ended, as Snakemake says it: in the words of Python's ``CalledProcessError``."""

from __future__ import annotations

import re
from typing import Final

_ENDED: Final = re.compile(
    r"Command '(?P<command>.*)' (?:returned non-zero exit status (?P<code>\d+)"
    r"|died with (?:<Signals\.\w+: |unknown signal )(?P<signal>\d+))",
    re.DOTALL,
)
_SCRIPT: Final = ".snakemake/scripts/"
"""Where Snakemake puts the script of a job, which it runs as a command."""


def exit_code_in(error: str, command: object) -> int | None:
    """Return the exit code that an error tells of a job's own command or script, and of no other that it ran.

    Parameters
    ----------
    error
        What was said.
    command
        The job's command, as Snakemake ran it; None for a script.

    Returns
    -------
    The code, or the negative number of the signal that ended it; None if it is not told.

    Examples
    --------
    >>> exit_code_in("Command 'set -euo pipefail;  false' returned non-zero exit status 1.", "false")
    1
    >>> exit_code_in("Command 'set -euo pipefail;  sleep 9' died with <Signals.SIGKILL: 9>.", "sleep 9")
    -9
    >>> exit_code_in("Command '['git', 'x']' returned non-zero exit status 1.", None)
    """
    found = _ENDED.search(error)
    if found is None:
        return None
    if (str(command) if command else _SCRIPT) not in found["command"]:
        return None
    return int(found["code"]) if found["code"] else -int(found["signal"])
