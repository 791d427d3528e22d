"""Records for what was made before recording began: from real Snakemake's metadata."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import filiation
from filiation.capture.metadata import read_metadata
from filiation.catalogue import CatalogueFolder
from filiation.catalogue.backfill import BackfillReport, backfill
from filiation.crate import read_crate
from filiation.crate.validation import validate
from filiation.errors import NotFoundError
from filiation.model import Parameter, Presence, Slot, Status, Value
from tests.conftest import Project
from tests.forked import python

MakeProject = Callable[[str], Project]


def plain(project: Project, *arguments: str) -> int:
    """Run Snakemake as before recording: without the logger."""
    command = [python(), "-m", "snakemake", "--cores", "1", "--scheduler", "greedy", *arguments]
    return subprocess.run(command, cwd=project.folder, capture_output=True, check=False, timeout=120).returncode


def record(project: Project, **options: bool) -> BackfillReport:
    return backfill(CatalogueFolder.create(project.catalogue), project.folder, **options)


@pytest.fixture
def old(project: MakeProject) -> Project:
    """Return a folder where the shell workflow was run without being recorded."""
    made = project("shell_only")
    for sample in "ab":
        made.write(f"data/{sample}.txt", f"one two {sample}\n")
    assert plain(made) == 0
    return made


@pytest.mark.slow
def test_what_is_known_is_recorded_and_what_is_not_is_said(old: Project):
    report = record(old)

    assert report.crate is not None
    run = read_crate(report.crate)
    assert run == report.run
    assert (run.status, run.recorded_by) == (Status.UNKNOWN, "snakemake-metadata")
    assert {action.status for action in run.actions} == {Status.UNKNOWN}
    count = next(action for action in run.actions if action.outputs == (Slot("output[0]", "results/a.count"),))
    assert count.parameters == (Parameter("nameless[0]", Value.of("-w")),)
    assert count.inputs == (Slot("input[0]", "data/a.txt"),)
    assert count.command == "wc -w < data/a.txt > results/a.count 2> logs/a.log"
    assert count.time_source == "snakemake-metadata"
    assert run.agent.user == run.machine.host == run.command == "not known"
    assert "How the jobs ended is not known: Snakemake keeps the same metadata of a job that failed." in (
        run.not_captured
    )
    assert run.connections == (("count", "total"),)
    made = run.entity("results/total.txt")
    assert made is not None
    assert made.digest is not None


@pytest.mark.slow
def test_its_crate_is_valid_and_claims_no_success(old: Project):
    crate = record(old).crate
    assert crate is not None
    assert validate(crate).valid
    text = (crate / "ro-crate-metadata.json").read_text()
    assert "CompletedActionStatus" not in text
    graph = {entity["@id"]: entity for entity in json.loads(text)["@graph"]}
    assert graph["./"]["recordedBy"] == "snakemake-metadata"
    assert graph["#run"]["actionStatus"] == "http://schema.org/PotentialActionStatus"
    assert "snakemake-metadata.jsonl" in {part["@id"] for part in graph["./"]["hasPart"]}
    assert not (crate / "journal.jsonl").exists()


@pytest.mark.slow
def test_a_second_time_there_is_nothing_to_record(old: Project):
    first = record(old)
    assert first.run is not None
    again = record(old)
    assert again.run is None
    assert again.left_alone == tuple(
        (path, f"recorded by run {first.run.id[:8]}")
        for path in ("results/a.count", "results/b.count", "results/total.txt")
    )


@pytest.mark.slow
def test_a_dry_run_leaves_no_crate(old: Project):
    report = record(old, dry=True)
    assert report.run is not None
    assert report.crate is None
    assert list((old.catalogue / "crates").iterdir()) == []


@pytest.mark.slow
def test_what_a_recorded_run_made_is_never_recorded_again(old: Project):
    (old.folder / "results/total.txt").unlink()
    assert old.snakemake("--logger-filiation-pack", "now").returncode == 0
    tracked = old.run_ids()[0]
    old.write("results/total.txt", "forged\n")

    report = record(old)

    assert report.run is not None
    assert report.left_alone == (("results/total.txt", f"recorded by run {tracked[:8]}"),)
    assert [slot.path for action in report.run.actions for slot in action.outputs] == [
        "results/a.count",
        "results/b.count",
    ]


@pytest.mark.slow
def test_the_lineage_of_a_recorded_run_goes_on_into_what_was_recorded_afterwards(old: Project):
    (old.folder / "results/total.txt").unlink()
    assert old.snakemake("--logger-filiation-pack", "now").returncode == 0
    record(old)
    lineage = filiation.open(old.catalogue).trace(str(old.folder / "results/total.txt"))
    assert {node.path for node in lineage.nodes if hasattr(node, "path")} == {
        *("data/a.txt", "data/b.txt", "results/a.count", "results/b.count", "results/total.txt"),
    }
    assert sorted(node.status for node in lineage.nodes if hasattr(node, "status")) == [
        *("finished", "unknown", "unknown"),
    ]
    assert "low confidence, times unreliable" in lineage.tree()
    report = filiation.open(old.catalogue).audit()
    assert report.is_clean(), report.text()
    assert "backfilled" in {finding.kind for finding in report.findings}


@pytest.mark.slow
def test_leftovers_of_a_failed_job_are_not_called_finished(project: MakeProject):
    failing = "rule all:\n    output: 'x'\n    shell: 'echo half > {output}; exit 3'\n"
    made = project(failing)
    assert plain(made, "--keep-incomplete") == 1
    report = record(made)
    assert report.run is not None
    assert [action.status for action in report.run.actions] == [Status.UNKNOWN]


@pytest.mark.slow
def test_leftovers_of_a_recorded_failed_job_are_left_alone(project: MakeProject):
    made = project("rule all:\n    output: 'x'\n    shell: 'echo half > {output}; exit 3'\n")
    assert made.snakemake("--keep-incomplete", "--logger-filiation-pack", "now").returncode == 1
    report = record(made)
    assert report.run is None
    assert report.left_alone == (("x", f"left by a job of run {made.run_ids()[0][:8]} that is failed"),)


@pytest.mark.slow
def test_outputs_that_are_gone_or_changed_since_are_left_alone(old: Project):
    (old.folder / "results/a.count").unlink()
    old.write("results/b.count", "9\n")
    later = time.time() + 60
    os.utime(old.folder / "results/b.count", (later, later))
    assert dict(record(old).left_alone) == {
        "results/a.count": "not on disk: deleted since, or its job failed",
        "results/b.count": "changed since the job that Snakemake's metadata tell of",
    }


@pytest.mark.slow
def test_an_input_that_was_changed_since_keeps_the_digest_of_what_was_used(old: Project):
    before = subprocess.run(["sha256sum", "data/a.txt"], cwd=old.folder, capture_output=True, text=True, check=True)
    old.write("data/a.txt", "other words\n")
    run = record(old).run
    assert run is not None
    used = run.entity("data/a.txt")
    assert used is not None
    assert used.presence is Presence.CHANGED
    assert str(used.digest) == f"sha256:{before.stdout[:64]}"


@pytest.mark.slow
def test_directories_names_and_secrets(project: MakeProject):
    long = "d/" + "n" * 200 + ".txt"
    secret = "correct-horse-battery-staple"
    made = project(
        f"rule all:\n    output: directory('a dir é'), '{long}'\n    params: secret_token='{secret}'\n"
        f"    shell: 'mkdir {{output[0]:q}}; echo 1 > {{output[0]:q}}/one; echo --password {secret} > {{output[1]}}'\n"
    )
    assert plain(made) == 0
    report = record(made)
    assert report.crate is not None
    assert report.run is not None
    (action,) = report.run.actions
    assert sorted(slot.path for slot in action.outputs) == ["a dir é", long]
    metadata = b"".join(path.read_bytes() for path in report.crate.glob("*.json*"))
    assert b"--password [withheld]" in metadata


@pytest.mark.slow
def test_the_database_back_end_is_read_too(project: MakeProject):
    made = project("shell_only")
    for sample in "ab":
        made.write(f"data/{sample}.txt", f"one {sample}\n")
    assert plain(made, "--persistence-backend", "db") == 0
    assert not (made.folder / ".snakemake/metadata").exists() or not any(
        (made.folder / ".snakemake/metadata").iterdir()
    )
    run = record(made).run
    assert run is not None
    assert len(run.actions) == 3


@pytest.mark.slow
def test_of_a_rule_without_a_shell_command_it_is_not_known_what_it_runs(project: MakeProject):
    made = project("run_and_script")
    assert plain(made) == 0
    report = record(made)
    assert report.run is not None
    assert report.crate is not None
    assert {rule.kind.value for rule in report.run.rules} == {"unknown"}
    assert validate(report.crate).valid


def test_a_folder_without_metadata_is_refused(tmp_path: Path):
    (tmp_path / "Snakefile").write_text("")
    with pytest.raises(NotFoundError) as caught:
        backfill(CatalogueFolder.create(tmp_path / ".filiation"), tmp_path)
    assert str(caught.value) == (
        f"There are no metadata of Snakemake in {tmp_path}/.snakemake, so nothing is known of what was made there."
    )


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path):
    home = tmp_path / ".snakemake/metadata"
    home.mkdir(parents=True)
    (home / base64.urlsafe_b64encode(b"good.txt").decode()).write_text('{"rule": "r", "starttime": 1, "endtime": 2}')
    (home / base64.urlsafe_b64encode(b"bad.txt").decode()).write_text('{"rule": ')
    outputs, problems = read_metadata(tmp_path)
    assert [output.output for output in outputs] == ["good.txt"]
    assert len(problems) == 1
    assert problems[0].startswith("Snakemake's metadata of bad.txt cannot be read (JSONDecodeError: ")
