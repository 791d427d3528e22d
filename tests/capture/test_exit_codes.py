"""How a job's own command ended, as Snakemake says it; commands that it ran inside are others'."""

from __future__ import annotations

import pytest

from filiation.capture.exit_codes import exit_code_in

SCRIPT = "set -euo pipefail;  /env/bin/python3.11 /lab/.snakemake/scripts/tmpa1b2.segment.py"


@pytest.mark.parametrize(
    ("error", "command", "code"),
    [
        ("RuleException:\nCalledProcessError in file \"/lab/Snakefile\", line 8:\nCommand 'set -euo pipefail;  "
         "segment\n  --all' returned non-zero exit status 137.", "segment\n  --all", 137),
        ("Command 'set -euo pipefail;  segment' died with <Signals.SIGSEGV: 11>.", "segment", -11),
        ("Command 'set -euo pipefail;  segment' died with unknown signal 64.", "segment", -64),
        (f"Command '{SCRIPT}' returned non-zero exit status 7.", None, 7),
        ("Command '['false']' returned non-zero exit status 1.", None, None),
        ("Command 'other' returned non-zero exit status 1.", "segment", None),
        ("MissingOutputException in rule segment in file \"/lab/Snakefile\", line 1:", "segment", None),
    ],
)  # fmt: skip
def test_the_exit_code_of_the_jobs_own_command_is_told(error: str, command: str | None, code: int | None) -> None:
    assert exit_code_in(error, command) == code
