"""Folders for the pages to be tried in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import WORKFLOWS
from tests.demonstration import demo, finished_demo

__all__ = ["demo", "finished_demo"]


@pytest.fixture
def prepare(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Path]:
    """Make the folder that a page asks for."""

    def make(what: str) -> Path:
        kind, _, name = what.partition(" ")
        if kind == "demo":
            return request.getfixturevalue("demo")().folder
        folder = tmp_path / "demo"
        if kind == "workflow":
            shutil.copytree(WORKFLOWS / name, folder)
        else:
            assert what == "empty", f"unknown folder: {what}"
            folder.mkdir()
        return folder

    return make
