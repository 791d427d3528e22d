"""The benchmark of volumes runs things in processes of their own, and tells of those that it had to end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CALL = """
import sys
from pathlib import Path
import volumes
volumes.LIMIT = 300 * 2**20
for code in sys.argv[2:]:
    done = volumes.run([sys.executable, "-c", code], Path(sys.argv[1]))
    print(done.ended, done.said, done.peak > 0, sep="|")
"""
TOLD = {
    "import time; time.sleep(0.3); print(17, 'peer 1.0')": "False|17 peer 1.0|True",
    "import time; held = b'x' * 2**30; time.sleep(600)": "True|out of memory|True",
    "import time; time.sleep(0.3); raise SystemExit('no such method')": "True|failed: no such method|True",
}


@pytest.mark.slow
def test_what_takes_too_much_or_fails_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(tmp_path), *TOLD],
        capture_output=True, text=True, check=True, timeout=300, env={**os.environ, "PYTHONPATH": str(BENCHMARKS)},
    )  # fmt: skip
    assert done.stdout.splitlines() == list(TOLD.values())
