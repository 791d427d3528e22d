"""Fixtures of the tests of training sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.laboratory import Laboratory, noise


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    """Return a laboratory that has no image yet; its folder is the working folder."""
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Laboratory(folder)


@pytest.fixture
def six(laboratory: Laboratory) -> Laboratory:
    """Return a laboratory of six images, of which two are of one raw image."""
    run = laboratory.run()
    for number in range(5):
        laboratory.segmented(f"s{number}", noise(number, 60, 64), run=run)
    laboratory.segmented("s5", noise(5, 60, 64), raw="s0", run=run)
    laboratory.take_in(run)
    return laboratory
