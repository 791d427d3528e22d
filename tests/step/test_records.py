"""Step records in the process of a job."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.capture.journal import read_journal
from filiation.capture.steps import UNCLAIMED, read_step_records
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.packing import pack
from filiation.digest import digest_tree
from filiation.lineage import Ledger
from filiation.model import Digest, DigestKind, EntityKind, Presence, Status, Value
from tests.conftest import Project
from tests.forked import python

pytestmark = pytest.mark.slow
MakeProject = Callable[[str], Project]


def test_a_step_outside_a_tracked_run_leaves_nothing(project: MakeProject) -> None:
    made = project("run_and_script")
    subprocess.run([python(), "-m", "snakemake", "-c1"], cwd=made.folder, capture_output=True, check=True)
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


IN_BLOCKS = """
from filiation.segmentation.blockwise import Grid, InMemory, Task, recipe_named, segment_volume
import numpy as np, pathlib, tempfile
from reading import Reading


def _segment():
    parameters = {"sigma": 0.0, "window": 0.0, "correction": 1.0}
    array = np.kron(np.eye(2), np.ones((6, 6)))
    grid = Grid(array.shape, (6, 6), (2, 2))
    place = pathlib.Path(tempfile.mkdtemp()) / "scratch"
    task = Task(Reading(array), (1.0, 1.0), recipe_named("otsu_components"), parameters, grid, place)
    segment_volume(task, InMemory.empty(array.shape), processes=2)


"""
READING = """
from filiation.segmentation.blockwise import InMemory


class Reading(InMemory):
    def read(self, box):
        import iniconfig  # as a network's libraries: only where blocks are worked on
        return super().read(box)
"""


def test_software_of_processes_that_worked_on_blocks_is_the_steps(project: MakeProject) -> None:
    made = project("run_and_script")
    script = made.folder / "scripts/half.py"
    text = script.read_text().replace("    half.write_text", "    _segment()\n    half.write_text")
    script.write_text(IN_BLOCKS + text)
    (made.folder / "scripts/reading.py").write_text(READING)

    assert made.snakemake().returncode == 0

    run = pack(CatalogueFolder(made.catalogue), made.run_ids()[0]).run
    half = next(action for action in run.actions if action.rule == "half")
    names = {software.name for software in half.software}
    assert {"numpy", "scikit-image", "iniconfig"} <= names


WEIGHTS = """
rule predict:
    input: image="raw.txt"
    output: labels="labels.txt"
    params: model="models/nuclei.pt", also=["models/second.pt"], method="otsu", missing="models/none.pt"
    log: "predict.log"
    script: "predict.py"
"""
PREDICT = """
from pathlib import Path
from filiation.step import progress, run, unused

def predict(image: Path, labels: Path, *, model: str, also: list, method: str, missing: str) -> None:
    unused("missing")
    for done in range(4):
        progress("predict", done, 3)
    labels.write_text(image.read_text())

run(predict, snakemake)
"""


def test_a_file_that_an_argument_names_is_an_input_and_what_is_unused_no_parameter(project: MakeProject) -> None:
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
    assert [parameter.name for parameter in action.parameters] == ["model", "also", "method"]
    told = (made.folder / "predict.log").read_text().splitlines()
    assert (told[0], told[-2]) == ("predict: predict, 0 of 3", "predict: predict, 3 of 3")
    weights = run.entity("models/nuclei.pt")
    assert weights is not None
    assert weights.digest is not None
    assert weights.size == len("nuclei")
    assert made.packed() == run


LEARNED = """
rule predict:
    input: image="raw.txt"
    output: labels="labels.txt"
    params: diameter=None
    script: "predict.py"
"""
LEARNED_STEP = """
import os
from pathlib import Path
from filiation.step import effective, run, used

def predict(image: Path, labels: Path, *, diameter: float | None) -> None:
    used("models/nuclei")
    used(Path.cwd() / "models/nuclei")  # the same folder under another name
    used(os.environ["OUTSIDE"])
    effective(diameter=31.2)
    labels.write_text(image.read_text())

run(predict, snakemake)
"""


def test_weights_that_a_step_declares_are_inputs_even_as_a_folder(project: MakeProject, tmp_path: Path) -> None:
    made = project(LEARNED)
    made.write("raw.txt", "raw")
    made.write("models/nuclei/weights.pt", "weights")
    made.write("models/nuclei/config.json", "{}")
    made.write("predict.py", LEARNED_STEP)
    outside = tmp_path / "cache" / "cells.pt"
    outside.parent.mkdir()
    outside.write_text("cells")
    folder = digest_tree(made.folder / "models/nuclei")

    assert made.snakemake(OUTSIDE=str(outside)).returncode == 0
    outside.write_text("trained again")

    run = pack(CatalogueFolder(made.catalogue), made.run_ids()[0]).run
    (action,) = run.actions
    assert [slot.path for slot in action.inputs] == ["raw.txt", "models/nuclei", str(outside)]
    weights = run.entity("models/nuclei")
    assert weights is not None
    assert (weights.kind, weights.digest, weights.size) == (EntityKind.DIRECTORY, folder.digest, folder.size)
    assert (weights.files, weights.presence) == (2, Presence.PRESENT)
    other = run.entity(str(outside))
    assert other is not None
    assert other.digest == Digest(DigestKind.FILE, hashlib.sha256(b"cells").hexdigest()), "as it was when it was used"
    assert (other.presence, other.size) == (Presence.CHANGED, len("cells"))
    (diameter,) = action.parameters
    assert (diameter.requested, diameter.used) == (Value.of(None), Value.of(31.2))
    assert made.packed() == run
    made_with = Ledger(made.catalogue).impact("models/nuclei").entities
    assert "labels.txt" in {entity.path for entity in made_with}


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
