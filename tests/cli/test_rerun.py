"""A recorded run, run again: real Snakemake, in a clean folder, from the crate alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import filiation
from filiation.catalogue.comparison import Outcome, compare
from filiation.crate.validation import validate
from filiation.digest import digest_tree
from filiation.images import LabelImage, image_facts, pixel_digest, write_labels
from filiation.model import DataEntity, Digest, DigestKind, EntityKind, Presence
from tests.conftest import Project

MakeProject = Callable[[str], Project]
Call = Callable[..., Result]

CONFIGURED = """
configfile: "config.yaml"

rule all:
    input: "default.txt"

rule default:
    output: "default.txt"
    shell: "echo default > {output}"

rule said:
    input: "raw.txt"
    output: "said/{name}.txt"
    params: word=config["word"], times=config["nested"]["times"]
    threads: 2
    shell: "cat {input} > {output}; echo {params.word} {params.times} >> {output}"
"""


@pytest.fixture
def recorded(project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a finished run of the shell workflow, packed."""
    made = project("shell_only")
    for sample in "ab":
        made.write(f"data/{sample}.txt", f"one two {sample}\n")
    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0
    monkeypatch.chdir(made.folder)
    return made


@pytest.mark.slow
def test_a_run_is_reproduced_and_the_outcome_recorded(recorded: Project, call: Call):
    run = recorded.run_ids()[0]
    # Only the crate counts: the workflow has been worked on since, and the results are gone.
    recorded.write("Snakefile", "rule all:\n    shell: 'exit 1'\n")
    shutil.rmtree(recorded.folder / "results")

    done = call("rerun", run[:8])

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:3] == [f"results/{name}: identical" for name in ("a.count", "b.count", "total.txt")]
    assert lines[3].endswith(": reproduced: of 3 outputs 3 identical.")
    assert (recorded.folder / f"rerun-{run[:8]}/results/total.txt").read_text() == "3\n3\n"

    ledger = filiation.open(recorded.catalogue)
    (again,) = ledger.show(run).reproductions
    assert again.name == f"Reproduction of run {run[:8]}: reproduced: of 3 outputs 3 identical"
    assert again.agent is not None
    assert again.started is not None
    assert f"  Reproduction of run {run[:8]}: reproduced: " in call("show", run).stdout
    assert again.name in ledger.trace(f"{run}:results/total.txt").tree()
    assert len(ledger.runs()) == 3
    crate = recorded.catalogue / "crates" / again.crate.removeprefix("arcp://uuid,").rstrip("/")
    assert validate(crate, profile="process-run-crate-0.5").valid
    written = json.loads((crate / "comparison.json").read_text())
    assert (written["original"], written["outcome"]) == (run, "reproduced")


@pytest.mark.slow
def test_config_targets_and_inputs_are_those_of_the_run(project: MakeProject, monkeypatch, call: Call):
    made = project(CONFIGURED)
    monkeypatch.chdir(made.folder)
    made.write("raw.txt", "raw\n")
    made.write("config.yaml", "word: file\nnested: {times: 1, other: 2}\n")
    arguments = ("--config", "word=line", "nested={times: 7}", "--logger-filiation-pack", "now", "--", "said/x.txt")
    assert made.snakemake(*arguments).returncode == 0
    made.write("config.yaml", "word: other\nnested: {times: 3}\n")

    done = call("rerun", made.run_ids()[0], "--folder", "again", "--json")

    told = json.loads(done.stdout)
    assert told["outcome"] == "reproduced", done.output
    assert [output["path"] for output in told["outputs"]] == ["said/x.txt"]
    assert (made.folder / "again/said/x.txt").read_text() == "raw\nline 7\n"
    assert not (made.folder / "again/default.txt").exists()


@pytest.mark.slow
def test_of_a_thing_only_what_it_descends_from_is_made_again(recorded: Project, call: Call):
    done = call("rerun", "results/a.count", "--folder", "again", "--json")
    told = json.loads(done.stdout)
    assert [(output["path"], output["outcome"]) for output in told["outputs"]] == [("results/a.count", "identical")]
    assert sorted(path.name for path in (recorded.folder / "again/results").iterdir()) == ["a.count"]
    assert not (recorded.folder / "again/data/b.txt").exists()


@pytest.mark.slow
def test_what_is_missing_to_try_is_said_and_nothing_is_run(recorded: Project, call: Call):
    recorded.write("data/a.txt", "other\n")
    (recorded.folder / "data/b.txt").unlink()
    run = recorded.run_ids()[0]
    done = call("rerun", run)
    assert done.exit_code == 3
    first, a, b = done.stderr.splitlines()
    assert first == f"filiation: Run {run[:8]} cannot be run again; this is missing:"
    assert a.startswith(f"  data/a.txt: changed since at {recorded.folder}/data/a.txt; wanted sha256:")
    assert b.startswith(f"  data/b.txt: no longer at {recorded.folder}/data/b.txt; wanted sha256:")
    assert not (recorded.folder / f"rerun-{run[:8]}").exists()
    assert len(recorded.run_ids()) == 1


@pytest.mark.slow
def test_an_input_is_taken_from_another_place_that_the_catalogue_knows(recorded: Project, call: Call):
    run = recorded.run_ids()[0]
    assert call("rerun", run, "--folder", "once").exit_code == 0
    (recorded.folder / "data/a.txt").unlink()
    told = call("rerun", run, "--folder", "twice", "--dry-run").stdout
    assert f"  with data/a.txt from {recorded.folder}/once/data/a.txt" in told.splitlines()
    assert not (recorded.folder / "twice").exists()
    assert call("rerun", run, "--folder", "twice").exit_code == 0


@pytest.mark.slow
def test_a_rerun_whose_folder_was_deleted_is_not_taken_for_the_original(recorded: Project, call: Call):
    run = recorded.run_ids()[0]
    assert call("rerun", run, "--folder", "again").exit_code == 0
    shutil.rmtree(recorded.folder / "again")
    (origin,) = filiation.open(recorded.catalogue).resolve("results/total.txt").origins
    assert origin.startswith(f"arcp://uuid,{run}/")


@pytest.mark.slow
def test_a_secret_in_the_config_is_missing(project: MakeProject, monkeypatch, call: Call):
    made = project("rule all:\n    output: 'x'\n    shell: 'echo 1 > {output}'\n")
    monkeypatch.chdir(made.folder)
    arguments = ("--config", "omero_password=correct-horse-battery", "--logger-filiation-pack", "now")
    assert made.snakemake(*arguments).returncode == 0
    done = call("rerun", made.run_ids()[0])
    assert done.exit_code == 3
    assert done.stderr.splitlines()[1:] == ["  config value omero_password: it is a secret, and was not recorded"]


SEGMENTING = """
rule labels:
    output: labels=directory("labels.ome.zarr")
    script: "segment.py"
"""
SCRIPT = """
from pathlib import Path
import numpy as np
from filiation.images import LabelImage
from filiation.step import run

def segment() -> LabelImage:
    count = int(Path(__HIDDEN__).read_text())
    labels = np.zeros((32, 32), "uint32")
    for number in range(count):
        labels[4 * number : 4 * number + 2, :10] = number + 1
    return LabelImage(labels, ("y", "x"), (1.0, 1.0), ("micrometer", "micrometer"))

run(segment, snakemake)
"""


@pytest.fixture
def depending(project: MakeProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Project, Path]:
    """Return a run whose labels depend on a file that it does not tell of."""
    hidden = tmp_path / "hidden"
    hidden.write_text("4")
    made = project(SEGMENTING)
    made.write("segment.py", SCRIPT.replace("__HIDDEN__", repr(str(hidden))))
    done = made.snakemake("--logger-filiation-pack", "now")
    assert done.returncode == 0, done.stderr
    monkeypatch.chdir(made.folder)
    return made, hidden


@pytest.mark.slow
def test_label_images_that_differ_are_compared_by_object_and_voxel(depending, call: Call):
    made, hidden = depending
    hidden.write_text("3")
    run = made.run_ids()[0]
    done = call("rerun", run)
    assert done.exit_code == 10
    line, summary = done.stdout.splitlines()
    assert line == (
        "labels.ome.zarr: differs; 3 objects match of 4 recorded and 3 now (F1 0.857 at IoU 0.5), "
        "20 of 1024 voxels differ"
    )
    assert summary.endswith(": not reproduced: of 1 outputs 1 differs.")
    (again,) = filiation.open(made.catalogue).show(run).reproductions
    assert "not reproduced" in again.name


@pytest.mark.slow
def test_a_rerun_that_fails_is_recorded_as_failed(depending, call: Call):
    made, hidden = depending
    hidden.unlink()
    run = made.run_ids()[0]
    done = call("rerun", run, "--folder", "again", "--json")
    assert done.exit_code == 10
    told = json.loads(done.stdout)
    assert (told["outcome"], told["exit_code"]) == ("failed", 1)
    assert told["outputs"][0]["outcome"] == "not made"
    assert "FileNotFoundError" in Path(told["log"]).read_text()
    assert ": failed: of 1 outputs 1 not made" in call("show", run).stdout


@pytest.mark.slow
def test_a_folder_in_use_is_refused(recorded: Project, call: Call):
    done = call("rerun", recorded.run_ids()[0], "--folder", ".")
    assert done.exit_code == 2
    assert done.stderr == (
        f"filiation: {recorded.folder} exists already and is not empty; name another folder with --folder.\n"
    )


def test_what_no_run_made_cannot_be_run_again(run, call: Call):
    done = call("rerun", "data/raw.txt")
    assert done.exit_code in (2, 4)
    assert done.stderr.startswith("filiation: ")


# --- comparing --------------------------------------------------------------------------------------------------


def labels_at(place: Path, dtype: str) -> DataEntity:
    labels = np.zeros((32, 32), dtype)
    labels[:4, :4] = 1
    write_labels(place, LabelImage(labels, ("y", "x"), (1.0, 1.0), ("micrometer", "micrometer")))
    return DataEntity(
        "labels.ome.zarr",
        EntityKind.LABEL_IMAGE,
        Presence.PRESENT,
        digest=digest_tree(place).digest,
        pixels=pixel_digest(place),
        image=image_facts(place),
    )


def test_the_same_pixels_in_other_bytes_are_told_apart_from_identical(tmp_path: Path):
    before, now = tmp_path / "before.ome.zarr", tmp_path / "now.ome.zarr"
    recorded, new = labels_at(before, "uint8"), labels_at(now, "uint8")
    assert compare(recorded, before, recorded, now).outcome is Outcome.IDENTICAL
    (now / "0/note").write_text("another writer")
    changed = DataEntity(
        new.path, new.kind, new.presence, digest=digest_tree(now).digest, pixels=new.pixels, image=new.image
    )
    assert compare(recorded, before, changed, now).outcome is Outcome.SAME_PIXELS
    first = replace(recorded, pixels=pixel_digest(before, DigestKind.PIXELS_1))
    assert compare(first, before, changed, now).outcome is Outcome.SAME_PIXELS, "compared by the record's version"


def test_without_the_recorded_bytes_no_agreement_is_claimed(tmp_path: Path):
    now = tmp_path / "now.ome.zarr"
    recorded = labels_at(now, "uint8")
    other = DataEntity(recorded.path, recorded.kind, recorded.presence, digest=Digest(DigestKind.TREE, "0" * 64))
    found = compare(other, tmp_path / "gone", recorded, now)
    assert (found.outcome, found.agreement) == (Outcome.DIFFERS, None)
    assert found.text() == "labels.ome.zarr: differs (the recorded pixels are no longer there to compare with)"


def test_what_has_no_digest_is_not_compared():
    entity = DataEntity("x", EntityKind.FILE, Presence.DELETED)
    assert compare(entity, Path("x"), entity, Path("x")).outcome is Outcome.NOT_COMPARABLE
    assert compare(entity, Path("x"), None, Path("x")).outcome is Outcome.NOT_MADE
