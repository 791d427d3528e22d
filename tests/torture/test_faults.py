"""Packing while the n-th write, fsync, rename or mkdir fails; `python -m tests.torture --faults` tries every n."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.faults import ERRORS, KINDS, Trials, breaches, compile_shim, trials, waiting_catalogue

pytestmark = pytest.mark.slow
STRIDE = {"write": 17, "fsync": 9, "rename": 1, "mkdir": 6}
"""Every how manieth call is tried here, so that the suite stays usable."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    # In memory where possible: each trial forces a hundred times to disk.
    memory = Path("/dev/shm")
    import tempfile

    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def pristine(place: Path) -> Path:
    return waiting_catalogue(place / "project")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Trials]:
    shim = compile_shim(place)
    if shim is None:
        pytest.skip("no C compiler: system calls cannot be made to fail")
    with trials(shim) as served:
        yield served


@pytest.mark.parametrize("fault", sorted(ERRORS))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_whatever_fails_is_told_and_costs_nothing(
    server: Trials, pristine: Path, place: Path, kind: str, fault: str
) -> None:
    whole = place / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    shutil.copytree(pristine.parent, whole, symlinks=True)
    calls = server.pack(whole / pristine.name, kind).calls
    assert calls > 0
    numbers = range(1 + len(kind + fault) % STRIDE[kind], calls + 1, STRIDE[kind])
    found = [breach for nth in numbers for breach in breaches(server, pristine, place / "scratch", kind, nth, fault)]
    assert found == []
