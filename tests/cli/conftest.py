"""Fixtures of the command line: a catalogue with one small run in it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from filiation.cli import main
from tests.crate import minimal as minimal_crate


@pytest.fixture(scope="session")
def minimal() -> ModuleType:
    """Return the hand-written minimal crate of the crate room's tests."""
    return minimal_crate


@pytest.fixture
def call(monkeypatch) -> Callable[..., Result]:
    """Call the command line in this process, as the shell would."""
    monkeypatch.delenv("FILIATION_DEBUG", raising=False)
    runner = CliRunner()
    return lambda *arguments, **named: runner.invoke(
        main, [str(one) for one in arguments], prog_name="filiation", **named
    )


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """Stand in a folder without a catalogue."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FILIATION_CATALOGUE", raising=False)
    return tmp_path


@pytest.fixture
def run(here, minimal, call) -> str:
    """Stand in a folder with a catalogue that holds one run; return its id."""
    minimal.write_crate(here / "crate")
    done = call("ingest", "crate", "--json")
    assert done.exit_code == 0, done.output
    found: str = json.loads(done.stdout)[0]["run"]
    return found
