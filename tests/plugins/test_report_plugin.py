"""``snakemake --reporter filiation``: a self-contained crate of the last run."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable

import pytest

from filiation.crate import read_crate
from tests.conftest import Project
from tests.forked import python

pytestmark = pytest.mark.slow


def report(made: Project, path: str) -> subprocess.CompletedProcess[str]:
    command = [python(), "-m", "snakemake", "--reporter", "filiation", "--report-filiation-path", path]
    return subprocess.run(command, cwd=made.folder, capture_output=True, text=True, check=False)


def test_the_last_run_is_exported_with_its_data(project: Callable[[str], Project]) -> None:
    made = project("run_and_script")
    made.snakemake()

    result = report(made, "export/crate.zip")

    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(made.folder / "export/crate.zip") as archive:
        archive.extractall(made.folder / "unpacked")
    run = read_crate(made.folder / "unpacked")
    assert run.id == made.run_ids()[-1]
    assert (made.folder / "unpacked/work/results/half.txt").read_text() == "3.0"


def test_a_folder_without_a_recorded_run_is_one_clear_message(project: Callable[[str], Project]) -> None:
    made = project("run_and_script")
    subprocess.run([python(), "-m", "snakemake", "-c1"], cwd=made.folder, capture_output=True, check=True)
    result = report(made, "crate")
    assert result.returncode == 1
    assert "No catalogue: there is no folder .filiation in" in result.stderr
    assert "Traceback" not in result.stderr
