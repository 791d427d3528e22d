"""Waiting for what can be observed: no test may rely on how fast something is."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait until something holds; fail with what it was if it does not come to hold."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError(f"For {seconds:g} s it did not come about that {what}.")


UNTIL_GO = "for n in $(seq 6000); do test -e go && break; sleep 0.1; done"
"""What a job's shell does to wait for a file ``go``; it ends after ten minutes, should a test fail to make one."""
