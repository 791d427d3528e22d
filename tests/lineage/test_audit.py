"""What an audit of recorded runs finds: real Snakemake, real damage."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import filiation
from filiation.errors import NotFoundError
from filiation.images import Image, LabelImage, write_image, write_labels
from filiation.lineage.audit_findings import AuditFinding, AuditReport, Severity
from filiation.lineage.label_audit import Labels, label_findings
from tests.conftest import Project
from tests.forked import python
from tests.waiting import wait_until

MakeProject = Callable[[str], Project]

HALF = """
rule all:
    input: "end.txt"

rule half:
    input: "raw.txt"
    output: directory("half")
    shell: "mkdir {output}; echo part > {output}/a; test -e good; echo rest > {output}/b"

rule end:
    input: "half"
    output: "end.txt"
    shell: "cat {input}/a > {output}"
"""


def audit(project: Project) -> AuditReport:
    return filiation.open(project.catalogue).audit()


def kinds(report: AuditReport, least: Severity = Severity.WARNING) -> list[tuple[str, str, str]]:
    """Return severity, kind and file name of what matters."""
    wanted = list(Severity)[: list(Severity).index(least) + 1]
    return [(f.severity.value, f.kind, Path(f.where).name) for f in report.findings if f.severity in wanted]


def one(report: AuditReport, kind: str) -> AuditFinding:
    (found,) = [finding for finding in report.findings if finding.kind == kind]
    return found


@pytest.fixture
def recorded(project: MakeProject) -> Project:
    """Return a finished run of the shell workflow, packed."""
    made = project("shell_only")
    for sample in "ab":
        made.write(f"data/{sample}.txt", f"one two {sample}\n")
    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0
    return made


@pytest.mark.slow
def test_a_finished_run_has_nothing_but_its_sources(recorded: Project):
    report = audit(recorded)
    assert report.is_clean()
    assert not report.is_clean(strict=True)
    assert kinds(report, Severity.NOTE) == [("note", "no-maker", "a.txt"), ("note", "no-maker", "b.txt")]
    assert report.text().splitlines()[-1] == "Looked at 1 run and 5 places: 0 serious, 0 warnings, 2 notes."


@pytest.mark.slow
def test_what_a_failed_job_left_is_told_even_when_snakemake_calls_it_up_to_date(project: MakeProject):
    made = project(HALF)
    made.write("raw.txt", "raw\n")
    assert made.snakemake("--keep-incomplete", "--logger-filiation-pack", "now").returncode == 1
    first = audit(made)
    assert kinds(first) == [("serious", "left-behind", "half")]
    found = one(first, "left-behind")
    assert found.where == str(made.folder / "half")
    assert found.run == made.run_ids()[0]
    assert found.action is not None
    assert found.action.startswith(f"arcp://uuid,{found.run}/#job-")
    assert found.advice == "Delete it and run the workflow again, or force it: snakemake --force half"
    assert found.evidence[0].startswith("the job ended failed: ")
    with pytest.raises(NotFoundError, match=rf"Run {found.run[:8]} \(failed\) of that folder did not finish"):
        filiation.open(made.catalogue).trace(str(made.folder / "half"))

    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0
    second = made.run_ids()[-1]
    evidence = one(audit(made), "left-behind").evidence
    assert f"Snakemake has called it up to date since, in run {second[:8]}" in evidence
    assert kinds(audit(made)) == [("serious", "left-behind", "half"), ("serious", "made-from-leftover", "end.txt")]

    made.write("good", "")
    assert made.snakemake("--forcerun", "half", "--until", "half", "--logger-filiation-pack", "now").returncode == 0
    (tainted,) = [found for found in audit(made).findings if found.severity is Severity.SERIOUS]
    assert (tainted.kind, tainted.where) == ("made-from-leftover", str(made.folder / "end.txt"))
    assert tainted.run == second
    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0
    assert kinds(audit(made)) == []


@pytest.mark.slow
def test_a_killed_run_is_told_until_a_later_run_has_done_its_work(project: MakeProject):
    made = project("rule all:\n    output: 'x'\n    shell: 'echo half > {output}; test -e go || sleep 600'\n")
    command = [sys.executable, "-m", "snakemake", "-c1", "--logger", "filiation"]
    process = subprocess.Popen(
        command, cwd=made.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until((made.folder / "x").exists, "the job begins")
    made.await_journal('"event":"job_started"')
    assert kinds(audit(made)) == []  # it is going on
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    report = audit(made)
    run = made.run_ids()[0]
    assert sorted(kinds(report)) == [
        ("serious", "left-behind", "x"),
        ("warning", "interrupted", f"run {run}"),
        ("warning", "not-packed", f"{run}.jsonl"),
    ]
    assert one(report, "not-packed").advice == f"filiation pack {run[:8]}"

    made.write("go", "")
    shutil.rmtree(made.folder / ".snakemake" / "locks", ignore_errors=True)
    assert made.snakemake("--rerun-incomplete", "--logger-filiation-pack", "now").returncode == 0
    subprocess.run([python(), "-m", "filiation", "pack"], cwd=made.folder, check=True, capture_output=True)
    report = audit(made)
    assert kinds(report) == []
    assert one(report, "interrupted").severity is Severity.NOTE


@pytest.mark.slow
def test_what_was_changed_or_deleted_since_is_told(recorded: Project):
    time.sleep(0.05)
    recorded.write("results/a.count", "9\n")
    recorded.write("data/b.txt", "other\n")
    (recorded.folder / "results/total.txt").unlink()
    report = audit(recorded)
    assert sorted(kinds(report)) == [
        ("serious", "changed", "a.count"),
        ("warning", "changed", "b.txt"),
        ("warning", "missing", "total.txt"),
    ]
    changed = next(found for found in report.findings if found.where.endswith("a.count"))
    assert changed.evidence[0].startswith("recorded sha256:")
    assert changed.evidence[1].startswith("found sha256:")


@pytest.mark.slow
def test_a_touched_file_is_not_changed(recorded: Project):
    os.utime(recorded.folder / "results/a.count")
    assert audit(recorded).is_clean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lambda text: text.replace('"job_finished"', '"job_failed__"', 1), "journal-damaged"),
        (lambda text: "".join(text.splitlines(keepends=True)[:-1]), "journal-differs"),
    ],
    ids=["a line changed", "the end cut off"],
)
def test_a_journal_that_was_tampered_with_is_told(recorded: Project, harm: Callable[[str], str], kind: str):
    (journal,) = (recorded.catalogue / "journals").glob("*.jsonl")
    journal.write_text(harm(journal.read_text()))
    report = audit(recorded)
    assert ("serious", kind, journal.name) in kinds(report)


@pytest.mark.slow
def test_a_clock_set_back_is_told(recorded: Project):
    (journal,) = (recorded.catalogue / "journals").glob("*.jsonl")
    rewrite_with_a_clock_set_back(journal)
    shutil.copy(journal, recorded.catalogue / "crates" / journal.stem / "journal.jsonl")
    found = one(audit(recorded), "times")
    assert found.severity is Severity.WARNING
    assert found.what.startswith("The clock was set back by ")


def rewrite_with_a_clock_set_back(journal: Path) -> None:
    import hashlib

    previous, lines = "0" * 64, []
    for number, line in enumerate(journal.read_bytes().splitlines()):
        record = json.loads(line)
        record["prev"] = previous
        if number == 3:
            record["time"] = "2020-01-01T00:00:00.000+00:00"
        line = json.dumps(record, separators=(",", ":")).encode()
        previous = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    journal.write_bytes(b"".join(lines))


@pytest.mark.slow
def test_a_crate_that_was_changed_or_truncated_is_told(recorded: Project):
    (crate,) = (recorded.catalogue / "crates").iterdir()
    (crate / "work/Snakefile").write_text("# other\n")
    assert kinds(audit(recorded)) == [("serious", "crate-changed", "Snakefile")]
    metadata = crate / "ro-crate-metadata.json"
    metadata.write_text(metadata.read_text()[:-100])
    assert ("serious", "crate-unreadable", crate.name) in kinds(audit(recorded))


@pytest.mark.slow
def test_what_was_made_before_recording_began_is_told(project: MakeProject):
    made = project(HALF)
    made.write("raw.txt", "raw\n")
    made.write("good", "")
    plain = [python(), "-m", "snakemake", "-c1", "half"]
    assert subprocess.run(plain, cwd=made.folder, capture_output=True, check=False).returncode == 0
    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0
    found = one(audit(made), "no-maker")
    assert (found.severity, found.where) == (Severity.WARNING, str(made.folder / "half"))
    assert found.what == "Snakemake called it up to date, but no recorded run made it."


# --- label images ------------------------------------------------------------------------------------------------


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """Return a folder with two images and the labels of the first."""
    data = np.arange(64 * 64, dtype="uint16").reshape(64, 64)
    for name in ("one", "two"):
        write_image(tmp_path / f"{name}.ome.zarr", Image(data, ("y", "x"), (1.0, 1.0), ("micrometer", "micrometer")))
    labelled(tmp_path, "../one.ome.zarr")
    return tmp_path


def labelled(folder: Path, source: str | None) -> None:
    labels = np.zeros((64, 64), "uint32")
    labels[:9, :9] = 1
    shutil.rmtree(folder / "labels.ome.zarr", ignore_errors=True)
    image = LabelImage(labels, ("y", "x"), (1.0, 1.0), ("micrometer", "micrometer"), source=source)
    write_labels(folder / "labels.ome.zarr", image)


def faults(folder: Path, image: str) -> list[tuple[str, str, str]]:
    label = Labels(folder / "labels.ome.zarr", 1000, (folder / f"{image}.ome.zarr",), "run", "action")
    return [(found.severity.value, found.kind, found.what) for found in label_findings(label)]


def test_labels_that_lead_to_their_image_are_sound(stores: Path):
    assert faults(stores, "one") == []


def test_labels_that_lead_to_another_image_are_told(stores: Path):
    what = f"The label image says that it belongs to {stores}/one.ome.zarr, but it was made from {stores}/two.ome.zarr."
    assert faults(stores, "two") == [("serious", "label-source", what)]


def test_labels_that_lead_nowhere_are_told(stores: Path):
    labelled(stores, "../gone.ome.zarr")
    assert [kind for _, kind, _ in faults(stores, "one")] == ["label-source", "store-fault"]


def test_labels_that_do_not_say_their_image_are_told(stores: Path):
    labelled(stores, None)
    (found,) = faults(stores, "one")
    assert found[:2] == ("warning", "label-source")


# --- how it is said ----------------------------------------------------------------------------------------------


def test_a_finding_is_said_in_lines_and_as_json():
    found = AuditFinding(
        Severity.SERIOUS,
        "left-behind",
        "It is\x1b there.",
        "/a b",
        "Delete it.",
        "7c9f2c34-1",
        "arcp://x/#job-1",
        ("e",),
    )
    assert list(found.lines()) == [
        "SERIOUS  /a b  [left-behind]",
        "  It is\\x1b there.",
        "  - e",
        "  recorded by run 7c9f2c34, #job-1",
        "  > Delete it.",
    ]
    assert AuditReport((found,), 1, 2).to_json() == {
        "runs": 1,
        "things": 2,
        "counts": {"serious": 1, "warning": 0, "note": 0},
        "findings": [
            {
                "severity": "serious",
                "kind": "left-behind",
                "what": "It is\x1b there.",
                "where": "/a b",
                "advice": "Delete it.",
                "run": "7c9f2c34-1",
                "action": "arcp://x/#job-1",
                "evidence": ["e"],
            }
        ],
    }
