"""Step records in the process of a job."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filiation.capture.journal import read_journal
from filiation.capture.steps import UNCLAIMED, read_step_records
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.model import Status
from tests.conftest import Project

pytestmark = pytest.mark.slow
MakeProject = Callable[[str], Project]


def test_a_step_outside_a_tracked_run_leaves_nothing(project: MakeProject) -> None:
    made = project("run_and_script")
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "snakemake", "-c1"], cwd=made.folder, capture_output=True, check=True)
    assert not made.catalogue.exists()
    assert (made.folder / "results/half.txt").read_text() == "3.0"


def test_a_record_that_no_run_was_named_to_is_claimed_by_its_outputs(project: MakeProject) -> None:
    """As on a cluster that does not hand the environment on."""
    made = project("run_and_script")
    script = made.folder / "scripts/half.py"
    script.write_text("import os\nos.environ.pop('FILIATION_STEP_FOLDER')\n" + script.read_text())

    assert made.snakemake().returncode == 0

    records, problems = read_step_records(made.catalogue / UNCLAIMED)
    assert len(records) == 1
    assert problems == ()
    assert read_journal(made.catalogue / "journals" / f"{made.run_ids()[0]}.jsonl").torn == 0
    run = pack(CatalogueFolder(made.catalogue), made.run_ids()[0]).run
    half = next(action for action in run.actions if action.rule == "half")
    assert half.time_source == "step"
    assert half.status is Status.FINISHED
    assert made.packed() == run
