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


WEIGHTS = """
rule predict:
    input: image="raw.txt"
    output: labels="labels.txt"
    params: model="models/nuclei.pt", also=["models/second.pt"], method="otsu", missing="models/none.pt"
    script: "predict.py"
"""
PREDICT = """
from pathlib import Path
from filiation.step import run

def predict(image: Path, labels: Path, *, model: str, also: list, method: str, missing: str) -> None:
    labels.write_text(image.read_text())

run(predict, snakemake)
"""


def test_a_file_that_an_argument_names_is_an_input(project: MakeProject) -> None:
    made = project(WEIGHTS)
    made.write("raw.txt", "raw")
    made.write("otsu", "a file that is named like a method")
    for name in ("nuclei", "second"):
        made.write(f"models/{name}.pt", name)
    made.write("predict.py", PREDICT)

    assert made.snakemake().returncode == 0

    run = pack(CatalogueFolder(made.catalogue), made.run_ids()[0]).run
    (action,) = run.actions
    assert [slot.path for slot in action.inputs] == ["raw.txt", "models/nuclei.pt", "models/second.pt"]
    weights = run.entity("models/nuclei.pt")
    assert weights is not None
    assert weights.digest is not None
    assert weights.size == len("nuclei")
    assert made.packed() == run


TEMPORARY = """
rule all:
    input: "end.txt"

rule makes:
    output: made=temp(directory("passing"))
    script: "make.py"

rule reads:
    input: "passing"
    output: "end.txt"
    shell: "cat {input}/one > {output}"
"""
MAKE = """
from pathlib import Path
from filiation.step import run

def make(made: Path) -> None:
    made.mkdir()
    (made / "one").write_text("1")

run(make, snakemake)
"""


def test_a_passing_directory_keeps_the_digest_that_its_step_took(project: MakeProject) -> None:
    made = project(TEMPORARY)
    made.write("make.py", MAKE)
    assert made.snakemake().returncode == 0
    steps, _ = read_step_records(made.catalogue / "steps" / made.run_ids()[0])
    (digest,) = steps[0].digests.values()
    found = pack(CatalogueFolder(made.catalogue), made.run_ids()[0]).run.entity("passing")
    assert found is not None
    assert found.digest == digest
